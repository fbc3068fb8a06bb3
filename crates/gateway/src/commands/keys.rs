//! `flyball keys`: create, list, revoke. A key's text is shown once, when it is made, and nowhere else.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use flyball_core::{Clock, KeyId, LawfulBasis, SystemClock, TenantId};

use super::ConfigArgs;
use super::operator::{Absent, KeyRow, WantedKey, act};
use super::output::{Outcome, Output, table, time};
use crate::config::Period;

/// What the control API takes: characters of a name, bytes of a pattern, patterns of a key.
const LONGEST_NAME: usize = 128;
const LONGEST_PATTERN: usize = 256;

/// Subcommands of `keys`.
#[derive(Subcommand)]
pub(super) enum Keys {
    /// Make a key of a tenant. Its text is printed once and cannot be looked up later.
    Create(Create),
    /// List keys, dead ones included.
    List {
        /// Only this tenant's keys.
        #[arg(long)]
        tenant: Option<TenantId>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Revoke a key, at once and for good.
    Revoke {
        /// The key's public id, as `keys list` shows it; never the key itself.
        id: KeyId,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// Arguments of `keys create`.
#[derive(Args)]
pub(super) struct Create {
    /// The tenant that it belongs to.
    #[arg(long)]
    tenant: TenantId,
    /// What people call it.
    #[arg(long, default_value = "", value_parser = name)]
    name: String,
    /// Models that it may use, with commas between; * stands for any run of characters.
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',', default_value = "*", value_parser = pattern)]
    models: Vec<String>,
    /// From now until it is dead: a whole number and s, m, h or d, as 30d. Default: never.
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    expires: Option<u64>,
    /// The lawful basis on which its calls process personal data (GDPR article 6(1)).
    #[arg(long, value_name = "BASIS", value_parser = lawful_basis())]
    lawful_basis: Option<LawfulBasis>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(command: &Keys, output: Output) -> Outcome {
    match command {
        Keys::Create(create) => {
            let wanted = WantedKey {
                tenant: create.tenant.clone(),
                name: create.name.clone(),
                models: create.models.clone(),
                expires_in: create.expires,
                lawful_basis: create.lawful_basis,
            };
            let created =
                act(&create.config, Absent::Refuse, async |operator| operator.create_key(&wanted).await)?;
            output.show(&created, || {
                let KeyRow { id, models, expires_at, .. } = &created.details;
                let models = models.join(", ");
                format!(
                    "{}\n\nShown this once. Key {id} of tenant {}, models {models}, expires {}.",
                    created.key,
                    wanted.tenant,
                    expires_at.map_or("never".to_owned(), time)
                )
            })
        }
        Keys::List { tenant, config } => {
            let keys = act(config, Absent::Refuse, async |operator| operator.keys(tenant.as_ref()).await)?;
            output.show(&keys, || list(&keys, SystemClock.now().0))
        }
        Keys::Revoke { id, config } => {
            let revoked = act(config, Absent::Refuse, async |operator| operator.revoke_key(*id).await)?;
            output.show(&revoked, || format!("revoked key {}", revoked.id))
        }
    }
}

fn list(keys: &[KeyRow], now: i64) -> String {
    let head = ["ID", "TENANT", "ROLE", "NAME", "MODELS", "LAWFUL BASIS", "STATE"];
    table(
        head,
        keys.iter().map(|key| {
            [
                key.id.clone(),
                key.tenant.clone().unwrap_or_else(|| "-".to_owned()),
                key.role.clone(),
                key.name.clone(),
                key.models.join(","),
                key.lawful_basis.clone().unwrap_or_else(|| "-".to_owned()),
                state(key, now),
            ]
        }),
    )
}

fn state(key: &KeyRow, now: i64) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", time(at)),
        (None, Some(at)) if at <= now => format!("expired {}", time(at)),
        (None, Some(at)) => format!("live until {}", time(at)),
        (None, None) => "live".to_owned(),
    }
}

fn name(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST_NAME {
        return Err(format!("a name has at most {LONGEST_NAME} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("a name has no control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn pattern(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > LONGEST_PATTERN {
        return Err(format!("a pattern has 1 to {LONGEST_PATTERN} bytes"));
    }
    Ok(text.to_owned())
}

/// Whole seconds of a duration.
fn lifetime(text: &str) -> Result<u64, String> {
    let period = Period::from_str(text).map_err(|error| error.to_string())?;
    match period.get().as_secs() {
        0 => Err("a key lives for at least a second".to_owned()),
        seconds => Ok(seconds),
    }
}

fn lawful_basis() -> impl TypedValueParser<Value = LawfulBasis> {
    PossibleValuesParser::new(LawfulBasis::ALL.iter().map(|basis| basis.name())).try_map(|name| {
        let found = LawfulBasis::ALL.iter().copied().find(|basis| basis.name() == name);
        found.ok_or("not one of the five bases")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_whole_seconds() {
        assert_eq!(lifetime("30d"), Ok(30 * 86_400));
        assert_eq!(lifetime("1500ms"), Ok(1));
        for text in ["0s", "999ms", "30", "a month", "-1d"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_live_until_it_is_revoked_or_expires() {
        let key = |expires_at, revoked_at| KeyRow {
            id: "i".to_owned(),
            tenant: None,
            role: "caller".to_owned(),
            name: String::new(),
            models: Vec::new(),
            lawful_basis: None,
            created_at: 0,
            expires_at,
            revoked_at,
        };
        assert_eq!(state(&key(None, None), 5), "live");
        assert_eq!(state(&key(Some(6), None), 5), "live until 1970-01-01 00:00:00Z");
        assert_eq!(state(&key(Some(5), None), 5), "expired 1970-01-01 00:00:00Z");
        assert_eq!(state(&key(Some(6), Some(1)), 5), "revoked 1970-01-01 00:00:00Z");
    }

    #[test]
    fn names_and_patterns_are_held_to_what_the_control_api_takes() {
        assert!(name(&"n".repeat(128)).is_ok() && name(&"n".repeat(129)).is_err() && name("a\nb").is_err());
        assert!(pattern("gpt-*").is_ok() && pattern("").is_err() && pattern(&"p".repeat(257)).is_err());
    }
}
