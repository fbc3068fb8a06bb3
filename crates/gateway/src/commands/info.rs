//! `flyball info`: what this binary is, where its state is, who serves it, and how much is in it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use flyball_core::{Clock, SystemClock};
use serde::Serialize;
use serde_json::Value;

use super::ConfigArgs;
use super::locations::Locations;
use super::operator::{Absent, Operator, runtime};
use super::output::{Failure, Outcome, Output};
use super::version::Version;
use crate::config;
use crate::snapshot::load_policy;

/// What is known.
#[derive(Serialize)]
struct Info {
    #[serde(flatten)]
    version: Version,
    config: Option<PathBuf>,
    data: PathBuf,
    /// Whether there is such a folder.
    data_exists: bool,
    /// Whether a gateway serves it.
    serving: bool,
    policy: Option<PathBuf>,
    /// Of the policy in force while a gateway serves, otherwise of the one that would be; absent when it has mistakes.
    policy_hash: Option<String>,
    tenants: Option<usize>,
    keys: Option<usize>,
    live_keys: Option<usize>,
    /// The gateway's own words, while it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<Value>,
}

pub(super) fn run(command: &ConfigArgs, output: Output) -> Outcome {
    let sources = command.sources();
    let Locations { data, policy } = Locations::find(&sources, config::environment())?;
    let data = std::path::absolute(&data).unwrap_or(data);
    let mut info = Info {
        version: Version::of_this_binary(),
        config: sources.file,
        data_exists: data.exists(),
        serving: false,
        policy_hash: load_policy(policy.as_deref()).ok().map(|policy| policy.hash().to_owned()),
        policy,
        tenants: None,
        keys: None,
        live_keys: None,
        gateway: None,
        data,
    };
    if info.data_exists {
        runtime()?.block_on(info.count())?;
    }
    output.show(&info, || info.text())
}

impl Info {
    async fn count(&mut self) -> Result<(), Failure> {
        let operator = Operator::open(&self.data, Absent::Refuse).await?;
        self.serving = matches!(operator, Operator::Serving(_));
        self.tenants = Some(operator.tenants().await?.len());
        let keys = operator.keys(None).await?;
        let now = SystemClock.now().0;
        let live = |expires: Option<i64>| expires.is_none_or(|end| end > now);
        self.live_keys =
            Some(keys.iter().filter(|key| key.revoked_at.is_none() && live(key.expires_at)).count());
        self.keys = Some(keys.len());
        self.gateway = operator.health().await?;
        if let Some(gateway) = &self.gateway {
            self.policy_hash = gateway.get("policy_hash").and_then(Value::as_str).map(str::to_owned);
        }
        operator.close().await
    }

    fn text(&self) -> String {
        let path = |path: &Option<PathBuf>| {
            path.as_deref().map_or("built in".to_owned(), |path: &Path| path.display().to_string())
        };
        let state = match (self.serving, self.data_exists) {
            (true, _) => "a gateway serves it",
            (false, true) => "no gateway serves it",
            (false, false) => "does not exist yet",
        };
        let mut text = format!(
            "{}\nconfiguration  {}\ndata folder    {} ({state})\npolicy         {}\n",
            self.version.text(),
            path(&self.config),
            self.data.display(),
            path(&self.policy)
        );
        // Writing to a String cannot fail.
        let hash = self.policy_hash.as_deref().unwrap_or("has mistakes: see 'flyball check'");
        let _ = writeln!(text, "policy hash    {hash}");
        if let (Some(tenants), Some(keys), Some(live)) = (self.tenants, self.keys, self.live_keys) {
            let _ = writeln!(text, "tenants        {tenants}\nkeys           {keys}, {live} of them live");
        }
        text
    }
}
