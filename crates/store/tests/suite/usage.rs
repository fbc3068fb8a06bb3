//! Reports on usage: isolation, calendars, filters, grouping.

use std::collections::BTreeMap;
use std::time::Duration;

use flyball_core::{Counting, KeyId, Money, Outcome, Timestamp};
use flyball_store::usage::MAX_ROWS;
use flyball_store::{
    Day, Dimension, Quarter, Settled, Span, StoreError, UsageFilter, UsageGroup, UsageQuery, UsageRow,
    UsageTotals,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{Backend, HOUR, NOON, Running, count, settled, sums, tenant, today};

const DAY: Duration = Duration::from_secs(86_400);
const EVERY: [Dimension; 10] = [
    Dimension::Tenant,
    Dimension::Day,
    Dimension::Hour,
    Dimension::Key,
    Dimension::EndUser,
    Dimension::Model,
    Dimension::Provider,
    Dimension::Operation,
    Dimension::Tag,
    Dimension::Counting,
];

pub(crate) async fn a_report_includes_what_was_applied_before_it<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let usage = running.store.tenant(&tenant("acme"));
    assert_eq!(usage.usage().report(&today(&[])).await.unwrap(), []);
    for number in 1..=20 {
        count(&running.store, [settled(KeyId::new(&*running.clock))]).await;
        let rows = usage.usage().report(&today(&[])).await.unwrap();
        assert_eq!(rows[0].totals, sums(number));
    }
    running.stop().await;
}

pub(crate) async fn a_tenant_sees_only_its_own_usage<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let (acme, zoo) = (running.store.tenant(&tenant("acme")), tenant("zoo"));
    // The same key, user and tags under both names: only the scope may tell the rows apart.
    let key = KeyId::new(&*running.clock);
    let ours = Settled { tags: vec!["a".to_owned(), "b".to_owned()], end_user: 7, ..settled(key) };
    let theirs = Settled { tenant: zoo.clone(), input_tokens: 1000, ..ours.clone() };
    let secret = Settled { tenant: zoo.clone(), model: "secret".to_owned(), ..ours.clone() };
    count(&running.store, [ours, theirs, secret]).await;

    for by in [&EVERY[..8], &EVERY[..1], &EVERY[3..5], &[]] {
        let rows = acme.usage().report(&today(by)).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.totals).collect::<Vec<_>>(), [sums(1)], "{by:?}");
    }
    let mut filtered = today(&[]);
    filtered.only.model = Some("secret".to_owned());
    assert_eq!(acme.usage().report(&filtered).await.unwrap(), []);
    filtered.only = UsageFilter { tag: Some("a".to_owned()), ..UsageFilter::default() };
    assert_eq!(acme.usage().report(&filtered).await.unwrap()[0].totals, sums(1));
    let rows = acme.usage().report(&today(&EVERY)).await.unwrap();
    let expected = ["a", "b"].map(|tag| UsageRow {
        group: UsageGroup {
            tenant: Some(tenant("acme")),
            day: Some(Day::from(NOON)),
            hour: Some(Quarter::from(NOON)),
            key: Some(key),
            end_user: Some(7),
            model: Some("demo".to_owned()),
            provider: Some("demo".to_owned()),
            operation: Some("chat".to_owned()),
            tag: Some(tag.to_owned()),
            counting: Some(Counting::Reported),
        },
        totals: sums(1),
    });
    assert_eq!(rows, expected);
    let nobody = running.store.tenant(&tenant("nobody"));
    assert_eq!(nobody.usage().report(&today(&[])).await.unwrap(), []);

    let rows = running.store.operator().usage().report(&today(&[Dimension::Tenant])).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.group.tenant.clone(), row.totals.input_tokens)).collect();
    assert_eq!(rows, [(Some(tenant("acme")), 10), (Some(zoo), 1010)]);
    running.stop().await;
}

pub(crate) async fn days_are_those_of_the_settlement_and_both_ends_count<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    count(&running.store, (0..4).map(|days| Settled { at: NOON.after(DAY * days), ..settled(key) })).await;
    let (first, last) = (Day(NOON.day() + 1), Day(NOON.day() + 2));
    let query = UsageQuery { spans: vec![Span::utc(first, last)], ..today(&[Dimension::Day]) };
    let rows = scope.usage().report(&query).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.group.day).collect::<Vec<_>>(), [Some(first), Some(last)]);
    let backwards = UsageQuery { spans: vec![Span::utc(last, first)], ..query };
    assert_eq!(scope.usage().report(&backwards).await.unwrap(), []);
    running.stop().await;
}

pub(crate) async fn outcomes_and_countings_are_counted_apart<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    let ends = [
        (Outcome::Answered, Counting::Reported),
        (Outcome::Blocked, Counting::Nothing),
        (Outcome::Blocked, Counting::Counted),
        (Outcome::Failed, Counting::Nothing),
        (Outcome::Abandoned, Counting::Counted),
        (Outcome::Interrupted, Counting::Estimated),
    ];
    let ended = |(outcome, counting)| {
        let nothing = counting == Counting::Nothing;
        let tokens = |tokens| if nothing { 0 } else { tokens };
        Settled {
            outcome,
            counting,
            input_tokens: tokens(10),
            output_tokens: tokens(5),
            cost: (counting == Counting::Reported).then_some(Money(7)),
            ..settled(key)
        }
    };
    count(&running.store, ends.map(ended)).await;
    let totals = scope.usage().report(&today(&[])).await.unwrap()[0].totals;
    let expected = UsageTotals {
        exchanges: 6,
        answered: 1,
        blocked: 2,
        failed: 1,
        abandoned: 1,
        interrupted: 1,
        input_tokens: 40,
        cached_input_tokens: 16,
        output_tokens: 20,
        cost: Money(7),
        unpriced: 3,
        reported: 1,
        counted: 2,
        estimated: 1,
    };
    assert_eq!(totals, expected);
    let rows = scope.usage().report(&today(&[Dimension::Counting])).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.group.counting.unwrap(), row.totals.exchanges)).collect();
    let each =
        [(Counting::Nothing, 2), (Counting::Reported, 1), (Counting::Counted, 2), (Counting::Estimated, 1)];
    assert_eq!(rows, each);
    running.stop().await;
}

pub(crate) async fn an_exchange_with_several_tags_is_counted_once_in_the_whole<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    let tagged =
        |tags: &[&str]| Settled { tags: tags.iter().map(|&tag| tag.to_owned()).collect(), ..settled(key) };
    // The order of tags, and one that is said twice, make no difference.
    count(&running.store, [tagged(&["b", "a"]), tagged(&["a", "b", "a"]), tagged(&["a"]), tagged(&[])]).await;
    let rows = async |query: &UsageQuery| {
        let rows = scope.usage().report(query).await.unwrap();
        rows.into_iter()
            .map(|row| (row.group.tag.unwrap_or_default(), row.totals.exchanges))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&today(&[])).await, [(String::new(), 4)]);
    let all = [(String::new(), 1), ("a".to_owned(), 3), ("b".to_owned(), 2)];
    assert_eq!(rows(&today(&[Dimension::Tag])).await, all);
    let mut only = today(&[Dimension::Tag]);
    only.only.tag = Some("b".to_owned());
    assert_eq!(rows(&only).await, [("b".to_owned(), 2)]);
    only.by = vec![];
    assert_eq!(rows(&only).await, [(String::new(), 2)]);
    running.stop().await;
}

pub(crate) async fn filters_leave_out_what_differs<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let (key, other) = (KeyId::new(&*running.clock), KeyId::new(&*running.clock));
    let base = settled(key);
    count(
        &running.store,
        [
            Settled { key: other, ..base.clone() },
            Settled { end_user: u64::MAX - 1, ..base.clone() },
            Settled { model: "m".to_owned(), ..base.clone() },
            Settled { provider: String::new(), ..base.clone() },
            Settled { operation: "embeddings".to_owned(), ..base.clone() },
            Settled { counting: Counting::Estimated, ..base.clone() },
            base,
        ],
    )
    .await;
    let nothing = UsageFilter::default();
    for (only, expected) in [
        (nothing.clone(), 7),
        (UsageFilter { key: Some(other), ..nothing.clone() }, 1),
        (UsageFilter { end_user: Some(u64::MAX - 1), ..nothing.clone() }, 1),
        (UsageFilter { end_user: Some(0), ..nothing.clone() }, 6),
        (UsageFilter { model: Some("m".to_owned()), ..nothing.clone() }, 1),
        (UsageFilter { provider: Some(String::new()), ..nothing.clone() }, 1),
        (UsageFilter { operation: Some("chat".to_owned()), ..nothing.clone() }, 6),
        (UsageFilter { counting: Some(Counting::Estimated), ..nothing.clone() }, 1),
        (UsageFilter { key: Some(other), model: Some("m".to_owned()), ..nothing }, 0),
    ] {
        let query = UsageQuery { only, ..today(&[]) };
        let rows = scope.usage().report(&query).await.unwrap();
        assert_eq!(rows.first().map_or(0, |row| row.totals.exchanges), expected, "{:?}", query.only);
    }
    running.stop().await;
}

/// Berlin in 2026: clocks go forward on 29 March at 01:00 UTC and back on 25 October at 01:00 UTC.
pub(crate) async fn the_days_on_which_clocks_change_have_23_and_25_hours<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    // 2026-03-29T00:00Z and 2026-10-25T00:00Z
    for (midnight, before, after, hours) in [(1_774_742_400, 1, 2, 23), (1_792_886_400, 2, 1, 25)] {
        let midnight = Timestamp(midnight * 1_000_000);
        let first = Timestamp(midnight.0 - 4 * 3_600_000_000);
        // One exchange an hour, from before the local day begins until after it has ended.
        let each = (0..32).map(|hour| Settled { at: first.after(HOUR * hour), ..settled(key) });
        count(&running.store, each).await;
        let change = Quarter::from(midnight.after(HOUR));
        let spans = vec![
            Span { from: Quarter::from(first), until: change, offset: before * 4 },
            Span { from: change, until: Quarter(change.0 + 40 * 4), offset: after * 4 },
        ];
        let by_day = UsageQuery { spans, ..today(&[Dimension::Day]) };
        let rows = scope.usage().report(&by_day).await.unwrap();
        let counted: Vec<_> = rows.iter().map(|row| (row.group.day.unwrap(), row.totals.exchanges)).collect();
        let day = midnight.day();
        let (early, late) = (4 - before as u64, 32 - hours - (4 - before as u64));
        assert_eq!(counted, [(Day(day - 1), early), (Day(day), hours), (Day(day + 1), late)]);
        // Hours are all different, those of the same name too.
        let by_hour = UsageQuery { by: vec![Dimension::Hour, Dimension::Day], ..by_day };
        let rows = scope.usage().report(&by_hour).await.unwrap();
        assert_eq!(rows.len(), 32);
        assert_eq!(rows.iter().filter(|row| row.group.day == Some(Day(day))).count() as u64, hours);
        let expected: Vec<_> = (0..32).map(|hour| Some(Quarter::from(first.after(HOUR * hour)))).collect();
        assert_eq!(rows.iter().map(|row| row.group.hour).collect::<Vec<_>>(), expected);
    }
    running.stop().await;
}

pub(crate) async fn a_report_that_is_too_long_is_refused<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let scope = running.store.tenant(&tenant("acme"));
    let key = KeyId::new(&*running.clock);
    let model = |number: u32| Settled { model: format!("m{number}"), ..settled(key) };
    count(&running.store, (0..MAX_ROWS).map(model)).await;
    let by_model = today(&[Dimension::Model]);
    assert_eq!(scope.usage().report(&by_model).await.unwrap().len(), MAX_ROWS as usize);
    count(&running.store, [model(MAX_ROWS)]).await;
    let refused = scope.usage().report(&by_model).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { limit: MAX_ROWS })), "{:?}", refused.err());
    assert_eq!(scope.usage().report(&today(&[])).await.unwrap().len(), 1);
    running.stop().await;
}

/// A property over 8 random sets of settlements, cut into batches at random: for every subset of the dimensions, the
/// report is what adding up the settlements by hand gives. Each set is asked an eighth of the subsets.
pub(crate) async fn any_grouping_sums_to_the_settlements<B: Backend>() {
    let mut runner = TestRunner::deterministic();
    let one = (
        (0usize..3, 0u8..3, 0u64..3, 0u32..200, 0usize..2, 0usize..2, 0usize..4),
        (0usize..4, 0u64..1000, 0u64..1000, proptest::option::of(0i64..1000), 0usize..5, any::<bool>()),
    );
    for set in 0u32..8 {
        let drawn = proptest::collection::vec(one.clone(), 0..60).new_tree(&mut runner).unwrap().current();
        let backend = B::fresh();
        let running = Running::start(&backend).await;
        let (mut settlements, mut batch) = (Vec::new(), Vec::new());
        for ((who, key, end_user, quarters, model, operation, tags), rest) in drawn {
            let (counting, input_tokens, output_tokens, cost, outcome, cut) = rest;
            batch.push(Settled {
                tenant: tenant(["acme", "beta", "zoo"][who]),
                key: KeyId(uuid::Uuid::from_bytes([key; 16])),
                end_user,
                model: ["demo", "gpt-5"][model].to_owned(),
                provider: ["", "openai"][model ^ operation].to_owned(),
                operation: ["chat", "embeddings"][operation].to_owned(),
                tags: [&[][..], &["a"], &["b", "a"], &["\"", "=c"]][tags].iter().map(|&t| t.into()).collect(),
                counting: Counting::ALL[counting],
                at: NOON.after(Duration::from_secs(900) * quarters),
                input_tokens,
                cached_input_tokens: input_tokens / 2,
                output_tokens,
                cost: cost.map(Money),
                outcome: [
                    Outcome::Answered,
                    Outcome::Blocked,
                    Outcome::Failed,
                    Outcome::Abandoned,
                    Outcome::Interrupted,
                ][outcome],
            });
            settlements.extend(batch.last().cloned());
            if cut {
                count(&running.store, std::mem::take(&mut batch)).await;
            }
        }
        count(&running.store, batch).await;
        let acme = running.store.tenant(&tenant("acme"));
        let of_acme: Vec<_> =
            settlements.iter().filter(|settled| settled.tenant == *acme.tenant()).cloned().collect();
        for subset in (set..1 << EVERY.len()).step_by(8) {
            let by = (0..).zip(EVERY).filter(|(bit, _)| subset & (1 << bit) != 0).map(|(_, d)| d).collect();
            // A zone that is 5:45 ahead, and later 2 hours behind.
            let noon = Quarter::from(NOON).0;
            let spans = vec![
                Span { from: Quarter(noon), until: Quarter(noon + 70), offset: 23 },
                Span { from: Quarter(noon + 70), until: Quarter(noon + 190), offset: -8 },
            ];
            let query = UsageQuery { spans, only: UsageFilter::default(), by };
            let rows = running.store.operator().usage().report(&query).await.unwrap();
            assert_eq!(rows, added_up(&settlements, &query), "all by {:?}", query.by);
            let rows = acme.usage().report(&query).await.unwrap();
            assert_eq!(rows, added_up(&of_acme, &query), "acme by {:?}", query.by);
        }
        running.stop().await;
    }
}

/// The report that `query` should get, made without a database.
fn added_up(settlements: &[Settled], query: &UsageQuery) -> Vec<UsageRow> {
    let mut groups: BTreeMap<UsageGroup, UsageTotals> = BTreeMap::new();
    let by = |dimension| query.by.contains(&dimension);
    for settled in settlements {
        let quarter = settled.at.0 / 900_000_000;
        let holds = |span: &&Span| span.from.0 <= quarter && quarter < span.until.0;
        let Some(span) = query.spans.iter().find(holds) else { continue };
        let local = quarter + span.offset;
        let tags = match &settled.tags[..] {
            _ if !by(Dimension::Tag) => vec![None],
            [] => vec![Some(String::new())],
            tags => tags.iter().cloned().map(Some).collect(),
        };
        for tag in tags {
            let group = UsageGroup {
                tenant: by(Dimension::Tenant).then(|| settled.tenant.clone()),
                day: by(Dimension::Day).then_some(Day(local / 96)),
                hour: by(Dimension::Hour).then_some(Quarter((quarter - local % 4).max(span.from.0))),
                key: by(Dimension::Key).then_some(settled.key),
                end_user: by(Dimension::EndUser).then_some(settled.end_user),
                model: by(Dimension::Model).then(|| settled.model.clone()),
                provider: by(Dimension::Provider).then(|| settled.provider.clone()),
                operation: by(Dimension::Operation).then(|| settled.operation.clone()),
                tag,
                counting: by(Dimension::Counting).then_some(settled.counting),
            };
            *groups.entry(group).or_default() += UsageTotals::from(settled);
        }
    }
    groups.into_iter().map(|(group, totals)| UsageRow { group, totals }).collect()
}
