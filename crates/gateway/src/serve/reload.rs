//! Reload on SIGHUP and when a file changes. Folders are watched, not files, and contents are compared, so that
//! editors that rename and Kubernetes' swapped links are noticed and a mere touch is not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::{Running, Sources};

/// Changes that come together are one change.
const SETTLE: Duration = Duration::from_millis(200);

/// Reloads until `stopped` completes.
pub async fn run(running: &Running, sources: &Sources, stopped: impl Future<Output = ()>) {
    let mut stopped = std::pin::pin!(stopped);
    let (notices, mut changes) = mpsc::channel(1);
    let mut watcher = watcher(notices);
    let mut watched = BTreeSet::new();
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        watch(&mut watcher, &mut watched, running.gateway.snapshot().config.files());
        let asked = tokio::select! {
            () = &mut stopped => return,
            () = next_hangup(&mut hangup) => true,
            Some(()) = changes.recv() => false,
        };
        if !asked {
            tokio::time::sleep(SETTLE).await;
            let _ = changes.try_recv();
        }
        let snapshot = running.gateway.snapshot();
        if snapshot.config.current_hash() == snapshot.config.content_hash() {
            if asked {
                running.gateway.metrics.reloaded("unchanged");
                tracing::info!("nothing changed: the configuration stays");
            }
            continue;
        }
        match running.reload(sources).await {
            Ok(number) => {
                running.gateway.metrics.reloaded("ok");
                let policy = running.gateway.snapshot().policy.hash().to_owned();
                tracing::info!(snapshot = number, policy, "reloaded");
            }
            Err(error) => {
                running.gateway.metrics.reloaded("refused");
                tracing::error!(code = "E803", %error, "the new configuration is refused: the old one stays in force");
            }
        }
    }
}

async fn next_hangup(hangup: &mut Option<tokio::signal::unix::Signal>) {
    match hangup {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn watcher(notices: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full channel already says that something changed.
            let _ = notices.try_send(());
        }
    });
    watcher.inspect_err(|error| tracing::warn!(%error, "files are not watched: reload with SIGHUP")).ok()
}

fn watch(watcher: &mut Option<RecommendedWatcher>, watched: &mut BTreeSet<PathBuf>, files: &[PathBuf]) {
    let Some(watcher) = watcher else { return };
    for file in files {
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if watched.insert(folder.to_owned())
            && let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
        {
            tracing::warn!(%error, folder = %folder.display(), "a folder is not watched: reload with SIGHUP");
        }
    }
}
