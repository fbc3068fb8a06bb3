//! `flyball check`: whether the gateway would start with this configuration and policy, as what, and whether that is
//! what serves now. Starts nothing, touches no state, and asks nobody but a gateway on the same data folder.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use flyball_demo::Demo;
use serde::Serialize;

use super::ConfigArgs;
use super::locations::Locations;
use super::mistakes::{self, Mistake};
use super::operator;
use super::output::{Outcome, Output};
use crate::config::{self, Config};
use crate::edge::tls::{TlsFiles, TlsSettings};
use crate::snapshot::{Snapshot, SnapshotError, load_policy};

/// Arguments of `check`.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address and port, as for serve.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Policy file, as for serve.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// What would be served.
#[derive(Serialize)]
struct Report {
    valid: bool,
    config: Option<PathBuf>,
    listen: String,
    admin_listen: Option<String>,
    tls: bool,
    data: PathBuf,
    models: Vec<Model>,
    policy: PolicyReport,
    /// The hash of the policy in force, while a gateway serves the data folder.
    policy_hash_in_force: Option<String>,
}

#[derive(Serialize)]
struct Model {
    name: String,
    provider: String,
    model: String,
    operations: Vec<&'static str>,
    priced: bool,
}

#[derive(Serialize)]
struct PolicyReport {
    file: Option<PathBuf>,
    policy_hash: String,
    rules: Vec<RuleReport>,
}

#[derive(Serialize)]
struct RuleReport {
    id: String,
    stage: &'static str,
    action: &'static str,
}

pub(super) fn run(command: &Check, output: Output) -> Outcome {
    let mut sources = command.config.sources();
    sources.flags.listen.clone_from(&command.listen);
    sources.flags.policy.clone_from(&command.policy);
    let config = match sources.load() {
        Ok(config) => config,
        Err(errors) => {
            let mut found: Vec<Mistake> = errors.0.iter().map(Mistake::from).collect();
            // The policy's own mistakes are worth knowing too, where its file can be found beside those.
            if let Ok(Locations { policy: Some(policy), .. }) =
                Locations::find(&sources, config::environment())
                && let Err(error @ SnapshotError::Policy(_)) = load_policy(Some(&policy))
            {
                found.extend(Mistake::of_snapshot(&error));
            }
            return mistakes::report(&found, output);
        }
    };
    let mut found = Vec::new();
    if let Some(files) = &config.tls {
        let settings = TlsSettings { certificates: files.cert.clone(), key: files.key.clone() };
        found.extend(TlsFiles::load(settings).err().iter().map(Mistake::from));
    }
    match Snapshot::build(1, config, &Arc::new(Demo::new())) {
        Ok(snapshot) if found.is_empty() => {
            let mut report = Report::new(&snapshot, sources.file.clone());
            let gateway = operator::serving(&report.data)?;
            report.policy_hash_in_force =
                gateway.and_then(|gateway| gateway.get("policy_hash")?.as_str().map(str::to_owned));
            output.show(&report, || report.text())
        }
        Ok(_) => mistakes::report(&found, output),
        Err(error) => {
            found.extend(Mistake::of_snapshot(&error));
            mistakes::report(&found, output)
        }
    }
}

impl Report {
    fn new(snapshot: &Snapshot, file: Option<PathBuf>) -> Self {
        let Config { listen, admin, tls, data, policy, .. } = &snapshot.config;
        let mut models: Vec<Model> = snapshot
            .models()
            .map(|(name, route)| Model {
                name: name.to_owned(),
                provider: route.provider.name.to_string(),
                model: route.model.clone(),
                operations: route.operations.iter().map(|operation| operation.name()).collect(),
                priced: route.price.is_some(),
            })
            .collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        let rules = snapshot.policy.rules().iter().map(|rule| RuleReport {
            id: rule.id().to_owned(),
            stage: rule.stage().name(),
            action: rule.action().name(),
        });
        Report {
            valid: true,
            config: file,
            listen: listen.to_string(),
            admin_listen: admin.listen.map(|address| address.to_string()),
            tls: tls.is_some(),
            data: data.clone(),
            models,
            policy: PolicyReport {
                file: policy.clone(),
                policy_hash: snapshot.policy.hash().to_owned(),
                rules: rules.collect(),
            },
            policy_hash_in_force: None,
        }
    }

    fn text(&self) -> String {
        let shown = |path: &Option<PathBuf>, none: &str| {
            path.as_deref().map_or(none.to_owned(), |path: &Path| path.display().to_string())
        };
        let mut text = format!(
            "No mistakes in {}. The gateway would\n  listen on {}{}\n",
            shown(&self.config, "the built-in configuration"),
            self.listen,
            if self.tls { " with TLS" } else { "" }
        );
        // Writing to a String cannot fail.
        if let Some(address) = &self.admin_listen {
            let _ = writeln!(text, "  listen for administration on {address}");
        }
        let _ = writeln!(text, "  keep its state in {}", self.data.display());
        let _ = writeln!(text, "  serve {}", counted(self.models.len(), "model"));
        for Model { name, provider, model, operations, priced } in &self.models {
            let price = if *priced { "" } else { ", no price known" };
            let _ = writeln!(text, "    {name}: {model} at {provider} ({}{price})", operations.join(", "));
        }
        let policy = shown(&self.policy.file, "the built-in policy");
        let _ = writeln!(text, "  apply {policy}, {}", self.policy.policy_hash);
        let _ = writeln!(text, "  with {}", counted(self.policy.rules.len(), "rule"));
        for RuleReport { id, stage, action } in &self.policy.rules {
            let _ = writeln!(text, "    {id}: {action}, on the {stage}");
        }
        match &self.policy_hash_in_force {
            None => {}
            Some(hash) if *hash == self.policy.policy_hash => {
                text.push_str("The gateway that serves now has this policy in force.\n");
            }
            Some(hash) => {
                let _ = writeln!(text, "The gateway that serves now has another policy in force, {hash}.");
            }
        }
        text
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
