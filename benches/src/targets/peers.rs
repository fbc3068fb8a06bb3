//! Other gateways: how they are installed, configured and started. Why so, and what is unfair to whom, is said in
//! `benches/peers/README.md`; their versions are fixed here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::{Surroundings, Target, bearer};
use crate::process::Process;
use crate::script::Behaviour;
use crate::sockets::free_address;

/// The name of LiteLLM's proxy.
pub(crate) const LITELLM: &str = "litellm";
/// The name of Portkey's gateway.
pub(crate) const PORTKEY: &str = "portkey";

const LITELLM_VERSION: &str = "1.108.7";
const PORTKEY_VERSION: &str = "1.15.2";

/// The key of LiteLLM's only user. It refuses to start with a short one.
const MASTER_KEY: &str = "sk-bench-Jq3vN8xT5mRw2Kz7Hc4Ld9Pf6Gy1";
/// The key that the provider would want.
const PROVIDER_KEY: &str = "sk-not-a-real-key-but-as-long-as-one-000000000000";

fn quietly(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Installs LiteLLM from PyPI in an environment of its own, unless it is there, and gives its program.
///
/// # Errors
///
/// When Python or the packages are not to be had.
pub(crate) fn install_litellm(folder: &Path) -> anyhow::Result<PathBuf> {
    let environment = folder.join(format!("litellm-{LITELLM_VERSION}"));
    let program = environment.join("bin/litellm");
    if !program.exists() {
        quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        let package = format!("litellm[proxy]=={LITELLM_VERSION}");
        quietly(Command::new(environment.join("bin/pip")).args(["install", "--quiet", &package]))?;
    }
    Ok(program)
}

/// Starts LiteLLM: one worker, no database, its master key as the only credential.
///
/// # Errors
///
/// When it does not start.
pub(crate) fn start_litellm(surroundings: Surroundings<'_>, program: &Path) -> anyhow::Result<Target> {
    let folder = surroundings.folder.join(LITELLM);
    fs::create_dir_all(&folder)?;
    let address = free_address()?;
    let models: String = Behaviour::all()
        .into_iter()
        .map(|behaviour| {
            let (name, simulator) = (behaviour.model(), surroundings.simulator);
            format!(
                "  - model_name: {name}\n    litellm_params: {{model: openai/{name}, api_base: \
                 'http://{simulator}/v1', api_key: {PROVIDER_KEY}}}\n"
            )
        })
        .collect();
    let config = format!(
        "model_list:\n{models}litellm_settings: {{telemetry: false, set_verbose: false}}\n\
         general_settings: {{master_key: {MASTER_KEY}}}\n"
    );
    fs::write(folder.join("config.yaml"), config)?;
    let mut command = Command::new(program);
    command
        .arg("--config")
        .arg(folder.join("config.yaml"))
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string(), "--num_workers", "1"])
        .args(["--telemetry", "False"])
        .current_dir(&folder)
        // Otherwise it fetches its table of prices from the network.
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOG", "ERROR")
        .env_remove("DATABASE_URL");
    Ok(Target {
        name: LITELLM.to_owned(),
        version: LITELLM_VERSION.to_owned(),
        address,
        translates: false,
        headers: bearer(MASTER_KEY),
        process: Process::start(&command, surroundings.core, address, &folder.join("output.log"))?,
    })
}

/// What Portkey's build does with a streamed answer, and what makes it work: it hands on headers that Node does not
/// let it add to, and answers 500 to every stream.
const PORTKEY_STREAM: (&str, &str) = (
    "new Response(p,e)}",
    "new Response(p,{status:e.status,statusText:e.statusText,headers:new Headers(e.headers)})}",
);

/// Installs Portkey's gateway from npm in a folder of its own, unless it is there, and gives its start file, mended
/// so that it can stream.
///
/// # Errors
///
/// When node or the package are not to be had, or the build is not the one that the mending is for.
pub(crate) fn install_portkey(folder: &Path) -> anyhow::Result<PathBuf> {
    let folder = folder.join(format!("portkey-{PORTKEY_VERSION}"));
    let build = folder.join("node_modules/@portkey-ai/gateway/build");
    let program = build.join("start-server-mended.js");
    if !program.exists() {
        fs::create_dir_all(&folder)?;
        let package = format!("@portkey-ai/gateway@{PORTKEY_VERSION}");
        quietly(
            Command::new("npm")
                .args(["install", "--silent", "--no-audit", "--prefix"])
                .arg(&folder)
                .arg(package),
        )?;
        fs::write(&program, mended(&fs::read_to_string(build.join("start-server.js"))?)?)?;
    }
    Ok(program)
}

fn mended(build: &str) -> anyhow::Result<String> {
    let (broken, whole) = PORTKEY_STREAM;
    ensure!(build.matches(broken).count() == 1, "Portkey's build is not the one that is known");
    Ok(build.replace(broken, whole))
}

/// Starts Portkey's gateway without its page of logs; each call names provider and address in headers.
///
/// # Errors
///
/// When it does not start.
pub(crate) fn start_portkey(surroundings: Surroundings<'_>, program: &Path) -> anyhow::Result<Target> {
    let folder = surroundings.folder.join(PORTKEY);
    fs::create_dir_all(&folder)?;
    let address = free_address()?;
    let mut command = Command::new("node");
    command
        .arg(program)
        .args(["--headless", &format!("--port={}", address.port())])
        .current_dir(&folder)
        .env("NODE_ENV", "production");
    let mut headers = bearer(PROVIDER_KEY);
    headers.push(("x-portkey-provider".to_owned(), "openai".to_owned()));
    headers.push(("x-portkey-custom-host".to_owned(), format!("http://{}/v1", surroundings.simulator)));
    Ok(Target {
        name: PORTKEY.to_owned(),
        version: PORTKEY_VERSION.to_owned(),
        address,
        translates: false,
        headers,
        process: Process::start(&command, surroundings.core, address, &folder.join("output.log"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_build_is_mended() {
        let text = mended("a?b:new Response(p,e)}const c").unwrap();
        assert!(text.starts_with("a?b:new Response(p,{status:e.status,") && text.ends_with("})}const c"));
        assert!(mended("new Response(p,e)}new Response(p,e)}").is_err());
        assert!(mended("").is_err());
    }
}
