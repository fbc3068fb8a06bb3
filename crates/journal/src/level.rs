//! A position that only rises, and the tasks that wait for it to reach theirs. Exactly those are woken whose position
//! has been reached. Nothing here knows what the position means.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Takes a lock. A thread that died while it held one has not left a half-done change: no code under our locks can
/// panic between two steps that belong together.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A rising position.
#[derive(Debug)]
pub(crate) struct Level {
    value: AtomicU64,
    abandoned: AtomicBool,
    tickets: AtomicU64,
    /// By position and ticket.
    waiting: Mutex<BTreeMap<(u64, u64), Waker>>,
}

/// What is waited for will never come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abandoned;

impl Level {
    pub(crate) fn at(value: u64) -> Level {
        Level {
            value: AtomicU64::new(value),
            abandoned: AtomicBool::new(false),
            tickets: AtomicU64::new(0),
            waiting: Mutex::new(BTreeMap::new()),
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.value.load(Ordering::SeqCst)
    }

    /// Raises the level and wakes those that it reaches.
    pub(crate) fn raise(&self, value: u64) {
        let before = self.value.fetch_max(value, Ordering::SeqCst);
        if before >= value {
            return;
        }
        let reached = {
            let mut waiting = lock(&self.waiting);
            if waiting.first_key_value().is_none_or(|((position, _), _)| *position > value) {
                return;
            }
            let beyond = waiting.split_off(&(value.saturating_add(1), 0));
            std::mem::replace(&mut *waiting, beyond)
        };
        reached.into_values().for_each(Waker::wake);
    }

    /// Wakes everybody: the level will not rise any more.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
        let all = std::mem::take(&mut *lock(&self.waiting));
        all.into_values().for_each(Waker::wake);
    }

    /// Resolves when the level has reached `position`.
    pub(crate) fn reach(&self, position: u64) -> Reach<'_> {
        Reach { level: self, position, ticket: None }
    }

    fn look(&self, position: u64) -> Option<Result<(), Abandoned>> {
        if self.get() >= position {
            Some(Ok(()))
        } else if self.abandoned.load(Ordering::SeqCst) {
            Some(Err(Abandoned))
        } else {
            None
        }
    }
}

/// Waits for a level.
pub(crate) struct Reach<'a> {
    level: &'a Level,
    position: u64,
    ticket: Option<u64>,
}

impl Future for Reach<'_> {
    type Output = Result<(), Abandoned>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let level = self.level;
        if let Some(outcome) = level.look(self.position) {
            return Poll::Ready(outcome);
        }
        let mut waiting = lock(&level.waiting);
        // Whoever raises the level does so before it takes this lock: looking again here misses nothing.
        if let Some(outcome) = level.look(self.position) {
            return Poll::Ready(outcome);
        }
        let ticket = *self.ticket.get_or_insert_with(|| level.tickets.fetch_add(1, Ordering::Relaxed));
        waiting
            .entry((self.position, ticket))
            .and_modify(|waker| waker.clone_from(context.waker()))
            .or_insert_with(|| context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Reach<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            lock(&self.level.waiting).remove(&(self.position, ticket));
        }
    }
}

/// Lets the other ready tasks of the runtime run once.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn poll(reach: &mut Pin<Box<Reach<'_>>>, count: &Arc<Count>) -> Poll<Result<(), Abandoned>> {
        reach.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(count))))
    }

    #[test]
    fn exactly_those_are_woken_whose_position_is_reached() {
        let level = Level::at(10);
        let counts: Vec<Arc<Count>> = (0..4).map(|_| Arc::default()).collect();
        let mut waits: Vec<_> = [10, 11, 20, 21].map(|position| Box::pin(level.reach(position))).into();
        assert_eq!(poll(&mut waits[0], &counts[0]), Poll::Ready(Ok(())));
        for at in 1..4 {
            assert_eq!(poll(&mut waits[at], &counts[at]), Poll::Pending);
        }
        level.raise(20);
        let woken: Vec<usize> = counts.iter().map(|count| count.0.load(Ordering::SeqCst)).collect();
        assert_eq!(woken, [0, 1, 1, 0]);
        level.raise(15);
        assert_eq!(level.get(), 20, "a level never falls");
        level.abandon();
        assert_eq!(poll(&mut waits[1], &counts[1]), Poll::Ready(Ok(())));
        assert_eq!(poll(&mut waits[3], &counts[3]), Poll::Ready(Err(Abandoned)));
        assert_eq!(counts[3].0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn who_gives_up_is_not_woken() {
        let level = Level::at(0);
        let count: Arc<Count> = Arc::default();
        let mut wait = Box::pin(level.reach(1));
        assert_eq!(poll(&mut wait, &count), Poll::Pending);
        drop(wait);
        level.raise(1);
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        assert!(lock(&level.waiting).is_empty());
    }
}
