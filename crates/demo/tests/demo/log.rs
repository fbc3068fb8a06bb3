//! The log of received requests: off by default, bounded, complete.

use flyball_demo::{Demo, DemoRequest};
use http::HeaderMap;

fn ask(demo: &Demo, body: &'static str) {
    let mut headers = HeaderMap::new();
    headers.insert("Authorization", "Bearer provider-key".parse().unwrap());
    let path = "/v1/chat/completions?x=1";
    demo.answer(DemoRequest { method: "POST", path, headers: &headers, body: body.into() });
}

#[test]
fn nothing_is_kept_unless_asked() {
    let demo = Demo::new();
    ask(&demo, "{}");
    assert_eq!(demo.received(), []);
}

#[test]
fn what_was_received_is_kept_whole() {
    let demo = Demo::new().with_log(8);
    ask(&demo, "not json");
    let received = demo.received();
    let [entry] = received.as_slice() else { panic!("one entry, not {received:?}") };
    assert_eq!((entry.method.as_str(), entry.path.as_str()), ("POST", "/v1/chat/completions?x=1"));
    assert_eq!(entry.header("AUTHORIZATION"), Some("Bearer provider-key"));
    assert_eq!(entry.body, "not json");
    demo.forget();
    assert_eq!(demo.received(), []);
}

#[test]
fn the_oldest_entry_gives_way() {
    let demo = Demo::new().with_log(2);
    for body in ["1", "2", "3"] {
        ask(&demo, body);
    }
    let bodies: Vec<_> = demo.received().into_iter().map(|entry| entry.body).collect();
    assert_eq!(bodies, ["2", "3"]);
}
