//! Records as JSON, for people and for whatever reads an export: names instead of numbers, hexadecimal instead of
//! bytes, times as RFC 3339.

use flyball_core::{Counting, Outcome};
use flyball_journal::{Intent, Record, Settlement, Subject, Verdict};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A record as an object. `record` says what it is: `intent` or `settlement`.
pub fn told(record: &Record) -> Value {
    Value::Object(match record {
        Record::Intent(record) => intent(record),
        Record::Settlement(record) => settlement(record),
    })
}

fn intent(record: &Intent) -> Map<String, Value> {
    let mut told = head("intent", &record.exchange, record.time);
    told.insert("attempt".into(), record.attempt.into());
    whose(&mut told, record.subject.as_ref());
    decided(&mut told, record.verdict.as_ref());
    told.insert("policy".into(), policy(&record.policy));
    told.insert("snapshot".into(), record.snapshot.into());
    told.insert("salt".into(), hex(&record.salt).into());
    told.insert("input_hash".into(), hex(&record.input_hash).into());
    let reservation = record.reservation.map(
        |held| json!({ "input_tokens": held.input, "output_tokens": held.output, "cost_micros": held.cost }),
    );
    told.insert("reservation".into(), reservation.into());
    told
}

fn settlement(record: &Settlement) -> Map<String, Value> {
    let mut told = head("settlement", &record.exchange, record.time);
    whose(&mut told, record.subject.as_ref());
    decided(&mut told, record.verdict.as_ref());
    told.insert("outcome".into(), Outcome::from(record.outcome()).name().into());
    told.insert("refusal".into(), record.refusal.clone().into());
    let usage = record.usage.unwrap_or_default();
    told.insert(
        "usage".into(),
        json!({
            "input_tokens": usage.input,
            "cached_input_tokens": usage.cached_input,
            "output_tokens": usage.output,
            "counting": Counting::from(usage.counting()).name(),
        }),
    );
    told.insert("cost_micros".into(), record.cost.into());
    told.insert("attempts".into(), record.attempts.into());
    told.insert("first_byte_us".into(), record.first_byte.into());
    told.insert("total_us".into(), record.total.into());
    told.insert("output_hash".into(), hex(&record.output_hash).into());
    if record.attempts == 0 {
        told.insert("policy".into(), policy(&record.policy));
        told.insert("snapshot".into(), record.snapshot.into());
        told.insert("salt".into(), hex(&record.salt).into());
        told.insert("input_hash".into(), hex(&record.input_hash).into());
    }
    told
}

fn head(what: &str, exchange: &[u8], at: u64) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("record".into(), what.into());
    let id = uuid::Uuid::from_slice(exchange).map_or_else(|_| hex(exchange), |id| id.to_string());
    head.insert("exchange".into(), id.into());
    head.insert("time".into(), time(at).into());
    head
}

fn whose(told: &mut Map<String, Value>, subject: Option<&Subject>) {
    let Some(subject) = subject else { return };
    told.insert("began".into(), time(subject.began).into());
    told.insert("tenant".into(), subject.tenant.clone().into());
    let key = uuid::Uuid::from_slice(&subject.key).map_or_else(|_| hex(&subject.key), |id| id.to_string());
    told.insert("key".into(), key.into());
    told.insert("principal".into(), format!("{:016x}", subject.principal).into());
    told.insert("end_user".into(), pseudonym(subject.end_user));
    told.insert("session".into(), pseudonym(subject.session));
    told.insert("tags".into(), subject.tags.clone().into());
    told.insert("operation".into(), subject.operation.clone().into());
    told.insert("stream".into(), subject.stream.into());
    told.insert("route".into(), subject.route.clone().into());
    told.insert("provider".into(), subject.provider.clone().into());
    told.insert("model".into(), subject.model.clone().into());
}

fn decided(told: &mut Map<String, Value>, verdict: Option<&Verdict>) {
    let Some(verdict) = verdict else { return };
    told.insert("action".into(), verdict.action.clone().into());
    told.insert("rules".into(), verdict.rules.clone().into());
    let findings: Map<String, Value> =
        verdict.findings.iter().map(|count| (count.kind.clone(), count.count.into())).collect();
    told.insert("findings".into(), findings.into());
    told.insert("failed_open".into(), verdict.failed_open.clone().into());
}

fn pseudonym(number: u64) -> Value {
    if number == 0 { Value::Null } else { format!("{number:016x}").into() }
}

fn policy(digest: &[u8]) -> Value {
    if digest.is_empty() { Value::Null } else { format!("sha256:{}", hex(digest)).into() }
}

fn time(micros: u64) -> String {
    let time = i64::try_from(micros).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    time.map_or_else(String::new, |time| time.to_string())
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
