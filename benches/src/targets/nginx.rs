//! nginx as a bare reverse proxy: one worker, connections to the provider kept, no log. What any proxy costs at
//! least, more or less.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::{NGINX, Surroundings, Target, bearer, first_line};
use crate::process::Process;
use crate::sockets::free_address;

/// Starts it.
///
/// # Errors
///
/// When it is not installed or does not start.
pub(crate) fn start(surroundings: Surroundings<'_>) -> anyhow::Result<Target> {
    let program = program();
    let version = first_line(Command::new(program).arg("-v"))
        .context("nginx is not installed: apt-get install nginx-light")?;
    let address = free_address()?;
    let folder = surroundings.folder.join(NGINX);
    fs::create_dir_all(&folder)?;
    let config = folder.join("nginx.conf");
    fs::write(&config, text(&folder, address, surroundings.simulator))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(&folder).arg("-c").arg(&config).args(["-e", "stderr"]);
    Ok(Target {
        name: NGINX.to_owned(),
        version: version.rsplit('/').next().unwrap_or_default().to_owned(),
        address,
        translates: false,
        headers: bearer("fb_no_key_is_needed_here_but_the_request_is_as_long"),
        process: Process::start(&command, surroundings.core, address, &folder.join("output.log"))?,
    })
}

/// Debian keeps it where only root's path leads.
fn program() -> &'static str {
    if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" }
}

/// The configuration. Streams are not held back because the simulator's answers ask for it
/// (`x-accel-buffering: no`); plain answers are buffered, nginx's default.
fn text(folder: &Path, listen: SocketAddr, upstream: SocketAddr) -> String {
    let folder = folder.display();
    // Started by root, its worker would become `nobody`, which cannot write to the folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    format!(
        "daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  upstream provider {{
    server {upstream};
    keepalive 4096;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {listen} backlog=4096;
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}
  }}
}}
"
    )
}
