//! What a text must look like, by the `format` that its schema names. The schema says which setting has which
//! format; this table says what the format means.

use std::net::SocketAddr;

use http::{HeaderName, HeaderValue, Uri};

use super::secret::SecretRef;
use super::units::{Period, Size};

/// What is wrong with a text, and what to write instead. Never repeats the text: it may be a secret.
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) remedy: String,
}

/// One format: its name in the schema, how to read it, what to say when it is not met.
struct Format {
    name: &'static str,
    holds: fn(&str) -> bool,
    message: &'static str,
    remedy: &'static str,
}

const FORMATS: &[Format] = &[
    Format {
        name: "period",
        holds: |text| text.parse::<Period>().is_ok(),
        message: "not a duration",
        remedy: "write a whole number and ms, s, m, h or d, as 500ms or 10m",
    },
    Format {
        name: "size",
        holds: |text| text.parse::<Size>().is_ok(),
        message: "not a size",
        remedy: "write a whole number and B, KiB, MiB or GiB, as 32MiB",
    },
    Format {
        name: "secret-reference",
        holds: |text| SecretRef::parse(text).is_ok(),
        message: "a secret must not stand in the configuration",
        remedy: "write env:NAME or file:/path and keep the value there",
    },
    Format {
        name: "path",
        holds: |text| !text.is_empty() && !text.contains('\0'),
        message: "not a path",
        remedy: "write the path of a file or folder",
    },
    Format {
        name: "socket-address",
        holds: |text| text.parse::<SocketAddr>().is_ok(),
        message: "not an address to listen on",
        remedy: "write an IP address and a port, as 127.0.0.1:8080 or [::]:8080",
    },
    Format {
        name: "base-url",
        holds: is_base_url,
        message: "not a base URL",
        remedy: "write http:// or https://, a host and a path, without user, query and fragment",
    },
    Format {
        name: "origin",
        holds: is_origin,
        message: "not an origin",
        remedy: "write scheme, host and port as the browser sends them, as https://app.example, or \"*\"",
    },
    Format {
        name: "header-name",
        holds: |text| HeaderName::try_from(text).is_ok(),
        message: "not a header name",
        remedy: "write letters, digits and hyphens",
    },
    Format {
        name: "header-value",
        holds: |text| HeaderValue::try_from(text).is_ok_and(|value| value.to_str().is_ok()),
        message: "not a header value",
        remedy: "write one line of visible ASCII characters",
    },
    Format {
        name: "path-prefix",
        holds: super::passthrough::is_path_prefix,
        message: "not a path of its own",
        remedy: "write /NAME, or several, in lower case; /v1 and the gateway's other paths are taken",
    },
    Format {
        name: "model-name",
        holds: |text| {
            (1..=256).contains(&text.chars().count())
                && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '*')
        },
        message: "not a model name",
        remedy: "write 1 to 256 visible characters without *",
    },
    Format {
        name: "name",
        holds: |text| {
            text.len() <= 64
                && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        },
        message: "not a name",
        remedy: "write 1 to 64 lower-case letters, digits, - and _, starting with a letter or digit",
    },
    Format {
        name: "currency",
        holds: |text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
        message: "not a currency",
        remedy: "write a code of ISO 4217, as USD",
    },
    Format {
        name: "price-pattern",
        holds: |text| {
            text.split_once('/').is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty())
        },
        message: "not a price pattern",
        remedy: "write provider/model, either with * for any run of characters, as openai/gpt-4o*",
    },
    Format {
        name: "api-version",
        holds: |text| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        },
        message: "not an API version",
        remedy: "write it as Azure does, as 2024-10-21",
    },
    Format {
        name: "parameter",
        holds: |text| (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()),
        message: "not the name of a request parameter",
        remedy: "write 1 to 128 visible ASCII characters",
    },
];

/// Checks `text` against `format`; formats that are not ours hold.
pub(super) fn check(format: &str, text: &str) -> Result<(), Fault> {
    match FORMATS.iter().find(|row| row.name == format) {
        Some(row) if !(row.holds)(text) => Err(row.fault()),
        _ => Ok(()),
    }
}

/// What to say when something other than a text stands where `format` is wanted.
pub(super) fn fault(format: &str) -> Option<Fault> {
    FORMATS.iter().find(|row| row.name == format).map(Format::fault)
}

impl Format {
    fn fault(&self) -> Fault {
        Fault { message: self.message.to_owned(), remedy: self.remedy.to_owned() }
    }
}

/// Whether `text` is below `least` or above `most`, all of the same format.
pub(super) fn outside(format: &str, text: &str, least: Option<&str>, most: Option<&str>) -> bool {
    fn beyond<T: std::str::FromStr + PartialOrd>(
        text: &str,
        least: Option<&str>,
        most: Option<&str>,
    ) -> bool {
        let read = |bound: Option<&str>| bound.and_then(|bound| bound.parse::<T>().ok());
        let Ok(value) = text.parse::<T>() else { return false };
        read(least).is_some_and(|least| value < least) || read(most).is_some_and(|most| value > most)
    }
    match format {
        "period" => beyond::<Period>(text, least, most),
        "size" => beyond::<Size>(text, least, most),
        _ => false,
    }
}

/// Scheme, host and optional port without user information, of a URL without fragment.
fn authority(text: &str) -> Option<(Uri, String)> {
    if text.contains('#') {
        return None;
    }
    let uri: Uri = text.parse().ok()?;
    let scheme_known = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority()?.as_str().to_owned();
    let host = uri.host().unwrap_or_default();
    let port_known = authority == host || uri.port_u16().is_some();
    (scheme_known && port_known && !authority.contains('@') && !host.is_empty()).then_some((uri, authority))
}

fn is_base_url(text: &str) -> bool {
    authority(text).is_some_and(|(uri, _)| uri.query().is_none())
}

fn is_origin(text: &str) -> bool {
    let bare = |(uri, authority): (Uri, String)| {
        let scheme = uri.scheme_str().unwrap_or_default();
        text == format!("{scheme}://{authority}") && text == text.to_ascii_lowercase()
    };
    text == "*" || authority(text).is_some_and(bare)
}
