//! API keys: isolation, revocation, expiry.

use flyball_core::{KeyId, LawfulBasis, Role};
use flyball_store::{Fingerprint, NewKey, StoreError};

use super::{Backend, HOUR, NOON, Running, new_key, tenant};

pub(crate) async fn a_tenant_sees_only_its_own_keys<B: Backend>() {
    let backend = B::fresh();
    let running = Running::with_tenants(&backend, &["acme", "zoo"]).await;
    let (acme, zoo) = (running.store.tenant(&tenant("acme")), running.store.tenant(&tenant("zoo")));
    let operator = running.store.operator();
    let first = acme.keys().create(new_key("first", 1)).await.unwrap();
    let second = zoo.keys().create(new_key("second", 2)).await.unwrap();
    let third = acme.keys().create(new_key("third", 3)).await.unwrap();
    let ours = operator.keys().create_operator("ours".into(), Fingerprint([4; 32]), None).await.unwrap();

    assert_eq!(acme.keys().list().await.unwrap(), [first.clone(), third.clone()]);
    assert_eq!(zoo.keys().list().await.unwrap(), std::slice::from_ref(&second));
    let nobody = running.store.tenant(&tenant("nobody"));
    assert_eq!(nobody.keys().list().await.unwrap(), []);
    assert_eq!(operator.keys().list().await.unwrap(), [first, second, third, ours]);
    running.stop().await;
}

pub(crate) async fn another_tenants_key_is_revoked_like_one_that_does_not_exist<B: Backend>() {
    let backend = B::fresh();
    let running = Running::with_tenants(&backend, &["acme", "zoo"]).await;
    let (acme, zoo) = (running.store.tenant(&tenant("acme")), running.store.tenant(&tenant("zoo")));
    let operator = running.store.operator();
    let key = acme.keys().create(new_key("one", 1)).await.unwrap();
    let ours = operator.keys().create_operator("ours".into(), Fingerprint([2; 32]), None).await.unwrap();

    let none = zoo.keys().revoke(KeyId::new(&*running.clock)).await.unwrap_err();
    assert!(matches!(none, StoreError::NotFound { what: "key" }));
    for foreign in [key.id, ours.id] {
        let error = zoo.keys().revoke(foreign).await.unwrap_err();
        assert_eq!(error.to_string(), none.to_string());
    }
    assert_eq!(operator.keys().list().await.unwrap(), [key.clone(), ours.clone()]);

    assert!(acme.keys().revoke(key.id).await.unwrap().revoked_at.is_some());
    assert!(operator.keys().revoke(ours.id).await.unwrap().revoked_at.is_some());
    let unknown = operator.keys().revoke(KeyId::new(&*running.clock)).await.unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound { what: "key" }));
    running.stop().await;
}

pub(crate) async fn a_revoked_key_keeps_the_time_of_its_first_revocation<B: Backend>() {
    let backend = B::fresh();
    let running = Running::with_tenants(&backend, &["acme"]).await;
    let acme = running.store.tenant(&tenant("acme"));
    let key = acme.keys().create(new_key("one", 1)).await.unwrap();

    let revoked = acme.keys().revoke(key.id).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(NOON));
    running.clock.advance(HOUR);
    assert_eq!(acme.keys().revoke(key.id).await.unwrap(), revoked);
    assert_eq!(running.store.operator().keys().revoke(key.id).await.unwrap(), revoked);
    assert_eq!(acme.keys().list().await.unwrap(), [revoked]);
    running.stop().await;
}

pub(crate) async fn a_key_of_an_unknown_tenant_is_refused<B: Backend>() {
    let backend = B::fresh();
    let running = Running::start(&backend).await;
    let refused = running.store.tenant(&tenant("nobody")).keys().create(new_key("one", 1)).await;
    assert!(matches!(refused, Err(StoreError::NotFound { what: "tenant" })), "{refused:?}");
    assert_eq!(running.store.operator().keys().list().await.unwrap(), []);
    running.stop().await;
}

pub(crate) async fn a_fingerprint_belongs_to_one_key<B: Backend>() {
    let backend = B::fresh();
    let running = Running::with_tenants(&backend, &["acme", "zoo"]).await;
    let operator = running.store.operator();
    let key = running.store.tenant(&tenant("acme")).keys().create(new_key("one", 1)).await.unwrap();

    let same = running.store.tenant(&tenant("zoo")).keys().create(new_key("two", 1)).await;
    assert!(matches!(same, Err(StoreError::AlreadyExists { what: "key" })), "{same:?}");
    let same = operator.keys().create_operator("ours".into(), Fingerprint([1; 32]), None).await;
    assert!(matches!(same, Err(StoreError::AlreadyExists { what: "key" })), "{same:?}");
    assert_eq!(operator.keys().list().await.unwrap(), [key]);
    running.stop().await;
}

pub(crate) async fn every_field_of_a_key_comes_back<B: Backend>() {
    let backend = B::fresh();
    let running = Running::with_tenants(&backend, &["acme"]).await;
    let acme = running.store.tenant(&tenant("acme"));
    let mut created = Vec::new();
    for (seed, lawful_basis) in (0..).zip(LawfulBasis::ALL.iter().copied().map(Some).chain([None])) {
        let new = NewKey {
            name: "Zoë's \"key\"".to_owned(),
            fingerprint: Fingerprint([seed; 32]),
            models: vec!["gpt-*".to_owned(), "a\"b".to_owned()],
            lawful_basis,
            expires_at: Some(NOON.after(HOUR)),
        };
        let key = acme.keys().create(new.clone()).await.unwrap();
        assert_eq!(key.name, new.name);
        assert_eq!(key.fingerprint, new.fingerprint);
        assert_eq!(*key.models, *new.models);
        assert_eq!((key.lawful_basis, key.expires_at), (new.lawful_basis, new.expires_at));
        assert_eq!((key.created_at, key.revoked_at), (NOON, None));
        created.push(key);
    }
    assert_eq!(acme.keys().list().await.unwrap(), created);
    running.stop().await;
}

pub(crate) async fn only_keys_that_may_be_used_are_live<B: Backend>() {
    let backend = B::fresh();
    let running = Running::with_tenants(&backend, &["acme"]).await;
    let acme = running.store.tenant(&tenant("acme"));
    let operator = running.store.operator();
    let lasting = acme.keys().create(new_key("lasting", 1)).await.unwrap();
    let revoked = acme.keys().create(new_key("revoked", 2)).await.unwrap();
    let ending = NewKey { expires_at: Some(NOON.after(HOUR)), ..new_key("ending", 3) };
    let ending = acme.keys().create(ending).await.unwrap();
    let ours = operator.keys().create_operator("ours".into(), Fingerprint([4; 32]), None).await.unwrap();
    acme.keys().revoke(revoked.id).await.unwrap();

    running.clock.advance(HOUR);
    assert_eq!(operator.keys().unrevoked().await.unwrap(), [lasting, ending, ours]);
    for key in operator.keys().list().await.unwrap() {
        let now = NOON.after(HOUR);
        assert_eq!(key.is_live(now), ["lasting", "ours"].contains(&&*key.name), "{}", key.name);
    }
    running.stop().await;
}

pub(crate) async fn a_key_gives_its_principal<B: Backend>() {
    let backend = B::fresh();
    let running = Running::with_tenants(&backend, &["acme"]).await;
    let acme = running.store.tenant(&tenant("acme"));
    let new = NewKey { models: vec!["gpt-*".to_owned()], ..new_key("one", 1) };
    let caller = acme.keys().create(new).await.unwrap().principal();
    assert_eq!((caller.tenant.as_ref(), caller.role), (Some(acme.tenant()), Role::Caller));
    assert!(caller.may_use("gpt-5") && !caller.may_use("demo"));

    let keys = running.store.operator();
    let ours = keys.keys().create_operator("ours".into(), Fingerprint([2; 32]), None).await.unwrap();
    let ours = ours.principal();
    assert_eq!((ours.tenant.as_ref(), ours.role), (None, Role::Operator));
    assert!(!ours.may_use("demo"));
    running.stop().await;
}
