//! Usage as comma separated values (RFC 4180): a header, one line for each row, lines end in CR LF. The columns are
//! those of the JSON answer and the currency.

use flyball_store::{Dimension, UsageQuery};

use super::Usage;

/// The answer's media type, with both parameters that RFC 4180 knows.
pub(super) const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// The columns that say what a row is about, in the order of [`Row`](super::Row)'s fields.
const GROUPS: [(&str, Dimension); 10] = [
    ("tenant", Dimension::Tenant),
    ("day", Dimension::Day),
    ("hour", Dimension::Hour),
    ("key", Dimension::Key),
    ("user", Dimension::EndUser),
    ("model", Dimension::Model),
    ("provider", Dimension::Provider),
    ("operation", Dimension::Operation),
    ("tag", Dimension::Tag),
    ("counting", Dimension::Counting),
];

/// The answer to `query` as text.
pub(super) fn text(usage: &Usage, query: &UsageQuery) -> String {
    let asked = |dimension: &Dimension| query.by.contains(dimension);
    let mut columns: Vec<&str> =
        GROUPS.iter().filter(|(_, dimension)| asked(dimension)).map(|(name, _)| *name).collect();
    columns.extend([
        "exchanges",
        "answered",
        "blocked",
        "failed",
        "abandoned",
        "interrupted",
        "reported",
        "counted",
        "estimated",
        "input_tokens",
        "cached_input_tokens",
        "output_tokens",
        "cost",
        "currency",
        "unpriced",
    ]);
    let mut text = columns.join(",");
    text.push_str("\r\n");
    for row in &usage.rows {
        let groups = [
            &row.tenant,
            &row.day,
            &row.hour,
            &row.key,
            &row.user,
            &row.model,
            &row.provider,
            &row.operation,
            &row.tag,
            &row.counting,
        ];
        let named = groups.into_iter().flatten().map(|name| field(name));
        let counts = [
            row.exchanges,
            row.answered,
            row.blocked,
            row.failed,
            row.abandoned,
            row.interrupted,
            row.reported,
            row.counted,
            row.estimated,
            row.input_tokens,
            row.cached_input_tokens,
            row.output_tokens,
        ];
        let counted = counts.iter().map(u64::to_string);
        let paid = [row.cost.clone(), field(&usage.currency), row.unpriced.to_string()];
        let fields: Vec<String> = named.chain(counted).chain(paid).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A text as a field. Spreadsheets compute what begins with one of a few characters, and callers choose tags: such a
/// text gets an apostrophe in front, which spreadsheets take for "this is text".
fn field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    if guard.is_empty() && !text.contains(['"', ',', '\r', '\n']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// Whether an `accept` header (RFC 9110, section 12.5.1) would rather have this than JSON. Wildcards are content
/// with JSON.
pub(super) fn is_wanted(accept: &str) -> bool {
    let weight = |wanted: &str| {
        let mut weight = 0.0_f32;
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted)) {
                continue;
            }
            let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            weight = weight.max(q.map_or(1.0, |q| q.parse().unwrap_or(0.0)));
        }
        weight
    };
    weight("text/csv") > weight("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_would_be_read_otherwise() {
        for (text, expected) in [
            ("gpt-5", "gpt-5"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("@sum", "\"'@sum\""),
            ("-2", "\"'-2\""),
            ("+\"2", "\"'+\"\"2\""),
            ("\t=1", "\"'\t=1\""),
        ] {
            assert_eq!(field(text), expected, "{text:?}");
        }
    }

    #[test]
    fn csv_is_sent_to_whoever_prefers_it() {
        for (accept, wanted) in [
            ("text/csv", true),
            ("Text/CSV; q=0.5, */*", true),
            ("*/*", false),
            ("", false),
            ("application/json, text/csv", false),
            ("application/json;q=0.8, text/csv;q=0.9", true),
            ("text/csv;q=0", false),
            ("text/csv;q=no", false),
        ] {
            assert_eq!(is_wanted(accept), wanted, "{accept}");
        }
    }
}
