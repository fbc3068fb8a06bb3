//! `flyball init`: the files to begin with. What they say stands in the configuration's sample and in the shipped
//! default policy.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::output::{Failure, Outcome, Output};
use crate::config::{self, FILE_NAME};
use crate::snapshot::DEFAULT_POLICY;

/// The cases of the default policy.
const DEFAULT_POLICY_TESTS: &str = include_str!("../../../../policies/default.test.yaml");

/// The sample's line that names the policy file, as a comment.
const POLICY_LINE: &str = "#policy: policies/default.yaml";

/// Arguments of `init`.
#[derive(Args)]
pub(super) struct Init {
    /// Folder to write to; made where there is none.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Overwrite files that exist.
    #[arg(long)]
    force: bool,
}

/// The files, by path below the folder. The configuration names the policy, so that editing it has an effect.
fn files() -> [(&'static str, String); 3] {
    let config = config::sample().replacen(POLICY_LINE, POLICY_LINE.trim_start_matches('#'), 1);
    [
        (FILE_NAME, config),
        ("policies/default.yaml", DEFAULT_POLICY.to_owned()),
        ("policies/default.test.yaml", DEFAULT_POLICY_TESTS.to_owned()),
    ]
}

pub(super) fn run(command: &Init, output: Output) -> Outcome {
    // `./flyball.yaml` would be right too, and harder to read.
    let folder = if command.folder == Path::new(".") { Path::new("") } else { &command.folder };
    let files = files().map(|(path, text)| (folder.join(path), text));
    if !command.force
        && let Some((path, _)) = files.iter().find(|(path, _)| path.exists())
    {
        return Err(exists(path));
    }
    for (path, text) in &files {
        write(path, text, command.force)?;
    }
    let written: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    output.show(&json!({ "written": written }), || {
        let config = files.first().map(|(path, _)| path.display().to_string()).unwrap_or_default();
        format!(
            "wrote {}\n\nCheck it:  flyball check --config {config}\nServe it:  flyball serve --config {config}",
            written.join("\nwrote ")
        )
    })
}

fn write(path: &Path, text: &str, force: bool) -> Outcome {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => Failure::failed(format!("{}: cannot be written: {error}", path.display())),
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    // Without --force, a file that appeared since the look at all of them stays as well.
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}

fn exists(path: &Path) -> Failure {
    Failure::wrong(format!("{} exists: nothing was overwritten; --force overwrites", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_configuration_names_the_written_policy() {
        let [(_, config), (policy, _), _] = files();
        assert!(config.lines().any(|line| line == format!("policy: {policy}")));
        assert_eq!(config.len() + 1, config::sample().len());
    }
}
