//! Whole answers: read within bounds, counted, inspected, judged, rewritten in place. What no detector can read passes
//! as it came, if the policy lets it.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use flyball_core::json::{Document, Editor, Limits, quote};
use flyball_core::{AnswerTreatment, Decision, Disposition, Finding, Stage, Treatment};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use tokio::time::{Instant, timeout_at};

use super::super::decide::{Basis, kinds};
use super::super::dispatch::failed;
use super::super::inspect::{Located, scan};
use super::super::prepare::{blocked, mask_text};
use super::{Reply, Way, sources, summary, verbatim};
use crate::exchange::Exchange;
use crate::protocols::{Answer, AnswerText, Content, Protocol, governed_speed, passthrough};
use crate::providers::Inbound;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;

/// Bounds on a provider's answer. Wider than on requests: vectors and log probabilities are long.
pub const ANSWER_LIMITS: Limits = Limits { depth: 128, nodes: 4_000_000 };

/// Reads and judges an answer.
pub(super) async fn run(
    exchange: &mut Exchange,
    basis: Basis,
    inbound: Inbound,
    deadline: Instant,
    way: Option<Way>,
) -> Result<Reply, Refusal> {
    let limit = exchange.snapshot.config.limits.answer.get();
    let content_type = inbound.headers.get(CONTENT_TYPE).cloned();
    let status = inbound.status;
    let bytes = timeout_at(deadline, read(inbound, limit)).await.map_err(|_elapsed| {
        Refusal::new(Kind::ProviderTimeout, "The provider's answer did not end in time.")
    })??;
    let invalid =
        || Refusal::new(Kind::ProviderInvalidAnswer, "The provider's answer is not what its protocol says.");
    let content = match exchange.protocol {
        Protocol::Passthrough => {
            passed_content(exchange, content_type.as_ref(), &bytes).ok_or_else(invalid)?
        }
        protocol => protocol.content(content_type.as_ref().and_then(|value| value.to_str().ok())),
    };
    let json = match content {
        Content::Json => bytes.clone(),
        Content::Text => quote(std::str::from_utf8(&bytes).map_err(|error| invalid().because(error))?).into(),
        Content::Media => Bytes::from_static(b"null"),
    };
    let document = Document::parse(json, ANSWER_LIMITS).map_err(|error| invalid().because(error))?;
    let document = match way {
        None => document,
        Some(way) => translated(&document, &way).ok_or_else(invalid)?,
    };
    let protocol = exchange.protocol;
    let answer = match content {
        Content::Media => Answer::default(),
        _ => protocol.read_answer(&document).ok_or_else(invalid)?,
    };
    match answer.usage {
        Some(usage) => exchange.reported(usage),
        None => exchange.count(protocol.count_answer(&document)),
    }
    let verdict = judge(&exchange.snapshot, &basis, &document, &answer.texts);
    exchange.output_findings = verdict.findings.iter().map(|located| located.finding.kind).collect();
    exchange.gateway.metrics.decided(Stage::Output, &verdict.decision);
    exchange.decision.tighten(verdict.decision.clone());
    if verdict.decision.disposition == Disposition::Block {
        return Err(blocked(Kind::PolicyBlockedOutput, &verdict.decision));
    }
    let body = verdict.apply(protocol, &exchange.snapshot, &document, &answer.texts);
    if protocol == Protocol::Passthrough {
        let body = match content {
            Content::Media => bytes,
            Content::Json => body,
            Content::Text => unquoted(body).ok_or_else(invalid)?,
        };
        return Ok(Reply::Passed(status, content_type, body));
    }
    match (content, content_type) {
        (Content::Media, Some(content_type)) => return Ok(Reply::Other(content_type, bytes)),
        (Content::Text, Some(content_type)) => {
            return Ok(Reply::Other(content_type, unquoted(body).ok_or_else(invalid)?));
        }
        _ if protocol != Protocol::Completion => return Ok(Reply::Plain(body)),
        _ => {}
    }
    let document = if body.as_ptr() == document.source().as_ptr() {
        document
    } else {
        Document::parse(body, ANSWER_LIMITS).map_err(|error| invalid().because(error))?
    };
    governed_speed::encode_completion(&document).map(Reply::Plain).ok_or_else(invalid)
}

/// The text of a document that is nothing but a string.
fn unquoted(body: Bytes) -> Option<Bytes> {
    let document = Document::parse(body, ANSWER_LIMITS).ok()?;
    Some(document.root().text()?.into_owned().into())
}

/// What an answer is made of that is passed on; none when it may not be. What reads as text is read as text, whatever it
/// calls itself.
fn passed_content(exchange: &Exchange, content_type: Option<&HeaderValue>, bytes: &Bytes) -> Option<Content> {
    if bytes.is_empty() {
        return Some(Content::Media);
    }
    if passthrough::is_json(content_type) {
        return Some(Content::Json);
    }
    let content = if std::str::from_utf8(bytes).is_ok() { Content::Text } else { Content::Media };
    exchange.passes_media.then_some(content)
}

/// Counts an answer that is not released, as far as it can be read.
pub(super) async fn count(exchange: &mut Exchange, inbound: Inbound, deadline: Instant, way: Option<Way>) {
    let limit = exchange.snapshot.config.limits.answer.get();
    let Ok(Ok(bytes)) = timeout_at(deadline, read(inbound, limit)).await else { return };
    let Ok(document) = Document::parse(bytes, ANSWER_LIMITS) else { return };
    let document = match way {
        None => document,
        Some(way) => match translated(&document, &way) {
            Some(document) => document,
            None => return,
        },
    };
    let protocol = exchange.protocol;
    match protocol.read_answer(&document).and_then(|answer| answer.usage) {
        Some(usage) => exchange.reported(usage),
        None => exchange.count(protocol.count_answer(&document)),
    }
}

/// The answer in the caller's dialect; none when it is no answer.
fn translated(document: &Document, way: &Way) -> Option<Document> {
    let body = flyball_translation::answer(way.from, document, way.to, &way.envelope)?;
    Document::parse(body, ANSWER_LIMITS).ok()
}

async fn read(mut inbound: Inbound, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(
            Kind::ProviderInvalidAnswer,
            format!("The provider's answer is larger than {limit} bytes."),
        )
    };
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(data) = inbound.body.data().await {
        let data = data.map_err(failed)?;
        if first.len() + rest.as_ref().map_or(0, BytesMut::len) + data.len() > limit {
            return Err(too_large());
        }
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&data),
            // The usual answer comes in one piece and is not copied.
            None if first.is_empty() => first = data,
            None => {
                let mut joined = BytesMut::with_capacity(2 * (first.len() + data.len()));
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                first = Bytes::new();
                rest = Some(joined);
            }
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

/// What detectors and policy say of an answer.
struct Verdict {
    findings: Vec<Located>,
    decision: Decision,
    /// Empty when no rule asks how much is copied.
    sources: verbatim::Sources,
}

fn judge(snapshot: &Snapshot, basis: &Basis, document: &Document, texts: &[AnswerText]) -> Verdict {
    let mut findings = Vec::new();
    let mut length = 0;
    for (index, text) in texts.iter().enumerate() {
        if let Some(content) = document.value(text.text.node).text() {
            scan(&snapshot.scanner, index, text.text.role, &content, &mut findings);
            if text.content {
                length += content.len();
            }
        }
    }
    let seen = kinds(&findings);
    let mut signals = basis.signals();
    signals
        .output_contains_pii(!seen.is_empty())
        .output_pii_kinds(&seen)
        .output_pii_count(findings.len() as u64)
        .output_length(length as u64);
    let sources =
        if snapshot.measures_verbatim() { sources(snapshot, basis) } else { verbatim::Sources::none() };
    if snapshot.measures_verbatim() {
        let contents = texts.iter().filter(|text| text.content);
        let ratios =
            contents.filter_map(|text| document.value(text.text.node).text().map(|t| sources.ratio(&t)));
        signals.output_verbatim_ratio(ratios.fold(0.0, f64::max));
    }
    let decision = snapshot.policy.decide(Stage::Output, &signals);
    Verdict { findings, decision, sources }
}

impl Verdict {
    /// The answer as the decision leaves it.
    fn apply(
        &self,
        protocol: Protocol,
        snapshot: &Snapshot,
        document: &Document,
        texts: &[AnswerText],
    ) -> Bytes {
        let mut editor = Editor::new(document);
        let mut rewritten: BTreeSet<u32> = BTreeSet::new();
        for (index, text) in texts.iter().enumerate() {
            let value = document.value(text.text.node);
            if self.decision.answer == AnswerTreatment::Summarize && text.content {
                let Some(content) = value.text() else { continue };
                let content = flyball_mask::redact(&content, &self.masked_findings(index)).into_owned();
                let short =
                    summary::extract(&content, snapshot.config.summarize.sentences as usize, &self.sources);
                editor.replace(value, quote(&short));
                rewritten.insert(text.choice);
                continue;
            }
            let masked = self.masked_findings(index);
            if !masked.is_empty() {
                mask_text(&mut editor, value, text.text, &masked);
                rewritten.insert(text.choice);
            }
        }
        if !rewritten.is_empty() {
            protocol.forget(&mut editor, document, Some(&rewritten));
        }
        editor.finish()
    }

    /// The findings of one text that are masked.
    fn masked_findings(&self, index: usize) -> Vec<Finding> {
        // They are in the order of the texts.
        let first = self.findings.partition_point(|located| located.text < index);
        let here = self.findings.iter().skip(first).take_while(|located| located.text == index);
        here.map(|located| &located.finding)
            .filter(|f| self.decision.treatment(f.kind, f.category) == Treatment::Mask)
            .cloned()
            .collect()
    }
}
