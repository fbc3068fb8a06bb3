//! Stage 6, prepare: applies the decision and the route to the request. Blocks, masks, safe mode; model name,
//! defaults, caps, renames (`parameters`). The result is the exact body that leaves us: spliced from the bytes that
//! came where the provider speaks the caller's dialect, translated from these where it does not.

use std::sync::Arc;

use bytes::Bytes;
use flyball_core::json::{Document, Editor, Value};
use flyball_core::{Call, Disposition, Operation, Text, TextRole, Treatment};
use flyball_core::{Decision, Finding};
use flyball_translation::{Dialect, Untranslatable, Wanted};
use http::HeaderValue;
use parameters::Part;

use super::decide::{Basis, Decided};
use super::dispatch::is_word;
use super::inspect::Located;
use super::screen::Reply;
use super::settle;
use crate::exchange::{Exchange, Outcome};
use crate::protocols::passthrough::{self, address::Address};
use crate::protocols::{OWN_LIMITS, count_request};
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Route;

mod beyond;
mod names;
mod parameters;
mod written;

/// Output tokens of one answer where neither caller nor route sets a cap and the provider's dialect must have one.
const DEFAULT_OUTPUT: u64 = 4096;

/// A request that is ready to leave.
#[derive(Debug)]
pub struct Prepared {
    /// What the decision is based on.
    pub(super) basis: Basis,
    /// Where it goes.
    pub(super) target: Arc<Route>,
    /// The body.
    pub(super) body: Bytes,
    /// What the body is; none: JSON.
    pub(super) content_type: Option<HeaderValue>,
    /// Where it goes, if the caller says so.
    pub(super) address: Option<Address>,
    /// The same in the caller's dialect.
    pub(super) spoken: Bytes,
    /// The dialect of the body; none where it is no conversation.
    pub(super) dialect: Option<Dialect>,
    /// What the answer repeats of the request, where it is translated.
    pub(super) echo: String,
    /// The cap on output tokens that the body carries.
    pub(super) output_bound: Option<u64>,
}

impl Prepared {
    /// Whether it asks for the number of its tokens, of a provider that does not tell.
    pub(super) fn is_counted_here(&self) -> bool {
        self.basis.call.operation == Operation::CountTokens && !self.target.provider.counts_tokens()
    }

    /// Tells the number of its tokens as we count them.
    pub(super) async fn count(self, exchange: &mut Exchange) -> Result<Reply, Refusal> {
        let tokens = count_request(exchange.protocol, self.spoken);
        exchange.outcome = Outcome::Answered;
        settle::local(exchange).await?;
        Ok(Reply::Plain(Bytes::from(format!(r#"{{"input_tokens":{tokens}}}"#))))
    }
}

/// Applies decision and route.
#[tracing::instrument(level = "debug", name = "prepare", skip_all)]
pub(super) fn run(exchange: &mut Exchange, decided: Decided) -> Result<Prepared, Refusal> {
    let (basis, findings, decision) = decided.into_parts();
    if decision.disposition == Disposition::Block {
        return Err(blocked(Kind::PolicyBlockedPrompt, &decision));
    }
    let snapshot = Arc::clone(&exchange.snapshot);
    let call = &basis.call;
    let mut target = Arc::clone(&basis.route);
    let mut editor = Editor::new(&call.document);
    if let Err(refusal) = mask(&mut editor, call, &findings, &decision) {
        exchange.decision.tighten(Decision { disposition: Disposition::Block, ..Decision::default() });
        return Err(refusal);
    }
    let safe_mode = (decision.disposition == Disposition::SafeMode).then_some(&snapshot.config.safe_mode);
    if call.operation == Operation::Passthrough && safe_mode.is_some() {
        let message = "The policy asks for safe mode, which a passthrough cannot keep.";
        let mut refusal = Refusal::new(Kind::PolicyBlockedPrompt, message);
        refusal.rules = decision.reasons.iter().map(|reason| Arc::clone(&reason.rule)).collect();
        return Err(refusal);
    }
    if let Some(settings) = safe_mode {
        let other = settings.model.as_deref().and_then(|model| snapshot.route(model));
        if let Some(other) = other.filter(|route| route.operations.contains(&call.operation)) {
            target = other;
            exchange.route = Some(Arc::clone(&target));
        }
        if call.operation == Operation::Chat {
            parameters::instruct(&mut editor, call, exchange.protocol.dialect(), &settings.instruction);
        }
    }
    let spoken = exchange.protocol.dialect();
    let dialect = target.provider.dialect(exchange.protocol);
    let root = call.document.root();
    if let Some(spoken) = spoken {
        stay_within(call, spoken, &target)?;
    }
    if call.operation == Operation::Passthrough && !target.stored_state {
        passthrough::stay_within(&call.document)?;
    }
    if dialect == spoken {
        let mut output_bound = call.max_output_tokens;
        // Of what is passed on, no parameters are known.
        if call.operation != Operation::Passthrough {
            exchange.dropped =
                parameters::apply(&mut editor, root, call, spoken, &target, safe_mode, Part::All);
            output_bound = parameters::output_bound(call, spoken, &target, safe_mode);
        }
        if dialect == Some(Dialect::Responses) && !target.stored_state {
            // The provider's own default is to keep every answer.
            editor.set(root, "store", "false");
            if root.get("store").and_then(Value::boolean) == Some(true) {
                exchange.dropped.push("store".to_owned());
            }
        }
        let spoken = editor.finish();
        let written = written::write(exchange, &spoken)?;
        return Ok(Prepared {
            spoken,
            basis,
            target,
            body: written.body,
            content_type: written.content_type,
            address: written.address,
            dialect,
            echo: String::new(),
            output_bound,
        });
    }
    let (Some(from), Some(to)) = (spoken, dialect) else {
        let message = format!("The provider of this model does not offer {}.", call.operation.name());
        return Err(Refusal::new(Kind::UnsupportedOperation, message).at("model"));
    };
    exchange.dropped = parameters::apply(&mut editor, root, call, spoken, &target, safe_mode, Part::Limits);
    let edited = if editor.is_empty() { None } else { Some(reread(editor.finish())?) };
    let document = edited.as_ref().unwrap_or(&call.document);
    let wanted = Wanted {
        model: &target.model,
        max_output_tokens: target.max_output_tokens.unwrap_or(DEFAULT_OUTPUT),
    };
    let translated = flyball_translation::request(from, document, to, wanted).map_err(untranslatable)?;
    exchange.dropped.extend(translated.dropped);
    let mut body = translated.body;
    if !(target.defaults.is_empty() && target.rename.is_empty() && target.drop_params.is_empty()) {
        let document = reread(body)?;
        let mut editor = Editor::new(&document);
        parameters::apply(&mut editor, document.root(), call, dialect, &target, safe_mode, Part::Own);
        body = editor.finish();
    }
    Ok(Prepared {
        spoken: document.source().clone(),
        basis,
        target,
        body,
        content_type: None,
        address: None,
        dialect,
        echo: translated.echo,
        output_bound: translated.max_output_tokens,
    })
}

/// Refuses what reaches beyond the request, unless the route drops it or, of what the provider keeps, allows it.
fn stay_within(call: &Call, dialect: Dialect, target: &Route) -> Result<(), Refusal> {
    let root = call.document.root();
    let dropped = |field: &str| target.drop_params.iter().any(|key| key == field);
    if let Some(field) = beyond::other_models(root).filter(|field| !dropped(field)) {
        let message = format!("'{field}' names other models than the one that was asked for.");
        return Err(Refusal::new(Kind::InvalidField, message).at(field));
    }
    // Only what no detector can read, or what a provider runs, can name what the provider keeps.
    if target.stored_state || !(call.unseen_input || call.server_tools) {
        return Ok(());
    }
    match beyond::stored_state(root, dialect).filter(|field| !dropped(field)) {
        None => Ok(()),
        Some(field) => {
            let message = format!("'{field}' names what the provider keeps of other calls.");
            Err(Refusal::new(Kind::StoredState, message).at(field))
        }
    }
}

/// Reads a body of our own making.
fn reread(body: Bytes) -> Result<Document, Refusal> {
    Document::parse(body, OWN_LIMITS)
        .map_err(|error| Refusal::new(Kind::Internal, "The request could not be rebuilt.").because(error))
}

/// Names the field, if it has a name that a protocol would give: what else stands there a person may have written.
fn untranslatable(error: Untranslatable) -> Refusal {
    let named = is_word(&error.field);
    let field = if named { error.field.as_str() } else { "A field of the request's own" };
    let refusal = Refusal::new(Kind::Untranslatable, format!("{field} {}.", error.reason));
    if named { refusal.at(error.field) } else { refusal }
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
///
/// # Errors
/// When one of them lies in a text that may not be altered: it must not leave, and cannot be taken out.
fn mask(
    editor: &mut Editor<'_>,
    call: &Call,
    findings: &[Located],
    decision: &Decision,
) -> Result<(), Refusal> {
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
            if text.role == TextRole::Signed && !masked.is_empty() {
                return Err(signed(decision));
            }
            mask_text(editor, call.document.value(text.node), *text, &masked);
        }
    }
    Ok(())
}

/// The refusal for what would have to be masked where nothing may be changed.
fn signed(decision: &Decision) -> Refusal {
    let message = "Signed reasoning in this request holds what the policy masks, and cannot be altered: \
                   leave that reasoning out.";
    let mut refusal = Refusal::new(Kind::PolicyBlockedPrompt, message);
    refusal.rules = decision.reasons.iter().map(|reason| Arc::clone(&reason.rule)).collect();
    refusal
}

/// Replaces findings in one string. One that is signed stays as it is.
pub(super) fn mask_text(editor: &mut Editor<'_>, value: Value<'_>, text: Text, findings: &[Finding]) {
    if findings.is_empty() || text.role == TextRole::Signed {
        return;
    }
    let parts = match (text.role, value.text()) {
        (TextRole::ToolArguments, Some(content)) => flyball_mask::json_parts(&content, findings),
        _ => flyball_mask::parts(findings),
    };
    editor.rewrite_text(value, parts.iter().map(|(range, tag)| (range.clone(), tag.as_str())));
}

#[cfg(test)]
mod tests {
    use flyball_core::json::{Document, Limits};
    use flyball_core::{Category, decision::MaskScope};
    use flyball_guard::Scanner;

    use super::super::inspect::scan;
    use super::*;
    use crate::protocols::anthropic;

    /// What leaves of a conversation in which the model's reasoning reads so.
    fn sent(signature: &str, reasoning: &str, decision: &Decision) -> Result<String, Refusal> {
        let text = format!(
            r#"{{"model":"m","messages":[{{"role":"assistant","content":[{{"type":"thinking","thinking":"{reasoning}","signature":"{signature}"}}]}},{{"role":"user","content":"bob@example.org"}}]}}"#
        );
        let document = Document::parse(Bytes::from(text), Limits::default()).unwrap();
        let call = anthropic::request::decode(document, Operation::Chat).unwrap();
        let mut findings = Vec::new();
        for (index, text) in call.texts.iter().enumerate() {
            let content = call.document.value(text.node).text().unwrap();
            scan(&Scanner::standard(), index, text.role, &content, &mut findings);
        }
        let mut editor = Editor::new(&call.document);
        mask(&mut editor, &call, &findings, decision)?;
        Ok(String::from_utf8(editor.finish().to_vec()).unwrap())
    }

    #[test]
    fn signed_reasoning_is_let_out_as_it_is_or_not_at_all() {
        let masking = Decision { masks: vec![MaskScope::Category(Category::Pii)], ..Decision::default() };
        let clean = sent("c2ln", "They ask.", &masking).unwrap();
        assert!(clean.contains("They ask.") && clean.contains("c2ln") && !clean.contains("bob@"), "{clean}");
        let refusal = sent("c2ln", "Write to ada@example.org.", &masking).unwrap_err();
        assert_eq!(refusal.kind, Kind::PolicyBlockedPrompt);
        assert!(!refusal.message.contains("ada@"));
        let unsigned = sent("", "Write to ada@example.org.", &masking).unwrap();
        assert!(unsigned.contains("Write to <email>."), "{unsigned}");
        assert!(sent("c2ln", "Write to ada@example.org.", &Decision::default()).unwrap().contains("ada@"));
    }
}
