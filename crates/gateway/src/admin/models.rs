//! `GET /v1/models` and `/v1/models/{id}`: what the key may use, in OpenAI's shape, or in Anthropic's for a caller that
//! names a version of its protocol (`anthropic-version`).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
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

/// The header by which a caller says that it speaks messages.
const ANTHROPIC_VERSION: &str = "anthropic-version";

/// A public model name.
#[derive(Serialize, ToSchema)]
pub struct OpenAiModel {
    /// The name to ask for.
    id: String,
    /// Always `model`.
    object: &'static str,
    /// Routes have no date of creation: always 0.
    created: u64,
    /// The provider behind it.
    owned_by: String,
}

/// A public model name, as Anthropic tells it.
#[derive(Serialize, ToSchema)]
pub struct AnthropicModel {
    /// Always `model`.
    r#type: &'static str,
    /// The name to ask for.
    id: String,
    /// The same name.
    display_name: String,
    /// Routes have no date of creation: always the first second of 1970 (RFC 3339).
    created_at: &'static str,
}

/// One model, in the shape that the caller's protocol has.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Model {
    /// OpenAI's.
    OpenAi(OpenAiModel),
    /// Anthropic's, where the request has the header `anthropic-version`.
    Anthropic(AnthropicModel),
}

/// What a key may use, in the shape that the caller's protocol has.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ModelList {
    /// OpenAI's.
    OpenAi {
        /// Always `list`.
        object: &'static str,
        /// The models, by name.
        data: Vec<Model>,
    },
    /// Anthropic's, where the request has the header `anthropic-version`: always all of them in one page.
    Anthropic {
        /// The models, by name.
        data: Vec<Model>,
        /// Always false.
        has_more: bool,
        /// The first name, or null where there is none.
        first_id: Option<String>,
        /// The last name, or null where there is none.
        last_id: Option<String>,
    },
}

/// The models that this key may use, in OpenAI's shape; in Anthropic's with the header `anthropic-version`.
#[utoipa::path(get, path = "/v1/models", tag = "models", security(("key" = [])),
    params(("anthropic-version" = Option<String>, Header, description = "Any version asks for Anthropic's shape.")),
    responses((status = 200, body = ModelList))
)]
async fn list(
    TenantCaller(principal, _): TenantCaller,
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
) -> Json<ModelList> {
    let snapshot = gateway.snapshot();
    let visible = snapshot
        .models()
        .filter_map(|(name, _)| Some((name, snapshot.route_for(&principal, name)?.provider.name.clone())));
    let mut names: Vec<_> = visible.collect();
    names.sort_unstable();
    let data = names.iter().map(|(name, owner)| model(&headers, name, owner)).collect();
    if !headers.contains_key(ANTHROPIC_VERSION) {
        return Json(ModelList::OpenAi { object: "list", data });
    }
    let id = |named: Option<&(&str, _)>| named.map(|(name, _)| (*name).to_owned());
    let (first_id, last_id) = (id(names.first()), id(names.last()));
    Json(ModelList::Anthropic { data, has_more: false, first_id, last_id })
}

/// One model. A model that the key may not use does not exist for it.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "models", security(("key" = [])),
    params(
        ("id" = String, Path, description = "The public model name."),
        ("anthropic-version" = Option<String>, Header, description = "Any version asks for Anthropic's shape.")
    ),
    responses((status = 200, body = Model), (status = 404))
)]
async fn retrieve(
    TenantCaller(principal, _): TenantCaller,
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Model>, Refusal> {
    let route = gateway.snapshot().route_for(&principal, &id);
    let route = route.ok_or_else(|| {
        Refusal::new(Kind::UnknownModel, "This model does not exist, or this key may not use it.").at("model")
    })?;
    Ok(Json(model(&headers, &id, &route.provider.name)))
}

fn model(headers: &HeaderMap, id: &str, owner: &str) -> Model {
    let id = id.to_owned();
    if headers.contains_key(ANTHROPIC_VERSION) {
        let display_name = id.clone();
        let created_at = "1970-01-01T00:00:00Z";
        return Model::Anthropic(AnthropicModel { r#type: "model", id, display_name, created_at });
    }
    Model::OpenAi(OpenAiModel { id, object: "model", created: 0, owned_by: owner.to_owned() })
}
