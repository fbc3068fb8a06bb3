//! Tenants, and the life of the store as a whole.

use flyball_store::StoreError;
use tokio::task::JoinSet;

use super::{Backend, HOUR, NOON, Running, batch, count, new_key, settled, tenant, today};

pub(crate) async fn a_tenant_is_created_once_and_listed_by_name<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let operator = running.store.operator();
    assert_eq!(operator.tenants().list().await.unwrap(), []);

    operator.tenants().create(&tenant("zoo")).await.unwrap();
    running.clock.advance(HOUR);
    let acme = operator.tenants().create(&tenant("acme")).await.unwrap();
    assert_eq!(acme.created_at, NOON.after(HOUR));
    running.clock.advance(HOUR);
    let again = operator.tenants().create(&tenant("acme")).await;
    assert!(matches!(again, Err(StoreError::AlreadyExists { what: "tenant" })), "{again:?}");

    let listed = operator.tenants().list().await.unwrap();
    assert_eq!(listed.iter().map(|tenant| tenant.id.as_str()).collect::<Vec<_>>(), ["acme", "zoo"]);
    assert_eq!(listed[0], acme);
    running.stop().await;
}

pub(crate) async fn everything_survives_reopening<B: Backend>() {
    let backend = B::fresh();
    let first = Running::with_tenants(&backend, &["acme"]).await;
    let acme = first.store.tenant(&tenant("acme"));
    let key = acme.keys().create(new_key("one", 1)).await.unwrap();
    count(&first.store, [settled(key.id)]).await;
    first.store.operator().policies().record("hash", "{}").await.unwrap();
    let tenants = first.store.operator().tenants().list().await.unwrap();
    let policies = first.store.operator().policies().list().await.unwrap();
    let query = today(&[]);
    let usage = acme.usage().report(&query).await.unwrap();
    first.stop().await;

    let second = Running::start(&backend).await;
    let operator = second.store.operator();
    assert_eq!(operator.tenants().list().await.unwrap(), tenants);
    assert_eq!(operator.keys().list().await.unwrap(), [key]);
    assert_eq!(operator.policies().list().await.unwrap(), policies);
    assert_eq!(operator.usage().report(&query).await.unwrap(), usage);
    assert_eq!(usage[0].totals.exchanges, 1);
    second.stop().await;
}

pub(crate) async fn a_closed_store_answers_closed<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let store = running.store.clone();
    running.stop().await;

    let operator = store.operator();
    assert!(matches!(operator.tenants().create(&tenant("late")).await, Err(StoreError::Closed)));
    assert!(matches!(operator.tenants().list().await, Err(StoreError::Closed)));
    assert!(matches!(store.check().await, Err(StoreError::Closed)));
    assert!(matches!(store.close().await, Err(StoreError::Closed)));
}

pub(crate) async fn closing_completes_the_writes_that_wait<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let mut waiting = JoinSet::new();
    for number in 0..200 {
        let store = running.store.clone();
        waiting.spawn(async move { store.operator().tenants().create(&tenant(&format!("t{number}"))).await });
    }
    running.store.close().await.unwrap();
    let mut accepted = Vec::new();
    while let Some(answer) = waiting.join_next().await {
        match answer.unwrap() {
            Ok(tenant) => accepted.push(tenant.id),
            Err(StoreError::Closed) => {}
            Err(other) => panic!("{other}"),
        }
    }
    accepted.sort();

    let second = Running::start(&backend).await;
    let kept = second.store.operator().tenants().list().await.unwrap();
    assert_eq!(kept.into_iter().map(|tenant| tenant.id).collect::<Vec<_>>(), accepted);
    second.stop().await;
}

pub(crate) async fn one_failing_write_does_not_spoil_others_of_its_batch<B: Backend>() {
    let backend = B::fresh();
    let running = Running::with_tenants(&backend, &["taken"]).await;
    let mut waiting = JoinSet::new();
    for number in 0..120 {
        let store = running.store.clone();
        let name = if number % 3 == 0 { "taken".to_owned() } else { format!("t{number}") };
        waiting.spawn(async move { (number, store.operator().tenants().create(&tenant(&name)).await) });
    }
    while let Some(answer) = waiting.join_next().await {
        let (number, answer) = answer.unwrap();
        assert_eq!(answer.is_ok(), number % 3 != 0, "{number}: {answer:?}");
    }
    assert_eq!(running.store.operator().tenants().list().await.unwrap().len(), 81);
    running.stop().await;
}

pub(crate) async fn a_store_whose_writer_is_gone_is_closed<B: Backend>() {
    let backend = B::fresh();
    let mut running = Running::with_tenants(&backend, &["acme"]).await;
    let acme = running.store.tenant(&tenant("acme"));
    let key = acme.keys().create(new_key("one", 1)).await.unwrap();
    running.writer.shutdown().await;

    assert!(matches!(acme.keys().create(new_key("two", 2)).await, Err(StoreError::Closed)));
    let counted = running.store.operator().usage().apply(batch(0, [settled(key.id)])).await;
    assert!(matches!(counted, Err(StoreError::Closed)));
}

pub(crate) async fn dropping_every_handle_ends_the_writer_after_the_writes_that_wait<B: Backend>() {
    let backend = B::fresh();
    let Running { store, mut writer, .. } = Running::with_tenants(&backend, &["acme"]).await;
    // Asked for, and nobody waits for the answer.
    let mut asked = Box::pin(async { store.operator().tenants().create(&tenant("late")).await });
    std::future::poll_fn(|context| {
        let _ = asked.as_mut().poll(context);
        std::task::Poll::Ready(())
    })
    .await;
    drop(asked);
    drop(store);
    writer.join_next().await.unwrap().unwrap();

    let second = Running::start(&backend).await;
    assert_eq!(second.store.operator().tenants().list().await.unwrap().len(), 2);
    second.stop().await;
}
