//! Quantities as people write them: `5s`, `32MiB`, `0.15`. Each has one way in and one way out; what a setting
//! allows is stated beside the setting.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use flyball_core::Money;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a quantity. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a whole number followed by a unit of time.
    #[error("not a duration: write a whole number and ms, s, m, h or d, as 500ms or 10m")]
    Period,
    /// Not a whole number followed by a unit of size.
    #[error("not a size: write a whole number and B, KiB, MiB or GiB, as 32MiB")]
    Size,
    /// Negative, not finite, or larger than a million.
    #[error("not a price: write a number from 0 to 1000000")]
    Amount,
}

/// A span of time, written as a whole number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Period(Duration::from_millis(millis))
    }

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Period(Duration::from_secs(seconds))
    }

    /// The same for the standard library.
    pub const fn get(self) -> Duration {
        self.0
    }
}

const TIME_UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// The number before a unit, in the smallest unit.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// `amount` in the largest unit that leaves a whole number.
fn spelled(amount: u64, units: &[(&'static str, u64)]) -> (u64, &'static str) {
    units
        .iter()
        .rev()
        .find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor))
        .map_or((amount, units.first().map_or("", |(name, _)| name)), |(name, factor)| {
            (amount / factor, name)
        })
}

impl FromStr for Period {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        quantity(text, TIME_UNITS).map(Period::from_millis).ok_or(QuantityError::Period)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (number, unit) = spelled(millis, TIME_UNITS);
        write!(f, "{number}{unit}")
    }
}

/// A number of bytes, written as a whole number and `B`, `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Size(bytes)
    }

    /// So many KiB.
    pub const fn from_kib(kib: u64) -> Self {
        Size(kib * 1024)
    }

    /// So many MiB.
    pub const fn from_mib(mib: u64) -> Self {
        Size(mib * 1024 * 1024)
    }

    /// Bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Bytes, for buffers in memory.
    pub fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        quantity(text, SIZE_UNITS).map(Size).ok_or(QuantityError::Size)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = spelled(self.0, SIZE_UNITS);
        write!(f, "{number}{unit}")
    }
}

macro_rules! as_text {
    ($type:ident, $name:literal, $format:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}

as_text!(Period, "Period", "period");
as_text!(Size, "Size", "size");

/// A price in units of the currency, written as a decimal number and kept in micro-units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Money);

impl Amount {
    /// The same in micro-units.
    pub const fn get(self) -> Money {
        self.0
    }
}

impl TryFrom<f64> for Amount {
    type Error = QuantityError;

    fn try_from(units: f64) -> Result<Self, Self::Error> {
        if (0.0..=1_000_000.0).contains(&units) {
            // Below 2^53: every micro-unit in this range has a float of its own.
            Ok(Amount(Money((units * 1_000_000.0).round() as i64)))
        } else {
            Err(QuantityError::Amount)
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.0 as f64 / 1_000_000.0)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1_000_000 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        for (text, millis) in
            [("0s", 0), ("500ms", 500), ("5 s", 5_000), ("10m", 600_000), ("2d", 172_800_000)]
        {
            assert_eq!(text.parse(), Ok(Period::from_millis(millis)), "{text}");
        }
        for (text, bytes) in [("0B", 0), ("64KiB", 65_536), ("32 MiB", 33_554_432), ("1GiB", 1 << 30)] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5s", "5S", "5 sec", "99999999999999999999s", "9999999999999999d"]
        {
            assert_eq!(text.parse::<Period>(), Err(QuantityError::Period), "{text}");
        }
        for text in ["", "5", "MiB", "5MB", "5mib", "99999999999999GiB"] {
            assert_eq!(text.parse::<Size>(), Err(QuantityError::Size), "{text}");
        }
    }

    #[test]
    fn prices_do_not_lose_a_micro_unit() {
        assert_eq!(Amount::try_from(0.15), Ok(Amount(Money(150_000))));
        assert_eq!(Amount::try_from(0.000_001), Ok(Amount(Money(1))));
        for wrong in [-0.1, f64::NAN, f64::INFINITY, 1_000_001.0] {
            assert_eq!(Amount::try_from(wrong), Err(QuantityError::Amount));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(amount in any::<u32>()) {
            let period = Period::from_millis(amount.into());
            prop_assert_eq!(period.to_string().parse(), Ok(period));
            let size = Size(amount.into());
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
}
