//! The passthroughs of a snapshot: which path leads to which provider, and who may go there.

use std::collections::HashMap;
use std::sync::Arc;

use flyball_core::{Operation, Principal};
use http::Method;

use super::{Route, SnapshotError, headers};
use crate::config::{Config, passthrough};
use crate::metrics::RouteSeries;
use crate::prices::PriceTable;
use crate::providers::Provider;

/// A path below which calls go to one provider.
#[derive(Debug)]
pub struct Passage {
    /// Where the path begins.
    prefix: String,
    /// The methods that may be used.
    pub methods: Vec<Method>,
    /// Whether bodies that are no JSON may pass.
    pub media: bool,
    /// Under which name it is governed, and who answers.
    pub route: Arc<Route>,
}

impl Passage {
    /// The methods, as the `allow` header lists them.
    pub fn allow(&self) -> String {
        self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
    }

    /// What of `path` follows its own; none when that is not where it begins.
    pub fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        passthrough::below(&self.prefix, path)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Passages(Vec<Arc<Passage>>);

impl Passages {
    /// Those of `config`, which was checked.
    pub(super) fn build(
        config: &Config,
        providers: &HashMap<&str, Arc<Provider>>,
        prices: &PriceTable,
    ) -> Result<Self, SnapshotError> {
        let mut passages = Vec::new();
        for (name, settings) in &config.passthrough {
            let Some(provider) = providers.get(settings.provider.as_str()) else { continue };
            let route = Arc::new(Route {
                name: name.as_str().into(),
                model: name.clone(),
                operations: vec![Operation::Passthrough],
                defaults: serde_json::Map::new(),
                max_output_tokens: None,
                rename: Vec::new(),
                drop_params: Vec::new(),
                headers: headers(&format!("passthrough.{name}.headers"), &settings.headers)?,
                stored_state: settings.stored_state,
                lawful_basis: settings.lawful_basis,
                price: prices.price(&settings.provider, name),
                provider: Arc::clone(provider),
                series: RouteSeries::default(),
            });
            let methods = settings.methods.iter().map(|method| method.method()).collect();
            let prefix = settings.path.clone();
            passages.push(Arc::new(Passage { prefix, methods, media: settings.media, route }));
        }
        Ok(Passages(passages))
    }

    /// The one that `path` leads to.
    pub fn at(&self, path: &str) -> Option<&Arc<Passage>> {
        self.0.iter().find(|passage| passage.below(path).is_some())
    }

    /// The route of the one named so, if this caller may use it.
    pub fn route_for(&self, principal: &Principal, name: &str) -> Option<Arc<Route>> {
        let passage = self.0.iter().find(|passage| *passage.route.name == *name)?;
        principal.may_use(name).then(|| Arc::clone(&passage.route))
    }
}
