//! One immutable, numbered state of everything that an operator configures: settings, policy, routes, prices,
//! protected texts. An exchange keeps the snapshot that it began with; a reload builds a new one as a whole and
//! swaps it in, or keeps the old one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flyball_core::{Action, LawfulBasis, Operation, Principal};
use flyball_demo::Demo;
use flyball_guard::Scanner;
use flyball_policy::{LoadErrors, Policy, Rule, Signal, Vocabulary};
use http::{HeaderMap, HeaderValue};

use crate::config::{self, Config, SecretRef};
use crate::metrics::RouteSeries;
use crate::pipeline::screen::verbatim::Shingles;
use crate::prices::{Price, PriceTable};
use crate::providers::anthropic::Anthropic;
use crate::providers::bedrock::{AccessKey, Bedrock};
use crate::providers::demo::DemoProvider;
use crate::providers::gemini::Gemini;
use crate::providers::openai::OpenAi;
use crate::providers::quirks::{self, Quirks};
use crate::providers::{KeyError, Provider, ProviderKind};

mod passages;

pub use passages::{Passage, Passages};

/// The policy that holds when none is configured.
pub const DEFAULT_POLICY: &str = include_str!("../../../policies/default.yaml");

/// A public model name and what is behind it.
pub struct Route {
    /// The public name.
    pub name: Arc<str>,
    /// Who answers.
    pub provider: Arc<Provider>,
    /// The provider's name of the model.
    pub model: String,
    /// What it can do.
    pub operations: Vec<Operation>,
    /// Parameters that are added when absent.
    pub defaults: serde_json::Map<String, serde_json::Value>,
    /// Most output tokens.
    pub max_output_tokens: Option<u64>,
    /// Parameters that get another name.
    pub rename: Vec<(String, String)>,
    /// Parameters that are left out.
    pub drop_params: Vec<String>,
    /// Extra headers.
    pub headers: HeaderMap,
    /// Whether callers may use what the provider keeps of other calls.
    pub stored_state: bool,
    /// The lawful basis noted on it.
    pub lawful_basis: Option<LawfulBasis>,
    /// What its tokens cost, where that is known.
    pub price: Option<Price>,
    /// Where its exchanges are counted.
    pub series: RouteSeries,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What an exchange runs under.
pub struct Snapshot {
    /// Counts up from 1.
    pub number: u64,
    /// The settings.
    pub config: Config,
    /// The rules.
    pub policy: Policy,
    /// The SHA-256 of the rules.
    pub policy_hash: [u8; 32],
    /// The detectors.
    pub scanner: Scanner,
    /// Texts that answers may not copy.
    pub protected: Arc<Shingles>,
    /// Where calls are passed as they are.
    pub passages: Passages,
    routes: HashMap<Arc<str>, Arc<Route>>,
    verbatim: bool,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Why a snapshot cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The policy has mistakes.
    #[error(transparent)]
    Policy(#[from] LoadErrors),
    /// A rule asks for what nobody looks for.
    #[error(
        "guard.inspect: the detectors are off, but rule '{rule}' of the policy asks for findings; switch them on, or take the rule away"
    )]
    Uninspected {
        /// Its id.
        rule: String,
    },
    /// A provider cannot be built.
    #[error("providers.{name}: {source}")]
    Provider {
        /// Its name.
        name: String,
        /// What is wrong.
        source: KeyError,
    },
    /// A provider or route carries a header that HTTP does not allow.
    #[error("{key}: '{header}' is not a header that can be sent")]
    Header {
        /// Where it stands.
        key: String,
        /// The header's name.
        header: String,
    },
}

/// Signals that come from findings.
const OF_FINDINGS: [Signal; 6] = [
    Signal::PromptContainsPii,
    Signal::PromptPiiKinds,
    Signal::PromptPiiCount,
    Signal::OutputContainsPii,
    Signal::OutputPiiKinds,
    Signal::OutputPiiCount,
];

/// Whether a rule reads or masks findings.
fn needs_findings(rule: &Rule) -> bool {
    rule.action() == Action::Mask || rule.reads().any(|signal| OF_FINDINGS.contains(&signal))
}

/// The policy that `config` names, or the built-in one.
///
/// # Errors
/// When the file cannot be read or has mistakes.
pub fn load_policy(path: Option<&Path>) -> Result<Policy, SnapshotError> {
    let vocabulary = Vocabulary { kinds: &flyball_guard::KINDS };
    match path {
        None => Ok(Policy::load(DEFAULT_POLICY, "policies/default.yaml (built in)", &vocabulary)?),
        Some(path) => {
            let source = std::fs::read_to_string(path)
                .map_err(|source| SnapshotError::Unreadable { path: path.to_owned(), source })?;
            Ok(Policy::load(&source, &path.display().to_string(), &vocabulary)?)
        }
    }
}

impl Snapshot {
    /// Builds the state that `config` describes.
    ///
    /// # Errors
    /// When the policy has mistakes, or something that the configuration names cannot be used.
    pub fn build(number: u64, config: Config, demo: &Arc<Demo>) -> Result<Snapshot, SnapshotError> {
        let policy = load_policy(config.policy.as_deref())?;
        let inspects = config.guard.inspect;
        if !inspects && let Some(rule) = policy.rules().iter().find(|rule| needs_findings(rule)) {
            return Err(SnapshotError::Uninspected { rule: rule.id().to_owned() });
        }
        let mut providers = HashMap::new();
        for (name, settings) in &config.providers {
            let wrong = |source| SnapshotError::Provider { name: name.clone(), source };
            let extra = match settings.headers() {
                Some(extra) => headers(&format!("providers.{name}.headers"), extra)?,
                None => HeaderMap::new(),
            };
            let kind = provider_kind(settings, demo, &extra).map_err(wrong)?;
            providers.insert(name.as_str(), Arc::new(Provider { name: name.as_str().into(), kind }));
        }
        let prices = PriceTable::new(&config.prices, &config.providers);
        let mut routes = HashMap::new();
        for (name, settings) in &config.routes {
            // The configuration was checked: a route's provider exists.
            let Some(provider) = providers.get(settings.provider.as_str()) else { continue };
            let model = settings.concrete_model(name);
            let quirks = config.providers.get(&settings.provider).and_then(quirks);
            let (rename, drop_params) = own_and_known(settings, quirks);
            let route = Arc::new(Route {
                name: name.as_str().into(),
                model: model.to_owned(),
                operations: settings.operations.clone(),
                defaults: settings.defaults.clone(),
                max_output_tokens: settings.caps.max_output_tokens,
                rename,
                drop_params,
                headers: headers(&format!("routes.{name}.headers"), &settings.headers)?,
                stored_state: settings.stored_state,
                lawful_basis: settings.lawful_basis,
                price: prices.price(&settings.provider, model),
                provider: Arc::clone(provider),
                series: RouteSeries::default(),
            });
            for alias in &settings.aliases {
                routes.insert(alias.as_str().into(), Arc::clone(&route));
            }
            routes.insert(Arc::clone(&route.name), route);
        }
        let passages = Passages::build(&config, &providers, &prices)?;
        let mut protected = Shingles::default();
        for path in &config.protected.corpora {
            let text = std::fs::read_to_string(path)
                .map_err(|source| SnapshotError::Unreadable { path: path.clone(), source })?;
            protected.add(&text);
        }
        let verbatim = policy.reads(Signal::OutputVerbatimRatio);
        Ok(Snapshot {
            number,
            config,
            policy_hash: policy.digest(),
            policy,
            scanner: if inspects { Scanner::standard() } else { Scanner::none() },
            protected: Arc::new(protected),
            passages,
            routes,
            verbatim,
        })
    }

    /// The route behind a public model name or alias.
    pub fn route(&self, model: &str) -> Option<Arc<Route>> {
        self.routes.get(model).cloned()
    }

    /// The route behind a public model name, if this caller may use it. Patterns speak of routes by their own names,
    /// so that an alias does not open a route to those who could not name it; a key that names an alias outright
    /// means it.
    pub fn route_for(&self, principal: &Principal, model: &str) -> Option<Arc<Route>> {
        let route = self.routes.get(model)?;
        let named = principal.models.iter().any(|pattern| pattern == model);
        (named || principal.may_use(&route.name)).then(|| Arc::clone(route))
    }

    /// Every public model name, aliases included, in no order.
    pub fn models(&self) -> impl Iterator<Item = (&str, &Arc<Route>)> {
        self.routes.iter().map(|(name, route)| (name.as_ref(), route))
    }

    /// Whether some rule asks how much of an answer is copied.
    pub fn measures_verbatim(&self) -> bool {
        self.verbatim
    }
}

/// How to talk to the provider that these settings describe.
fn provider_kind(
    settings: &config::Provider,
    demo: &Arc<Demo>,
    extra: &HeaderMap,
) -> Result<ProviderKind, KeyError> {
    use config::Provider as P;
    let keys = |one: &'_ Option<SecretRef>, more: &'_ [SecretRef]| -> Vec<String> {
        one.iter().chain(more).map(|key| key.expose().to_owned()).collect()
    };
    let openai = |openai: OpenAi| ProviderKind::OpenAi(Box::new(openai));
    Ok(match settings {
        P::Demo(_) => ProviderKind::Demo(DemoProvider::new(Arc::clone(demo))),
        P::Openai(settings) => {
            let native = settings.native.clone().unwrap_or_else(|| native(&settings.base_url));
            let keys = keys(&settings.api_key, &settings.api_keys);
            openai(OpenAi::new(&settings.base_url, keys.iter().map(String::as_str), native, extra)?)
        }
        P::AzureOpenai(azure) => {
            let keys = keys(&azure.api_key, &azure.api_keys);
            let keys = keys.iter().map(String::as_str);
            openai(OpenAi::azure(&azure.base_url, keys, &azure.api_version, extra)?)
        }
        P::Mistral(like) | P::Cohere(like) | P::Groq(like) | P::Ollama(like) | P::Openrouter(like) => {
            let known = quirks(settings).map_or("", |quirks| quirks.base_url);
            let base = like.base_url.as_deref().unwrap_or(known);
            let keys = keys(&like.api_key, &like.api_keys);
            openai(OpenAi::new(base, keys.iter().map(String::as_str), Vec::new(), extra)?)
        }
        P::Anthropic(settings) => {
            let keys = keys(&settings.api_key, &settings.api_keys);
            let keys = keys.iter().map(String::as_str);
            let anthropic = Anthropic::new(&settings.base_url, keys, &settings.version, extra)?;
            ProviderKind::Anthropic(Box::new(anthropic))
        }
        P::Gemini(settings) => {
            let keys = keys(&settings.api_key, &settings.api_keys);
            let gemini = Gemini::new(&settings.base_url, keys.iter().map(String::as_str), extra)?;
            ProviderKind::Gemini(Box::new(gemini))
        }
        P::Vertex(vertex) => {
            let token = vertex.access_token.as_ref().map(SecretRef::expose);
            let base = vertex.base_url.as_deref();
            let gemini = Gemini::vertex(base, &vertex.project, &vertex.location, token, extra)?;
            ProviderKind::Gemini(Box::new(gemini))
        }
        P::Bedrock(bedrock) => {
            let secret = |secret: &'_ Option<SecretRef>| secret.as_ref().map(|s| s.expose().to_owned());
            let (id, key) = (secret(&bedrock.access_key_id), secret(&bedrock.secret_access_key));
            let (token, api_key) = (secret(&bedrock.session_token), secret(&bedrock.api_key));
            let access_key = match (&id, &key) {
                (Some(id), Some(secret)) => Some(AccessKey { id, secret, session_token: token.as_deref() }),
                _ => None,
            };
            let base = bedrock.base_url.as_deref();
            let bedrock = Bedrock::new(base, &bedrock.region, access_key, api_key.as_deref(), extra)?;
            ProviderKind::Bedrock(Box::new(bedrock))
        }
    })
}

/// What a server that speaks OpenAI's protocol has besides chat, as far as its address tells.
fn native(base_url: &str) -> Vec<config::Native> {
    let uri = base_url.parse::<http::Uri>().ok();
    match uri.as_ref().and_then(http::Uri::host) {
        Some(host) if host.eq_ignore_ascii_case("api.openai.com") => vec![config::Native::Responses],
        _ => vec![config::Native::Completions],
    }
}

/// In what a provider differs from OpenAI, where it is known to.
fn quirks(settings: &config::Provider) -> Option<&'static Quirks> {
    use config::Provider as P;
    match settings {
        P::Mistral(_) => Some(&quirks::MISTRAL),
        P::Cohere(_) => Some(&quirks::COHERE),
        P::Groq(_) => Some(&quirks::GROQ),
        P::Ollama(_) => Some(&quirks::OLLAMA),
        P::Openrouter(_) => Some(&quirks::OPENROUTER),
        _ => None,
    }
}

/// What a route renames and drops: what its operator says, and what is known of its provider.
fn own_and_known(
    settings: &config::Route,
    quirks: Option<&'static Quirks>,
) -> (Vec<(String, String)>, Vec<String>) {
    let mut rename: Vec<(String, String)> =
        settings.rename.iter().map(|(from, to)| (from.clone(), to.clone())).collect();
    let mut drop = settings.drop_params.clone();
    if let Some(quirks) = quirks {
        for (from, to) in quirks.rename {
            if !settings.rename.contains_key(*from) {
                rename.push(((*from).to_owned(), (*to).to_owned()));
            }
        }
        for key in quirks.drop {
            if !drop.iter().any(|dropped| dropped == key) {
                drop.push((*key).to_owned());
            }
        }
    }
    (rename, drop)
}

fn headers(
    key: &str,
    settings: &std::collections::BTreeMap<String, String>,
) -> Result<HeaderMap, SnapshotError> {
    let mut headers = HeaderMap::new();
    for (name, value) in settings {
        let invalid = || SnapshotError::Header { key: key.to_owned(), header: name.clone() };
        let mut value: HeaderValue = value.parse().map_err(|_| invalid())?;
        // Operators put credentials here: kept out of debug output and of HTTP/2's compression tables.
        value.set_sensitive(true);
        let parsed = http::HeaderName::try_from(name.as_str()).map_err(|_| invalid())?;
        headers.insert(parsed, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use flyball_core::{Clock, KeyId, Role, SystemClock};

    use super::*;

    #[test]
    fn a_key_for_an_alias_or_for_its_route_finds_the_route() {
        let mut config = Config::default();
        config.routes.get_mut("demo").unwrap().aliases = vec!["fast".to_owned()];
        let snapshot = Snapshot::build(1, config, &Arc::new(Demo::new())).unwrap();
        let principal = |pattern: &str| Principal {
            tenant: Some("demo".parse().unwrap()),
            key: KeyId(SystemClock.uuid()),
            role: Role::Caller,
            models: [pattern.to_owned()].into(),
            expires: None,
            lawful_basis: None,
        };
        for (pattern, model, expected) in [
            ("fast", "fast", true),
            ("fast", "demo", false),
            ("f*", "fast", false),
            ("demo", "fast", true),
            ("demo", "demo", true),
            ("other", "fast", false),
            ("*", "nothing", false),
        ] {
            let found = snapshot.route_for(&principal(pattern), model).is_some();
            assert_eq!(found, expected, "{pattern} {model}");
        }
    }
}
