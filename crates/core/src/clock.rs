//! Time, passed in. Everything that needs the time takes a [`Clock`]; only [`SystemClock`] asks the operating
//! system, so that tests decide what time it is. Durations of computation are no business of this module:
//! no verdict may depend on them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::{Builder, ContextV7, Uuid};

/// Microseconds since 1970-01-01T00:00:00Z. Signed, so that arithmetic never wraps in practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(micros))
    }

    /// Whole days since the epoch, in UTC.
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400_000_000)
    }

    /// Whole seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

/// Where the time and ids that contain it come from.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// A UUID version 7 at the present time.
    fn uuid(&self) -> Uuid;
}

/// The operating system's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the operating system")]
    fn now(&self) -> Timestamp {
        let elapsed = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids from the real time")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A clock that stands still until it is moved. For tests.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
    context: std::sync::Mutex<ContextV7>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        ManualClock { micros: AtomicI64::new(now.0), context: std::sync::Mutex::new(ContextV7::new()) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.micros.load(Ordering::SeqCst))
    }

    fn uuid(&self) -> Uuid {
        let micros = self.now().0.max(0).unsigned_abs();
        let nanos = u32::try_from((micros % 1_000_000) * 1_000).unwrap_or(0);
        match self.context.lock() {
            Ok(context) => Uuid::new_v7(uuid::Timestamp::from_unix(&*context, micros / 1_000_000, nanos)),
            // A poisoned lock means a test already failed; an id without a counter will do.
            Err(_) => Builder::from_unix_timestamp_millis(micros / 1_000, &[0; 10]).into_uuid(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_manual_clock_sort_by_time_and_then_by_order() {
        let clock = ManualClock::at(Timestamp(1_700_000_000_000_000));
        let first = clock.uuid();
        let second = clock.uuid();
        clock.advance(Duration::from_secs(1));
        let third = clock.uuid();
        assert!(first < second && second < third);
    }

    #[test]
    fn days_before_the_epoch_round_down() {
        assert_eq!(Timestamp(-1).day(), -1);
        assert_eq!(Timestamp(86_400_000_000).day(), 1);
    }
}
