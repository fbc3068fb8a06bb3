//! A gateway of the demo's own: in this process, on a free port of the loopback interface, with state that is thrown
//! away at the end.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use flyball_core::{Clock, SystemClock};

use crate::commands::mistakes::{self, Mistake};
use crate::commands::output::{Failure, Outcome};
use crate::config::Period;
use crate::serve::{Running, Sources, start};

/// The gateway.
pub(super) struct Local {
    running: Running,
    key: String,
    folder: PathBuf,
}

impl Local {
    /// Starts one with the routes, policy and providers of `sources`.
    pub(super) async fn start(sources: Sources) -> Result<Local, Failure> {
        let mut config = sources.load().map_err(|errors| {
            let found: Vec<Mistake> = errors.0.iter().map(Mistake::from).collect();
            mistakes::failure(&found)
        })?;
        let folder = std::env::temp_dir().join(format!("flyball-demo-{}", SystemClock.uuid()));
        config.data.clone_from(&folder);
        config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.admin.listen = None;
        config.tls = None;
        config.drain.delay = Period::from_millis(0);
        let started = start(config).await.map_err(|error| Failure::wrong(error.to_string()));
        let running = match started {
            Ok(running) => running,
            Err(failure) => {
                // It may have been made before the start failed.
                let _ = std::fs::remove_dir_all(&folder);
                return Err(failure);
            }
        };
        let key = running.first_keys.as_ref().map(|keys| keys.demo.clone());
        let key = key.ok_or_else(|| Failure::failed(format!("{} was not new", folder.display())))?;
        Ok(Local { running, key, folder })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Stops it and removes its state.
    pub(super) async fn stop(self) -> Outcome {
        let stopped = self.running.stop(std::future::ready(())).await;
        let removed = std::fs::remove_dir_all(&self.folder);
        stopped.map_err(|error| Failure::failed(error.to_string()))?;
        removed.map_err(|error| {
            Failure::failed(format!("{}: cannot be removed: {error}", self.folder.display()))
        })
    }
}
