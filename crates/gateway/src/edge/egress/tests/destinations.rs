//! Where calls may go.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Resolves every name to `addresses` and counts the calls.
fn fixed(addresses: &[&str]) -> (Lookup, Arc<AtomicUsize>) {
    let addresses =
        addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect::<Vec<_>>();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let lookup: Lookup = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    });
    (lookup, calls)
}

async fn refusal(egress: &Egress, url: &str, bounds: Bounds) -> Option<Why> {
    match egress.send(post(url, "x"), bounds).await {
        Err(EgressError::Refused { why }) => Some(why),
        _ => None,
    }
}

#[tokio::test]
async fn a_tenants_url_never_reaches_an_address_that_is_not_public() {
    let settings = EgressSettings { tenant_plain_http: true, ..EgressSettings::default() };
    let egress = Egress::new(settings).unwrap();
    let port = provider(None, mirror).port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "224.0.0.1",
        "localhost",
        "LOCALHOST",
    ] {
        let url = format!("http://{host}:{port}/");
        assert_eq!(refusal(&egress, &url, TENANT).await, Some(Why::Address), "{url}");
    }
}

#[tokio::test]
async fn one_private_address_among_public_ones_refuses_the_name() {
    for addresses in [&["93.184.215.14", "10.0.0.1"][..], &["::ffff:127.0.0.1"], &["1.1.1.1", "::1"]] {
        let (lookup, calls) = fixed(addresses);
        let egress = Egress::with_lookup(EgressSettings::default(), lookup).unwrap();
        assert_eq!(refusal(&egress, "https://sly.example/", TENANT).await, Some(Why::Address));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn the_address_that_was_judged_is_the_one_that_is_called() {
    let address = provider(None, mirror);
    let (lookup, calls) = fixed(&["127.0.0.1"]);
    let egress = Egress::with_lookup(EgressSettings::default(), lookup).unwrap();
    let url = format!("http://provider.example:{}/", address.port());
    let answer = egress.send(post(&url, "x"), OPERATOR).await.unwrap();
    assert_eq!(text(answer).await, format!("POST provider.example:{} / x", address.port()));
    assert_eq!(calls.load(Ordering::SeqCst), 1, "a second resolution could give another address");
}

#[tokio::test]
async fn a_connection_that_an_operators_url_opened_does_not_serve_a_tenants() {
    let address = provider(None, mirror);
    let (lookup, _) = fixed(&["127.0.0.1"]);
    let settings = EgressSettings { tenant_plain_http: true, ..EgressSettings::default() };
    let egress = Egress::with_lookup(settings, lookup).unwrap();
    let url = format!("http://provider.example:{}/", address.port());
    text(egress.send(post(&url, "x"), OPERATOR).await.unwrap()).await;
    assert_eq!(refusal(&egress, &url, TENANT).await, Some(Why::Address));
}

#[tokio::test]
async fn schemes_credentials_and_missing_hosts_are_refused() {
    let egress = egress();
    assert_eq!(refusal(&egress, "http://api.example/", TENANT).await, Some(Why::Scheme));
    assert_eq!(refusal(&egress, "ftp://api.example/", OPERATOR).await, Some(Why::Scheme));
    assert_eq!(refusal(&egress, "/path", OPERATOR).await, Some(Why::Scheme));
    assert_eq!(refusal(&egress, "https://name:word@api.example/", OPERATOR).await, Some(Why::Credentials));
}

#[tokio::test]
async fn only_listed_hosts_are_called() {
    let hosts = vec!["api.example".to_owned(), "*.models.example".to_owned()];
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(std::io::ErrorKind::NotFound.into()) }));
    let egress = Egress::with_lookup(EgressSettings { hosts, ..EgressSettings::default() }, lookup).unwrap();
    for host in ["api.example", "API.example", "api.example.", "eu.models.example", "a.b.models.example"] {
        let outcome = egress.send(post(&format!("https://{host}/"), ""), OPERATOR).await;
        assert_eq!(outcome.unwrap_err(), EgressError::Resolve, "{host} is listed");
    }
    for host in ["evil.example", "models.example", "xmodels.example", "api.example.evil.example", "127.0.0.1"]
    {
        let url = format!("https://{host}/");
        assert_eq!(refusal(&egress, &url, OPERATOR).await, Some(Why::Host), "{host}");
    }
}
