//! Where and of what a run was made: processor, kernel, revision, time. Also where this workspace is, for what the
//! bench builds and keeps.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::targets::first_line;

/// The machine and the sources.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor, as it calls itself.
    pub(crate) processor: String,
    /// Its cores, as the kernel counts them.
    pub(crate) cores: usize,
    /// Memory, MiB.
    pub(crate) memory_mib: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// The compiler.
    pub(crate) rustc: String,
    /// The revision of this repository, `-dirty` when files differ from it.
    pub(crate) revision: String,
    /// When the run began (RFC 3339, UTC).
    pub(crate) began: String,
    /// The load of the machine over the minute before the run: above 0.2, something else was running.
    pub(crate) load_before: f64,
}

/// Looks at the machine.
pub(crate) fn look() -> Machine {
    let cpuinfo = read("/proc/cpuinfo");
    let meminfo = read("/proc/meminfo");
    Machine {
        processor: value(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_mib: value(&meminfo, "MemTotal")
            .and_then(|text| text.strip_suffix("kB")?.trim().parse::<u64>().ok())
            .map_or(0, |kib| kib / 1024),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        rustc: said(Command::new("rustc").arg("--version")),
        revision: said(Command::new("git").current_dir(workspace()).args([
            "describe",
            "--always",
            "--dirty",
            "--abbrev=12",
        ])),
        began: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        load_before: read("/proc/loadavg")
            .split_whitespace()
            .next()
            .and_then(|minute| minute.parse().ok())
            .unwrap_or_default(),
    }
}

/// A file that may be missing on another kernel.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn said(command: &mut Command) -> String {
    first_line(command).unwrap_or_else(|_| "unknown".to_owned())
}

/// The value of a line `key : value`.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':')).map(str::trim)
}

/// The root of the workspace that this program was built from.
pub(crate) fn workspace() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// Where the bench keeps what it installs and what its runs write: on the disk of the sources, not in a memory file
/// system.
pub(crate) fn bench_folder() -> std::io::Result<PathBuf> {
    let folder = target_folder().join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_follows_the_colon() {
        let text = "model\t\t: 1\nmodel name\t: EPYC 9\nMemTotal:  64 kB\n";
        assert_eq!(value(text, "model name"), Some("EPYC 9"));
        assert_eq!(value(text, "MemTotal"), Some("64 kB"));
        assert_eq!(value(text, "flags"), None);
    }
}
