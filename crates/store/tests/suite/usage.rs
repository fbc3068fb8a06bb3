//! Usage: isolation, exactness, grouping.

use std::collections::BTreeMap;
use std::time::Duration;

use flyball_core::{KeyId, Money, Operation, TenantId};
use flyball_store::usage::{MAX_COST, MAX_ROWS, MAX_TOKENS};
use flyball_store::{Day, Dimension, Outcome, StoreError, UsageQuery, UsageRecord, UsageRow, UsageTotals};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::task::JoinSet;

use super::{Backend, NOON, Running, record, tenant};

const DAY: Duration = Duration::from_secs(86_400);

fn today(by: &[Dimension]) -> UsageQuery {
    UsageQuery { from: Day::from(NOON), to: Day::from(NOON), by: by.to_vec() }
}

pub(crate) async fn a_report_includes_what_was_recorded_before_it<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let usage = running.store.tenant(&tenant("acme"));
    assert_eq!(usage.usage().report(&today(&[])).await.unwrap(), []);
    for count in 1..=20 {
        usage.usage().record(record(KeyId::new(&*running.clock))).unwrap();
        let rows = usage.usage().report(&today(&[])).await.unwrap();
        assert_eq!(rows[0].totals.exchanges, count);
    }
    running.stop().await;
}

pub(crate) async fn a_tenant_sees_only_its_own_usage<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let (acme, zoo) = (running.store.tenant(&tenant("acme")), running.store.tenant(&tenant("zoo")));
    // The same key under both names: only the scope may tell the rows apart.
    let key = KeyId::new(&*running.clock);
    acme.usage().record(record(key)).unwrap();
    zoo.usage().record(UsageRecord { input_tokens: 1000, ..record(key) }).unwrap();
    zoo.usage().record(UsageRecord { model: "secret".into(), ..record(key) }).unwrap();

    let every = [
        Dimension::Tenant,
        Dimension::Day,
        Dimension::Key,
        Dimension::Model,
        Dimension::Provider,
        Dimension::Operation,
    ];
    for by in [&every[..], &every[..1], &every[2..4], &[]] {
        let rows = acme.usage().report(&today(by)).await.unwrap();
        assert_eq!(rows.len(), 1, "{by:?}");
        assert_eq!((rows[0].totals.exchanges, rows[0].totals.input_tokens), (1, 10), "{by:?}");
    }
    let rows = acme.usage().report(&today(&every)).await.unwrap();
    let expected = UsageRow {
        tenant: Some(tenant("acme")),
        day: Some(Day::from(NOON)),
        key: Some(key),
        model: Some("demo".to_owned()),
        provider: Some("demo".to_owned()),
        operation: Some("chat".to_owned()),
        totals: UsageTotals {
            exchanges: 1,
            input_tokens: 10,
            output_tokens: 5,
            cost: Money(7),
            ..UsageTotals::default()
        },
    };
    assert_eq!(rows, [expected]);
    let nobody = running.store.tenant(&tenant("nobody"));
    assert_eq!(nobody.usage().report(&today(&[])).await.unwrap(), []);

    let rows = running.store.operator().usage().report(&today(&[Dimension::Tenant])).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.tenant.clone(), row.totals.input_tokens)).collect();
    assert_eq!(rows, [(Some(tenant("acme")), 10), (Some(tenant("zoo")), 1010)]);
    running.stop().await;
}

pub(crate) async fn sums_are_exact_when_many_record_at_once<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let mut recorders = JoinSet::new();
    for _ in 0..8 {
        let scope = running.store.tenant(&tenant("acme"));
        let key = KeyId::new(&*running.clock);
        recorders.spawn(async move {
            for number in 0..500 {
                scope.usage().record(record(key)).unwrap();
                if number % 50 == 0 {
                    // Flushes run into the middle of the recording.
                    scope.usage().report(&today(&[])).await.unwrap();
                }
            }
        });
    }
    while let Some(ended) = recorders.join_next().await {
        ended.unwrap();
    }
    let scope = running.store.tenant(&tenant("acme"));
    let rows = scope.usage().report(&today(&[])).await.unwrap();
    let expected = UsageTotals {
        exchanges: 4000,
        input_tokens: 40_000,
        output_tokens: 20_000,
        cost: Money(28_000),
        ..UsageTotals::default()
    };
    assert_eq!(rows[0].totals, expected);
    let rows = scope.usage().report(&today(&[Dimension::Key])).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.totals.exchanges).collect::<Vec<_>>(), [500; 8]);
    running.stop().await;
}

pub(crate) async fn closing_flushes_usage<B: Backend>() {
    let backend = B::fresh();
    let first = Running::start(&backend).await;
    let key = KeyId::new(&*first.clock);
    for _ in 0..3 {
        first.store.tenant(&tenant("acme")).usage().record(record(key)).unwrap();
    }
    first.stop().await;

    let second = Running::start(&backend).await;
    let scope = second.store.tenant(&tenant("acme"));
    assert_eq!(scope.usage().report(&today(&[])).await.unwrap()[0].totals.exchanges, 3);
    // What comes after the reopening is added to what was there.
    scope.usage().record(record(key)).unwrap();
    let rows = scope.usage().report(&today(&[Dimension::Key])).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.totals.exchanges).collect::<Vec<_>>(), [4]);
    second.stop().await;
}

pub(crate) async fn recording_after_the_end_is_refused<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    running.stop().await;
    assert!(matches!(scope.usage().record(record(key)), Err(StoreError::Closed)));
}

pub(crate) async fn days_are_those_of_the_record_and_both_ends_count<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    for days in 0..4 {
        scope.usage().record(UsageRecord { at: NOON.after(DAY * days), ..record(key) }).unwrap();
    }
    let first = Day::from(NOON);
    let query = UsageQuery { from: Day(first.0 + 1), to: Day(first.0 + 2), by: vec![Dimension::Day] };
    let rows = scope.usage().report(&query).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.day).collect::<Vec<_>>(),
        [Some(Day(first.0 + 1)), Some(Day(first.0 + 2))]
    );
    let backwards = UsageQuery { from: query.to, to: query.from, by: vec![] };
    assert_eq!(scope.usage().report(&backwards).await.unwrap(), []);
    running.stop().await;
}

pub(crate) async fn outcomes_are_counted_apart<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    for outcome in [Outcome::Answered, Outcome::Blocked, Outcome::Blocked, Outcome::Failed] {
        scope.usage().record(UsageRecord { outcome, ..record(key) }).unwrap();
    }
    let totals = scope.usage().report(&today(&[])).await.unwrap()[0].totals;
    assert_eq!((totals.exchanges, totals.blocked, totals.failed), (4, 2, 1));
    running.stop().await;
}

pub(crate) async fn absurd_amounts_are_capped<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    let absurd =
        UsageRecord { input_tokens: u64::MAX, output_tokens: u64::MAX, cost: Money(i64::MAX), ..record(key) };
    for _ in 0..2 {
        scope.usage().record(absurd.clone()).unwrap();
        running.store.flush().await.unwrap();
    }
    scope.usage().record(UsageRecord { cost: Money(-1), ..record(key) }).unwrap();
    let totals = scope.usage().report(&today(&[])).await.unwrap()[0].totals;
    assert_eq!(totals.input_tokens, 2 * MAX_TOKENS + 10);
    assert_eq!(totals.output_tokens, 2 * MAX_TOKENS + 5);
    assert_eq!(totals.cost, MAX_COST + MAX_COST);
    running.stop().await;
}

pub(crate) async fn a_report_that_is_too_long_is_refused<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    let models = |count: u32| {
        for number in 0..count {
            let model = format!("m{number}").into();
            scope.usage().record(UsageRecord { model, ..record(key) }).unwrap();
        }
    };
    models(MAX_ROWS);
    let by_model = today(&[Dimension::Model]);
    assert_eq!(scope.usage().report(&by_model).await.unwrap().len(), MAX_ROWS as usize);
    models(MAX_ROWS + 1);
    let refused = scope.usage().report(&by_model).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { limit: MAX_ROWS })), "{:?}", refused.err());
    assert_eq!(scope.usage().report(&today(&[])).await.unwrap().len(), 1);
    running.stop().await;
}

/// A property over 12 random sets of records: for every subset of the dimensions, the report is what adding up
/// the records by hand gives.
pub(crate) async fn any_grouping_sums_to_the_records<B: Backend>() {
    let keys: Vec<KeyId> = (0u8..3).map(|n| KeyId(uuid::Uuid::from_bytes([n; 16]))).collect();
    let one = (0usize..3, 0usize..3, 0u32..3, 0usize..2, 0usize..2, 0u64..1000, 0u64..1000, 0i64..1000);
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let drawn = proptest::collection::vec(one.clone(), 0..40).new_tree(&mut runner).unwrap().current();
        let backend = B::fresh();
        let running = Running::start(&backend).await;
        let mut records: Vec<(TenantId, UsageRecord)> = Vec::new();
        for (who, key, day, model, operation, input_tokens, output_tokens, cost) in drawn {
            let record = UsageRecord {
                key: keys[key],
                model: ["demo", "gpt-5"][model].into(),
                provider: ["", "openai"][model ^ operation].into(),
                operation: [Operation::Chat, Operation::Embeddings][operation],
                at: NOON.after(DAY * day),
                input_tokens,
                output_tokens,
                cost: Money(cost),
                outcome: [Outcome::Answered, Outcome::Blocked, Outcome::Failed][who],
            };
            let tenant = tenant(["acme", "beta", "zoo"][who]);
            running.store.tenant(&tenant).usage().record(record.clone()).unwrap();
            records.push((tenant, record));
        }
        for subset in 0u32..64 {
            let by = [
                Dimension::Tenant,
                Dimension::Day,
                Dimension::Key,
                Dimension::Model,
                Dimension::Provider,
                Dimension::Operation,
            ];
            let by: Vec<_> =
                (0..).zip(by).filter(|(bit, _)| subset & (1 << bit) != 0).map(|(_, d)| d).collect();
            let query = UsageQuery { from: Day::from(NOON), to: Day(NOON.day() + 1), by: by.clone() };
            let rows = running.store.operator().usage().report(&query).await.unwrap();
            assert_eq!(rows, added_up(&records, &query), "all by {by:?}");
            let acme = running.store.tenant(&tenant("acme"));
            let of_acme: Vec<_> =
                records.iter().filter(|(owner, _)| owner == acme.tenant()).cloned().collect();
            let rows = acme.usage().report(&query).await.unwrap();
            assert_eq!(rows, added_up(&of_acme, &query), "acme by {by:?}");
        }
        running.stop().await;
    }
}

/// The report that `query` should get, made without a database.
fn added_up(records: &[(TenantId, UsageRecord)], query: &UsageQuery) -> Vec<UsageRow> {
    type Group =
        (Option<TenantId>, Option<Day>, Option<KeyId>, Option<String>, Option<String>, Option<String>);
    let mut groups: BTreeMap<Group, UsageTotals> = BTreeMap::new();
    for (tenant, record) in records {
        let day = Day::from(record.at);
        if day < query.from || day > query.to {
            continue;
        }
        let by = |dimension| query.by.contains(&dimension);
        let group = (
            by(Dimension::Tenant).then(|| tenant.clone()),
            by(Dimension::Day).then_some(day),
            by(Dimension::Key).then_some(record.key),
            by(Dimension::Model).then(|| record.model.to_string()),
            by(Dimension::Provider).then(|| record.provider.to_string()),
            by(Dimension::Operation).then(|| record.operation.name().to_owned()),
        );
        let totals = groups.entry(group).or_default();
        totals.exchanges += 1;
        totals.input_tokens += record.input_tokens;
        totals.output_tokens += record.output_tokens;
        totals.cost += record.cost;
        totals.blocked += u64::from(record.outcome == Outcome::Blocked);
        totals.failed += u64::from(record.outcome == Outcome::Failed);
    }
    groups
        .into_iter()
        .map(|((tenant, day, key, model, provider, operation), totals)| UsageRow {
            tenant,
            day,
            key,
            model,
            provider,
            operation,
            totals,
        })
        .collect()
}
