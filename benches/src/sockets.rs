//! Whose socket a port is: the inode of the listener (/proc/net/tcp, tcp6) among the open files of a process.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// Ports below those that the kernel gives to outgoing connections, of which a load has many.
const PORTS: Range<u16> = 12_000..32_000;

/// An address of the loopback interface that nobody listens on. Another process could take it before it is used;
/// then the check of the listener's owner says so.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = u32::from(PORTS.end - PORTS.start);
    let start = std::process::id().wrapping_mul(37);
    for _ in 0..ports {
        let number = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % ports;
        let port = PORTS.start + u16::try_from(number).unwrap_or_default();
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr();
        }
    }
    Err(io::Error::other("no port is free"))
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
    fn an_address_is_not_given_twice() {
        let (first, second) = (free_address().unwrap(), free_address().unwrap());
        assert_ne!(first, second);
        assert!(PORTS.contains(&first.port()));
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
