//! `/health*`: whether the process lives, whether it wants traffic, and what it is made of.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Local;
use crate::gateway::Gateway;

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(detailed))
}

/// A state in one word.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `healthy`, `alive`, `ready`, `draining`, `journal_full` or `journal_stalled`.
    status: &'static str,
}

/// Whether the gateway answers.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { status: "healthy" })
}

/// Whether the process lives; a failure means: restart it.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = Health)))]
async fn live() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Whether the gateway wants new work.
///
/// 503 from the first moment of a graceful stop, and while calls cannot be recorded: the disk is full, or takes
/// seconds for a sync. The load of the machine plays
/// no part: a busy neighbour is no reason to take a replica away.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses(
    (status = 200, body = Health), (status = 503, body = Health)
))]
async fn ready(State(gateway): State<Arc<Gateway>>) -> (StatusCode, Json<Health>) {
    let status = readiness(&gateway);
    (status_code(status == READY), Json(Health { status }))
}

const READY: &str = "ready";

/// How long the disk may take for a sync, or a record wait for one, before this replica should get no more traffic.
const STALLED: Duration = Duration::from_secs(5);

/// Whether new work is wanted, in one word.
fn readiness(gateway: &Gateway) -> &'static str {
    let journal = gateway.journal.health();
    // Records also wait where something else than a sync holds the thread up that syncs.
    let stalled = [journal.syncing, journal.writing, journal.unsynced]
        .into_iter()
        .flatten()
        .any(|time| time >= STALLED);
    if !gateway.drain.is_ready() {
        "draining"
    } else if journal.failed || stalled {
        "journal_stalled"
    } else if journal.full {
        "journal_full"
    } else {
        READY
    }
}

fn status_code(healthy: bool) -> StatusCode {
    if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// The parts of the gateway.
#[derive(Serialize, ToSchema)]
pub struct DetailedHealth {
    /// `ready`, `draining`, `journal_full` or `journal_stalled`.
    status: &'static str,
    /// The product's version.
    version: &'static str,
    /// The configuration in force.
    snapshot: u64,
    /// The policy in force.
    policy_hash: String,
    /// Whether the database answers.
    store: &'static str,
    /// Exchanges in hand.
    in_flight: usize,
    /// Live keys.
    keys: usize,
    /// Public model names.
    models: usize,
}

/// The parts of the gateway.
///
/// On loopback, or with the operator's key.
#[utoipa::path(get, path = "/health/detailed", tag = "health", responses(
    (status = 200, body = DetailedHealth), (status = 503, body = DetailedHealth)
))]
async fn detailed(_: Local, State(gateway): State<Arc<Gateway>>) -> (StatusCode, Json<DetailedHealth>) {
    let snapshot = gateway.snapshot();
    let store = match gateway.store.check().await {
        Ok(()) => "healthy",
        Err(_) => "failing",
    };
    let status = readiness(&gateway);
    let healthy = status == READY && store == "healthy";
    let answer = DetailedHealth {
        status,
        version: env!("CARGO_PKG_VERSION"),
        snapshot: snapshot.number,
        policy_hash: snapshot.policy.hash().to_owned(),
        store,
        in_flight: gateway.drain.in_flight(),
        keys: gateway.keys.len(),
        models: snapshot.models().count(),
    };
    (status_code(healthy), Json(answer))
}
