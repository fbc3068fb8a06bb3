//! Connections to providers: which are open, and which serves the next call. HTTP/1.1 connections serve one call
//! at a time and wait here in between, the latest used first; an HTTP/2 connection serves many at once. What goes
//! over them is decided by `egress` itself.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor as _;
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;
use tower::{Service as _, ServiceExt as _};

use super::connector::Connector;
use super::link::Link;
use super::{EgressError, EgressSettings};

/// How many header fields hyper accepts when it is not told: part of its documented interface.
const DEFAULT_MAX_HEADERS: usize = 100;

/// Where connections lead to. Two spellings of one host are two destinations, which does no harm.
#[derive(Clone, Debug)]
struct Destination {
    tls: bool,
    authority: Authority,
}

// By the spelling: the library's own comparison and hash take an authority byte by byte, without case.
impl PartialEq for Destination {
    fn eq(&self, other: &Self) -> bool {
        self.tls == other.tls && self.authority.as_str() == other.authority.as_str()
    }
}

impl Eq for Destination {}

impl Hash for Destination {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.tls, self.authority.as_str()).hash(state);
    }
}

/// What serves a call.
pub(super) enum Carrier {
    /// A connection that this call has for itself.
    Http1(Lease),
    /// A share in a connection.
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A carrier, and what is known of it.
pub(super) struct Acquired {
    pub(super) carrier: Carrier,
    /// Whether it served a call before: only then can it have been closed behind our back.
    pub(super) reused: bool,
}

/// An HTTP/1.1 connection in use. Dropping it closes the connection; [`Lease::give_back`] keeps it.
pub(super) struct Lease {
    pub(super) link: Box<Link>,
    /// The value of `host` (RFC 9112, section 3.2).
    pub(super) host: HeaderValue,
    destination: Destination,
    pool: Weak<Shared>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

impl Lease {
    /// Keeps the connection for later calls, if it is fit for any.
    pub(super) fn give_back(mut self) {
        if let Some(pool) = self.pool.upgrade()
            && self.link.is_ready()
        {
            pool.keep(self);
        }
    }
}

/// An HTTP/1.1 connection that waits.
struct Idle {
    link: Box<Link>,
    since: Instant,
}

/// What is open towards one destination.
struct Host {
    name: HeaderValue,
    idle: Vec<Idle>,
    shared: Option<http2::SendRequest<Full<Bytes>>>,
}

#[derive(Default)]
struct Hosts {
    by_destination: HashMap<Destination, Host>,
    /// Whether somebody looks after connections that nobody takes up.
    watched: bool,
}

struct Shared {
    idle_timeout: Duration,
    max_idle: usize,
    hosts: Mutex<Hosts>,
}

/// Connections of one kind of caller. Clones share them.
#[derive(Clone)]
pub(super) struct Pool {
    shared: Arc<Shared>,
    connector: Connector,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(connector: Connector, settings: &EgressSettings) -> Self {
        let head = settings.max_head_bytes.max(8_192);
        let mut http1 = http1::Builder::new();
        http1.max_buf_size(head as usize);
        // Its own default costs it less than the same number given.
        if settings.max_headers != DEFAULT_MAX_HEADERS {
            http1.max_headers(settings.max_headers);
        }
        // Its tasks live as long as connections; a drain must not wait for them, so that they are not tracked.
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .max_header_list_size(head)
            .keep_alive_interval(settings.ping_interval)
            .keep_alive_timeout(settings.ping_interval);
        let shared = Shared {
            idle_timeout: settings.pool_idle_timeout,
            max_idle: settings.pool_max_idle_per_host,
            hosts: Mutex::default(),
        };
        Pool { shared: Arc::new(shared), connector, http1, http2 }
    }

    /// A connection to where `uri` leads: one that is open, or a new one.
    ///
    /// # Errors
    /// When none can be made; nothing was sent then.
    pub(super) async fn acquire(&self, uri: &Uri) -> Result<Acquired, EgressError> {
        let Some(authority) = uri.authority() else {
            return Err(EgressError::Connect(std::io::ErrorKind::InvalidInput));
        };
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        let destination = Destination { tls, authority: authority.clone() };
        match self.take(&destination) {
            Some(carrier) => Ok(Acquired { carrier, reused: true }),
            // Boxed, so that the usual call does not carry the room for it.
            None => Ok(Acquired { carrier: Box::pin(self.connect(destination, uri)).await?, reused: false }),
        }
    }

    /// An open connection.
    fn take(&self, destination: &Destination) -> Option<Carrier> {
        loop {
            let (mut idle, host) = {
                let mut hosts = self.shared.lock();
                let host = hosts.by_destination.get_mut(destination)?;
                if let Some(shared) = &host.shared {
                    if !shared.is_closed() {
                        return Some(Carrier::Http2(shared.clone()));
                    }
                    host.shared = None;
                }
                (host.idle.pop()?, host.name.clone())
            };
            if idle.since.elapsed() < self.shared.idle_timeout && idle.link.is_ready() {
                let (destination, pool) = (destination.clone(), Arc::downgrade(&self.shared));
                return Some(Carrier::Http1(Lease { link: idle.link, host, destination, pool }));
            }
        }
    }

    async fn connect(&self, destination: Destination, uri: &Uri) -> Result<Carrier, EgressError> {
        let mut connector = self.connector.clone();
        let ready = connector.ready().await.map_err(|error| EgressError::of_connect(error.as_ref()))?;
        let stream =
            ready.call(uri.clone()).await.map_err(|error| EgressError::of_connect(error.as_ref()))?;
        if stream.connected().is_negotiated_h2() {
            let (sender, connection) =
                self.http2.handshake(stream).await.map_err(|error| EgressError::of_connect(&error))?;
            TokioExecutor::new().execute(async move {
                // How it ended is learnt by those whose streams are on it.
                let _ = connection.await;
            });
            self.shared.share(destination, &sender);
            return Ok(Carrier::Http2(sender));
        }
        let (sender, connection) =
            self.http1.handshake(stream).await.map_err(|error| EgressError::of_connect(&error))?;
        let host = host(&destination);
        let link = Box::new(Link::new(sender, connection));
        Ok(Carrier::Http1(Lease { link, host, destination, pool: Arc::downgrade(&self.shared) }))
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Hosts> {
        // Nothing panics while it is held.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers an HTTP/2 connection to all calls.
    fn share(&self, destination: Destination, sender: &http2::SendRequest<Full<Bytes>>) {
        let name = host(&destination);
        let mut hosts = self.lock();
        let host = hosts.by_destination.entry(destination);
        let host = host.or_insert_with(|| Host { name, idle: Vec::new(), shared: None });
        host.shared = Some(sender.clone());
    }

    /// Keeps an HTTP/1.1 connection until it is taken up or has waited too long.
    fn keep(self: &Arc<Self>, lease: Lease) {
        let idle = Idle { link: lease.link, since: Instant::now() };
        let mut hosts = self.lock();
        match hosts.by_destination.get_mut(&lease.destination) {
            Some(host) if host.idle.len() < self.max_idle => host.idle.push(idle),
            Some(_) => return,
            None => {
                let host = Host { name: lease.host, idle: vec![idle], shared: None };
                hosts.by_destination.insert(lease.destination, host);
            }
        }
        if !std::mem::replace(&mut hosts.watched, true) {
            TokioExecutor::new().execute(watch(Arc::downgrade(self), self.idle_timeout));
        }
    }

    /// Closes what has waited too long or was closed by its peer. Whether anything is left.
    fn sweep(&self) -> bool {
        let mut hosts = self.lock();
        for host in hosts.by_destination.values_mut() {
            host.idle.retain_mut(|idle| idle.since.elapsed() < self.idle_timeout && idle.link.is_ready());
            host.shared = host.shared.take().filter(|shared| !shared.is_closed());
        }
        hosts.by_destination.retain(|_, host| !host.idle.is_empty() || host.shared.is_some());
        hosts.watched = !hosts.by_destination.is_empty();
        hosts.watched
    }
}

/// Looks after idle connections as long as there are any.
async fn watch(pool: Weak<Shared>, idle_timeout: Duration) {
    loop {
        tokio::time::sleep(idle_timeout / 4).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep()) {
            return;
        }
    }
}

/// The value of `host`: the authority, without a port that goes without saying.
fn host(destination: &Destination) -> HeaderValue {
    let authority = &destination.authority;
    let usual = if destination.tls { 443 } else { 80 };
    let text = match authority.port_u16() {
        Some(port) if port != usual => authority.as_str(),
        _ => authority.host(),
    };
    // Characters of an authority may stand in a header.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
