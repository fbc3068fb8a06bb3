//! The built-in demo model as a provider: its steps are played in process, with no socket between.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use flyball_core::Operation;
use flyball_demo::{Demo, DemoRequest, Step};
use http::HeaderMap;
use tokio::time::{Sleep, sleep};

use super::{Inbound, InboundBody, Outbound};
use crate::edge::egress::EgressError;

/// The demo model.
#[derive(Debug)]
pub struct DemoProvider {
    demo: Arc<Demo>,
}

impl DemoProvider {
    /// A provider that asks `demo`.
    pub fn new(demo: Arc<Demo>) -> Self {
        DemoProvider { demo }
    }

    /// Sends a call.
    pub(super) async fn call(&self, outbound: Outbound<'_>) -> Result<Inbound, EgressError> {
        let path = match outbound.operation {
            Operation::Embeddings => "/v1/embeddings",
            _ => "/v1/chat/completions",
        };
        let headers = HeaderMap::new();
        let request = DemoRequest { method: "POST", path, headers: &headers, body: outbound.body };
        let answer = self.demo.answer(request);
        let mut steps = VecDeque::from(answer.steps);
        loop {
            match steps.pop_front() {
                Some(Step::Wait(wait)) => pause(wait).await,
                Some(Step::Head) => break,
                Some(Step::Send(_) | Step::Cut) | None => return Err(EgressError::Reset),
            }
        }
        let body = InboundBody::Demo(Steps { steps, pause: None });
        Ok(Inbound { status: answer.status, headers: answer.headers.into_iter().collect(), body })
    }
}

async fn pause(wait: Duration) {
    // The longest duration means for ever, which tokio's timer would round to some years.
    if wait == Duration::MAX { std::future::pending().await } else { sleep(wait).await }
}

/// What is left of an answer.
#[derive(Debug)]
pub struct Steps {
    steps: VecDeque<Step>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Steps {
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, EgressError>>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Head) => {}
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Step::Cut) => return Poll::Ready(Some(Err(EgressError::Reset))),
                Some(Step::Wait(Duration::MAX)) => {
                    self.steps.push_front(Step::Wait(Duration::MAX));
                    return Poll::Pending;
                }
                Some(Step::Wait(wait)) => self.pause = Some(Box::pin(sleep(wait))),
            }
        }
    }
}
