//! Counting: exactly once, and bounded.

use std::sync::Arc;

use flyball_core::{KeyId, Money};
use flyball_store::usage::{MAX_COST, MAX_END_USERS, MAX_TAG_LISTS, MAX_TOKENS, OTHER_TAG, OTHER_USERS};
use flyball_store::{Cursor, Dimension, RollUp, Settled, StoreError, UsageTotals};
use tokio::task::JoinSet;

use super::{Backend, HOUR, NOON, Running, batch, count, settled, sums, tenant, today};

pub(crate) async fn a_new_store_has_counted_nothing<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let operator = running.store.operator();
    assert_eq!(operator.usage().cursor().await.unwrap(), Cursor { counted: 0, scan_from: 0 });
    assert_eq!(operator.usage().report(&today(&[])).await.unwrap(), []);
    running.stop().await;
}

pub(crate) async fn a_batch_counts_once_however_often_it_is_offered<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let operator = running.store.operator();
    let key = KeyId::new(&*running.clock);
    let mut roll_up = RollUp::new(0);
    for _ in 0..3 {
        roll_up.add(settled(key));
    }
    assert_eq!(roll_up.cells(), 1);
    let batch = Arc::new(roll_up.until(700, 400));
    operator.usage().apply(Arc::clone(&batch)).await.unwrap();
    for _ in 0..2 {
        let again = operator.usage().apply(Arc::clone(&batch)).await;
        assert!(matches!(again, Err(StoreError::CursorMoved { expected: 0, found: 700 })), "{again:?}");
    }
    assert_eq!(operator.usage().cursor().await.unwrap(), Cursor { counted: 700, scan_from: 400 });
    assert_eq!(operator.usage().report(&today(&[])).await.unwrap()[0].totals, sums(3));
    // A stretch without settlements moves the cursor only.
    operator.usage().apply(RollUp::new(700).until(900, 900)).await.unwrap();
    assert_eq!(operator.usage().cursor().await.unwrap(), Cursor { counted: 900, scan_from: 900 });
    assert_eq!(operator.usage().report(&today(&[])).await.unwrap()[0].totals, sums(3));
    running.stop().await;
}

pub(crate) async fn a_batch_that_leaves_a_gap_is_refused<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let operator = running.store.operator();
    let key = KeyId::new(&*running.clock);
    let refused = operator.usage().apply(batch(5, [settled(key)])).await;
    assert!(matches!(refused, Err(StoreError::CursorMoved { expected: 5, found: 0 })), "{refused:?}");
    let unreachable = operator.usage().apply(batch(u64::MAX - 1, [settled(key)])).await;
    assert!(matches!(unreachable, Err(StoreError::Database(_))), "{unreachable:?}");
    assert_eq!(operator.usage().cursor().await.unwrap(), Cursor::default());
    assert_eq!(operator.usage().report(&today(&[])).await.unwrap(), []);
    running.stop().await;
}

pub(crate) async fn sums_and_cursor_survive_reopening_together<B: Backend>() {
    let backend = B::fresh();
    let first = Running::start(&backend).await;
    let key = KeyId::new(&*first.clock);
    count(&first.store, vec![settled(key); 3]).await;
    first.stop().await;

    let second = Running::start(&backend).await;
    let operator = second.store.operator();
    assert_eq!(operator.usage().cursor().await.unwrap().counted, 3);
    // What comes after the reopening is added to what was there.
    count(&second.store, [settled(key)]).await;
    let rows = operator.usage().report(&today(&[Dimension::Key])).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.totals).collect::<Vec<_>>(), [sums(4)]);
    second.stop().await;
}

pub(crate) async fn of_many_who_offer_the_same_stretch_one_is_taken<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let key = KeyId::new(&*running.clock);
    for round in 0..20 {
        let mut offers = JoinSet::new();
        for _ in 0..8 {
            let store = running.store.clone();
            offers.spawn(async move { store.operator().usage().apply(batch(round, [settled(key)])).await });
        }
        let outcomes = offers.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    }
    let rows = running.store.operator().usage().report(&today(&[])).await.unwrap();
    assert_eq!(rows[0].totals, sums(20));
    running.stop().await;
}

pub(crate) async fn end_users_beyond_the_bound_are_counted_together<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let key = KeyId::new(&*running.clock);
    let user = |end_user: u64| Settled { end_user, ..settled(key) };
    let most = u64::from(MAX_END_USERS);
    count(&running.store, (1..most).map(user)).await;
    // One place is left for two; those who are known stay known.
    count(&running.store, [user(most), user(most + 1)]).await;
    count(&running.store, [user(1), user(most + 1), user(0)]).await;
    // Another tenant and another day have places of their own.
    count(&running.store, [Settled { tenant: tenant("zoo"), ..user(most + 1) }]).await;
    count(&running.store, [Settled { at: NOON.after(HOUR * 24), ..user(most + 1) }]).await;

    let acme = running.store.tenant(&tenant("acme"));
    assert_eq!(acme.usage().report(&today(&[])).await.unwrap()[0].totals, sums(most + 4));
    let of = async |end_user: u64| {
        let mut query = today(&[Dimension::EndUser]);
        query.only.end_user = Some(end_user);
        acme.usage().report(&query).await.unwrap().first().map_or(0, |row| row.totals.exchanges)
    };
    assert_eq!((of(0).await, of(1).await, of(2).await), (1, 2, 1));
    assert_eq!((of(most).await, of(most + 1).await, of(OTHER_USERS).await), (1, 0, 2));
    let zoo = running.store.tenant(&tenant("zoo"));
    let rows = zoo.usage().report(&today(&[Dimension::EndUser])).await.unwrap();
    assert_eq!(rows[0].group.end_user, Some(most + 1));
    running.stop().await;
}

pub(crate) async fn lists_of_tags_beyond_the_bound_are_counted_together<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let key = KeyId::new(&*running.clock);
    let tagged = |number: u32| Settled { tags: vec![format!("t{number}")], ..settled(key) };
    count(&running.store, (0..MAX_TAG_LISTS).map(tagged)).await;
    count(&running.store, (0..MAX_TAG_LISTS + 5).map(tagged)).await;
    count(&running.store, [settled(key)]).await;
    let acme = running.store.tenant(&tenant("acme"));
    let rows = acme.usage().report(&today(&[Dimension::Tag])).await.unwrap();
    let of = |tag: &str| {
        let row = rows.iter().find(|row| row.group.tag.as_deref() == Some(tag));
        row.map(|row| row.totals.exchanges)
    };
    assert_eq!(rows.len(), MAX_TAG_LISTS as usize + 2);
    assert_eq!((of("t0"), of("t999"), of("t1000")), (Some(2), Some(2), None));
    assert_eq!((of(OTHER_TAG), of("")), (Some(5), Some(1)));
    running.stop().await;
}

pub(crate) async fn absurd_amounts_are_capped<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let key = KeyId::new(&*running.clock);
    let absurd = Settled {
        input_tokens: u64::MAX,
        cached_input_tokens: u64::MAX,
        output_tokens: u64::MAX,
        cost: Some(Money(i64::MAX)),
        ..settled(key)
    };
    count(&running.store, [absurd.clone()]).await;
    count(&running.store, [absurd, Settled { cost: Some(Money(-1)), ..settled(key) }]).await;
    let totals = running.store.operator().usage().report(&today(&[])).await.unwrap()[0].totals;
    let expected = UsageTotals {
        input_tokens: 2 * MAX_TOKENS + 10,
        cached_input_tokens: 2 * MAX_TOKENS + 4,
        output_tokens: 2 * MAX_TOKENS + 5,
        cost: MAX_COST + MAX_COST,
        ..sums(3)
    };
    assert_eq!(totals, expected);
    running.stop().await;
}
