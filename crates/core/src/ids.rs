//! Identifiers. All are UUID version 7 (RFC 9562 section 5.7), made from the injected clock, so that they sort
//! by creation time and tests can foretell their order. Names that people choose (tenants) have a checked form.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;

/// The unit of isolation. A short name chosen by the operator: 1 to 64 of `a-z`, `0-9`, `-`, starting with a
/// letter or digit. Everything stored belongs to exactly one tenant or to the operator.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

/// Why a tenant name was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a tenant name is 1 to 64 of a-z, 0-9 and '-', starting with a letter or digit")]
pub struct BadTenantName;

impl TenantId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = BadTenantName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = name.as_bytes();
        let well_formed = bytes.len() <= 64
            && bytes.first().is_some_and(|&b| plain(b))
            && bytes.iter().all(|&b| plain(b) || b == b'-');
        if well_formed { Ok(TenantId(name.into())) } else { Err(BadTenantName) }
    }
}

impl TryFrom<String> for TenantId {
    type Error = BadTenantName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> String {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id at the clock's present time.
            pub fn new(clock: &dyn Clock) -> Self {
                $name(clock.uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map($name)
            }
        }
    };
}

uuid_id! {
    /// One authenticated request to a model and its answer.
    ExchangeId
}
uuid_id! {
    /// An API key's public id. Safe to log; the secret is another value.
    KeyId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_names_are_checked() {
        for good in ["demo", "a", "0-x", "acme-eu-1"] {
            assert!(good.parse::<TenantId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "Demo", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<TenantId>(), Err(BadTenantName), "{bad}");
        }
    }
}
