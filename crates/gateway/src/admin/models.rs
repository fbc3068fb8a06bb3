//! `GET /v1/models` and `/v1/models/{id}`: what the key may use, in OpenAI's shape.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TenantCaller;
use crate::gateway::Gateway;
use crate::refusal::{Kind, Refusal};

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retrieve))
}

/// A public model name.
#[derive(Serialize, ToSchema)]
pub struct Model {
    /// The name to ask for.
    id: String,
    /// Always `model`.
    object: &'static str,
    /// Routes have no date of creation: always 0.
    created: u64,
    /// The provider behind it.
    owned_by: String,
}

/// What a key may use.
#[derive(Serialize, ToSchema)]
pub struct ModelList {
    /// Always `list`.
    object: &'static str,
    /// The models, by name.
    data: Vec<Model>,
}

/// The models that this key may use.
#[utoipa::path(get, path = "/v1/models", tag = "models", security(("key" = [])), responses(
    (status = 200, body = ModelList)
))]
async fn list(
    TenantCaller(principal, _): TenantCaller,
    State(gateway): State<Arc<Gateway>>,
) -> Json<ModelList> {
    let snapshot = gateway.snapshot();
    let mut data: Vec<Model> = snapshot
        .models()
        .filter_map(|(name, _)| Some(model(name, &snapshot.route_for(&principal, name)?.provider.name)))
        .collect();
    data.sort_by(|a, b| a.id.cmp(&b.id));
    Json(ModelList { object: "list", data })
}

/// One model. A model that the key may not use does not exist for it.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "models", security(("key" = [])),
    params(("id" = String, Path, description = "The public model name.")),
    responses((status = 200, body = Model), (status = 404))
)]
async fn retrieve(
    TenantCaller(principal, _): TenantCaller,
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
) -> Result<Json<Model>, Refusal> {
    let route = gateway.snapshot().route_for(&principal, &id);
    let route = route.ok_or_else(|| {
        Refusal::new(Kind::UnknownModel, "This model does not exist, or this key may not use it.").at("model")
    })?;
    Ok(Json(model(&id, &route.provider.name)))
}

fn model(id: &str, owner: &str) -> Model {
    Model { id: id.to_owned(), object: "model", created: 0, owned_by: owner.to_owned() }
}
