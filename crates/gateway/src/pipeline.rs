//! The life of a request. Each stage consumes the type of the stage before and is the only place that can build
//! its own, so that no stage can be skipped: `dispatch` cannot be called without a decision. Stage = file = span =
//! metric label = heading in ARCHITECTURE.md. `admit` and `recall` join with their first capability.

use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::edge::body::Body;
use crate::edge::drain::Phase;
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::protocols::Protocol;
use crate::refusal::Refusal;

pub mod authenticate;
pub mod decide;
pub mod dispatch;
pub mod filter;
pub mod inspect;
pub mod prepare;
pub mod receive;
pub mod screen;
pub mod settle;

/// Governs one exchange from its first byte to its last.
pub async fn run(gateway: Arc<Gateway>, protocol: Protocol, request: Request<Incoming>) -> Response<Body> {
    let Some(mut exchange) = receive::begin(Arc::clone(&gateway), protocol, request.headers()) else {
        return settle::turned_away(&gateway, protocol, request.headers());
    };
    // Work that outlives a stop is told so while there is still time to send it; streams see to it themselves.
    let ending = gateway.drain.token(Phase::Ending).clone();
    let governed = {
        // Pinned by itself: the macro would keep it twice.
        let governing = pin!(govern(&mut exchange, request));
        tokio::select! {
            biased;
            governed = governing => governed,
            () = ending.cancelled() => Err(receive::shutting_down()),
        }
    };
    match governed {
        Ok(reply) => {
            settle::durable(&exchange).await;
            reply.into_response(exchange)
        }
        Err(refusal) => settle::refuse(exchange, refusal).await,
    }
}

async fn govern(exchange: &mut Exchange, request: Request<Incoming>) -> Result<screen::Reply, Refusal> {
    // The caller is known before a byte of the body is read: strangers cannot make the gateway hold bodies.
    let caller = match authenticate::identify(exchange.at("authenticate"), request.headers()) {
        Ok(caller) => caller,
        Err(refusal) => {
            receive::discard(request).await;
            return Err(refusal);
        }
    };
    let received = receive::run(exchange.at("receive"), request).await?;
    let authenticated = authenticate::run(exchange.at("authenticate"), received, caller)?;
    let inspected = inspect::run(exchange.at("inspect"), authenticated);
    let decided = decide::run(exchange.at("decide"), inspected);
    let prepared = prepare::run(exchange.at("prepare"), decided)?;
    if prepared.is_counted_here() {
        return prepared.count(exchange).await;
    }
    let dispatched = dispatch::run(exchange.at("dispatch"), prepared).await?;
    screen::run(exchange.at("screen"), dispatched).await
}
