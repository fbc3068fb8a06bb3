//! Policy versions.

use flyball_store::StoreError;

use super::{Backend, HOUR, NOON, Running};

pub(crate) async fn a_policy_version_is_noted_once_and_kept_to_the_byte<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let operator = running.store.operator();
    let document = r#"{"b":1.0,"a":"\u00e9"}"#;
    operator.policies().record("later-by-name", document).await.unwrap();
    running.clock.advance(HOUR);
    operator.policies().record("again", "[]").await.unwrap();
    operator.policies().record("later-by-name", "{}").await.unwrap();

    let listed = operator.policies().list().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|version| (&*version.hash, version.loaded_at)).collect();
    assert_eq!(listed, [("later-by-name", NOON), ("again", NOON.after(HOUR))]);
    assert_eq!(operator.policies().document("later-by-name").await.unwrap(), document);
    let none = operator.policies().document("none").await;
    assert!(matches!(none, Err(StoreError::NotFound { what: "policy version" })), "{none:?}");
    running.stop().await;
}

pub(crate) async fn a_document_that_is_no_json_is_refused<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let refused = running.store.operator().policies().record("hash", "{not json").await;
    assert!(matches!(refused, Err(StoreError::Database(_))), "{refused:?}");
    assert_eq!(running.store.operator().policies().list().await.unwrap(), []);
    running.stop().await;
}
