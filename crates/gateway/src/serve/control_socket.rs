//! `data/control.sock`: the control API for commands on this machine. Whoever can open the socket is the operator:
//! the folder is its owner's alone, and so is the socket (mode 0600).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixListener;

use super::{ServeError, control_socket_path};
use crate::admin::{Peer, Plane};
use crate::edge::drain::Phase;
use crate::gateway::Gateway;
use crate::server::Server;

/// Makes the socket and serves it until the gateway stops.
pub(super) async fn serve(gateway: &Arc<Gateway>, data: &Path) -> Result<(), ServeError> {
    let path = control_socket_path(data);
    let failed = |source| ServeError::ControlSocket { path: path.clone(), source };
    // The data folder is locked by this process: a socket that is there was left by one that died.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // Made under a name that nobody knows and closed to others before it takes its own: there is no moment in which
    // somebody else could open it, whatever the folder and the umask allow.
    // Not longer than the real name either: the system bounds the length of a socket's path.
    let random: String = gateway.clock.uuid().simple().to_string().chars().skip(20).collect();
    let hidden = path.with_file_name(random);
    let listener = UnixListener::bind(&hidden).map_err(failed)?;
    std::fs::set_permissions(&hidden, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    std::fs::rename(&hidden, &path).map_err(failed)?;
    let server = Arc::new(Server::new(Arc::clone(gateway), Plane::Control));
    let stopped = gateway.drain.token(Phase::Done).clone();
    let tracker = gateway.tracker.clone();
    gateway.tracker.spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = stopped.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let server = Arc::clone(&server);
            let stopped = stopped.clone();
            tracker.spawn(async move {
                let service = service_fn(move |request| {
                    let server = Arc::clone(&server);
                    async move {
                        Ok::<_, std::convert::Infallible>(server.answer(request, Peer::ControlSocket).await)
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    () = stopped.cancelled() => {}
                    _ended = connection => {}
                }
            });
        }
    });
    Ok(())
}

/// Takes the socket away.
pub(super) fn remove(data: &Path) {
    // What cannot be removed now is replaced by the next start.
    let _ = std::fs::remove_file(control_socket_path(data));
}
