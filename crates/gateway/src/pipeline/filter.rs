//! The governed path without a model: inspect, decide and apply to one text, and tell what was said. For gateways
//! and applications that call models themselves.

use std::sync::Arc;

use flyball_core::{
    AnswerTreatment, Decision, Disposition, Finding, LawfulBasis, Principal, Stage, TextRole, Treatment,
};
use flyball_policy::Signals;

use super::decide::{kinds, principal_signals, prompt_signals};
use super::inspect::{Located, scan};
use super::screen::{summary, verbatim};
use crate::gateway::Gateway;
use crate::protocols::governed_speed::{FilterAnswer, FilterFinding, FilterRequest};
use crate::snapshot::Snapshot;

/// Filters a text on its way to a model.
pub fn prompt(gateway: &Gateway, principal: &Principal, request: &FilterRequest) -> FilterAnswer {
    let snapshot = gateway.snapshot();
    let findings = inspect(&snapshot, &request.text);
    let seen = kinds(&findings);
    let mut signals = caller_signals(principal);
    prompt_signals(&mut signals, &seen, findings.len(), request.text.len());
    signals.tighten_prompt_contains_pii(request.stated.contains_pii);
    signals.tighten_jailbreak_score(request.stated.jailbreak_score);
    let decision = snapshot.policy.decide(Stage::Prompt, &signals);
    gateway.metrics.decided(Stage::Prompt, &decision);
    let text = redact(&request.text, &findings, &decision);
    answer(&snapshot, decision, findings, &signals, text)
}

/// Filters a text on its way from a model.
pub fn output(gateway: &Gateway, principal: &Principal, request: &FilterRequest) -> FilterAnswer {
    let snapshot = gateway.snapshot();
    let findings = inspect(&snapshot, &request.text);
    let seen = kinds(&findings);
    let mut sources =
        verbatim::Sources { protected: Arc::clone(&snapshot.protected), ..verbatim::Sources::none() };
    for source in &request.context {
        sources.call.add(source);
    }
    let mut signals = caller_signals(principal);
    signals
        .output_contains_pii(!seen.is_empty())
        .output_pii_kinds(&seen)
        .output_pii_count(findings.len() as u64)
        .output_length(request.text.len() as u64)
        .output_verbatim_ratio(sources.ratio(&request.text));
    signals.tighten_output_contains_pii(request.stated.contains_pii);
    signals.tighten_verbatim_ratio(request.stated.verbatim_ratio);
    let decision = snapshot.policy.decide(Stage::Output, &signals);
    gateway.metrics.decided(Stage::Output, &decision);
    let mut text = redact(&request.text, &findings, &decision);
    if decision.answer == AnswerTreatment::Summarize {
        text = summary::extract(&text, snapshot.config.summarize.sentences as usize, &sources);
    }
    answer(&snapshot, decision, findings, &signals, text)
}

fn inspect(snapshot: &Snapshot, text: &str) -> Vec<Located> {
    let mut findings = Vec::new();
    scan(&snapshot.scanner, 0, TextRole::Other, text, &mut findings);
    findings
}

fn caller_signals(principal: &Principal) -> Signals<'_> {
    let mut signals = Signals::neutral();
    principal_signals(&mut signals, principal);
    signals.request_lawful_basis(principal.lawful_basis.map_or("", LawfulBasis::name));
    signals
}

fn redact(text: &str, findings: &[Located], decision: &Decision) -> String {
    let masked: Vec<Finding> = findings
        .iter()
        .map(|located| &located.finding)
        .filter(|finding| decision.treatment(finding.kind, finding.category) == Treatment::Mask)
        .cloned()
        .collect();
    flyball_mask::redact(text, &masked).into_owned()
}

fn answer(
    snapshot: &Snapshot,
    decision: Decision,
    findings: Vec<Located>,
    signals: &Signals<'_>,
    text: String,
) -> FilterAnswer {
    let allowed = decision.disposition != Disposition::Block;
    let finding = |located: Located| {
        let Finding { kind, category, span, score, detector_version } = located.finding;
        let (start, end) = (span.start, span.end);
        FilterFinding { kind: kind.0, category: category.name(), start, end, score, detector_version }
    };
    FilterAnswer {
        allowed,
        action: decision.action().name(),
        reasons: decision.reasons,
        findings: findings.into_iter().map(finding).collect(),
        signals: serde_json::to_value(signals).unwrap_or_default(),
        policy_hash: snapshot.policy.hash().to_owned(),
        output: allowed.then_some(text),
    }
}
