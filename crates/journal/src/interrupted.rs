//! What is settled for an exchange whose end nobody saw.

use crate::record::{Counting, Intent, Outcome, Settlement, Usage, Verdict};

/// The settlement of an exchange that the process died on: what was reserved stands for what was used. `attempts` is
/// how often a provider was called, `now` the time in microseconds since 1970.
#[must_use]
pub fn interrupted(intent: &Intent, attempts: u32, now: u64) -> Settlement {
    let reservation = intent.reservation;
    let began = intent.subject.as_ref().map_or(now, |subject| subject.began);
    Settlement {
        exchange: intent.exchange.clone(),
        time: now,
        subject: intent.subject.clone(),
        // The findings of the request stand in the intent; of an answer nothing is known.
        verdict: intent.verdict.clone().map(|verdict| Verdict { findings: Vec::new(), ..verdict }),
        outcome: Outcome::Interrupted.into(),
        usage: Some(Usage {
            input: reservation.map_or(0, |held| held.input),
            cached_input: 0,
            output: reservation.map_or(0, |held| held.output),
            counting: Counting::Estimated.into(),
        }),
        cost: reservation.and_then(|held| held.cost),
        attempts,
        total: now.saturating_sub(began),
        ..Settlement::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Count, Reservation, Subject};

    #[test]
    fn an_interrupted_exchange_is_settled_at_its_reservation_and_marked_as_estimated() {
        let intent = Intent {
            exchange: vec![3; 16],
            subject: Some(Subject { tenant: "demo".into(), began: 70, ..Subject::default() }),
            verdict: Some(Verdict {
                action: "mask".into(),
                findings: vec![Count { kind: "email".into(), count: 2 }],
                ..Verdict::default()
            }),
            reservation: Some(Reservation { input: 11, output: 22, cost: Some(33) }),
            ..Intent::default()
        };
        let settlement = interrupted(&intent, 2, 100);
        let usage = settlement.usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.counting()), (11, 22, Counting::Estimated));
        assert_eq!((settlement.cost, settlement.attempts, settlement.total), (Some(33), 2, 30));
        assert_eq!(settlement.outcome(), Outcome::Interrupted);
        assert_eq!(settlement.subject, intent.subject);
        let verdict = settlement.verdict.unwrap();
        assert_eq!((verdict.action.as_str(), verdict.findings.len()), ("mask", 0));
    }
}
