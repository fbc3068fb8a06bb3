//! The edge of the gateway: sockets, TLS, HTTP plumbing, drain, and the one outbound client.
//!
//! Here bytes become requests and answers become bytes, within bounds. Deliberately absent: models, tenants,
//! policies, and any protocol spoken inside a request body other than its `content-encoding`.

pub mod body;
pub mod drain;
pub mod egress;
pub mod event_stream;
pub mod form;
pub mod headers;
pub mod listener;
pub mod request_body;
pub mod sse;
pub mod tls;
