//! Exchanges as records of the journal: what an intent and a settlement say of one. Ids, names, counts, amounts and
//! salted hashes; never text. When records are written is decided by the stages, how by the journal.

use flyball_core::{Counting, Decision, ExchangeId, Kind, Money, Principal};
use flyball_journal::{Count, Intent, Reservation, Settlement, Subject, Usage, Verdict};
use sha2::{Digest, Sha256};

use crate::exchange::{Exchange, Outcome};
use crate::pseudonyms::Salts;
use crate::refusal::Kind as RefusalKind;
use crate::snapshot::Route;

pub mod told;

/// A SHA-256.
pub type Hash = [u8; 32];

/// Findings, counted by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(Vec<(Kind, u32)>);

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, kind: Kind) {
        match self.0.iter_mut().find(|(counted, _)| *counted == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((kind, 1)),
        }
    }

    /// Whether there is any of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.0.iter().any(|(counted, _)| *counted == kind)
    }

    /// Counts another tally's findings too.
    pub fn add_all(&mut self, other: &Tally) {
        for (kind, count) in &other.0 {
            match self.0.iter_mut().find(|(counted, _)| counted == kind) {
                Some((_, sum)) => *sum = sum.saturating_add(*count),
                None => self.0.push((*kind, *count)),
            }
        }
    }

    /// How many there are of all kinds.
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    fn counts(&self) -> Vec<Count> {
        let count = |&(kind, count): &(Kind, u32)| Count { kind: kind.0.to_owned(), count };
        self.0.iter().map(count).collect()
    }
}

impl FromIterator<Kind> for Tally {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        let mut tally = Tally::default();
        kinds.into_iter().for_each(|kind| tally.add(kind));
        tally
    }
}

/// A hash of content that nobody can test guesses against without the exchange's salt.
#[derive(Clone, Debug)]
pub struct SaltedHash(Sha256);

impl SaltedHash {
    /// The hash of nothing yet.
    pub fn new(salt: &[u8; 16]) -> Self {
        SaltedHash(Sha256::new_with_prefix(salt))
    }

    /// Adds content.
    pub fn update(&mut self, content: &[u8]) {
        self.0.update(content);
    }

    /// The hash of all that was added.
    pub fn finish(self) -> Hash {
        self.0.finalize().into()
    }

    /// The hash of one content.
    pub fn of(salt: &[u8; 16], content: &[u8]) -> Hash {
        let mut hash = SaltedHash::new(salt);
        hash.update(content);
        hash.finish()
    }
}

/// The salt of an exchange.
pub fn salt(salts: &Salts, exchange: ExchangeId) -> [u8; 16] {
    salts.salt(exchange.0.as_bytes())
}

/// What the principal was when it called: a change of any part shows.
fn fingerprint(principal: &Principal) -> u64 {
    let mut hash = Sha256::new();
    hash.update(principal.key.0.as_bytes());
    hash.update(principal.role.name());
    if let Some(tenant) = &principal.tenant {
        hash.update([0]);
        hash.update(tenant.as_str());
    }
    for pattern in principal.models.iter() {
        hash.update([0]);
        hash.update(pattern);
    }
    hash.update(principal.expires.map_or(0, |time| time.0).to_be_bytes());
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// Whose exchange it is, and for what; `target` is the route that is or was called.
fn subject(exchange: &Exchange, principal: &Principal, target: Option<&Route>) -> Subject {
    let route = exchange.route.as_deref();
    Subject {
        tenant: principal.tenant.as_ref().map_or_else(String::new, ToString::to_string),
        key: principal.key.0.as_bytes().to_vec(),
        principal: fingerprint(principal),
        end_user: exchange.end_user,
        session: exchange.session,
        tags: exchange.tags.clone(),
        operation: exchange.operation.map_or_else(String::new, |operation| operation.name().to_owned()),
        stream: exchange.stream,
        route: route.map_or_else(String::new, |route| route.name.as_ref().to_owned()),
        provider: target.map_or_else(String::new, |route| route.provider.name.as_ref().to_owned()),
        model: target.map_or_else(String::new, |route| route.model.clone()),
        began: micros(exchange.time.0),
    }
}

fn verdict(decision: &Decision, findings: &Tally) -> Verdict {
    Verdict {
        action: decision.action().name().to_owned(),
        rules: decision.reasons.iter().map(|reason| reason.rule.as_ref().to_owned()).collect(),
        findings: findings.counts(),
        failed_open: Vec::new(),
    }
}

/// The record of an exchange that is about to leave us.
pub fn intent(exchange: &Exchange, target: &Route, body: &[u8], reservation: Reservation) -> Option<Intent> {
    let principal = exchange.principal.as_deref()?;
    Some(Intent {
        exchange: exchange.id.0.as_bytes().to_vec(),
        time: micros(exchange.gateway.clock.now().0),
        attempt: exchange.attempts + 1,
        subject: Some(subject(exchange, principal, Some(target))),
        verdict: Some(verdict(&exchange.decision, &exchange.prompt_findings)),
        policy: exchange.snapshot.policy_hash.to_vec(),
        snapshot: exchange.snapshot.number,
        salt: exchange.salt.to_vec(),
        input_hash: SaltedHash::of(&exchange.salt, body).to_vec(),
        reservation: Some(reservation),
    })
}

/// The record of how an exchange ended; none when nobody was authenticated.
pub fn settlement(exchange: &Exchange, cost: Option<Money>) -> Option<Settlement> {
    let principal = exchange.principal.as_deref()?;
    principal.tenant.as_ref()?;
    let left_us = exchange.attempts > 0;
    let target = exchange.route.as_deref().filter(|_| left_us);
    let (outcome, refusal) = match exchange.outcome {
        Outcome::Answered => (flyball_core::Outcome::Answered, ""),
        Outcome::Abandoned => (flyball_core::Outcome::Abandoned, ""),
        Outcome::Refused(kind) => {
            let blocked = [RefusalKind::PolicyBlockedPrompt, RefusalKind::PolicyBlockedOutput];
            let outcome = if blocked.contains(&kind) {
                flyball_core::Outcome::Blocked
            } else {
                flyball_core::Outcome::Failed
            };
            (outcome, kind.row().code)
        }
    };
    let mut findings = exchange.output_findings.clone();
    if !left_us {
        findings.add_all(&exchange.prompt_findings);
    }
    // What the intent says is not said twice.
    let only_here = |bytes: &[u8]| if left_us { Vec::new() } else { bytes.to_vec() };
    Some(Settlement {
        exchange: exchange.id.0.as_bytes().to_vec(),
        time: micros(exchange.gateway.clock.now().0),
        subject: Some(subject(exchange, principal, target)),
        verdict: Some(verdict(&exchange.decision, &findings)),
        outcome: flyball_journal::Outcome::from(outcome).into(),
        refusal: refusal.to_owned(),
        usage: Some(usage(exchange)),
        cost: cost.map(|money| money.0),
        attempts: exchange.attempts,
        first_byte: exchange.first_byte_micros,
        total: u64::try_from(exchange.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        output_hash: exchange.output_hash.map_or_else(Vec::new, |hash| hash.to_vec()),
        policy: only_here(&exchange.snapshot.policy_hash),
        snapshot: if left_us { 0 } else { exchange.snapshot.number },
        salt: only_here(&exchange.salt),
        input_hash: match &exchange.received {
            Some(body) if !left_us => SaltedHash::of(&exchange.salt, body).to_vec(),
            _ => Vec::new(),
        },
    })
}

fn usage(exchange: &Exchange) -> Usage {
    let wire = |counting: Counting| flyball_journal::Counting::from(counting).into();
    match exchange.usage {
        None => Usage { counting: wire(Counting::Nothing), ..Usage::default() },
        Some(usage) => Usage {
            input: usage.input,
            cached_input: usage.cached_input,
            output: usage.output,
            counting: wire(usage.how),
        },
    }
}

/// Times before 1970 do not occur.
fn micros(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted_by_kind() {
        let mut tally: Tally = [Kind("email"), Kind("iban"), Kind("email")].into_iter().collect();
        tally.add_all(&[Kind("iban")].into_iter().collect());
        assert_eq!((tally.total(), tally.counts().len()), (4, 2));
    }

    #[test]
    fn equal_content_has_another_hash_under_another_salt() {
        assert_ne!(SaltedHash::of(&[1; 16], b"yes"), SaltedHash::of(&[2; 16], b"yes"));
        let mut pieces = SaltedHash::new(&[1; 16]);
        pieces.update(b"y");
        pieces.update(b"es");
        assert_eq!(pieces.finish(), SaltedHash::of(&[1; 16], b"yes"));
    }
}
