//! Runs the tasks that HTTP/2 needs, one per stream, on the gateway's tracker, and ends a stream whose peer
//! grants it no window for too long. On HTTP/1.1 the socket itself shows a peer that does not read; on HTTP/2
//! the socket may be fine while one stream waits for ever.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use tokio_util::task::TaskTracker;

use super::Counters;

/// What the body of a stream did while the stream's task was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// It was not asked: the task waits for something else.
    None,
    /// It had nothing yet: the task waits for us.
    Waits,
    /// It gave a frame: when the task now waits, it waits for the peer.
    Gave,
}

thread_local! {
    /// Set by a body when it is polled, read by the task around it in the same call.
    static TOUCH: Cell<Touch> = const { Cell::new(Touch::None) };
}

/// Called by a body that was polled.
pub(super) fn touched(touch: Touch) {
    TOUCH.set(touch);
}

/// Spawns on the tracker.
#[derive(Clone, Debug)]
pub(super) struct TrackedExecutor {
    pub(super) tracker: TaskTracker,
    pub(super) write_timeout: Duration,
    pub(super) counters: Arc<Counters>,
}

impl<F> hyper::rt::Executor<F> for TrackedExecutor
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        self.tracker.spawn(unless_stuck(task, self.write_timeout, Arc::clone(&self.counters)));
    }
}

/// Runs `task` until it ends or its peer takes nothing for `write_timeout`. Dropping the task resets the
/// stream.
async fn unless_stuck(task: impl Future, write_timeout: Duration, counters: Arc<Counters>) {
    let mut task = pin!(task);
    let mut timer = pin!(None::<Sleep>);
    let mut stuck = false;
    poll_fn(|cx| {
        TOUCH.set(Touch::None);
        if task.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match TOUCH.get() {
            Touch::None => {}
            Touch::Waits => stuck = false,
            Touch::Gave => {
                stuck = true;
                let until = Instant::now() + write_timeout;
                match timer.as_mut().as_pin_mut() {
                    Some(timer) => timer.reset(until),
                    None => timer.set(Some(sleep(write_timeout))),
                }
            }
        }
        let Some(timer) = timer.as_mut().as_pin_mut().filter(|_| stuck) else { return Poll::Pending };
        if timer.poll(cx).is_pending() {
            return Poll::Pending;
        }
        counters.slow_readers.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(())
    })
    .await;
}
