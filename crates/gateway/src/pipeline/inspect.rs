//! Stage 4, inspect: detectors over every text that came in. Tells what is there; decides nothing.

use std::borrow::Cow;
use std::sync::Arc;

use flyball_core::json::{NodeKind, Value};
use flyball_core::{Call, Finding, Principal, TextRole};
use flyball_guard::Scanner;

use super::authenticate::Authenticated;
use crate::exchange::Exchange;
use crate::snapshot::Route;

mod unescaped;

pub use unescaped::Unescaped;

/// A finding and the text that it is in.
#[derive(Clone, Debug)]
pub struct Located {
    /// Index into the texts that were inspected.
    pub text: usize,
    /// What was seen, with its place in that text.
    pub finding: Finding,
}

/// A request whose texts were inspected.
#[derive(Debug)]
pub struct Inspected {
    call: Call,
    principal: Arc<Principal>,
    route: Arc<Route>,
    findings: Vec<Located>,
    length: usize,
}

impl Inspected {
    pub(super) fn into_parts(self) -> (Call, Arc<Principal>, Arc<Route>, Vec<Located>, usize) {
        (self.call, self.principal, self.route, self.findings, self.length)
    }
}

/// Inspects the request.
#[tracing::instrument(level = "debug", name = "inspect", skip_all)]
pub(super) fn run(exchange: &mut Exchange, authenticated: Authenticated) -> Inspected {
    let (call, principal, route) = authenticated.into_parts();
    let mut findings = Vec::new();
    let mut length = 0;
    let scanner = &exchange.snapshot.scanner;
    for (index, text) in call.texts.iter().enumerate() {
        let Some(content) = words(call.document.value(text.node)) else { continue };
        length += content.len();
        scan(scanner, index, text.role, &content, &mut findings);
    }
    exchange.prompt_findings = findings.iter().map(|located| located.finding.kind).collect();
    Inspected { call, principal, route, findings, length }
}

/// What detectors read of a text: the words of a string, or the JSON that a tool is given.
pub(crate) fn words(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        NodeKind::Object | NodeKind::Array => Some(Cow::Borrowed(value.raw())),
        _ => value.text(),
    }
}

/// Adds what the detectors see in one text.
pub(super) fn scan(scanner: &Scanner, index: usize, role: TextRole, text: &str, findings: &mut Vec<Located>) {
    let mut found = Vec::new();
    if role == TextRole::ToolArguments && text.contains('\\') {
        let (mut unescaped, mut read) = (Unescaped::default(), String::with_capacity(text.len()));
        unescaped.push(text, &mut read);
        read.push_str(unescaped.partial());
        scanner.scan(&read, &mut found);
        for finding in &mut found {
            finding.span = unescaped.range(&finding.span);
        }
    } else {
        scanner.scan(text, &mut found);
    }
    findings.extend(found.into_iter().map(|finding| Located { text: index, finding }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_do_not_hide_what_a_tool_is_given() {
        let text = r#"{"to":"\u006de@ex\u0061mple.org","card":"4111\u00201111\u00201111\u00201111\n"}"#;
        let mut located = Vec::new();
        scan(&Scanner::standard(), 0, TextRole::ToolArguments, text, &mut located);
        let findings: Vec<Finding> = located.into_iter().map(|located| located.finding).collect();
        let mut masked = text.to_owned();
        for (range, tag) in flyball_mask::json_parts(text, &findings).into_iter().rev() {
            masked.replace_range(range, &tag);
        }
        assert_eq!(masked, r#"{"to":"<email>","card":"<payment_card>\n"}"#);
    }
}
