//! Waiting for sockets: a thin form of epoll(7) that both the client and the simulator use. It knows keys and
//! readiness, not what is read.

use std::fmt;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::thread::{sched_yield, set_current_timer_slack};
use serde::{Deserialize, Serialize};

/// Has the calling thread woken when its time is over, and not up to 50 us later (the kernel's default slack).
///
/// # Errors
///
/// When the kernel refuses.
pub(crate) fn wake_precisely() -> io::Result<()> {
    Ok(set_current_timer_slack(NonZeroU64::new(1))?)
}

/// Sockets that are handed out by one wait.
const BATCH: usize = 1024;

/// What is done while no socket can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Waiting {
    /// The thread sleeps. Whoever writes to it pays for waking it.
    #[default]
    Sleep,
    /// The thread looks again and again and lets others of its core do so between. Nobody has to wake it, as nobody
    /// has to wake a caller on another machine.
    Spin,
}

/// The sockets that are waited for, each with a key of the caller's choice.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    waiting: Waiting,
}

impl Poller {
    /// Without any socket yet.
    pub(crate) fn new(waiting: Waiting) -> io::Result<Poller> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Poller { epoll, events: Vec::with_capacity(BATCH), waiting })
    }

    /// Waits from now on until `source` can be read. It is forgotten when it is closed.
    pub(crate) fn watch(&self, source: impl AsFd, key: usize) -> io::Result<()> {
        let key = epoll::EventData::new_u64(u64::try_from(key).unwrap_or(u64::MAX));
        Ok(epoll::add(&self.epoll, source, key, epoll::EventFlags::IN)?)
    }

    /// Waits for a socket, at most until `limit` is over (to the nanosecond: `epoll_pwait2`, Linux 5.11), and puts the
    /// keys of those that can be read into `ready`.
    pub(crate) fn wait(&mut self, limit: Option<Duration>, ready: &mut Vec<usize>) -> io::Result<()> {
        ready.clear();
        self.events.clear();
        if self.waiting == Waiting::Sleep {
            self.look(limit)?;
        } else {
            let begin = Instant::now();
            self.look(Some(Duration::ZERO))?;
            while self.events.is_empty() && limit.is_none_or(|limit| begin.elapsed() < limit) {
                sched_yield();
                self.look(Some(Duration::ZERO))?;
            }
        }
        ready.extend(self.events.iter().filter_map(|event| usize::try_from(event.data.u64()).ok()));
        Ok(())
    }

    fn look(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let limit = limit.map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}
