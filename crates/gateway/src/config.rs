//! The configuration of the gateway: one file, `flyball.yaml`, under environment variables and flags.
//!
//! The types below, their defaults and doc comments are the only description of a setting; the JSON Schema, the
//! check at load and the reference page `docs/reference/config.md` are made from them. Loading reads YAML into a
//! tree that knows its places (`tree`), lays variables and flags over it (`layers`), checks it against the
//! schema (`check`), makes it typed, and checks what spans several settings (`cross`). Absent: anything that
//! acts on the configuration, and the policy and keys, which have homes of their own.

mod check;
mod cross;
mod error;
mod fingerprint;
mod formats;
mod governance;
mod headers;
mod journal;
mod layers;
mod listener;
mod logging;
pub mod passthrough;
mod providers;
mod reference;
mod secret;
mod tree;
mod units;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

pub use error::{ConfigError, ConfigErrors, Place};
pub use governance::{Guard, OnWholeAnswer, Protected, SafeMode, Streams, Summarize};
pub use journal::{Durability, Journal};
pub use layers::Overrides;
pub use listener::{Admin, Cors, Drain, Limits, Tls};
pub use logging::{Log, LogFormat, LogLevel};
pub use passthrough::{PassedMethod, Passthrough};
pub use providers::{
    Anthropic, AzureOpenAi, Bedrock, Demo, Gemini, Native, OpenAi, OpenAiLike, Provider, Vertex,
};
pub use reference::reference;
pub use secret::{SecretError, SecretRef};
pub use units::{Amount, Period, QuantityError, Size};
pub use upstream::{Caps, ListPrice, Prices, Route, Timeouts};

/// The file that is read from the working folder when none is named.
pub const FILE_NAME: &str = "flyball.yaml";

/// Settings of the gateway. Paths in the file are relative to the file's folder; paths in variables and flags to
/// the working folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// IP address and port for model calls and, unless `admin.listen` is set, everything else.
    #[schemars(with = "String", extend("format" = "socket-address"))]
    pub listen: SocketAddr,
    /// The second listener.
    pub admin: Admin,
    /// The folder of the gateway's state. One process owns it.
    #[schemars(with = "String", extend("format" = "path"))]
    pub data: PathBuf,
    /// TLS on the listeners. Absent: none.
    pub tls: Option<Tls>,
    /// What a caller may send and how long it may take.
    pub limits: Limits,
    /// How the gateway stops.
    pub drain: Drain,
    /// How long providers may take.
    pub timeouts: Timeouts,
    /// Which web pages may call the gateway.
    pub cors: Cors,
    /// The file of the policy. Absent: the built-in one, which allows calls and masks personal data in answers.
    #[schemars(with = "Option<String>", extend("format" = "path"))]
    pub policy: Option<PathBuf>,
    /// What is recorded of calls before anybody sees an answer.
    pub journal: Journal,
    /// The detectors.
    pub guard: Guard,
    /// How streams are judged.
    pub stream: Streams,
    /// How a call goes on in safe mode.
    pub safe_mode: SafeMode,
    /// How an answer is shortened.
    pub summarize: Summarize,
    /// Texts that answers may not repeat at length.
    pub protected: Protected,
    /// The log.
    pub log: Log,
    /// What answers model calls, by name. Naming any replaces the built-in `demo`.
    #[schemars(extend("propertyNames" = { "format": "name" }))]
    pub providers: BTreeMap<String, Provider>,
    /// Public model names and where their calls go. Naming any replaces the built-in `demo`.
    #[schemars(extend("propertyNames" = { "format": "model-name" }))]
    pub routes: BTreeMap<String, Route>,
    /// Paths below which calls are passed to one provider, by name. Keys may use one when their model patterns match
    /// its name.
    #[schemars(extend("propertyNames" = { "format": "model-name" }))]
    pub passthrough: BTreeMap<String, Passthrough>,
    /// What calls cost.
    pub prices: Prices,
    #[serde(skip)]
    files: fingerprint::Fingerprint,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: listener::default_listen(),
            admin: Admin::default(),
            data: PathBuf::from("data"),
            tls: None,
            limits: Limits::default(),
            drain: Drain::default(),
            timeouts: Timeouts::default(),
            cors: Cors::default(),
            policy: None,
            journal: Journal::default(),
            guard: Guard::default(),
            stream: Streams::default(),
            safe_mode: SafeMode::default(),
            summarize: Summarize::default(),
            protected: Protected::default(),
            log: Log::default(),
            providers: providers::default_providers(),
            routes: upstream::default_routes(),
            passthrough: BTreeMap::new(),
            prices: Prices::default(),
            files: fingerprint::Fingerprint::default(),
        }
    }
}

impl Config {
    /// Loads the file at `path` (none: every default), the variables of `environment` over it, and `flags` over
    /// both. Secrets are fetched from `environment` and from files.
    ///
    /// # Errors
    /// Every mistake of a tree that reads as YAML, or, when single settings are right, every mistake between
    /// settings, each with its place.
    pub fn load(
        path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &Overrides,
    ) -> Result<Config, ConfigErrors> {
        let environment: BTreeMap<_, _> = environment.collect();
        let schema = schema();
        let mut errors = Vec::new();
        let mut files = fingerprint::Fingerprint::default();
        let mut root = match path {
            Some(path) => {
                // Hashed before it is read: a change in between shows as a change, never as none.
                let _ = files.add(path);
                tree::read(path)?
            }
            None => tree::Node::empty(Place::Nowhere),
        };
        layers::lay_environment(&mut root, &schema, &environment, &mut errors);
        layers::lay_flags(&mut root, &schema, flags, &mut errors);
        check::check(&mut root, &schema, &mut errors);
        if !errors.is_empty() {
            return Err(ConfigErrors::sorted(errors));
        }
        let mut config = typed(&root)?;
        if root.member("providers").is_some() && root.member("routes").is_none() {
            config.routes.clear();
        }
        cross::check(&mut config, &root, &environment, &mut files, &mut errors);
        if !errors.is_empty() {
            return Err(ConfigErrors::sorted(errors));
        }
        config.files = files;
        Ok(config)
    }

    /// The route that serves the public model `name`, with the route's own name; aliases count.
    pub fn route(&self, name: &str) -> Option<(&str, &Route)> {
        self.routes
            .get_key_value(name)
            .or_else(|| self.routes.iter().find(|(_, route)| route.aliases.iter().any(|alias| alias == name)))
            .map(|(name, route)| (name.as_str(), route))
    }

    /// Every public model name, aliases included.
    pub fn model_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.routes.iter().flat_map(|(name, route)| {
            std::iter::once(name.as_str()).chain(route.aliases.iter().map(String::as_str))
        })
    }

    /// Every file that this configuration was made from or points to.
    pub fn files(&self) -> &[PathBuf] {
        self.files.files()
    }

    /// A hash of what those files held at load.
    pub fn content_hash(&self) -> String {
        self.files.hash()
    }

    /// A hash of what those files hold now; differs from [`Config::content_hash`] when a reload is due.
    pub fn current_hash(&self) -> String {
        self.files.now().hash()
    }
}

/// The tree as a typed configuration.
fn typed(root: &tree::Node) -> Result<Config, ConfigError> {
    serde_path_to_error::deserialize(root.to_json()).map_err(|error| {
        // The schema accepted what the types refuse. Named by path, without serde's words, which may hold values.
        let path: Vec<String> = error
            .path()
            .iter()
            .map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => format!("[{index}]"),
                serde_path_to_error::Segment::Map { key } => key.clone(),
                serde_path_to_error::Segment::Enum { variant } => variant.clone(),
                serde_path_to_error::Segment::Unknown => "?".to_owned(),
            })
            .collect();
        let message = "the value has the wrong form";
        ConfigError::new(
            &root.place_of(&path),
            error::key_text(&path),
            message,
            "see docs/reference/config.md",
        )
    })
}

/// The variables of this process, for [`Config::load`]. What is not UTF-8 is made so: a setting or secret that
/// was not is then refused where it is used.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// The JSON Schema (draft 2020-12) of the configuration. `x-minimum` and `x-maximum` bound durations and sizes,
/// which JSON Schema itself cannot; formats of our own are described in the reference.
pub fn schema() -> serde_json::Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<Config>().to_value()
}

/// The commented configuration that `flyball init` writes: every setting with its default.
pub fn sample() -> &'static str {
    include_str!("config/sample.yaml")
}

#[cfg(test)]
mod tests;
