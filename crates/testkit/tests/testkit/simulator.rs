//! The simulator on a socket: what scripts say really happens on the wire.

use std::time::Duration;

use bytes::Bytes;
use flyball_testkit::simulator::{Counted, Counts};
use flyball_testkit::{Client, RawConnection, Simulator};
use http::Method;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

fn chat(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "say exactly: hi"}]})
}

/// Waits until the counts are as wanted; a test that never gets there times out.
async fn counted(simulator: &Simulator, wanted: impl Fn(Counts) -> bool) {
    let waiting = async {
        while !wanted(simulator.counts()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let counts = || format!("{:?}", simulator.counts());
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("{}", counts()));
}

#[tokio::test]
async fn a_plain_answer_and_a_stream_arrive_over_both_versions_of_http() {
    let simulator = Simulator::start().await.unwrap();
    for client in [Client::new(simulator.address()), Client::new(simulator.address()).over_http2()] {
        let answer = client.post(CHAT, &chat("demo", false)).await.unwrap();
        assert_eq!(answer.json().unwrap()["choices"][0]["message"]["content"], "hi");
        let events = client.stream(CHAT, &chat("sim:chunks=5,delay=1ms,gap=1ms", true)).await.unwrap();
        let events = events.rest().await.unwrap();
        assert!(events.last().unwrap().is_done());
        let deltas = events.iter().filter_map(|event| event.json());
        let deltas = deltas.filter(|chunk| {
            chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty())
        });
        assert_eq!(deltas.count(), 5);
    }
    counted(&simulator, |counts| counts.started == 4 && counts.completed == 4).await;
    assert_eq!(simulator.counts().cancelled, 0);
}

#[tokio::test]
async fn a_cut_ahead_of_the_head_gives_no_answer() {
    let simulator = Simulator::start().await.unwrap();
    for client in [Client::new(simulator.address()), Client::new(simulator.address()).over_http2()] {
        client.post(CHAT, &chat("sim:cut=head", false)).await.unwrap_err();
    }
    counted(&simulator, |counts| counts.completed == 2).await;
}

#[tokio::test]
async fn a_cut_within_a_body_breaks_it_off_after_what_was_sent() {
    let simulator = Simulator::start().await.unwrap();
    for client in [Client::new(simulator.address()), Client::new(simulator.address()).over_http2()] {
        client.post(CHAT, &chat("sim:cut=body", false)).await.unwrap_err();
        let mut events = client.stream(CHAT, &chat("sim:chunks=9,cut=3", true)).await.unwrap();
        for _ in 0..4 {
            events.next().await.unwrap().unwrap();
        }
        events.next().await.unwrap_err();
    }
}

#[tokio::test]
async fn a_cut_closes_the_socket_without_the_last_chunk() {
    let simulator = Simulator::start().await.unwrap();
    let mut connection = RawConnection::open(simulator.address()).await.unwrap();
    let body = chat("sim:chunks=2,cut=1", true).to_string();
    let request =
        format!("POST {CHAT} HTTP/1.1\r\nhost: sim\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    connection.write(request.as_bytes()).await.unwrap();
    let bytes = connection.read_to_end(Duration::from_secs(20)).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("data: "), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "{text}");
}

#[tokio::test]
async fn a_hang_up_is_noticed_ahead_of_the_head_and_within_a_stream() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(simulator.address());
    let mut events = client.stream(CHAT, &chat("sim:chunks=9,hang=2", true)).await.unwrap();
    events.next().await.unwrap().unwrap();
    drop(events);
    counted(&simulator, |counts| counts.cancelled == 1).await;
    let hanging = chat("sim:hang", false);
    tokio::select! {
        answer = client.post(CHAT, &hanging) => panic!("{answer:?}"),
        () = counted(&simulator, |counts| counts.started == 2) => {}
    }
    counted(&simulator, |counts| counts.cancelled == 2).await;
    assert_eq!(simulator.counts().completed, 0);
}

#[tokio::test]
async fn every_status_header_and_content_type_reaches_the_wire() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(simulator.address());
    let answer = client.post(CHAT, &chat("sim:status=429,retry_after=9", true)).await.unwrap();
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), Some("9"));
    assert!(answer.json().unwrap()["error"]["message"].is_string());
    let answer = client.post(CHAT, &chat("sim:empty", false)).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    let answer = client.post(CHAT, &chat("sim:garbage", false)).await.unwrap();
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn raw_pieces_join_to_the_whole() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(simulator.address());
    let events =
        client.stream(CHAT, &chat("sim:text=%F0%9F%8E%89,raw_split=1,gap=50us", true)).await.unwrap();
    let events = events.rest().await.unwrap();
    let text: String = events
        .iter()
        .filter_map(|event| Some(event.json()?["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect();
    assert_eq!(text, "\u{1f389}");
}

#[tokio::test]
async fn an_answer_of_many_megabytes_arrives_whole() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(simulator.address());
    let answer = client.post(CHAT, &chat("sim:huge=20000000", false)).await.unwrap();
    let answer = answer.json().unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"].as_str().unwrap().len(), 20_000_000);
}

#[tokio::test]
async fn what_was_received_can_be_searched() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(simulator.address()).with_key("provider-secret");
    let mut request = client.request(Method::POST, CHAT, Bytes::from_static(b"no json")).unwrap();
    request.headers_mut().insert("x-marker", "17".parse().unwrap());
    assert_eq!(client.send(request).await.unwrap().status, 400);
    let received = simulator.received();
    let [entry] = received.as_slice() else { panic!("one entry, not {received:?}") };
    assert_eq!(entry.header("authorization"), Some("Bearer provider-secret"));
    assert_eq!(entry.header("x-marker"), Some("17"));
    assert_eq!(entry.body, "no json");
}

#[tokio::test]
async fn a_slow_head_of_a_request_is_read_to_its_end() {
    let simulator = Simulator::start().await.unwrap();
    let mut connection = RawConnection::open(simulator.address()).await.unwrap();
    let request = b"GET /v1/models HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n";
    connection.write_slowly(request, 5, Duration::from_millis(1)).await.unwrap();
    let answer = connection.read_until(b"demo-embedding", Duration::from_secs(20)).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn after_shutdown_nobody_listens() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(simulator.address());
    let mut hanging = client.stream(CHAT, &chat("sim:hang=body", true)).await.unwrap();
    simulator.shutdown().await;
    client.get("/v1/models").await.unwrap_err();
    while let Ok(Some(_)) = hanging.next_bytes().await {}
}

#[tokio::test]
async fn what_was_written_before_a_break_is_billed_and_an_error_is_not() {
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(simulator.address());
    let whole = client.post(CHAT, &chat("demo", false)).await.unwrap().json().unwrap();
    let (input, output) = (&whole["usage"]["prompt_tokens"], &whole["usage"]["completion_tokens"]);
    let (input, output) = (input.as_u64().unwrap(), output.as_u64().unwrap());
    let billed = |calls, inputs, output_tokens| {
        let expected = Counted { calls, input_tokens: inputs * input, output_tokens };
        assert_eq!(simulator.counted(), expected);
    };
    billed(1, 1, output);
    client.post(CHAT, &chat("sim:status=500", false)).await.unwrap();
    billed(2, 1, output);
    client.post(CHAT, &chat("sim:cut=body", false)).await.unwrap_err();
    billed(3, 2, output);
    let events = client.stream(CHAT, &chat("sim:chunks=9,cut=3,raw_split=7", true)).await.unwrap();
    events.rest().await.unwrap_err();
    // Three words, and the space after the last of them.
    billed(4, 3, output + 4);
    client.post(CHAT, &chat("sim:cut=head", false)).await.unwrap_err();
    billed(5, 4, output + 4);
    let told = client.get("/counted").await.unwrap().json().unwrap();
    assert_eq!((&told["calls"], &told["output_tokens"]), (&json!(5), &json!(output + 4)), "{told}");
    assert_eq!(simulator.counts().started, 5);
}
