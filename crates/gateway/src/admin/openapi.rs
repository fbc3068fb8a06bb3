//! `GET /openapi.json` and `/docs`: the description of the API, and a browser for it whose pages ship with the
//! binary.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Content, HttpMethod, InfoBuilder, Object, PathItem, RefOr, Required, ResponseBuilder, Type, path,
    request_body,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{Local, control_routes, data_routes};
use crate::gateway::Gateway;
use crate::protocols::Protocol;
use crate::refusal::KINDS;

#[derive(OpenApi)]
struct Empty;

/// Exchanges, which have handlers of their own.
const EXCHANGES: [(Protocol, &str, &str); 9] = [
    (
        Protocol::OpenAiChat,
        "Answers a conversation, whole or streamed.",
        "https://platform.openai.com/docs/api-reference/chat",
    ),
    (
        Protocol::OpenAiEmbeddings,
        "Turns texts into vectors.",
        "https://platform.openai.com/docs/api-reference/embeddings",
    ),
    (
        Protocol::OpenAiModerations,
        "Judges texts and images by the provider's categories.",
        "https://platform.openai.com/docs/api-reference/moderations",
    ),
    (
        Protocol::OpenAiImages,
        "Makes images from a text, as one whole answer.",
        "https://platform.openai.com/docs/api-reference/images/create",
    ),
    (
        Protocol::OpenAiSpeech,
        "Reads a text aloud. The sound is not inspected.",
        "https://platform.openai.com/docs/api-reference/audio/createSpeech",
    ),
    (
        Protocol::OpenAiTranscriptions,
        "Writes down what is said in a recording, as one whole answer. The recording is not inspected.",
        "https://platform.openai.com/docs/api-reference/audio/createTranscription",
    ),
    (
        Protocol::Rerank,
        "Orders documents by how well they answer a query.",
        "https://docs.cohere.com/reference/rerank",
    ),
    (
        Protocol::Completion,
        "Answers one prompt: `{\"prompt\": text, \"model\": name, \"max_tokens\": number}`.",
        "",
    ),
    (Protocol::CompletionStream, "The same as a stream of chat completion chunks.", ""),
];

/// The description, as it is served and as it is kept in `docs/openapi.json`.
pub fn description() -> utoipa::openapi::OpenApi {
    let (_, mut api) = OpenApiRouter::<Arc<Gateway>>::with_openapi(Empty::openapi())
        .merge(data_routes())
        .merge(control_routes())
        .split_for_parts();
    let rows: Vec<String> = KINDS
        .iter()
        .map(|row| format!("| {} | {} | `{}` | {} |", row.code, row.status.as_u16(), row.name, row.remedy))
        .collect();
    api.info = InfoBuilder::new()
        .title("Flyball")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(format!(
            "The governor for AI traffic.\n\nRefusals have OpenAI's error shape; `error.flyball_code` is stable:\n\n\
             | E-code | status | `error.code` | remedy |\n|---|---|---|---|\n{}",
            rows.join("\n")
        )))
        .build();
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    api.components.get_or_insert_default().add_security_scheme("key", scheme);
    for (protocol, summary, reference) in EXCHANGES {
        let description = match reference {
            "" => summary.to_owned(),
            link => format!("{summary} Fields as in <{link}>; unknown ones are passed on."),
        };
        let any = || Content::new(Some(RefOr::T(Object::with_type(Type::Object).into())));
        let body = request_body::RequestBodyBuilder::new()
            .content(
                if protocol == Protocol::OpenAiTranscriptions {
                    "multipart/form-data"
                } else {
                    "application/json"
                },
                any(),
            )
            .required(Some(Required::True))
            .build();
        let answered =
            ResponseBuilder::new().description("The answer.").content(answered_in(protocol), any()).build();
        let refused =
            ResponseBuilder::new().description("A refusal.").content("application/json", any()).build();
        let operation = path::OperationBuilder::new()
            .tag("exchanges")
            .summary(Some(summary))
            .description(Some(description))
            .request_body(Some(body))
            .response("200", answered)
            .response("default", refused)
            .security(utoipa::openapi::security::SecurityRequirement::new::<_, [&str; 0], &str>("key", []))
            .build();
        api.paths.paths.insert(protocol.endpoint().to_owned(), PathItem::new(HttpMethod::Post, operation));
    }
    api
}

/// The content type of answers.
fn answered_in(protocol: Protocol) -> &'static str {
    if protocol == Protocol::OpenAiSpeech { "audio/*" } else { "application/json" }
}

/// The description as text, made once.
pub fn description_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = description().to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    })
}

pub(super) fn router() -> Router<Arc<Gateway>> {
    let browser = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    Router::new().route("/openapi.json", get(openapi)).merge(Router::from(browser))
}

async fn openapi(_: Local) -> ([(http::HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], description_text())
}
