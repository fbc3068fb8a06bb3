//! Time as usage counts it: quarters of an hour and days. Calendars and time zones are the asker's business.

use flyball_core::Timestamp;

/// Quarters of an hour in a day and in an hour.
pub(super) const DAY: i64 = 96;
pub(super) const HOUR: i64 = 4;
const MICROS: i64 = 900_000_000;

/// A quarter of an hour in UTC: whole ones since 1970, not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quarter(pub i64);

impl Quarter {
    /// Its first moment.
    pub fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(MICROS))
    }
}

impl From<Timestamp> for Quarter {
    /// The quarter that holds `time`.
    fn from(time: Timestamp) -> Quarter {
        Quarter(time.0.div_euclid(MICROS).max(0))
    }
}

/// A calendar day, in the zone of whoever speaks of it: whole days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i64);

impl From<Timestamp> for Day {
    /// The day in UTC.
    fn from(time: Timestamp) -> Day {
        Day(time.day())
    }
}

/// A stretch of time in which a zone keeps its distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first quarter.
    pub from: Quarter,
    /// The first quarter that does not belong to it any more.
    pub until: Quarter,
    /// How many quarters of an hour local time is ahead of UTC; negative west of it.
    pub offset: i64,
}

impl Span {
    /// Whole days in UTC, both ends included.
    pub fn utc(first: Day, last: Day) -> Span {
        let start = |day: i64| Quarter(day.saturating_mul(DAY));
        Span { from: start(first.0), until: start(last.0.saturating_add(1)), offset: 0 }
    }
}
