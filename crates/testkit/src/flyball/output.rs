//! The output of the binary, in files, and the keys that its first start prints.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The two files that the process writes to. Later starts append.
#[derive(Debug)]
pub(super) struct Output {
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Output {
    pub(super) fn create(folder: &Path) -> anyhow::Result<Self> {
        let output = Output { stdout: folder.join("stdout.log"), stderr: folder.join("stderr.log") };
        output.handles()?;
        Ok(output)
    }

    pub(super) fn handles(&self) -> anyhow::Result<(File, File)> {
        let open = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        Ok((open(&self.stdout)?, open(&self.stderr)?))
    }

    pub(super) fn stdout(&self) -> anyhow::Result<String> {
        read(&self.stdout)
    }

    pub(super) fn stderr(&self) -> anyhow::Result<String> {
        read(&self.stderr)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The demo key and the operator's key in the output of a first start. A key is a word that begins with `fb_`; the
/// line it stands in, or else the last line before it that mentions one of the two, says whose it is.
pub(super) fn keys(output: &str) -> (Option<String>, Option<String>) {
    let (mut demo, mut operator) = (None, None);
    let mut owner_is_operator = None;
    for line in output.lines() {
        let lower = line.to_lowercase();
        match (lower.find("operator"), lower.find("demo")) {
            (Some(_), None) => owner_is_operator = Some(true),
            (None, Some(_)) => owner_is_operator = Some(false),
            (Some(operator_at), Some(demo_at)) => owner_is_operator = Some(operator_at < demo_at),
            (None, None) => {}
        }
        let is_key_byte = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
        let words = line.split(|character: char| !is_key_byte(character));
        let Some(key) = words.into_iter().find(|word| word.starts_with("fb_") && word.len() > 16) else {
            continue;
        };
        let place = if owner_is_operator == Some(true) { &mut operator } else { &mut demo };
        if place.is_none() {
            *place = Some(key.to_owned());
        }
    }
    (demo, operator)
}

#[cfg(test)]
mod tests {
    use super::keys;

    const DEMO: &str = "fb_abcdefghijklmnopqrst-1";
    const OPERATOR: &str = "fb_zyxwvutsrqponmlkjihg_2";

    fn found() -> (Option<String>, Option<String>) {
        (Some(DEMO.to_owned()), Some(OPERATOR.to_owned()))
    }

    #[test]
    fn keys_are_read_from_labelled_lines() {
        assert_eq!(keys(&format!("demo key: {DEMO}\noperator key: {OPERATOR}\n")), found());
        let json = format!("{{\"operator_key\":\"{OPERATOR}\"}}\n{{\"demo_key\":\"{DEMO}\"}}");
        assert_eq!(keys(&json), found());
    }

    #[test]
    fn a_label_may_stand_on_the_line_before() {
        let text = format!(
            "The key of the tenant demo:\n\n  {DEMO}\n  curl -H 'Authorization: Bearer {DEMO}'\n\
             The operator's key (it does not call models):\n  {OPERATOR}\n"
        );
        assert_eq!(keys(&text), found());
    }

    #[test]
    fn output_without_keys_has_none() {
        assert_eq!(keys("listening on 127.0.0.1:8080\nkeys begin with fb_\n"), (None, None));
    }
}
