//! What is shown of exchanges in each of their states, and to whom.

use std::sync::Arc;

use axum::Json;
use flyball_core::{Clock, KeyId, ManualClock, Principal, Role, Timestamp};
use flyball_journal::{
    Count, Counting, Intent, Journal, Options, Outcome, Reservation, Settlement, Start, Subject, Usage,
    Verdict,
};
use serde_json::{Value, json};

use super::{answer, shown};
use crate::refusal::Kind;

fn subject(provider: &str) -> Subject {
    Subject {
        tenant: "acme".to_owned(),
        key: vec![0x11; 16],
        principal: 0xab,
        end_user: 0x7f,
        session: 0,
        tags: vec!["nightly".to_owned()],
        operation: "chat".to_owned(),
        stream: true,
        route: "small".to_owned(),
        provider: provider.to_owned(),
        model: format!("{provider}-model"),
        began: 1_000,
    }
}

fn verdict(action: &str, kind: &str) -> Verdict {
    Verdict {
        action: action.to_owned(),
        rules: vec![format!("{action}-rule")],
        findings: vec![Count { kind: kind.to_owned(), count: 2 }],
        failed_open: vec![],
    }
}

fn intent(attempt: u32, provider: &str) -> Intent {
    Intent {
        exchange: vec![0x22; 16],
        time: 1_000 + u64::from(attempt),
        attempt,
        subject: Some(subject(provider)),
        verdict: Some(verdict("mask", "email")),
        policy: vec![0xaa; 32],
        snapshot: 3,
        salt: vec![0x55; 16],
        input_hash: vec![u8::try_from(attempt).unwrap(); 32],
        reservation: Some(Reservation { input: 100, output: 200, cost: Some(1_500_000) }),
    }
}

fn settlement(provider: &str) -> Settlement {
    Settlement {
        exchange: vec![0x22; 16],
        time: 9_000,
        subject: Some(subject(provider)),
        verdict: Some(verdict("block", "iban")),
        outcome: Outcome::Blocked.into(),
        refusal: "E305".to_owned(),
        usage: Some(Usage { input: 10, cached_input: 4, output: 5, counting: Counting::Counted.into() }),
        cost: Some(7),
        attempts: 2,
        first_byte: Some(40),
        total: 8_000,
        output_hash: vec![0xee; 32],
        ..Settlement::default()
    }
}

fn json_of(intents: &[Intent], settlement: Option<&Settlement>) -> Value {
    serde_json::to_value(shown(intents, settlement).unwrap()).unwrap()
}

#[test]
fn a_settled_exchange_shows_its_attempts_and_its_end() {
    let view = json_of(&[intent(1, "one"), intent(2, "two")], Some(&settlement("two")));
    let attempt = |number: u32, provider: &str| {
        json!({
            "attempt": number, "time": 1_000 + number, "provider": provider,
            "provider_model": format!("{provider}-model"), "input_hash": format!("{number:02x}").repeat(32),
            "reservation": {"input_tokens": 100, "output_tokens": 200, "cost": "1.500000"},
        })
    };
    let expected = json!({
        "id": "22222222-2222-2222-2222-222222222222",
        "state": "settled",
        "tenant": "acme",
        "key": "11111111-1111-1111-1111-111111111111",
        "principal": "00000000000000ab",
        "user": "000000000000007f",
        "tags": ["nightly"],
        "operation": "chat",
        "stream": true,
        "model": "small",
        "provider": "two",
        "provider_model": "two-model",
        "began": 1_000,
        "attempts": [attempt(1, "one"), attempt(2, "two")],
        "policy_hash": "aa".repeat(32),
        "snapshot": 3,
        "decision": {
            "action": "block", "rules": ["block-rule"],
            "input_findings": [{"kind": "email", "count": 2}],
            "output_findings": [{"kind": "iban", "count": 2}],
            "failed_open": [],
        },
        "salt": "55".repeat(16),
        "settlement": {
            "time": 9_000, "outcome": "blocked", "refusal": "E305",
            "input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 5, "counting": "counted",
            "cost": "0.000007", "attempts": 2, "first_byte_micros": 40, "total_micros": 8_000,
            "output_hash": "ee".repeat(32),
        },
    });
    assert_eq!(view, expected);
}

#[test]
fn an_open_exchange_shows_what_was_decided_on_the_request() {
    let view = json_of(&[intent(1, "one")], None);
    assert_eq!((&view["state"], &view["decision"]["action"]), (&json!("open"), &json!("mask")));
    assert_eq!(view["decision"]["output_findings"], json!([]));
    assert_eq!(view.get("settlement"), None);
}

#[test]
fn an_exchange_that_never_left_shows_what_its_settlement_says() {
    let alone = Settlement {
        policy: vec![0xbb; 32],
        snapshot: 4,
        salt: vec![0x66; 16],
        input_hash: vec![0xcc; 32],
        output_hash: vec![],
        usage: None,
        cost: None,
        first_byte: None,
        attempts: 0,
        ..settlement("")
    };
    let view = json_of(&[], Some(&alone));
    assert_eq!((&view["attempts"], &view["snapshot"]), (&json!([]), &json!(4)));
    assert_eq!(view["policy_hash"], "bb".repeat(32));
    assert_eq!((&view["salt"], &view["input_hash"]), (&json!("66".repeat(16)), &json!("cc".repeat(32))));
    assert_eq!(view["decision"]["input_findings"], json!([{"kind": "iban", "count": 2}]));
    assert_eq!(view["decision"]["output_findings"], json!([]));
    let settled = &view["settlement"];
    assert_eq!((&settled["counting"], settled.get("cost")), (&json!("nothing"), None));
    assert_eq!((settled.get("output_hash"), settled.get("first_byte_micros")), (None, None));
}

#[test]
fn records_that_do_not_say_whose_they_are_are_not_shown() {
    assert_eq!(shown(&[], None), None);
    assert_eq!(shown(&[Intent { subject: None, ..intent(1, "one") }], None), None);
}

#[tokio::test]
async fn a_tenant_sees_its_own_exchanges_and_the_operator_all() {
    let principal = |tenant: Option<&str>, role| Principal {
        tenant: tenant.map(|name| name.parse().unwrap()),
        key: KeyId(uuid::Uuid::nil()),
        role,
        models: Arc::default(),
        expires: None,
        lawful_basis: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(1_795_521_600_000_000)));
    let (journal, _) =
        Journal::open(folder.path(), Options::default(), Start::default(), clock.clone()).unwrap();
    let (kept, absent) = (clock.uuid(), clock.uuid());
    let exchange = kept.as_bytes().to_vec();
    let time = clock.now().0.unsigned_abs();
    let intent = Intent { exchange: exchange.clone(), time, ..intent(1, "one") };
    journal.intend(&intent).await.unwrap();
    journal.settle(&Settlement { exchange, time, ..settlement("one") }).unwrap();
    let asked = async |who: &Principal, id: &str| answer(who, id, &journal).await;
    let operator = principal(None, Role::Operator);
    let absent = asked(&operator, &absent.to_string()).await.unwrap_err();
    assert_eq!(absent.kind, Kind::NotFound);
    for (who, visible) in [
        (principal(Some("acme"), Role::Caller), true),
        (principal(Some("acme-2"), Role::Caller), false),
        (principal(None, Role::Caller), false),
        (operator, true),
    ] {
        match asked(&who, &kept.to_string()).await {
            Ok(Json(view)) => {
                assert!(visible, "{who:?}");
                assert_eq!((view.id, view.state, view.attempts.len()), (kept.to_string(), "settled", 1));
            }
            // Nothing tells another tenant's exchange from one that does not exist.
            Err(refusal) => {
                assert!(!visible, "{who:?}");
                assert_eq!(format!("{refusal:?}"), format!("{absent:?}"));
            }
        }
        for strange in ["no id", "22222222-2222-2222-2222-222222222222"] {
            let refusal = asked(&who, strange).await.unwrap_err();
            assert_eq!(format!("{refusal:?}"), format!("{absent:?}"));
        }
    }
    journal.close().await.unwrap();
}
