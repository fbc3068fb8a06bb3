//! One HTTP/1.1 connection to a provider, driven by whoever uses it: the exchange that holds it polls it, so that
//! a call wakes one task and not two. Nobody polls it while it is idle; whether it still lives shows when it is
//! taken up again. Which connection serves which call is the pool's business.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Connection, SendRequest};

use super::connector::Stream;

/// A connection and the way to send requests on it.
#[derive(Debug)]
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// None once it has ended: what waits on it then learns so.
    connection: Option<Connection<Stream, Full<Bytes>>>,
}

impl Link {
    pub(super) fn new(sender: SendRequest<Full<Bytes>>, connection: Connection<Stream, Full<Bytes>>) -> Self {
        Link { sender, connection: Some(connection) }
    }

    /// Reads and writes what can be read and written now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        let over =
            self.connection.as_mut().is_some_and(|connection| Pin::new(connection).poll(cx).is_ready());
        if over {
            // Errors reach those who wait for an answer or a body.
            self.connection = None;
        }
    }

    /// Whether it lives and can take a request now. Nobody is woken on its behalf until it is driven again.
    pub(super) fn is_ready(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// With the request, when not a byte of it was written.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        poll_fn(|cx| {
            let over = connection.as_mut().is_some_and(|connection| Pin::new(connection).poll(cx).is_ready());
            if over {
                *connection = None;
            }
            // Only driving the connection makes an answer: nobody else has to be woken for it.
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
        .await
    }
}
