//! `/v1/keys`: the operator's API keys of tenants. A key's text is shown once, when it is made.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use bytes::Bytes;
use flyball_core::{LawfulBasis, Timestamp};
use flyball_store::{ApiKey, Fingerprint, NewKey};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tenants::tenant_id;
use super::{Operator, parse};
use crate::gateway::Gateway;
use crate::keyring;
use crate::refusal::{Kind, Refusal};

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// A key, without its text.
#[derive(Serialize, ToSchema)]
pub struct Key {
    /// Its public id.
    id: String,
    /// The tenant that it belongs to; absent for an operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// What it may do.
    role: &'static str,
    /// What people call it.
    name: String,
    /// Patterns of the models that it may use.
    models: Vec<String>,
    /// The lawful basis noted on it.
    lawful_basis: Option<&'static str>,
    /// Microseconds since 1970.
    created_at: i64,
    /// From when on it is dead.
    expires_at: Option<i64>,
    /// When it was revoked.
    revoked_at: Option<i64>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub struct CreatedKey {
    /// The key's text. Shown this once; nobody can look it up later.
    key: String,
    /// The rest.
    #[serde(flatten)]
    details: Key,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// The tenant that it belongs to.
    tenant: String,
    /// What people call it.
    #[serde(default)]
    name: String,
    /// Patterns of the models that it may use, `*` for any run of characters. Default: all.
    models: Option<Vec<String>>,
    /// Seconds from now until it is dead. Default: never.
    expires_in: Option<u64>,
    /// The lawful basis to note on it: consent, contract, legal_obligation, legitimate_interest or public_task.
    lawful_basis: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct KeyFilter {
    /// Only this tenant's keys.
    tenant: Option<String>,
}

fn shown(key: ApiKey) -> Key {
    Key {
        id: key.id.to_string(),
        tenant: key.tenant.map(|tenant| tenant.to_string()),
        role: key.role.name(),
        name: key.name,
        models: key.models.to_vec(),
        lawful_basis: key.lawful_basis.map(LawfulBasis::name),
        created_at: key.created_at.0,
        expires_at: key.expires_at.map(|time| time.0),
        revoked_at: key.revoked_at.map(|time| time.0),
    }
}

/// Keys, dead ones included. Operator only.
#[utoipa::path(get, path = "/v1/keys", tag = "administration", security(("key" = [])), params(KeyFilter),
    responses((status = 200, body = [Key])))]
async fn list(
    _: Operator,
    State(gateway): State<Arc<Gateway>>,
    Query(filter): Query<KeyFilter>,
) -> Result<Json<Vec<Key>>, Refusal> {
    let keys = match filter.tenant {
        Some(tenant) => gateway.store.tenant(&tenant_id(&tenant, "tenant")?).keys().list().await?,
        None => gateway.store.operator().keys().list().await?,
    };
    Ok(Json(keys.into_iter().map(shown).collect()))
}

/// Makes a key. It works from the moment of the answer. Operator only.
#[utoipa::path(post, path = "/v1/keys", tag = "administration", security(("key" = [])),
    request_body = KeyRequest, responses((status = 201, body = CreatedKey), (status = 404)))]
async fn create(
    _: Operator,
    State(gateway): State<Arc<Gateway>>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedKey>), Refusal> {
    let request: KeyRequest = parse(&body)?;
    let invalid =
        |field: &str, what: &str| Refusal::new(Kind::InvalidField, format!("'{field}' {what}.")).at(field);
    let tenant = tenant_id(&request.tenant, "tenant")?;
    if request.name.chars().count() > 128 {
        return Err(invalid("name", "is longer than 128 characters"));
    }
    let models = request.models.unwrap_or_else(|| vec!["*".to_owned()]);
    if models.len() > 100 || models.iter().any(|pattern| pattern.is_empty() || pattern.len() > 256) {
        return Err(invalid("models", "must be at most 100 patterns of 1 to 256 bytes"));
    }
    let lawful_basis = match request.lawful_basis.as_deref() {
        None => None,
        Some(name) => Some(
            LawfulBasis::ALL
                .iter()
                .copied()
                .find(|basis| basis.name() == name)
                .ok_or_else(|| invalid("lawful_basis", "is not one of the five bases"))?,
        ),
    };
    let expires_at = request.expires_in.map(|seconds| expiry(&gateway, seconds));
    let key = keyring::generate().map_err(|error| {
        Refusal::new(Kind::StateUnavailable, "The operating system gives no randomness.").because(error)
    })?;
    let new = NewKey {
        name: request.name,
        fingerprint: Fingerprint(keyring::fingerprint(&key)),
        models,
        lawful_basis,
        expires_at,
    };
    let created = gateway.store.tenant(&tenant).keys().create(new).await?;
    gateway.reload_keys().await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { key, details: shown(created) })))
}

fn expiry(gateway: &Gateway, seconds: u64) -> Timestamp {
    gateway.clock.now().after(std::time::Duration::from_secs(seconds))
}

/// Revokes a key. It is refused from the moment of the answer. Operator only.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "administration", security(("key" = [])),
    params(("id" = String, Path, description = "The key's public id.")),
    responses((status = 200, body = Key), (status = 404)))]
async fn revoke(
    _: Operator,
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
) -> Result<Json<Key>, Refusal> {
    let id = id.parse().map_err(|_| Refusal::new(Kind::NotFound, "There is no such resource."))?;
    let key = gateway.store.operator().keys().revoke(id).await?;
    gateway.reload_keys().await?;
    Ok(Json(shown(key)))
}
