//! Stage 2, authenticate: credential to principal, and whether it may use the route. Tenant and role come from the
//! credential and from nothing else in the request; what a caller says to sort its own calls by is read in `labels`.

use std::sync::Arc;

use flyball_core::{Call, Operation, Principal, Role, Timestamp};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::receive::Received;
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::keyring::{self, Fingerprint};
use crate::pseudonyms::Of;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Route;

mod labels;

/// A verified credential that may call models. It is verified again when the body is there: a revocation acts at
/// the next stage.
pub struct Caller(Fingerprint);

/// A request of a known principal on a route that it may use.
#[derive(Debug)]
pub struct Authenticated {
    call: Call,
    principal: Arc<Principal>,
    route: Arc<Route>,
}

impl Authenticated {
    pub(super) fn into_parts(self) -> (Call, Arc<Principal>, Arc<Route>) {
        (self.call, self.principal, self.route)
    }
}

/// Who is calling, from the headers alone.
///
/// # Errors
/// 401 for absent, unknown, expired or contradictory credentials.
pub fn principal(gateway: &Gateway, headers: &HeaderMap) -> Result<Arc<Principal>, Refusal> {
    verify(gateway, &keyring::fingerprint(credential(headers)?))
}

/// The principal of a credential that is live now.
fn verify(gateway: &Gateway, credential: &Fingerprint) -> Result<Arc<Principal>, Refusal> {
    let principal = gateway
        .keys
        .find(credential)
        .ok_or_else(|| Refusal::new(Kind::InvalidCredential, "This API key is not valid."))?;
    if expired(&principal, gateway.clock.now()) {
        return Err(Refusal::new(Kind::ExpiredCredential, "This API key has expired."));
    }
    Ok(principal)
}

fn expired(principal: &Principal, now: Timestamp) -> bool {
    principal.expires.is_some_and(|expires| expires <= now)
}

/// The one key that a request carries.
fn credential(headers: &HeaderMap) -> Result<&str, Refusal> {
    let invalid = || Refusal::new(Kind::InvalidCredential, "This API key is not valid.");
    let mut found: Option<&str> = None;
    for value in headers.get_all(AUTHORIZATION) {
        let text = value.to_str().map_err(|_| invalid())?;
        let (scheme, key) = text.split_once(' ').ok_or_else(invalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(invalid());
        }
        agree(&mut found, key.trim())?;
    }
    for value in headers.get_all("x-api-key") {
        agree(&mut found, value.to_str().map_err(|_| invalid())?.trim())?;
    }
    match found {
        Some(key) if !key.is_empty() => Ok(key),
        _ => Err(Refusal::new(Kind::MissingCredential, "No API key was sent.")),
    }
}

fn agree<'h>(found: &mut Option<&'h str>, key: &'h str) -> Result<(), Refusal> {
    match found {
        Some(earlier) if *earlier != key => {
            Err(Refusal::new(Kind::AmbiguousCredential, "Two different API keys were sent."))
        }
        _ => {
            *found = Some(key);
            Ok(())
        }
    }
}

/// Identifies the caller of a model.
pub(super) fn identify(exchange: &mut Exchange, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let credential = keyring::fingerprint(credential(headers)?);
    let principal = verify(&exchange.gateway, &credential)?;
    if principal.role != Role::Caller {
        return Err(Refusal::new(Kind::WrongRole, "The operator's key does not call models."));
    }
    labels::read(exchange, &principal, headers)?;
    exchange.principal = Some(principal);
    Ok(Caller(credential))
}

/// Finds the route that the request asks for, if the caller may use it.
#[tracing::instrument(level = "debug", name = "authenticate", skip_all)]
pub(super) fn run(
    exchange: &mut Exchange,
    received: Received,
    caller: Caller,
) -> Result<Authenticated, Refusal> {
    let unknown = || {
        Refusal::new(Kind::UnknownModel, "This model does not exist, or this key may not use it.").at("model")
    };
    let call = received.call();
    let principal = verify(&exchange.gateway, &caller.0)?;
    // An unknown model and a forbidden one look alike.
    let snapshot = &exchange.snapshot;
    let route = match call.operation {
        Operation::Passthrough => snapshot.passages.route_for(&principal, &call.model),
        _ => snapshot.route_for(&principal, &call.model),
    };
    let route = route.ok_or_else(unknown)?;
    // Whoever may be asked may be asked how long the question is.
    let offered = match call.operation {
        Operation::CountTokens => Operation::Chat,
        operation => operation,
    };
    if !route.operations.contains(&offered) || !route.provider.offers(call.operation) {
        let message = format!("This model does not offer {}.", call.operation.name());
        return Err(Refusal::new(Kind::UnsupportedOperation, message).at("model"));
    }
    if let (Some(name), Some(tenant)) = (&call.end_user, &principal.tenant) {
        exchange.end_user = exchange.gateway.pseudonyms.of(tenant, Of::EndUser, name);
    }
    exchange.route = Some(Arc::clone(&route));
    Ok(Authenticated { call: received.into_call(), principal, route })
}
