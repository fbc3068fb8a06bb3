//! Whose socket a port is: the inode of the listener (/proc/net/tcp, tcp6) among the open files of a process.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;

/// The state of a listener in /proc/net/tcp.
const LISTEN: &str = "0A";

/// Whether a process among these holds a listener on the port.
pub(crate) fn listens(processes: &[u32], port: u16) -> io::Result<bool> {
    let mut inodes: Vec<u64> = listeners(&fs::read_to_string("/proc/net/tcp")?, port).collect();
    // A listener on `::` takes IPv4 too. Without IPv6 the kernel has no such file.
    let table = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    inodes.extend(listeners(&table, port));
    for pid in processes {
        for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
            // A file that was closed meanwhile is not the listener.
            let Ok(target) = fs::read_link(entry?.path()) else { continue };
            if inodes
                .iter()
                .any(|inode| target.as_os_str().as_bytes() == format!("socket:[{inode}]").as_bytes())
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The inodes of listeners on the port. Fields: number, local address, remote address, state, queues, timers,
/// retransmissions, user, timeout, inode.
fn listeners(table: &str, port: u16) -> impl Iterator<Item = u64> {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).filter_map(move |line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == LISTEN;
        if is_it { fields.get(9)?.parse().ok() } else { None }
    })
}

/// An address of the loopback interface that nobody listens on. Another process could take it before it is used;
/// then the check of the listener's owner says so.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_of_ipv6_is_found() {
        // A machine without IPv6 has nothing to find.
        let Ok(listener) = TcpListener::bind("[::]:0") else { return };
        assert!(listens(&[std::process::id()], listener.local_addr().unwrap().port()).unwrap());
    }

    #[test]
    fn a_listener_is_found_in_the_process_that_holds_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listens(&[std::process::id()], port).unwrap());
        assert!(!listens(&[], port).unwrap());
        drop(listener);
        assert!(!listens(&[std::process::id()], port).unwrap());
    }
}
