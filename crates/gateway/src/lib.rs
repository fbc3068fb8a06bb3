//! The product as a library: everything behind the binary `flyball`. `pipeline` is where to begin reading; `edge`
//! is the wire, `protocols` and `providers` speak to both sides, `admin` is the control API, `commands` the
//! command line.

pub mod admin;
pub mod commands;
pub mod config;
pub mod edge;
pub mod events;
pub mod exchange;
pub mod fuzz;
pub mod gateway;
pub mod keyring;
pub mod metrics;
pub mod pipeline;
pub mod prices;
pub mod protocols;
pub mod providers;
pub mod pseudonyms;
pub mod recording;
pub mod refusal;
pub mod serve;
pub mod server;
pub mod snapshot;
pub mod usage_feed;
