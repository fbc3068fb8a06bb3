//! Flyball and its configurations. All texts that the binary reads are made here, and nowhere else: this is the file
//! to change when its keys change.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::{Surroundings, Target, bearer, first_line, get};
use crate::process::Process;
use crate::script::Behaviour;
use crate::sockets::free_address;
use crate::way::Dialect;

/// What a Flyball is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Governance {
    /// No rules, no detectors where they can be switched off; a key is still asked for.
    PassThrough,
    /// Keys, detectors, 20 rules, and the journal's default where there is one.
    Governed,
    /// The same, answers released when their records are written (survives the end of the process).
    GovernedProcess,
    /// The same, answers released when their records are synced (survives a power cut).
    GovernedPower,
}

impl Governance {
    /// The name in tables and filters.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Governance::PassThrough => "flyball-pass",
            Governance::Governed => "flyball-governed",
            Governance::GovernedProcess => "flyball-governed-process",
            Governance::GovernedPower => "flyball-governed-power",
        }
    }

    fn rules(self) -> String {
        if self == Governance::PassThrough { "rules: []\n".to_owned() } else { twenty_rules() }
    }

    /// Sections of the configuration, those that the binary need not know included.
    fn sections(self) -> Vec<&'static str> {
        match self {
            Governance::PassThrough => vec![NO_DETECTORS, JOURNAL_PROCESS],
            Governance::Governed => vec![],
            Governance::GovernedProcess => vec![JOURNAL_PROCESS],
            Governance::GovernedPower => vec![JOURNAL_POWER],
        }
    }
}

/// Providers that speak other protocols than chat, or none, for a binary that does not know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    With,
    Without,
}

const NO_DETECTORS: &str = "guard:\n  inspect: false\n";
const JOURNAL_PROCESS: &str = "journal:\n  durability: process\n";
const JOURNAL_POWER: &str = "journal:\n  durability: power\n";
/// The providers that speak other protocols than chat: names, kinds, protocols.
const OTHERS: [(&str, &str, Dialect); 2] =
    [("bench-anthropic", "anthropic", Dialect::Messages), ("bench-google", "gemini", Dialect::Gemini)];
/// How long a start may take until readiness.
const READY: Duration = Duration::from_secs(60);
/// The variable with the key that the provider would want.
const PROVIDER_KEY: &str = "BENCH_PROVIDER_KEY";

/// The configurations that this binary can be measured in.
///
/// # Errors
///
/// When the binary cannot be run.
pub(crate) fn governances(binary: &Path, folder: &Path) -> anyhow::Result<Vec<Governance>> {
    Ok(if knows(binary, folder, JOURNAL_POWER, Others::Without)? {
        vec![Governance::PassThrough, Governance::GovernedProcess, Governance::GovernedPower]
    } else {
        vec![Governance::PassThrough, Governance::Governed]
    })
}

/// Remarks on what this binary does not know, for the report.
///
/// # Errors
///
/// When the binary cannot be run.
pub(crate) fn remarks(binary: &Path, folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut remarks = Vec::new();
    if !knows(binary, folder, NO_DETECTORS, Others::Without)? {
        remarks.push(
            "flyball-pass: this binary cannot switch its detectors off; it runs them and has no rules."
                .to_owned(),
        );
    }
    if !knows(binary, folder, "", Others::With)? {
        remarks.push("This binary does not translate: chat to chat alone is measured.".to_owned());
    }
    if !knows(binary, folder, JOURNAL_POWER, Others::Without)? {
        remarks.push("This binary has no journal: one governed row, without it.".to_owned());
    }
    Ok(remarks)
}

/// Whether the binary takes a section of the configuration, and the other providers.
fn knows(binary: &Path, folder: &Path, section: &str, others: Others) -> anyhow::Result<bool> {
    let folder = folder.join("probe");
    fs::create_dir_all(&folder)?;
    let address = free_address()?;
    write(&folder, Governance::PassThrough, address, address, &[section], others)?;
    let mut command = command(binary, &folder);
    command.args(["check", "--config"]).arg(folder.join("flyball.yaml"));
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(status.with_context(|| format!("cannot run {}", binary.display()))?.success())
}

/// Starts one and makes a key. `under` is a program, with its arguments, that runs it: a profiler.
///
/// # Errors
///
/// When it does not start, or makes no key.
pub(crate) fn start(
    surroundings: Surroundings<'_>,
    binary: &Path,
    governance: Governance,
    under: &[OsString],
) -> anyhow::Result<Target> {
    let folder = surroundings.folder.join(governance.name());
    fs::create_dir_all(&folder)?;
    let address = free_address()?;
    let mut sections = Vec::new();
    for section in governance.sections() {
        if knows(binary, surroundings.folder, section, Others::Without)? {
            sections.push(section);
        }
    }
    let translates = knows(binary, surroundings.folder, "", Others::With)?;
    let others = if translates { Others::With } else { Others::Without };
    write(&folder, governance, address, surroundings.simulator, &sections, others)?;
    let mut serve = match under.split_first() {
        None => command(binary, &folder),
        Some((program, arguments)) => {
            let mut command = command(Path::new(program), &folder);
            command.args(arguments).arg(binary);
            command
        }
    };
    serve.args(["serve", "--config"]).arg(folder.join("flyball.yaml"));
    let process = Process::start(&serve, surroundings.core, address, &folder.join("output.log"))?;
    wait_until_ready(address).with_context(|| process.said())?;
    let mut create = command(binary, &folder);
    create.args(["keys", "create", "--tenant", "demo", "--name", "bench", "--data"]).arg(folder.join("data"));
    let output = create.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let key = key_in(&said).with_context(|| {
        format!("flyball keys create gave no key:\n{said}{}", String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(Target {
        name: governance.name().to_owned(),
        version: first_line(Command::new(binary).arg("--version"))?,
        address,
        translates,
        headers: bearer(key),
        process,
    })
}

/// It listens before it serves.
fn wait_until_ready(address: SocketAddr) -> anyhow::Result<()> {
    let begin = Instant::now();
    while !get(address, "/health/ready").is_ok_and(|(status, _)| status == 200) {
        ensure!(begin.elapsed() < READY, "{address} is not ready after {} s", READY.as_secs());
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn key_in(text: &str) -> Option<&str> {
    let is_key_byte = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    text.split(|letter| !is_key_byte(letter)).find(|word| word.starts_with("fb_") && word.len() > 16)
}

/// The binary in its folder, without this shell's own settings of a Flyball.
fn command(binary: &Path, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(folder).env(PROVIDER_KEY, "sk-not-a-real-key-but-as-long-as-one-000000000000");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_uppercase().starts_with("FLYBALL_") {
            command.env_remove(name);
        }
    }
    command
}

/// Writes configuration and policy. The access log is off, as nginx's is.
fn write(
    folder: &Path,
    governance: Governance,
    listen: SocketAddr,
    simulator: SocketAddr,
    sections: &[&str],
    others: Others,
) -> anyhow::Result<()> {
    let mut providers = provider("bench", "openai", &format!("http://{simulator}/v1"));
    let mut routes = String::new();
    for behaviour in Behaviour::all() {
        let model = behaviour.model();
        routes.push_str(&format!("  {model}: {{provider: bench, operations: [chat]}}\n"));
        for (name, _, dialect) in OTHERS.into_iter().filter(|_| others == Others::With) {
            let prefix = dialect.prefix();
            routes.push_str(&format!(
                "  {prefix}{model}: {{provider: {name}, model: {model}, operations: [chat]}}\n"
            ));
        }
    }
    for (name, kind, _) in OTHERS.into_iter().filter(|_| others == Others::With) {
        providers.push_str(&provider(name, kind, &format!("http://{simulator}")));
    }
    let config = format!(
        "listen: {listen}
data: data
policy: policy.yaml
log: {{level: warn}}
drain: {{delay: 0s}}
providers:
{providers}routes:
{routes}{}",
        sections.concat()
    );
    fs::write(folder.join("flyball.yaml"), config)?;
    fs::write(folder.join("policy.yaml"), format!("version: 1\n{}", governance.rules()))?;
    Ok(())
}

fn provider(name: &str, kind: &str, base_url: &str) -> String {
    format!("  {name}: {{kind: {kind}, base_url: \"{base_url}\", api_key: \"env:{PROVIDER_KEY}\"}}\n")
}

/// Rules as they are written in practice, none of which matches a call of the bench, and none of which needs a
/// whole answer: that would hold streams back until their end.
fn twenty_rules() -> String {
    let rules = [
        ("request.unseen_input", "block"),
        ("request.server_tools", "block"),
        ("prompt.contains_pii && request.lawful_basis == \"\"", "block"),
        ("prompt.contains_pii", "mask"),
        ("prompt.pii_count > 50", "block"),
        ("\"payment_card\" in prompt.pii_kinds", "block"),
        ("\"iban\" in prompt.pii_kinds && !(\"finance\" in principal.roles)", "mask"),
        ("prompt.jailbreak_score > 0.5", "safe_mode"),
        ("prompt.jailbreak_score > 0.8", "block"),
        ("prompt.length > 200000", "safe_mode"),
        ("prompt.length > 1000000", "block"),
        ("request.max_output_tokens > 32000", "block"),
        ("request.choices > 4", "block"),
        ("request.model.startsWith(\"research-\") && principal.tenant != \"lab\"", "block"),
        ("request.model in [\"legacy-large\", \"legacy-small\"]", "block"),
        ("request.has_tools && prompt.jailbreak_score > 0.2", "safe_mode"),
        ("request.stream && prompt.length > 500000", "block"),
        ("principal.roles.exists(role, role == \"guest\") && request.has_tools", "safe_mode"),
        ("request.operation == \"embeddings\" && prompt.contains_pii", "block"),
        ("output.contains_pii", "mask"),
    ];
    let mut text = String::from("rules:\n");
    for (number, (when, action)) in rules.iter().enumerate() {
        text.push_str(&format!(
            "  - id: rule-{number}\n    description: Rule {number} of the bench.\n    when: '{when}'\n    action: {action}\n"
        ));
    }
    text
}

/// The binary to measure: the named one, or that of the workspace, which cargo brings up to date first.
///
/// # Errors
///
/// When cargo fails or the file does not exist.
pub(crate) fn binary(named: Option<PathBuf>, profile: &str) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return path.canonicalize().with_context(|| format!("no binary at {}", path.display()));
    }
    let workspace = crate::machine::workspace();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(&workspace)
        .args(["build", "--locked", "-p", "flyball-gateway", "--bin", "flyball", "--profile", profile])
        .status()?;
    ensure!(status.success(), "cargo build failed");
    let folder = if profile == "dev" { "debug" } else { profile };
    let path = crate::machine::target_folder().join(folder).join("flyball");
    path.canonicalize().with_context(|| format!("no binary at {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_governed_policy_has_twenty_rules() {
        assert_eq!(twenty_rules().matches("- id:").count(), 20);
    }

    #[test]
    fn a_key_is_found_in_what_the_command_prints() {
        assert_eq!(key_in("key: fb_abcdefghijklmnopqrst-1\n"), Some("fb_abcdefghijklmnopqrst-1"));
        assert_eq!(key_in("keys begin with fb_"), None);
    }
}
