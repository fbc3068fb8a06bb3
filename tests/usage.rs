//! Questions about usage over HTTP: what can be told apart, when a day is, and what is refused.

use bytes::Bytes;
use flyball_testkit::{Answer, Client, Flyball};
use http::Method;
use http::header::{ACCEPT, HeaderValue};
use serde_json::{Value, json};

async fn ask(client: &Client, content: &str) -> u16 {
    let body = json!({"model": "demo", "messages": [{"role": "user", "content": content}]});
    client.post("/v1/chat/completions", &body).await.unwrap().status.as_u16()
}

/// A gateway that answered three chats, and clients of a tenant and of the operator.
async fn used() -> (Flyball, Client, Client) {
    let flyball = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).start().await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    for _ in 0..3 {
        assert_eq!(ask(&client, "Hello.").await, 200);
    }
    let operator = flyball.client().with_key(flyball.operator_key().unwrap());
    (flyball, client, operator)
}

async fn asked(client: &Client, query: &str) -> Value {
    let answer = client.get(&format!("/v1/usage?{query}")).await.unwrap();
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json().unwrap()
}

async fn accepting(client: &Client, path: &str, accept: &'static str) -> Answer {
    let mut request = client.request(Method::GET, path, Bytes::new()).unwrap();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    client.send(request).await.unwrap()
}

#[tokio::test]
async fn usage_is_told_apart_and_left_out_as_asked() {
    let (_flyball, client, operator) = used().await;
    let whole = asked(&client, "").await["rows"][0].clone();
    assert_eq!(
        (&whole["exchanges"], &whole["answered"], &whole["reported"]),
        (&json!(3), &json!(3), &json!(3))
    );
    assert!(whole["input_tokens"].as_u64().unwrap() > 0 && whole["output_tokens"].as_u64().unwrap() > 0);
    for count in ["blocked", "failed", "abandoned", "interrupted", "counted", "estimated"] {
        assert_eq!(whole[count], 0, "{count}");
    }

    let every = "by=day,hour,key,user,model,provider,operation,tag,counting";
    let report = asked(&client, every).await;
    // Two rows when the hour ended between the calls.
    let rows = report["rows"].as_array().unwrap();
    let sum = |name: &str| rows.iter().map(|row| row[name].as_u64().unwrap()).sum::<u64>();
    for name in ["exchanges", "input_tokens", "output_tokens"] {
        assert_eq!(json!(sum(name)), whole[name], "{name}");
    }
    let row = &rows[0];
    let named: Vec<_> = ["user", "model", "provider", "operation", "tag", "counting"]
        .map(|name| row[name].as_str().unwrap())
        .into();
    assert_eq!(named, ["", "demo", "demo", "chat", "", "reported"]);
    let (key, hour) = (row["key"].as_str().unwrap(), row["hour"].as_str().unwrap());
    assert!(hour.ends_with(":00:00+00:00") && hour.starts_with(row["day"].as_str().unwrap()), "{row}");

    for (filter, exchanges) in [
        (format!("key={key}"), 3),
        ("model=demo&provider=demo&operation=chat&user=&counting=reported".to_owned(), 3),
        ("key=00000000-0000-7000-8000-000000000000".to_owned(), 0),
        ("model=none".to_owned(), 0),
        ("provider=".to_owned(), 0),
        ("operation=embeddings".to_owned(), 0),
        ("user=00000000000000ff".to_owned(), 0),
        ("user=*".to_owned(), 0),
        ("tag=none".to_owned(), 0),
        ("counting=estimated".to_owned(), 0),
        ("from=2026-01-01&to=2026-01-31".to_owned(), 0),
    ] {
        let report = asked(&client, &filter).await;
        assert_eq!(report["rows"][0]["exchanges"].as_u64().unwrap_or(0), exchanges, "{filter}");
    }
    let by_tenant = asked(&operator, "by=tenant,counting&tenant=demo").await;
    assert_eq!(by_tenant["rows"][0]["tenant"], "demo");
    assert_eq!(by_tenant["rows"][0]["exchanges"], 3);
}

#[tokio::test]
async fn days_are_those_of_the_zone_that_is_named() {
    let (_flyball, client, _operator) = used().await;
    // Together these zones have every time of day somewhere: the day differs between the first and the last.
    let mut days = Vec::new();
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let report = asked(&client, &format!("by=day&zone={zone}")).await;
        assert_eq!(report["zone"], zone);
        let rows = report["rows"].as_array().unwrap();
        days.push(rows.last().unwrap()["day"].as_str().unwrap().to_owned());
        assert_eq!(report["to"], *days.last().unwrap(), "today is a day of the zone too");
    }
    assert!(days[0] > days[1], "25 hours lie between them: {days:?}");

    let report =
        asked(&client, "from=2026-03-29T00:30:00%2B01:00&to=2026-03-29T04:00:00Z&zone=Europe/Berlin").await;
    assert_eq!(report["from"], "2026-03-29T00:30:00+01:00");
    assert_eq!(report["to"], "2026-03-29T06:00:00+02:00");
}

#[tokio::test]
async fn usage_comes_as_csv_to_whoever_wants_it() {
    let (_flyball, client, _operator) = used().await;
    let header = "model,exchanges,answered,blocked,failed,abandoned,interrupted,reported,counted,estimated,\
                  input_tokens,cached_input_tokens,output_tokens,cost,currency,unpriced";
    let plain = client.get("/v1/usage?format=csv").await.unwrap();
    let wanted = accepting(&client, "/v1/usage", "text/csv, application/json;q=0.5").await;
    for answer in [&plain, &wanted] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        assert_eq!(answer.header("vary"), Some("accept"));
        let text = answer.text();
        let lines: Vec<_> = text.split("\r\n").collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, header, ""));
        assert!(lines[1].starts_with("demo,3,3,0,0,0,0,3,0,0,"), "{}", lines[1]);
        assert_eq!(lines[1].split(',').count(), header.split(',').count());
    }
    for (path, accept) in [("/v1/usage?format=json", "text/csv"), ("/v1/usage", "*/*")] {
        let answer = accepting(&client, path, accept).await;
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path} {accept}");
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused_with_the_field() {
    let flyball = Flyball::builder(env!("CARGO_BIN_EXE_flyball")).start().await.unwrap();
    let client = flyball.client().with_key(flyball.demo_key().unwrap());
    for (query, field) in [
        ("from=yesterday", "from"),
        ("to=2026-02-30", "to"),
        ("from=1969-12-31&to=1970-01-02", "from"),
        ("to=2026-11-24T12:01:00Z", "to"),
        ("to=2026-11-24T12:00:00", "to"),
        ("from=2026-02-02&to=2026-02-01", "from"),
        ("from=2024-01-01&to=2026-01-01", "from"),
        ("to=9999-12-31&from=1970-01-01", "from"),
        ("zone=Mars/Olympus", "zone"),
        ("zone=../../etc/passwd", "zone"),
        ("by=model,weather", "by"),
        ("by=tenant", "by"),
        ("key=demo", "key"),
        ("user=anna", "user"),
        ("counting=guessed", "counting"),
        ("format=xml", "format"),
    ] {
        let answer = client.get(&format!("/v1/usage?{query}")).await.unwrap();
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        assert_eq!(answer.json().unwrap()["error"]["param"], field, "{query}: {}", answer.text());
    }
    assert_eq!(client.get("/v1/usage?surprise=1").await.unwrap().status, 400);
    // The last day that calendars here know, and a year without usage.
    for query in ["from=9999-12-31&to=9999-12-31", "from=1970-01-01&to=1970-12-31&zone=Asia/Tokyo"] {
        assert_eq!(asked(&client, query).await["rows"], json!([]), "{query}");
    }
}
