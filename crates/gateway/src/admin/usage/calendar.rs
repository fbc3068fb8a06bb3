//! Days and hours of time zones: from what people write to the stretches of time that the store sums. The zones are
//! those of the IANA database that is compiled in, whatever the machine has.

use std::sync::LazyLock;

use flyball_core::Timestamp;
use flyball_store::{Day, Quarter, Span};
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::refusal::{Kind, Refusal};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const EPOCH: Date = jiff::civil::date(1970, 1, 1);
/// Quarters of an hour in a day of UTC.
const DAY: i64 = 96;
const SECONDS: i64 = 900;

/// A time zone.
pub(super) struct Zone(TimeZone);

impl Zone {
    /// The zone that IANA calls `name`.
    pub(super) fn find(name: &str) -> Result<Zone, Refusal> {
        let zone = ZONES.get(name).map_err(|_| {
            let message = "'zone' must be the name of a time zone as IANA lists it, such as Europe/Berlin.";
            Refusal::new(Kind::InvalidField, message).at("zone")
        })?;
        Ok(Zone(zone))
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The day that it is there at `time`.
    pub(super) fn day(&self, time: Timestamp) -> Day {
        let local = self.0.to_datetime(moment(Quarter::from(time)));
        day(local.date())
    }

    /// When `day` begins there: midnight, or where clocks skip it the moment after. Days beyond all calendars never do.
    fn start(&self, day: Day) -> Quarter {
        let midnight = date(day).at(0, 0, 0, 0);
        let start = self.0.to_timestamp(midnight).unwrap_or(jiff::Timestamp::MAX);
        Quarter(start.as_second().div_euclid(SECONDS).max(0))
    }

    /// How many quarters of an hour it is ahead of UTC at `quarter`.
    fn offset(&self, quarter: Quarter) -> i64 {
        i64::from(self.0.to_offset(moment(quarter)).seconds()).div_euclid(SECONDS)
    }

    /// The stretches of equal offset between two moments.
    pub(super) fn spans(&self, from: Quarter, until: Quarter) -> Vec<Span> {
        let changes = self
            .0
            .following(moment(from))
            .map(|change| Quarter(change.timestamp().as_second().div_euclid(SECONDS)))
            .take_while(|change| *change < until);
        let mut spans = vec![Span { from, until, offset: self.offset(from) }];
        for change in changes {
            let offset = self.offset(change);
            match spans.last_mut() {
                // Not every change is one of the offset: abbreviations change too.
                Some(last) if last.offset != offset => last.until = change,
                _ => continue,
            }
            spans.push(Span { from: change, until, offset });
        }
        spans
    }

    /// The local time at which `quarter` begins, as RFC 3339 writes it.
    pub(super) fn time(&self, quarter: Quarter) -> String {
        let local = moment(quarter).to_zoned_datetime(self.0.clone());
        local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

/// One end of the time that somebody asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The whole day.
    Day(Day),
    /// A moment.
    Moment(Quarter),
}

impl End {
    /// Reads a date or a time.
    pub(super) fn parse(text: &str, field: &'static str) -> Result<End, Refusal> {
        let invalid =
            |what: &str| Refusal::new(Kind::InvalidField, format!("'{field}' must be {what}.")).at(field);
        let wrong = || {
            invalid(
                "a date as YYYY-MM-DD, or a time as RFC 3339 writes it with '+' as %2B, such as \
                 2026-11-24T12:00:00Z",
            )
        };
        let end = if text.contains(['T', 't', ' ']) {
            let seconds = text.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
            if seconds.as_microsecond() % (SECONDS * 1_000_000) != 0 {
                return Err(invalid("a full quarter of an hour: usage is not counted more finely"));
            }
            End::Moment(Quarter(seconds.as_second().div_euclid(SECONDS)))
        } else {
            End::Day(day(text.parse().map_err(|_| wrong())?))
        };
        let (End::Day(Day(number)) | End::Moment(Quarter(number))) = end;
        if number < 0 { Err(invalid("in 1970 or later")) } else { Ok(end) }
    }

    /// As the beginning of a stretch.
    pub(super) fn first(self, zone: &Zone) -> Quarter {
        match self {
            End::Day(day) => zone.start(day),
            End::Moment(quarter) => quarter,
        }
    }

    /// As the end of a stretch, the first quarter that does not belong to it: a day does.
    pub(super) fn past(self, zone: &Zone) -> Quarter {
        match self {
            End::Day(Day(day)) => zone.start(Day(day + 1)),
            End::Moment(quarter) => quarter,
        }
    }

    /// The beginning of thirty days that end here.
    pub(super) fn thirty_days_before(self) -> End {
        match self {
            End::Day(Day(day)) => End::Day(Day((day - 29).max(0))),
            End::Moment(Quarter(quarter)) => End::Moment(Quarter((quarter - 30 * DAY).max(0))),
        }
    }

    /// As it was written, in the zone.
    pub(super) fn text(self, zone: &Zone) -> String {
        match self {
            End::Day(day) => date_text(day),
            End::Moment(quarter) => zone.time(quarter),
        }
    }
}

/// `day` as YYYY-MM-DD.
pub(super) fn date_text(day: Day) -> String {
    date(day).to_string()
}

fn date(day: Day) -> Date {
    let span = jiff::Span::new().try_days(day.0);
    span.and_then(|days| EPOCH.checked_add(days)).unwrap_or(Date::MAX)
}

fn day(date: Date) -> Day {
    Day(date.since(EPOCH).map_or(0, |span| i64::from(span.get_days())))
}

/// The beginning of `quarter`; the end of all time for one beyond it.
fn moment(quarter: Quarter) -> jiff::Timestamp {
    jiff::Timestamp::from_second(quarter.0.saturating_mul(SECONDS)).unwrap_or(jiff::Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(zone: &str, text: &str) -> Vec<Span> {
        let zone = Zone::find(zone).unwrap();
        let end = End::parse(text, "from").unwrap();
        zone.spans(end.first(&zone), end.past(&zone))
    }

    #[test]
    fn days_and_dates_are_each_others_reverse() {
        let utc = Zone::find("UTC").unwrap();
        for text in ["1970-01-01", "2000-02-29", "2026-11-24"] {
            assert_eq!(End::parse(text, "from").unwrap().text(&utc), text);
        }
        for bad in
            ["24.11.2026", "2026-02-30", "1969-12-31", "now", "2026-11-24T12:00", "2026-11-24T12:01:00Z"]
        {
            let refusal = End::parse(bad, "to").unwrap_err();
            assert_eq!((refusal.kind, refusal.field.as_deref()), (Kind::InvalidField, Some("to")), "{bad}");
        }
    }

    #[test]
    fn days_on_which_clocks_change_have_23_and_25_hours() {
        for (zone, day, quarters, offsets) in [
            ("UTC", "2026-03-29", 96, vec![0]),
            ("Europe/Berlin", "2026-03-28", 96, vec![4]),
            ("Europe/Berlin", "2026-03-29", 92, vec![4, 8]),
            ("Europe/Berlin", "2026-10-25", 100, vec![8, 4]),
            ("America/New_York", "2026-11-01", 100, vec![-16, -20]),
            ("Asia/Kathmandu", "2026-11-01", 96, vec![23]),
            // Half an hour, at two in the morning.
            ("Australia/Lord_Howe", "2026-10-04", 94, vec![42, 44]),
            // Clocks went forward at midnight: the day began at one.
            ("America/Sao_Paulo", "2018-11-04", 92, vec![-8]),
            // A day that never was.
            ("Pacific/Apia", "2011-12-30", 0, vec![56]),
        ] {
            let spans = days(zone, day);
            let length: i64 = spans.iter().map(|span| span.until.0 - span.from.0).sum();
            assert_eq!(length, quarters, "{zone} {day}: {spans:?}");
            assert_eq!(spans.iter().map(|span| span.offset).collect::<Vec<_>>(), offsets, "{zone} {day}");
            assert!(spans.windows(2).all(|pair| pair[0].until == pair[1].from), "{zone} {day}: {spans:?}");
        }
    }

    #[test]
    fn hours_are_written_with_their_offset() {
        let zone = Zone::find("Europe/Berlin").unwrap();
        let at = |text: &str| End::parse(text, "from").unwrap().text(&zone);
        assert_eq!(at("2026-10-25T00:00:00Z"), "2026-10-25T02:00:00+02:00");
        assert_eq!(at("2026-10-25T01:00:00Z"), "2026-10-25T02:00:00+01:00");
        assert_eq!(at("2026-10-25T02:15:00+01:00"), "2026-10-25T02:15:00+01:00");
    }

    #[test]
    fn only_names_of_zones_are_zones() {
        assert_eq!(Zone::find("europe/berlin").unwrap().name(), "Europe/Berlin");
        for bad in ["", "Mars/Olympus", "../../etc/passwd", "+01:00", "Europe/Berlin "] {
            assert!(Zone::find(bad).is_err(), "{bad}");
        }
    }
}
