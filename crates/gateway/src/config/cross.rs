//! What no single setting can tell: names that must exist, names that clash, files and secrets that must be
//! there. Works on the typed configuration and looks up places in the tree it came from.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use flyball_core::Operation;

use super::error::{ConfigError, key_text, suggestion};
use super::fingerprint::Fingerprint;
use super::passthrough::{Passthrough, below};
use super::providers::Provider;
use super::tree::Node;
use super::upstream::Route;
use super::{Config, headers};

/// Parameters that belong to the call itself: a route may not set, rename or drop them.
const GOVERNED: &[&str] = &["model", "messages", "input", "stream", "stream_options"];

/// Checks `config`, fetches its secrets, and adds the files that it points to to `files`.
pub(super) fn check(
    config: &mut Config,
    tree: &Node,
    environment: &BTreeMap<String, String>,
    files: &mut Fingerprint,
    errors: &mut Vec<ConfigError>,
) {
    let mut cross = Cross { tree, errors, files };
    cross.listeners(config);
    cross.limits(config);
    cross.model_names(config);
    for (name, route) in &config.routes {
        cross.route(name, route, config);
    }
    for (name, passthrough) in &config.passthrough {
        cross.passthrough(name, passthrough, config);
    }
    cross.references(config);
    cross.prices(config);
    cross.files(config);
    for (name, provider) in &mut config.providers {
        cross.provider(name, provider, environment);
    }
}

struct Cross<'a> {
    tree: &'a Node,
    errors: &'a mut Vec<ConfigError>,
    files: &'a mut Fingerprint,
}

impl Cross<'_> {
    fn report(&mut self, path: &[&str], message: impl Into<String>, remedy: impl Into<String>) {
        let place = self.tree.place_of(path);
        self.errors.push(ConfigError::new(&place, key_text(path), message, remedy));
    }

    fn listeners(&mut self, config: &Config) {
        if config.admin.listen == Some(config.listen) && config.listen.port() != 0 {
            let remedy = "choose another port, or remove the key to share the listener";
            self.report(&["admin", "listen"], "the same address as 'listen'", remedy);
        }
    }

    fn limits(&mut self, config: &Config) {
        if config.limits.event > config.limits.answer {
            let message = format!("larger than limits.answer, which is {}", config.limits.answer);
            self.report(&["limits", "event"], message, "an event is part of an answer: lower it");
        }
    }

    /// Route names and aliases are one namespace.
    fn model_names(&mut self, config: &Config) {
        if config.routes.is_empty() && config.passthrough.is_empty() {
            let remedy = "add a route, as `routes: { NAME: { provider: NAME } }`";
            let key = if self.tree.member("routes").is_some() { "routes" } else { "providers" };
            return self.report(&[key], "no route leads to a provider", remedy);
        }
        let mut owners: BTreeMap<&str, &str> =
            config.routes.keys().map(|name| (name.as_str(), name.as_str())).collect();
        for (name, route) in &config.routes {
            for (index, alias) in route.aliases.iter().enumerate() {
                if let Some(owner) = owners.insert(alias, name) {
                    let message = format!("'{alias}' is already a name of the route '{owner}'");
                    let item = format!("[{index}]");
                    self.report(
                        &["routes", name, "aliases", &item],
                        message,
                        "a model name leads to one route",
                    );
                }
            }
        }
    }

    fn route(&mut self, name: &str, route: &Route, config: &Config) {
        if !config.providers.contains_key(&route.provider) {
            let remedy = suggestion(&route.provider, config.providers.keys().map(String::as_str));
            let message = format!("there is no provider '{}'", route.provider);
            self.report(&["routes", name, "provider"], message, remedy);
        }
        self.headers(&["routes", name, "headers"], route.headers.keys());
        for parameter in route.defaults.keys() {
            self.parameter(&["routes", name, "defaults", parameter], parameter);
        }
        let mut targets = HashSet::new();
        for (from, to) in &route.rename {
            self.parameter(&["routes", name, "rename", from], from);
            self.parameter(&["routes", name, "rename", from], to);
            // A chain would depend on the order in which names change.
            if route.rename.contains_key(to) || !targets.insert(to) {
                let message = format!("'{to}' is already the new or old name of a parameter");
                self.report(
                    &["routes", name, "rename", from],
                    message,
                    "give each parameter a name of its own",
                );
            }
        }
        for (index, parameter) in route.drop_params.iter().enumerate() {
            let item = format!("[{index}]");
            self.parameter(&["routes", name, "drop_params", &item], parameter);
            if route.defaults.contains_key(parameter) {
                let message = format!("'{parameter}' is dropped here and set under 'defaults'");
                self.report(&["routes", name, "drop_params", &item], message, "remove one of the two");
            }
        }
    }

    /// Names are in one namespace with those of models, since keys are given both by the same patterns.
    fn passthrough(&mut self, name: &str, passthrough: &Passthrough, config: &Config) {
        if config.route(name).is_some() {
            let message = format!("'{name}' is already the name of a model");
            self.report(&["passthrough", name], message, "give it a name of its own");
        }
        let path = ["passthrough", name, "provider"];
        match config.providers.get(&passthrough.provider) {
            Some(Provider::Demo(_) | Provider::Bedrock(_)) => {
                let message = "nothing can be passed to a provider of this kind";
                self.report(&path, message, "name one that is called with a key in a header");
            }
            Some(_) => {}
            None => {
                let remedy = suggestion(&passthrough.provider, config.providers.keys().map(String::as_str));
                self.report(&path, format!("there is no provider '{}'", passthrough.provider), remedy);
            }
        }
        self.headers(&["passthrough", name, "headers"], passthrough.headers.keys());
        let mut others = config.passthrough.iter().filter(|(other, _)| *other != name);
        if let Some((other, _)) = others.find(|(_, other)| below(&other.path, &passthrough.path).is_some()) {
            let message = format!("this path lies below that of '{other}'");
            self.report(&["passthrough", name, "path"], message, "a path leads to one provider");
        }
    }

    fn parameter(&mut self, path: &[&str], parameter: &str) {
        if GOVERNED.contains(&parameter) {
            let message = format!("'{parameter}' belongs to the call itself");
            self.report(path, message, "a route cannot set, rename or drop it");
        }
    }

    fn headers<'n>(&mut self, section: &[&str], names: impl Iterator<Item = &'n String>) {
        let mut seen = HashSet::new();
        for name in names {
            let mut path = section.to_vec();
            path.push(name);
            if let Some((message, remedy)) = headers::forbidden(name) {
                self.report(&path, message, remedy);
            }
            if !seen.insert(name.to_ascii_lowercase()) {
                self.report(&path, "the same header in another spelling", "keep one of them");
            }
        }
    }

    /// Models that other settings name.
    fn references(&mut self, config: &Config) {
        let path = ["safe_mode", "model"];
        let Some(model) = config.safe_mode.model.as_deref() else { return };
        match config.route(model) {
            Some((_, route)) if route.operations.contains(&Operation::Chat) => {}
            Some((name, _)) => {
                let message = format!("the route '{name}' does not do chat");
                self.report(&path, message, "name a model whose 'operations' include chat");
            }
            None => {
                let remedy = suggestion(model, config.model_names());
                self.report(&path, format!("there is no route or alias '{model}'"), remedy);
            }
        }
    }

    fn prices(&mut self, config: &Config) {
        for pattern in config.prices.overrides.keys() {
            let provider = pattern.split('/').next().unwrap_or_default();
            if !provider.contains('*') && !config.providers.contains_key(provider) {
                let remedy = suggestion(provider, config.providers.keys().map(String::as_str));
                let message = format!("there is no provider '{provider}'");
                self.report(&["prices", "overrides", pattern], message, remedy);
            }
        }
    }

    /// Files that must be there. What they hold is for those who use them.
    fn files(&mut self, config: &Config) {
        let mut rows: Vec<(Vec<String>, &PathBuf)> = Vec::new();
        let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        if let Some(tls) = &config.tls {
            rows.push((path(&["tls", "cert"]), &tls.cert));
            rows.push((path(&["tls", "key"]), &tls.key));
        }
        if let Some(policy) = &config.policy {
            rows.push((path(&["policy"]), policy));
        }
        for (index, corpus) in config.protected.corpora.iter().enumerate() {
            rows.push((path(&["protected", "corpora", &format!("[{index}]")]), corpus));
        }
        for (path, file) in rows {
            if let Err(error) = self.files.add(file) {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                self.unreadable(&path, file, &error);
            }
        }
    }

    fn unreadable(&mut self, path: &[&str], file: &Path, error: &std::io::Error) {
        let message = format!("the file {} cannot be read ({error})", file.display());
        self.report(path, message, "create it, or correct the path");
    }

    fn provider(&mut self, name: &str, provider: &mut Provider, environment: &BTreeMap<String, String>) {
        if let Some(base_url) = provider.base_url_mut() {
            let trimmed = base_url.trim_end_matches('/').len();
            base_url.truncate(trimmed);
        }
        if let Some(headers) = provider.headers() {
            self.headers(&["providers", name, "headers"], headers.keys());
        }
        for (setting, secret) in provider.secrets_mut() {
            if let Err(error) = secret.resolve(environment) {
                self.report(&["providers", name, setting], error.to_string(), "");
            }
            // A file that is missing is reported by `resolve`.
            if let Some(file) = secret.file() {
                let _ = self.files.add(file);
            }
        }
        self.credentials(name, provider);
    }

    /// What has to be set together, or not.
    fn credentials(&mut self, name: &str, provider: &Provider) {
        match provider {
            Provider::Bedrock(bedrock) => {
                let pair = (bedrock.access_key_id.is_some(), bedrock.secret_access_key.is_some());
                let message = match (pair, bedrock.api_key.is_some()) {
                    ((true, true), false) | ((false, false), true) => return,
                    ((false, false), false) => "neither an access key nor an API key",
                    ((true, true), true) => "both an access key and an API key",
                    _ => "half an access key",
                };
                let remedy = "set access_key_id and secret_access_key, or api_key";
                self.report(&["providers", name], message, remedy);
            }
            Provider::Vertex(vertex) if vertex.access_token.is_none() => {
                self.report(&["providers", name], "no credential", "set access_token");
            }
            _ => {}
        }
    }
}
