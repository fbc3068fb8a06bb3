//! Records as a gateway makes them, of the usual size: about 310 bytes for an intent, about 280 for a settlement. For
//! the bench and the examples.

use flyball_journal::{Count, Counting, Intent, Outcome, Reservation, Settlement, Subject, Usage, Verdict};

/// When the first exchange begins, in microseconds since 1970.
const BEGIN: u64 = 1_790_000_000_000_000;

/// Ids are random in their last bytes: an odd constant spreads the numbers (Knuth, The Art of Computer Programming,
/// volume 3, section 6.4).
fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn exchange(number: u64) -> Vec<u8> {
    [(BEGIN + number).to_be_bytes(), spread(number).to_be_bytes()].concat()
}

fn subject(number: u64) -> Subject {
    Subject {
        tenant: "research".to_owned(),
        key: vec![0x5a; 16],
        principal: spread(7),
        end_user: spread(number % 1000),
        session: spread(number % 5000),
        tags: vec!["batch".to_owned(), "nightly".to_owned()],
        operation: "chat".to_owned(),
        stream: true,
        route: "assistant-large".to_owned(),
        provider: "frankfurt".to_owned(),
        model: "large-2026-09".to_owned(),
        began: BEGIN + number,
    }
}

fn verdict() -> Verdict {
    Verdict {
        action: "mask".to_owned(),
        rules: vec!["mask-personal-data".to_owned()],
        findings: vec![Count { kind: "email".to_owned(), count: 2 }],
        failed_open: Vec::new(),
    }
}

/// The intent of an exchange.
pub(crate) fn intent(number: u64) -> Intent {
    Intent {
        exchange: exchange(number),
        time: BEGIN + number + 40,
        attempt: 1,
        subject: Some(subject(number)),
        verdict: Some(verdict()),
        policy: vec![0xa5; 32],
        snapshot: 12,
        salt: vec![0x11; 16],
        input_hash: vec![0x22; 32],
        reservation: Some(Reservation { input: 812, output: 4096, cost: Some(64_321) }),
    }
}

/// The settlement of an exchange.
pub(crate) fn settlement(number: u64) -> Settlement {
    Settlement {
        exchange: exchange(number),
        time: BEGIN + number + 900_000,
        subject: Some(subject(number)),
        verdict: Some(verdict()),
        outcome: Outcome::Answered.into(),
        usage: Some(Usage {
            input: 640,
            cached_input: 512,
            output: 731,
            counting: Counting::Reported.into(),
        }),
        cost: Some(12_345),
        attempts: 1,
        first_byte: Some(180_000),
        total: 899_960,
        output_hash: vec![0x33; 32],
        ..Settlement::default()
    }
}
