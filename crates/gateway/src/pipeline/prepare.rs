//! Stage 6, prepare: applies the decision and the route to the request. Blocks, masks, safe mode; model name,
//! defaults, caps, renames. The result is the exact body that leaves us, spliced from the bytes that came.

use std::sync::Arc;

use bytes::Bytes;
use flyball_core::json::{Editor, NodeKind, Value, quote};
use flyball_core::{Call, Disposition, Operation, Text, TextRole, Treatment};
use flyball_core::{Decision, Finding};

use super::decide::{Basis, Decided};
use super::inspect::Located;
use crate::config::SafeMode;
use crate::exchange::Exchange;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Route;

/// A request that is ready to leave.
#[derive(Debug)]
pub struct Prepared {
    basis: Basis,
    target: Arc<Route>,
    body: Bytes,
}

impl Prepared {
    pub(super) fn into_parts(self) -> (Basis, Arc<Route>, Bytes) {
        (self.basis, self.target, self.body)
    }
}

/// Applies decision and route.
pub(super) fn run(exchange: &mut Exchange, decided: Decided) -> Result<Prepared, Refusal> {
    let (basis, findings, decision) = decided.into_parts();
    if decision.disposition == Disposition::Block {
        return Err(blocked(Kind::PolicyBlockedPrompt, &decision));
    }
    let snapshot = Arc::clone(&exchange.snapshot);
    let call = &basis.call;
    let mut target = Arc::clone(&basis.route);
    let mut editor = Editor::new(&call.document);
    mask(&mut editor, call, &findings, &decision);
    let safe_mode = decision.disposition == Disposition::SafeMode;
    if safe_mode {
        let settings = &snapshot.config.safe_mode;
        if let Some(other) = settings.model.as_deref().and_then(|model| snapshot.route(model)) {
            target = other;
            exchange.route = Some(Arc::clone(&target));
        }
        if call.operation == Operation::Chat {
            harden(&mut editor, call, settings);
        }
    }
    let cap = safe_mode.then_some(snapshot.config.safe_mode.max_output_tokens);
    exchange.dropped = route_parameters(&mut editor, call, &target, cap);
    let body = editor.finish();
    Ok(Prepared { basis, target, body })
}

/// The refusal for a decision to block.
pub(super) fn blocked(kind: Kind, decision: &Decision) -> Refusal {
    let what = if kind == Kind::PolicyBlockedPrompt { "request" } else { "answer" };
    let reasons: Vec<&str> = decision
        .reasons
        .iter()
        .filter(|reason| reason.action == flyball_core::Action::Block)
        .map(|reason| reason.description.trim_end_matches('.'))
        .collect();
    let mut refusal =
        Refusal::new(kind, format!("The policy does not allow this {what}: {}.", reasons.join("; ")));
    refusal.rules = decision.reasons.iter().map(|reason| Arc::clone(&reason.rule)).collect();
    refusal
}

/// Replaces the findings that the decision masks.
fn mask(editor: &mut Editor<'_>, call: &Call, findings: &[Located], decision: &Decision) {
    let mut rest = findings;
    while let Some(first) = rest.first() {
        let index = first.text;
        let count = rest.iter().take_while(|located| located.text == index).count();
        let (here, after) = rest.split_at(count);
        rest = after;
        let masked: Vec<Finding> = here
            .iter()
            .map(|located| &located.finding)
            .filter(|finding| decision.treatment(finding.kind, finding.category) == Treatment::Mask)
            .cloned()
            .collect();
        if let Some(text) = call.texts.get(index) {
            mask_text(editor, call.document.value(text.node), *text, &masked);
        }
    }
}

/// Replaces findings in one string.
pub(super) fn mask_text(editor: &mut Editor<'_>, value: Value<'_>, text: Text, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let parts = match (text.role, value.text()) {
        (TextRole::ToolArguments, Some(content)) => flyball_mask::json_parts(&content, findings),
        _ => flyball_mask::parts(findings),
    };
    editor.rewrite_text(value, parts.iter().map(|(range, tag)| (range.clone(), tag.as_str())));
}

/// Takes tools away, lowers cap and temperature, adds the hardening instruction.
fn harden(editor: &mut Editor<'_>, call: &Call, settings: &SafeMode) {
    let root = call.document.root();
    for key in ["tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "web_search_options"]
    {
        editor.remove(root, key);
    }
    let temperature = root.get("temperature").and_then(Value::float).unwrap_or(f64::INFINITY);
    if temperature > settings.temperature {
        editor.set(root, "temperature", &settings.temperature.to_string());
    }
    let Some(messages) = root.get("messages") else { return };
    // Many chat templates take one system message only, at the beginning: add to it where there is one.
    let system = messages.items().next().filter(|first| {
        first.get("role").is_some_and(|role| role.is_text("system") || role.is_text("developer"))
    });
    match system.and_then(|first| first.get("content")).filter(|content| content.kind() == NodeKind::String) {
        Some(content) => editor.append_text(content, &format!("\n\n{}", settings.instruction)),
        None => {
            let message = format!(r#"{{"role":"system","content":{}}}"#, quote(&settings.instruction));
            editor.prepend_item(messages, &message);
        }
    }
}

/// Applies the route: concrete model, defaults, caps, renames, dropped parameters, usage in streams. Returns what
/// was dropped.
fn route_parameters(
    editor: &mut Editor<'_>,
    call: &Call,
    route: &Route,
    safe_cap: Option<u64>,
) -> Vec<String> {
    let root = call.document.root();
    editor.set(root, "model", &quote(&route.model));
    let dropped = |key: &str| route.drop_params.iter().any(|dropped| dropped == key);
    let removed = route.drop_params.iter().filter(|key| editor.remove(root, key)).cloned().collect();
    for (key, value) in &route.defaults {
        if root.get(key).is_none() && !dropped(key) {
            editor.set(root, key, &value.to_string());
        }
    }
    if call.operation == Operation::Chat {
        let cap = [route.max_output_tokens, safe_cap].into_iter().flatten().min();
        if let Some(cap) = cap {
            cap_output(editor, call, route, cap);
        }
        if call.stream && !call.stream_usage && !dropped("stream_options") {
            match root.get("stream_options") {
                Some(options) => editor.set(options, "include_usage", "true"),
                None => editor.set(root, "stream_options", r#"{"include_usage":true}"#),
            }
        }
    }
    for (from, to) in &route.rename {
        if !dropped(from) && root.get(to).is_none() {
            editor.rename(root, from, to);
        }
    }
    removed
}

/// Holds the caller's output cap to `cap`, and sets one where there is none.
fn cap_output(editor: &mut Editor<'_>, call: &Call, route: &Route, cap: u64) {
    let root = call.document.root();
    let mut stated = false;
    for key in ["max_completion_tokens", "max_tokens"] {
        if let Some(value) = root.get(key).and_then(Value::unsigned) {
            stated = true;
            if value > cap {
                editor.set(root, key, &cap.to_string());
            }
        }
    }
    if !stated {
        // A renamed parameter is added under the name that the provider knows.
        let key = route.rename.iter().find(|(from, _)| from == "max_tokens").map_or("max_tokens", |(_, to)| to);
        editor.set(root, key, &cap.to_string());
    }
}
