//! Tags in place of values in plain text.

use std::borrow::Cow;
use std::ops::Range;

use flyball_core::{Finding, Kind};

/// What stands for a value of this kind: `<email>`, `<payment_card>` ...
pub fn tag(kind: Kind) -> String {
    format!("<{}>", kind.0)
}

/// What to put where: one part for each finding.
pub fn parts(findings: &[Finding]) -> Vec<(Range<usize>, String)> {
    findings.iter().map(|finding| (finding.span.clone(), tag(finding.kind))).collect()
}

/// The text with tags in place of the findings, which must be ascending and apart. Of two that overlap after all
/// both are removed and each leaves its tag; a span that cuts a character takes all of it.
pub fn redact<'t>(text: &'t str, findings: &[Finding]) -> Cow<'t, str> {
    if findings.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::with_capacity(text.len());
    let mut done = 0;
    for finding in findings {
        let end = text.ceil_char_boundary(finding.span.end);
        if end <= done {
            continue;
        }
        let start = text.floor_char_boundary(finding.span.start).max(done);
        redacted.push_str(text.get(done..start).unwrap_or_default());
        redacted.push_str(&tag(finding.kind));
        done = end;
    }
    redacted.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(redacted)
}
