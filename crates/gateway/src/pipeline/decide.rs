//! Stage 5, decide: signals to a decision. The signals are computed here, from the call, the principal, the route
//! and the findings; what a caller states can only raise them.

use std::sync::Arc;

use flyball_core::{Call, Category, Decision, LawfulBasis, Principal, Role, Stage};
use flyball_policy::Signals;

use super::inspect::{Inspected, Located};
use crate::exchange::Exchange;
use crate::snapshot::Route;

/// What decisions on an exchange are based on: the request, who sent it, and what was seen in it. Travels on to
/// the screen, whose rules may read all of it.
#[derive(Debug)]
pub struct Basis {
    /// The request.
    pub call: Call,
    /// Who sent it.
    pub principal: Arc<Principal>,
    /// The route that was asked for.
    pub route: Arc<Route>,
    /// Kinds of personal data in the request, each once.
    kinds: Vec<&'static str>,
    findings: usize,
    length: usize,
}

impl Basis {
    /// A request and what the detectors saw in it; `length` is the size of all inspected texts in bytes.
    pub fn new(
        call: Call,
        principal: Arc<Principal>,
        route: Arc<Route>,
        findings: &[Located],
        length: usize,
    ) -> Self {
        Basis { kinds: kinds(findings), findings: findings.len(), length, call, principal, route }
    }

    /// Everything that is known before the provider is called.
    pub fn signals(&self) -> Signals<'_> {
        let mut signals = request_signals(&self.call, &self.principal, &self.route);
        prompt_signals(&mut signals, &self.kinds, self.findings, self.length);
        signals
    }
}

/// A request on which the policy has spoken.
#[derive(Debug)]
pub struct Decided {
    basis: Basis,
    findings: Vec<Located>,
    decision: Decision,
}

impl Decided {
    pub(super) fn into_parts(self) -> (Basis, Vec<Located>, Decision) {
        (self.basis, self.findings, self.decision)
    }
}

/// Decides on the request.
#[tracing::instrument(level = "debug", name = "decide", skip_all)]
pub(super) fn run(exchange: &mut Exchange, inspected: Inspected) -> Decided {
    let (call, principal, route, findings, length) = inspected.into_parts();
    let basis = Basis::new(call, principal, route, &findings, length);
    let decision = exchange.snapshot.policy.decide(Stage::Prompt, &basis.signals());
    exchange.gateway.metrics.decided(Stage::Prompt, &decision);
    exchange.decision.tighten(decision.clone());
    Decided { basis, findings, decision }
}

/// The kinds of personal data among the findings, each once.
pub(super) fn kinds(findings: &[Located]) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for located in findings {
        if located.finding.category == Category::Pii && !kinds.contains(&located.finding.kind.0) {
            kinds.push(located.finding.kind.0);
        }
    }
    kinds
}

/// Signals that are known of the call before anything is inspected.
pub(super) fn request_signals<'a>(call: &'a Call, principal: &'a Principal, route: &'a Route) -> Signals<'a> {
    let mut signals = Signals::neutral();
    signals
        .request_model(&route.name)
        .request_operation(call.operation.name())
        .request_stream(call.stream)
        .request_lawful_basis(principal.lawful_basis.or(route.lawful_basis).map_or("", LawfulBasis::name))
        .request_has_tools(call.has_tools)
        .request_server_tools(call.server_tools)
        .request_unseen_input(call.unseen_input)
        .request_choices(u64::from(call.choices))
        .request_max_output_tokens(call.max_output_tokens.unwrap_or(0));
    principal_signals(&mut signals, principal);
    signals
}

/// Signals of who is calling.
pub(super) fn principal_signals<'a>(signals: &mut Signals<'a>, principal: &'a Principal) {
    let roles: &'static [&'static str] = match principal.role {
        Role::Operator => &["operator"],
        _ => &["caller"],
    };
    signals.principal_tenant(principal.tenant.as_ref().map_or("", |tenant| tenant.as_str()));
    signals.principal_roles(roles);
}

/// Signals of what came in.
pub(super) fn prompt_signals<'a>(
    signals: &mut Signals<'a>,
    kinds: &'a [&'static str],
    count: usize,
    length: usize,
) {
    signals
        .prompt_contains_pii(!kinds.is_empty())
        .prompt_pii_kinds(kinds)
        .prompt_pii_count(count as u64)
        .prompt_length(length as u64);
}
