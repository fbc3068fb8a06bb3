//! Stage 4, inspect: detectors over every text that came in. Tells what is there; decides nothing.

use std::sync::Arc;

use flyball_core::{Call, Finding, Principal};
use flyball_guard::Scanner;

use super::authenticate::Authenticated;
use crate::exchange::Exchange;
use crate::snapshot::Route;

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
pub(super) fn run(exchange: &mut Exchange, authenticated: Authenticated) -> Inspected {
    let (call, principal, route) = authenticated.into_parts();
    let mut findings = Vec::new();
    let mut length = 0;
    let scanner = &exchange.snapshot.scanner;
    for (index, text) in call.texts.iter().enumerate() {
        let Some(text) = call.document.value(text.node).text() else { continue };
        length += text.len();
        scan(scanner, index, &text, &mut findings);
    }
    exchange.prompt_findings = u32::try_from(findings.len()).unwrap_or(u32::MAX);
    Inspected { call, principal, route, findings, length }
}

/// Adds what the detectors see in one text.
pub(super) fn scan(scanner: &Scanner, index: usize, text: &str, findings: &mut Vec<Located>) {
    let mut found = Vec::new();
    scanner.scan(text, &mut found);
    findings.extend(found.into_iter().map(|finding| Located { text: index, finding }));
}
