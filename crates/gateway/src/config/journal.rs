//! Settings of the journal: how durable it is, how large, how long it is kept. What it records is not a setting.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Period, Size};

/// The record of what leaves the gateway and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// What an answer waits for before its first byte is released.
    pub durability: Durability,
    /// Size of a file of the journal. Takes effect at the next file.
    #[schemars(extend("x-minimum" = "1MiB", "x-maximum" = "4GiB"))]
    pub segment: Size,
    /// How long records are kept at least, space permitting.
    #[schemars(extend("x-minimum" = "1h", "x-maximum" = "3650d"))]
    pub retention: Period,
    /// Size of the journal from which on the oldest files are removed before their time. What is not yet counted, or
    /// belongs to an exchange in hand, is kept whatever the size.
    #[schemars(extend("x-minimum" = "16MiB", "x-maximum" = "16384GiB"))]
    pub max_size: Size,
}

/// What an answer waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// The record of the call is on the disk: it survives a power cut. The wait runs beside the call.
    #[default]
    Power,
    /// The record is with the operating system: it survives the death of the process, not that of the machine.
    Process,
}

impl Default for Journal {
    fn default() -> Self {
        Journal {
            durability: Durability::Power,
            segment: Size::from_mib(64),
            retention: Period::from_secs(30 * 24 * 3600),
            max_size: Size::from_mib(10 * 1024),
        }
    }
}
