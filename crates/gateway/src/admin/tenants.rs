//! `/v1/tenants`: the operator's list of tenants.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use flyball_core::TenantId;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Operator, parse};
use crate::gateway::Gateway;
use crate::refusal::{Kind, Refusal};

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(list, create))
}

/// A tenant.
#[derive(Serialize, ToSchema)]
pub struct Tenant {
    /// Its name.
    id: String,
    /// Microseconds since 1970.
    created_at: i64,
}

/// A tenant to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its name: 1 to 64 of a-z, 0-9 and '-'.
    id: String,
}

fn shown(tenant: flyball_store::Tenant) -> Tenant {
    Tenant { id: tenant.id.to_string(), created_at: tenant.created_at.0 }
}

/// All tenants.
///
/// Operator only.
#[utoipa::path(get, path = "/v1/tenants", tag = "administration", security(("key" = [])), responses(
    (status = 200, body = [Tenant])
))]
async fn list(_: Operator, State(gateway): State<Arc<Gateway>>) -> Result<Json<Vec<Tenant>>, Refusal> {
    let tenants = gateway.store.operator().tenants().list().await?;
    Ok(Json(tenants.into_iter().map(shown).collect()))
}

/// Creates a tenant.
///
/// Operator only.
#[utoipa::path(post, path = "/v1/tenants", tag = "administration", security(("key" = [])),
    request_body = NewTenant,
    responses((status = 201, body = Tenant), (status = 409))
)]
async fn create(
    _: Operator,
    State(gateway): State<Arc<Gateway>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Tenant>), Refusal> {
    let new: NewTenant = parse(&body)?;
    let id = tenant_id(&new.id, "id")?;
    let tenant = gateway.store.operator().tenants().create(&id).await?;
    Ok((StatusCode::CREATED, Json(shown(tenant))))
}

/// Checks a tenant's name.
pub(super) fn tenant_id(name: &str, field: &str) -> Result<TenantId, Refusal> {
    name.parse().map_err(|error| {
        Refusal::new(Kind::InvalidField, format!("'{field}' is not a tenant name: {error}.")).at(field)
    })
}
