//! The control API: everything over HTTP that is not a model call. One file per resource; this one joins them,
//! says who may ask for what, and renders refusals.
//!
//! Open to everybody: liveness and readiness. Open on loopback, otherwise the operator's: `/metrics`, the API
//! description and browser, detailed health. Everything else needs a key.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flyball_core::{Principal, Role, TenantId};
use http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa_axum::router::OpenApiRouter;

use crate::gateway::Gateway;
use crate::pipeline::authenticate;
use crate::refusal::{Kind, Refusal};

pub mod exchanges;
pub mod filter;
pub mod health;
pub mod keys;
pub mod metrics;
pub mod models;
pub mod openapi;
pub mod policy;
pub mod tenants;
pub mod usage;

/// The routes of the data plane that are not exchanges: models and filters.
fn data_routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().merge(models::routes()).merge(filter::routes())
}

/// The routes of administration.
fn control_routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(policy::routes())
        .merge(usage::routes())
        .merge(exchanges::routes())
        .merge(tenants::routes())
        .merge(keys::routes())
}

/// What a listener serves beside exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// Everything: there is one listener.
    Both,
    /// What applications need.
    Data,
    /// What operators need.
    Control,
}

/// The router of a listener.
pub fn router(gateway: Arc<Gateway>, plane: Plane) -> Router {
    let mut router = OpenApiRouter::new();
    if plane != Plane::Control {
        router = router.merge(data_routes());
    }
    if plane != Plane::Data {
        router = router.merge(control_routes());
    }
    let (mut router, _description) = router.split_for_parts();
    if plane != Plane::Data {
        router = router.merge(openapi::router());
    }
    router.fallback(unknown_endpoint).method_not_allowed_fallback(wrong_method).with_state(gateway)
}

async fn unknown_endpoint(request: Request) -> Refusal {
    Refusal::new(Kind::UnknownEndpoint, unknown_message(request.uri().path()))
}

/// Names the endpoint that does not exist, so far as it is one: a path that holds more than names and slashes may
/// hold somebody's data and is not repeated.
fn unknown_message(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_lowercase() || b"/_-.".contains(&b);
    let name = path.trim_start_matches("/v1").trim_start_matches("/v2");
    if path.len() <= 64 && name.bytes().all(plain) {
        format!("There is no endpoint '{path}'.")
    } else {
        "There is no such endpoint.".to_owned()
    }
}

async fn wrong_method() -> Refusal {
    Refusal::new(Kind::WrongMethod, "This endpoint does not have this method.")
}

/// Carries a refusal out of a handler; the edge renders it with the request id.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = self.row().status;
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Who asked, with whatever key.
pub struct Caller(pub Arc<Principal>);

impl FromRequestParts<Arc<Gateway>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Refusal> {
        authenticate::principal(gateway, &parts.headers).map(Caller)
    }
}

/// A tenant's key.
pub struct TenantCaller(pub Arc<Principal>, pub TenantId);

impl FromRequestParts<Arc<Gateway>> for TenantCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Refusal> {
        let principal = authenticate::principal(gateway, &parts.headers)?;
        match &principal.tenant {
            Some(tenant) => {
                let tenant = tenant.clone();
                Ok(TenantCaller(principal, tenant))
            }
            None => Err(Refusal::new(Kind::WrongRole, "The operator's key does not call models.")),
        }
    }
}

/// The operator: by key, or through the socket in the data folder, which only its owner can open.
pub struct Operator;

impl FromRequestParts<Arc<Gateway>> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Refusal> {
        if parts.extensions.get::<Peer>() == Some(&Peer::ControlSocket) {
            return Ok(Operator);
        }
        let principal = authenticate::principal(gateway, &parts.headers)?;
        if principal.role == Role::Operator {
            Ok(Operator)
        } else {
            Err(Refusal::new(Kind::WrongRole, "Only the operator's key may do this."))
        }
    }
}

/// Somebody on this machine, or the operator.
pub struct Local;

impl FromRequestParts<Arc<Gateway>> for Local {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Refusal> {
        match parts.extensions.get::<Peer>() {
            Some(Peer::Address(address)) if address.ip().to_canonical().is_loopback() => Ok(Local),
            _ => Operator::from_request_parts(parts, gateway).await.map(|Operator| Local),
        }
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A network address.
    Address(SocketAddr),
    /// The socket in the data folder.
    ControlSocket,
}

/// Reads a typed body.
///
/// # Errors
/// A refusal that names the field at fault.
pub fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.inner();
        if inner.is_data() {
            // serde quotes what it found; only names of our own fields are repeated.
            let message = match inner.to_string() {
                text if text.starts_with("missing field") || text.starts_with("unknown field") => {
                    text.split(" at line").next().unwrap_or_default().replace('`', "'")
                }
                _ => format!("'{field}' has the wrong type or value"),
            };
            Refusal::new(Kind::InvalidField, format!("{message}.")).at(field)
        } else {
            Refusal::new(Kind::MalformedJson, "The body is not acceptable JSON.").at("body")
        }
    })?;
    deserializer.end().map_err(|_| {
        Refusal::new(Kind::MalformedJson, "The body holds more than one JSON value.").at("body")
    })?;
    Ok(value)
}

/// What a failing store looks like from outside.
impl From<flyball_store::StoreError> for Refusal {
    fn from(error: flyball_store::StoreError) -> Self {
        use flyball_store::StoreError as E;
        match error {
            E::NotFound { .. } => Refusal::new(Kind::NotFound, "There is no such resource."),
            E::AlreadyExists { .. } => Refusal::new(Kind::Conflict, "This resource exists already."),
            E::TooLarge { limit } => {
                Refusal::new(Kind::InvalidField, format!("The report has more than {limit} rows: narrow it."))
            }
            error => Refusal::new(Kind::StateUnavailable, "The gateway's state is not available.")
                .retry_after(std::time::Duration::from_secs(1))
                .because(error),
        }
    }
}
