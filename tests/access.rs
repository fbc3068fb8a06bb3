//! Who may do what: tenants and keys made over the control API, what a key may use, what it may not see, and what
//! each listener serves.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use flyball_testkit::{Answer, Client, Flyball, RawConnection, Simulator};
use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

struct House {
    flyball: Flyball,
    simulator: Simulator,
}

impl House {
    async fn start(config: &str) -> Self {
        let simulator = Simulator::start().await.unwrap();
        let config = format!(
            "providers: {{sim: {{kind: openai, base_url: '{}'}}}}\nroutes:\n  \
             small: {{provider: sim, model: sim, aliases: [little]}}\n  small-2: {{provider: sim, model: sim}}\n  \
             large: {{provider: sim, model: sim}}\n{config}",
            simulator.base_url()
        );
        let setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config);
        House { flyball: setup.start().await.unwrap(), simulator }
    }

    fn operator(&self) -> Client {
        self.flyball.client().with_key(self.flyball.operator_key().unwrap())
    }

    async fn tenant(&self, id: &str) {
        let answer = self.operator().post("/v1/tenants", &json!({ "id": id })).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// Makes a key: a client with it, and its id.
    async fn key(&self, body: Value) -> (Client, String) {
        let answer = self.operator().post("/v1/keys", &body).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        let made = answer.json().unwrap();
        let key = made["key"].as_str().unwrap();
        assert!(key.starts_with("fb_") && key.len() == 46, "{key}");
        (self.flyball.client().with_key(key), made["id"].as_str().unwrap().to_owned())
    }

    async fn revoke(&self, id: &str) -> Answer {
        let client = self.operator();
        let request = client.request(Method::DELETE, &format!("/v1/keys/{id}"), Bytes::new()).unwrap();
        client.send(request).await.unwrap()
    }
}

async fn ask(client: &Client, model: &str) -> Answer {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Hello."}]});
    client.post("/v1/chat/completions", &body).await.unwrap()
}

fn code(answer: &Answer) -> String {
    answer.json().unwrap()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// The error without what differs from call to call.
fn face(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json().unwrap();
    body["error"].as_object_mut().unwrap().remove("request_id");
    (answer.status.as_u16(), body)
}

#[tokio::test]
async fn a_revocation_acts_on_a_request_whose_body_is_still_coming() {
    let house = House::start("").await;
    house.tenant("acme").await;
    let created =
        house.operator().post("/v1/keys", &json!({"tenant": "acme"})).await.unwrap().json().unwrap();
    let (key, id) = (created["key"].as_str().unwrap(), created["id"].as_str().unwrap());
    let body = json!({"model": "small", "messages": [{"role": "user", "content": "Hello."}]}).to_string();
    let mut slow = RawConnection::open(house.flyball.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write(head.as_bytes()).await.unwrap();
    slow.write(&body.as_bytes()[..10]).await.unwrap();
    // Long enough for the gateway to have read the head, and to wait for the rest.
    sleep(Duration::from_millis(300)).await;
    assert_eq!(house.revoke(id).await.status, 200);
    slow.write(&body.as_bytes()[10..]).await.unwrap();
    let answer = slow.read_until(b"invalid_api_key", Duration::from_secs(10)).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_key_works_from_its_making_to_its_revocation() {
    let house = House::start("").await;
    house.tenant("acme").await;
    let twice = house.operator().post("/v1/tenants", &json!({"id": "acme"})).await.unwrap();
    assert_eq!((twice.status.as_u16(), code(&twice)), (409, "conflict".to_owned()));
    let (first, first_id) = house.key(json!({"tenant": "acme", "name": "first"})).await;
    let (second, _) = house.key(json!({"tenant": "acme", "name": "second"})).await;
    for client in [&first, &second] {
        assert_eq!(ask(client, "small").await.status, 200);
    }
    let answer = house.revoke(&first_id).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().unwrap()["revoked_at"].is_i64());
    let refused = ask(&first, "small").await;
    assert_eq!((refused.status.as_u16(), code(&refused)), (401, "invalid_api_key".to_owned()));
    assert_eq!(first.get("/v1/models").await.unwrap().status, 401);
    assert_eq!(first.get("/v1/usage").await.unwrap().status, 401);
    assert_eq!(ask(&second, "small").await.status, 200, "the other key is none of it");

    let listed = house.operator().get("/v1/keys?tenant=acme").await.unwrap().json().unwrap();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["first", "second"]);
    assert!(
        listed.as_array().unwrap().iter().all(|key| key.get("key").is_none()),
        "a key is shown once: {listed}"
    );

    for (body, field) in [
        (json!({"tenant": "nobody"}), None),
        (json!({"tenant": "No Name"}), Some("tenant")),
        (json!({"tenant": "acme", "lawful_basis": "because"}), Some("lawful_basis")),
        (json!({"tenant": "acme", "models": [""]}), Some("models")),
        (json!({"tenant": "acme", "surprise": 1}), Some("surprise")),
    ] {
        let answer = house.operator().post("/v1/keys", &body).await.unwrap();
        assert_eq!(
            answer.status.as_u16(),
            if field.is_some() { 400 } else { 404 },
            "{body}: {}",
            answer.text()
        );
        if let Some(field) = field {
            assert!(answer.text().contains(field), "{body}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_key_expires_at_its_time() {
    let house = House::start("").await;
    let (short, _) = house.key(json!({"tenant": "demo", "expires_in": 2})).await;
    let (long, _) = house.key(json!({"tenant": "demo", "expires_in": 3600})).await;
    assert_eq!(ask(&short, "small").await.status, 200);
    let refused = loop {
        let answer = ask(&short, "small").await;
        if answer.status != 200 {
            break answer;
        }
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!((refused.status.as_u16(), code(&refused)), (401, "expired_api_key".to_owned()));
    assert_eq!(ask(&long, "small").await.status, 200);
}

#[tokio::test]
async fn a_key_uses_the_models_of_its_patterns_and_sees_no_others() {
    let house = House::start("").await;
    let (small, _) = house.key(json!({"tenant": "demo", "models": ["small*"]})).await;
    let (none, _) = house.key(json!({"tenant": "demo", "models": []})).await;
    for (model, allowed) in
        [("small", true), ("small-2", true), ("little", true), ("large", false), ("absent", false)]
    {
        let answer = ask(&small, model).await;
        assert_eq!(answer.status == 200, allowed, "{model}: {}", answer.text());
        assert_eq!(
            small.get(&format!("/v1/models/{model}")).await.unwrap().status == 200,
            allowed,
            "{model}"
        );
        assert_eq!(ask(&none, model).await.status, 404, "{model}");
    }
    // What exists and is forbidden cannot be told from what does not exist.
    assert_eq!(face(&ask(&small, "large").await), face(&ask(&small, "absent").await));
    for path in ["/v1/models/large", "/v1/models/absent"] {
        let answer = small.get(path).await.unwrap();
        assert_eq!(face(&answer), face(&small.get("/v1/models/other").await.unwrap()), "{path}");
    }
    let completion = |model: &str| json!({"model": model, "prompt": "Hello."});
    let forbidden = small.post("/proxy/completion", &completion("large")).await.unwrap();
    let absent = small.post("/proxy/completion", &completion("absent")).await.unwrap();
    assert_eq!(face(&forbidden), face(&absent));
    let embed = |model: &str| json!({"model": model, "input": "Hello."});
    let forbidden = small.post("/v1/embeddings", &embed("large")).await.unwrap();
    assert_eq!(face(&forbidden), face(&small.post("/v1/embeddings", &embed("absent")).await.unwrap()));

    let listed = |answer: Answer| -> Vec<String> {
        let models = answer.json().unwrap();
        models["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|model| model["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(listed(small.get("/v1/models").await.unwrap()), ["little", "small", "small-2"]);
    assert_eq!(listed(none.get("/v1/models").await.unwrap()), Vec::<String>::new());
}

#[tokio::test]
async fn operators_administer_and_tenants_call_models() {
    let house = House::start("").await;
    let operator = house.operator();
    let tenant = house.flyball.client().with_key(house.flyball.demo_key().unwrap());
    let before = house.simulator.counts().started;
    for (path, body) in [
        ("/v1/chat/completions", json!({"model": "small", "messages": [{"role": "user", "content": "Hi"}]})),
        ("/v1/embeddings", json!({"model": "small", "input": "Hi"})),
        ("/proxy/completion", json!({"model": "small", "prompt": "Hi"})),
        ("/proxy/completion/stream", json!({"model": "small", "prompt": "Hi"})),
        ("/filter/prompt", json!({"prompt": "Hi"})),
        ("/filter/output", json!({"output": "Hi"})),
        ("/process", json!({"prompt": "Hi"})),
    ] {
        let answer = operator.post(path, &body).await.unwrap();
        assert_eq!((answer.status.as_u16(), code(&answer)), (403, "role_not_allowed".to_owned()), "{path}");
        assert_eq!(tenant.post(path, &body).await.unwrap().status, 200, "{path}");
        let stranger = house.flyball.client().post(path, &body).await.unwrap();
        assert_eq!(
            (stranger.status.as_u16(), code(&stranger)),
            (401, "missing_api_key".to_owned()),
            "{path}"
        );
    }
    assert_eq!(house.simulator.counts().started - before, 4, "only the tenant's calls reached the provider");
    assert_eq!(operator.get("/v1/models").await.unwrap().status, 403);
    for (method, path) in [
        (Method::GET, "/v1/tenants"),
        (Method::POST, "/v1/tenants"),
        (Method::GET, "/v1/keys"),
        (Method::POST, "/v1/keys"),
        (Method::DELETE, "/v1/keys/0190a0a0-0000-7000-8000-000000000000"),
    ] {
        let body = Bytes::from_static(br#"{"id":"mine","tenant":"demo"}"#);
        let request = tenant.request(method.clone(), path, body.clone()).unwrap();
        let answer = tenant.send(request).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), code(&answer)),
            (403, "role_not_allowed".to_owned()),
            "{method} {path}"
        );
        let stranger = house.flyball.client();
        let answer = stranger.send(stranger.request(method.clone(), path, body).unwrap()).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), code(&answer)),
            (401, "missing_api_key".to_owned()),
            "{method} {path}"
        );
    }
    for client in [&operator, &tenant] {
        assert_eq!(client.get("/rules").await.unwrap().status, 200);
        assert_eq!(client.get("/v1/usage").await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_tenant_sees_its_own_usage_and_nobody_elses() {
    let house = House::start("").await;
    house.tenant("acme").await;
    house.tenant("globex").await;
    let (acme, acme_id) = house.key(json!({"tenant": "acme"})).await;
    let (globex, globex_id) = house.key(json!({"tenant": "globex"})).await;
    for _ in 0..3 {
        assert_eq!(ask(&acme, "small").await.status, 200);
    }
    assert_eq!(ask(&globex, "large").await.status, 200);
    let rows = |answer: Answer| answer.json().unwrap()["rows"].as_array().unwrap().clone();
    for (client, model, exchanges, own, foreign) in
        [(&acme, "small", 3, &acme_id, &globex_id), (&globex, "large", 1, &globex_id, &acme_id)]
    {
        let answer = client.get("/v1/usage?by=model,key").await.unwrap();
        assert!(!answer.text().contains(foreign.as_str()), "{}", answer.text());
        let rows = rows(answer);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0]["model"], model);
        assert_eq!((&rows[0]["key"], &rows[0]["exchanges"]), (&json!(own), &json!(exchanges)));
        assert!(rows[0].get("tenant").is_none());
        assert!(rows[0]["output_tokens"].as_u64().unwrap() > 0);
        for path in ["/v1/usage?tenant=acme", "/v1/usage?tenant=globex"] {
            assert_eq!(client.get(path).await.unwrap().status, 403, "{path}");
        }
        assert_eq!(client.get("/v1/usage?by=tenant").await.unwrap().status, 400);
    }
    let all = rows(house.operator().get("/v1/usage?by=tenant").await.unwrap());
    let counted: Vec<_> =
        all.iter().map(|row| (row["tenant"].as_str().unwrap(), row["exchanges"].as_u64().unwrap())).collect();
    assert_eq!(counted, [("acme", 3), ("globex", 1)]);
    let one = rows(house.operator().get("/v1/usage?tenant=globex&by=model").await.unwrap());
    assert_eq!((one.len(), &one[0]["model"]), (1, &json!("large")));
}

#[tokio::test]
async fn nothing_that_a_caller_sends_changes_who_it_is() {
    let house = House::start("").await;
    house.tenant("acme").await;
    let (acme, _) = house.key(json!({"tenant": "acme", "models": ["small"]})).await;
    let body = json!({"model": "small", "messages": [{"role": "user", "content": "Hi"}],
                      "tenant": "demo", "user": "operator", "metadata": {"tenant": "demo", "role": "operator"}});
    let mut request = acme.request(Method::POST, "/v1/chat/completions", body.to_string().into()).unwrap();
    for (name, value) in [
        ("x-tenant", "demo"),
        ("x-tenant-id", "demo"),
        ("openai-organization", "demo"),
        ("x-role", "operator"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    assert_eq!(acme.send(request).await.unwrap().status, 200);
    let by_tenant = house.operator().get("/v1/usage?by=tenant").await.unwrap().json().unwrap();
    let tenants: Vec<_> =
        by_tenant["rows"].as_array().unwrap().iter().map(|row| row["tenant"].clone()).collect();
    assert_eq!(tenants, [json!("acme")]);
    let told = house.simulator.received().last().unwrap().clone();
    for name in ["x-tenant", "x-tenant-id", "openai-organization", "x-role", "x-api-key", "cookie"] {
        assert_eq!(told.header(name), None, "{name} went to the provider");
    }
}

#[tokio::test]
async fn a_second_listener_takes_everything_but_the_data_plane() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = free.local_addr().unwrap();
    drop(free);
    let simulator = Simulator::start().await.unwrap();
    let config = format!(
        "admin: {{listen: '{address}'}}\nproviders: {{sim: {{kind: openai, base_url: '{}'}}}}\nroutes: {{small: {{provider: sim, model: sim}}}}\n",
        simulator.base_url()
    );
    let setup = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).config(config).ready_at(address);
    let flyball = setup.start().await.unwrap();
    let data = flyball.client().with_key(flyball.demo_key().unwrap());
    let admin = Client::new(address).with_key(flyball.demo_key().unwrap());
    let (data_operator, admin_operator) = (
        data.clone().with_key(flyball.operator_key().unwrap()),
        admin.clone().with_key(flyball.operator_key().unwrap()),
    );
    for path in [
        "/health",
        "/health/live",
        "/health/ready",
        "/health/detailed",
        "/metrics",
        "/openapi.json",
        "/docs/",
        "/v1/usage",
        "/v1/tenants",
        "/v1/keys",
        "/rules",
    ] {
        let answer = data_operator.get(path).await.unwrap();
        assert_eq!((answer.status.as_u16(), code(&answer)), (404, "unknown_endpoint".to_owned()), "{path}");
        assert_eq!(admin_operator.get(path).await.unwrap().status, 200, "{path}");
    }
    assert_eq!(data.get("/v1/models").await.unwrap().status, 200);
    assert_eq!(admin.get("/v1/models").await.unwrap().status, 404);
    for (path, body) in [
        ("/v1/chat/completions", json!({"model": "small", "messages": [{"role": "user", "content": "Hi"}]})),
        ("/v1/embeddings", json!({"model": "small", "input": "Hi"})),
        ("/proxy/completion", json!({"model": "small", "prompt": "Hi"})),
        ("/proxy/completion/stream", json!({"model": "small", "prompt": "Hi"})),
        ("/filter/prompt", json!({"prompt": "Hi"})),
        ("/filter/output", json!({"output": "Hi"})),
        ("/process", json!({"prompt": "Hi"})),
    ] {
        assert_eq!(data.post(path, &body).await.unwrap().status, 200, "{path}");
        let answer = admin.post(path, &body).await.unwrap();
        assert_eq!((answer.status.as_u16(), code(&answer)), (404, "unknown_endpoint".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_stranger_that_sends_a_large_body_reads_the_refusal() {
    let house = House::start("").await;
    for _ in 0..5 {
        let mut raw = RawConnection::open(house.flyball.address()).await.unwrap();
        let body = vec![b' '; 900_000];
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: fb_wrong\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        raw.write(head.as_bytes()).await.unwrap();
        raw.write(&body).await.unwrap();
        let answer = raw.read_until(b"}}", Duration::from_secs(10)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 401 "), "{}", String::from_utf8_lossy(&answer));
    }
}
