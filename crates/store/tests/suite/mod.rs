//! The behaviour that every database must show, through the public surface only. Each function is one test; it
//! gets a backend that nothing else uses.

pub(crate) mod counting;
pub(crate) mod keys;
pub(crate) mod policies;
pub(crate) mod tenants;
pub(crate) mod usage;

use std::sync::Arc;
use std::time::Duration;

use flyball_core::{Clock, Counting, KeyId, ManualClock, Money, Outcome, TenantId, Timestamp};
use flyball_store::{
    Batch, Day, Dimension, Fingerprint, NewKey, RollUp, Settled, Span, Store, UsageFilter, UsageQuery,
    UsageTotals, Writer,
};
use tokio::task::JoinSet;

/// A database of its own, which can be opened again after it was closed.
pub(crate) trait Backend {
    /// An empty one.
    fn fresh() -> Self;

    /// Opens it.
    fn open(&self, clock: Arc<dyn Clock>) -> impl Future<Output = (Store, Writer)>;
}

/// 2026-11-24T12:00:00Z
pub(crate) const NOON: Timestamp = Timestamp(1_795_521_600_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// An open store with its writer running and a clock that the test moves.
pub(crate) struct Running {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) writer: JoinSet<()>,
}

impl Running {
    pub(crate) async fn start(backend: &impl Backend) -> Running {
        let clock = Arc::new(ManualClock::at(NOON));
        let (store, writer) = backend.open(clock.clone()).await;
        let mut tasks = JoinSet::new();
        tasks.spawn(writer.run());
        Running { store, clock, writer: tasks }
    }

    /// A running store with these tenants.
    pub(crate) async fn with_tenants(backend: &impl Backend, names: &[&str]) -> Running {
        let running = Running::start(backend).await;
        for name in names {
            running.store.operator().tenants().create(&tenant(name)).await.unwrap();
        }
        running
    }

    /// Closes the store and waits for the writer's end.
    pub(crate) async fn stop(mut self) {
        self.store.close().await.unwrap();
        while let Some(ended) = self.writer.join_next().await {
            ended.unwrap();
        }
    }
}

pub(crate) fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

/// A key whose fingerprint is `seed` thirty-two times.
pub(crate) fn new_key(name: &str, seed: u8) -> NewKey {
    NewKey {
        name: name.to_owned(),
        fingerprint: Fingerprint([seed; 32]),
        models: vec!["*".to_owned()],
        lawful_basis: None,
        expires_at: None,
    }
}

/// An answered chat of `acme` with ten tokens in, five out, for 7 millionths.
pub(crate) fn settled(key: KeyId) -> Settled {
    Settled {
        tenant: tenant("acme"),
        key,
        end_user: 0,
        model: "demo".to_owned(),
        provider: "demo".to_owned(),
        operation: "chat".to_owned(),
        tags: vec![],
        counting: Counting::Reported,
        at: NOON,
        input_tokens: 10,
        cached_input_tokens: 4,
        output_tokens: 5,
        cost: Some(Money(7)),
        outcome: Outcome::Answered,
    }
}

/// The sums of `count` such chats.
pub(crate) fn sums(count: u64) -> UsageTotals {
    UsageTotals {
        exchanges: count,
        answered: count,
        input_tokens: count * 10,
        cached_input_tokens: count * 4,
        output_tokens: count * 5,
        cost: Money(7 * count.cast_signed()),
        reported: count,
        ..UsageTotals::default()
    }
}

/// Settlements as a batch that begins at `from`, one place in the journal for each.
pub(crate) fn batch(from: u64, settlements: impl IntoIterator<Item = Settled>) -> Batch {
    let mut roll_up = RollUp::new(from);
    let mut to = from;
    for settled in settlements {
        roll_up.add(settled);
        to += 1;
    }
    roll_up.until(to, to)
}

/// Counts settlements from where the counting stands.
pub(crate) async fn count(store: &Store, settlements: impl IntoIterator<Item = Settled>) {
    let operator = store.operator();
    let from = operator.usage().cursor().await.unwrap().counted;
    operator.usage().apply(batch(from, settlements)).await.unwrap();
}

/// A question about the UTC day of [`NOON`].
pub(crate) fn today(by: &[Dimension]) -> UsageQuery {
    let day = Day::from(NOON);
    UsageQuery { spans: vec![Span::utc(day, day)], only: UsageFilter::default(), by: by.to_vec() }
}
