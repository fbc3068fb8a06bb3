//! What a caller asks of usage, checked.

use std::str::FromStr;

use flyball_core::Counting;
use flyball_store::usage::OTHER_USERS;
use flyball_store::{Dimension, UsageFilter, UsageQuery};
use serde::Deserialize;
use utoipa::IntoParams;

use super::calendar::{End, Zone};
use crate::refusal::{Kind, Refusal};

/// Days that one question may span: a leap year and a month.
const MOST_DAYS: i64 = 397;

/// The query of `GET /v1/usage`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageParameters {
    /// First day in the zone as YYYY-MM-DD, or a time as RFC 3339 writes it, at a full quarter of an hour.
    /// Default: thirty days, `to` included.
    from: Option<String>,
    /// Last day, included; or a time, not included. Default: today.
    to: Option<String>,
    /// The IANA name of the time zone in which days and hours are meant. Default: UTC.
    zone: Option<String>,
    /// What to tell apart, joined by commas: day, hour, key, user, model, provider, operation, tag, counting; for
    /// the operator also tenant. An exchange with several tags is in the row of each, so that rows by tag do not
    /// add up to the whole. Default: model.
    by: Option<String>,
    /// Only this tenant. For the operator.
    pub(super) tenant: Option<String>,
    /// Only the key with this id.
    key: Option<String>,
    /// Only the end user with this pseudonym, 16 hexadecimal digits as in answers. Empty: exchanges that named none.
    user: Option<String>,
    /// Only this public model name.
    model: Option<String>,
    /// Only this provider. Empty: exchanges that called none.
    provider: Option<String>,
    /// Only this operation: chat or embeddings.
    operation: Option<String>,
    /// Only exchanges with this tag.
    tag: Option<String>,
    /// Only exchanges whose tokens became known so: reported, counted, estimated or nothing.
    counting: Option<String>,
    /// `json` or `csv`. Default: as the `accept` header says.
    pub(super) format: Option<String>,
}

/// A question that can be answered.
pub(super) struct Asked {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) zone: Zone,
    pub(super) query: UsageQuery,
}

impl UsageParameters {
    /// The question, for somebody to whom it is `now`.
    pub(super) fn asked(&self, operator: bool, now: flyball_core::Timestamp) -> Result<Asked, Refusal> {
        let zone = Zone::find(self.zone.as_deref().unwrap_or("UTC"))?;
        let end =
            |text: &Option<String>, field| text.as_deref().map(|text| End::parse(text, field)).transpose();
        let to = end(&self.to, "to")?.unwrap_or_else(|| End::Day(zone.day(now)));
        let from = end(&self.from, "from")?.unwrap_or_else(|| to.thirty_days_before());
        let (first, past) = (from.first(&zone), to.past(&zone));
        let backwards = match (from, to) {
            (End::Day(from), End::Day(to)) => from > to,
            _ => first > past,
        };
        if backwards {
            return Err(invalid("from", "lies after 'to'"));
        }
        if past.0 - first.0 > MOST_DAYS * 96 {
            return Err(invalid("from", &format!("lies more than {MOST_DAYS} days before 'to'")));
        }
        let by = dimensions(self.by.as_deref().unwrap_or("model"), operator)?;
        let query = UsageQuery { spans: zone.spans(first, past), only: self.filter()?, by };
        Ok(Asked { from, to, zone, query })
    }

    fn filter(&self) -> Result<UsageFilter, Refusal> {
        let key = self.key.as_deref().map(|text| {
            flyball_core::KeyId::from_str(text).map_err(|_| invalid("key", "must be the id of a key"))
        });
        let end_user = self.user.as_deref().map(|text| {
            end_user(text).ok_or_else(|| invalid("user", "must be a pseudonym of 16 hexadecimal digits"))
        });
        let counting = self.counting.as_deref().map(|text| {
            let found = Counting::ALL.into_iter().find(|counting| counting.name() == text);
            found.ok_or_else(|| invalid("counting", "must be reported, counted, estimated or nothing"))
        });
        Ok(UsageFilter {
            key: key.transpose()?,
            end_user: end_user.transpose()?,
            model: self.model.clone(),
            provider: self.provider.clone(),
            operation: self.operation.clone(),
            tag: self.tag.clone(),
            counting: counting.transpose()?,
        })
    }
}

/// Writes a pseudonym: nothing for nobody, `*` for the many that are counted together.
pub(super) fn end_user_text(end_user: u64) -> String {
    match end_user {
        0 => String::new(),
        OTHER_USERS => "*".to_owned(),
        pseudonym => format!("{pseudonym:016x}"),
    }
}

/// Reads what [`end_user_text`] writes.
fn end_user(text: &str) -> Option<u64> {
    match text {
        "" => Some(0),
        "*" => Some(OTHER_USERS),
        digits if digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()
        }
        _ => None,
    }
}

fn dimensions(names: &str, operator: bool) -> Result<Vec<Dimension>, Refusal> {
    let dimension = |name: &str| match name {
        "day" => Some(Dimension::Day),
        "hour" => Some(Dimension::Hour),
        "key" => Some(Dimension::Key),
        "user" => Some(Dimension::EndUser),
        "model" => Some(Dimension::Model),
        "provider" => Some(Dimension::Provider),
        "operation" => Some(Dimension::Operation),
        "tag" => Some(Dimension::Tag),
        "counting" => Some(Dimension::Counting),
        "tenant" if operator => Some(Dimension::Tenant),
        _ => None,
    };
    let unknown = || {
        invalid(
            "by",
            "takes day, hour, key, user, model, provider, operation, tag and counting, joined by commas",
        )
    };
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| dimension(name).ok_or_else(unknown)).collect()
}

/// A refusal of the parameter `field`.
pub(super) fn invalid(field: &'static str, what: &str) -> Refusal {
    Refusal::new(Kind::InvalidField, format!("'{field}' {what}.")).at(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudonyms_are_read_as_they_are_written() {
        for pseudonym in [0, 1, 0xfedc_ba98_7654_3210, OTHER_USERS] {
            assert_eq!(end_user(&end_user_text(pseudonym)), Some(pseudonym));
        }
        for bad in ["1", "+000000000000001", "00000000000000001", "anna"] {
            assert_eq!(end_user(bad), None, "{bad}");
        }
    }
}
