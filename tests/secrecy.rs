//! Nothing that callers, providers or operators would keep to themselves is written where it does not belong.
//! Markers are planted in prompts, answers, keys, file names, header values, paths and policies, every kind of
//! refusal is provoked with them, and afterwards logs (at level trace), metrics, the data folder to the byte (the
//! database and the journal), the journal's export, and every error body are searched.

use std::fs;
use std::path::Path;

use flyball_testkit::{Client, Simulator, SseEvent};
use http::Method;
use serde_json::{Value, json};

use super::provoked::{Provoked, chat};

/// What is told openly: tags are recorded as they are.
const TAG: &str = "told-openly";

/// A word that nobody says by chance, with what it stands for in front. Capitals and digits keep it from passing
/// for the name of a field or an endpoint, which error bodies do repeat.
fn marker(place: &str) -> String {
    let mut random = [0_u8; 12];
    getrandom::fill(&mut random).unwrap();
    let random: String = random.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{place}Marker{random}x")
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

/// Calls of every kind that are recorded, from a caller that names its user, its session and a tag: answered, as a
/// stream, as an embedding, and blocked.
async fn be_recorded(client: &Client, prompt: &str, person: &str, session: &str) {
    let mut stream = chat("sim", prompt);
    stream["stream"] = json!(true);
    let personal = format!("{prompt} is at {person}@example.org");
    for (path, mut body, status) in [
        ("/v1/chat/completions", chat("sim", prompt), 200),
        ("/v1/chat/completions", stream, 200),
        ("/v1/embeddings", json!({"model": "sim", "input": prompt}), 200),
        ("/v1/chat/completions", chat("sim", &personal), 403),
    ] {
        body["safety_identifier"] = json!(person);
        let mut request = client.request(Method::POST, path, body.to_string().into()).unwrap();
        request.headers_mut().insert("x-flyball-session", session.parse().unwrap());
        request.headers_mut().insert("x-flyball-tags", TAG.parse().unwrap());
        let answer = client.send(request).await.unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        // Its record is on the disk before anybody looks for it there.
        let exchange = answer.header("x-flyball-request-id").unwrap();
        while client.get(&format!("/v1/exchanges/{exchange}")).await.unwrap().json().unwrap()["state"]
            != "settled"
        {}
    }
}

fn contains(bytes: &[u8], marker: &str) -> bool {
    memchr::memmem::find(bytes, marker.as_bytes()).is_some()
}

/// Markers, and everything that was heard or written and must not hold them.
struct Search {
    markers: Vec<String>,
    heard: Vec<(String, Vec<u8>)>,
}

impl Search {
    fn assert_silent(&self) {
        for (place, bytes) in &self.heard {
            for marker in &self.markers {
                let Some(at) = memchr::memmem::find(bytes, marker.as_bytes()) else { continue };
                let around = &bytes[at.saturating_sub(300)..(at + 300).min(bytes.len())];
                panic!("{marker} is in {place}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

/// A request with something to keep in every field.
fn confession(prompt: &str, file: &str) -> Value {
    json!({"model": "sim", "user": prompt, "metadata": {"note": prompt}, "vendor": [prompt],
           "messages": [{"role": "system", "content": prompt},
                        {"role": "user", "content": [
                            {"type": "text", "text": prompt},
                            {"type": "file", "file": {"filename": format!("{file}.pdf"), "file_data": "AAAA"}},
                            {"type": "image_url", "image_url": {"url": format!("https://example.com/{file}.png")}}]}],
           "tools": [{"type": "function", "function": {"name": "f", "description": prompt}}]})
}

/// Calls that succeed, and streams that end in every way.
async fn converse(
    client: &Client,
    prompt: &str,
    answer: &str,
    file: &str,
    heard: &mut Vec<(String, Vec<u8>)>,
) {
    let path = "/v1/chat/completions";
    let text = Simulator::script_text(answer);
    assert_eq!(client.post(path, &confession(prompt, file)).await.unwrap().status, 200);
    let embeddings = json!({"model": "sim", "input": [prompt], "user": prompt});
    assert_eq!(client.post("/v1/embeddings", &embeddings).await.unwrap().status, 200);
    let whole = client.post(path, &chat("sim", &format!("sim: text={text}\n{prompt}"))).await.unwrap();
    assert!(whole.text().contains(answer), "answers themselves go through: {}", whole.text());
    for body in [
        json!({ "prompt": prompt }),
        json!({ "output": prompt }),
        json!({"prompt": prompt, "context": [prompt]}),
    ] {
        for path in ["/filter/prompt", "/filter/output", "/process", "/proxy/completion"] {
            let answer = client.post(path, &body).await.unwrap();
            if !answer.status.is_success() {
                heard.push((format!("the refusal of {path}"), answer.body.to_vec()));
            }
        }
    }
    for script in [
        "chunk_bytes=3",
        "malformed=2",
        "error_event=2",
        "cut=2",
        "garbage",
        "empty",
        "ignore_stream",
        "no_done",
    ] {
        let mut body = chat("sim", &format!("sim: {script},text={text}\n{prompt}"));
        body["stream"] = json!(true);
        let events = client.stream(path, &body).await.unwrap();
        let status = events.status;
        let mut events = events;
        let mut all = Vec::new();
        if !status.is_success() {
            while let Some(bytes) = events.next_bytes().await.unwrap() {
                all.extend_from_slice(&bytes);
            }
            heard.push((format!("the refusal of {script}"), all));
            continue;
        }
        let events = events.rest().await.unwrap();
        let errors =
            events.iter().filter(|event| event.json().is_some_and(|event| event.get("error").is_some()));
        heard.extend(
            errors.map(|event: &SseEvent| (format!("the error event of {script}"), event.raw.to_vec())),
        );
    }
    // Hung up in the middle.
    let mut body = chat("sim", &format!("sim: gap=50ms,text={text}\n{prompt}"));
    body["stream"] = json!(true);
    let mut events = client.stream(path, &body).await.unwrap();
    assert!(events.next().await.unwrap().is_some());
}

#[tokio::test]
async fn no_marker_is_found_where_it_does_not_belong() {
    let [prompt, answer, file, refused, provider_key, header, corpus, rule] =
        ["Prompt", "Answer", "File", "Refused", "ProviderKey", "Header", "Corpus", "Rule"].map(marker);
    let [person, session] = ["Person", "Session"].map(marker);
    let folder = tempfile::tempdir().unwrap();
    let protected = folder.path().join("protected.txt");
    fs::write(&protected, format!("{corpus} is a text that nobody may repeat at length in any answer."))
        .unwrap();
    let config = format!("log: {{level: trace}}\nprotected: {{corpora: ['{}']}}\n", protected.display());
    let config =
        config.replace("log:", "safe_mode: {instruction: 'INSTRUCTION'}\nlog:").replace("INSTRUCTION", &rule);
    let mut provoked = Provoked::start(&config, &provider_key).await;
    let mut heard = Vec::new();

    let client = provoked.tenant(&provoked.flyball.client());
    converse(&client, &prompt, &answer, &file, &mut heard).await;
    be_recorded(&client, &prompt, &person, &session).await;
    for client in [provoked.flyball.client(), provoked.flyball.client().over_http2()] {
        for (name, answer) in provoked.all(&client, &refused).await {
            let headers = format!("{:?}", answer.headers);
            heard.push((format!("the body of {name}"), answer.body.to_vec()));
            heard.push((format!("the headers of {name}"), headers.into_bytes()));
        }
    }
    // Keys that were made here and shown once: where they are used, wrong by a letter, and revoked.
    let operator = provoked.operator(&provoked.flyball.client());
    let made =
        operator.post("/v1/keys", &json!({"tenant": "demo", "name": "made"})).await.unwrap().json().unwrap();
    let (key, id) = (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned());
    let with_key = provoked.flyball.client().with_key(&key);
    assert_eq!(with_key.post("/v1/chat/completions", &chat("sim", &prompt)).await.unwrap().status, 200);
    let mut request = with_key
        .request(Method::POST, "/v1/chat/completions", chat("sim", &prompt).to_string().into())
        .unwrap();
    for name in
        ["x-note", "cookie", "user-agent", "x-forwarded-for", "openai-organization", "baggage", "traceparent"]
    {
        request.headers_mut().insert(name, header.parse().unwrap());
    }
    assert_eq!(with_key.send(request).await.unwrap().status, 200);
    let revoke = operator.request(Method::DELETE, &format!("/v1/keys/{id}"), bytes::Bytes::new()).unwrap();
    assert_eq!(operator.send(revoke).await.unwrap().status, 200);
    let refused_key = with_key.post("/v1/chat/completions", &chat("sim", &prompt)).await.unwrap();
    heard.push(("the refusal of a revoked key".to_owned(), refused_key.body.to_vec()));

    // A policy that cannot be loaded is told with its place, not with what stands there.
    fs::write(provoked.flyball.config_path(), format!("unknown: {rule}\n")).unwrap();
    while !provoked.flyball.client().get("/metrics").await.unwrap().text().contains(r#"result="refused""#) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    // The proof that the markers went where they were sent.
    let told = provoked.simulator.received();
    for marker in [&prompt, &file] {
        assert!(told.iter().any(|request| contains(&request.body, marker)), "{marker} was never sent");
    }
    assert!(told.iter().all(|request| request.headers.iter().all(|(_, value)| !value.contains(&header))));
    assert!(
        told.iter().any(|request| request.header("authorization") == Some(&format!("Bearer {provider_key}")))
    );

    heard.push((
        "the metrics".to_owned(),
        provoked.flyball.client().get("/metrics").await.unwrap().body.to_vec(),
    ));
    heard.extend(
        files(&provoked.flyball.data_dir())
            .into_iter()
            .map(|(path, bytes)| (format!("{path}, serving"), bytes)),
    );
    let mut export = provoked.flyball.command();
    let exported =
        export.args(["journal", "export", "--data"]).arg(provoked.flyball.data_dir()).output().unwrap();
    assert!(exported.status.success());
    assert_eq!(String::from_utf8_lossy(&exported.stdout).matches(TAG).count(), 7, "three intents, four ends");
    heard.push(("the journal's export".to_owned(), exported.stdout));
    assert!(provoked.flyball.stop().await.unwrap().success());
    heard.extend(files(&provoked.flyball.data_dir()));
    let log = provoked.flyball.stderr().unwrap();
    assert!(log.contains("\"level\":\"TRACE\""), "nothing is held back: {log}");
    assert!(!log.contains("stderr.log"), "the log is not about itself");
    assert!(log.matches("\"exchange\"").count() > 50, "the access log is there: {log}");
    heard.push(("the log".to_owned(), log.into_bytes()));
    heard.push(("standard output".to_owned(), provoked.flyball.stdout().unwrap().into_bytes()));
    let stored: Vec<_> =
        heard.iter().filter(|(place, _)| place.contains("data/")).map(|(place, _)| place.clone()).collect();
    assert!(stored.len() >= 2, "the data folder holds something: {stored:?}");
    let journals: Vec<_> = heard.iter().filter(|(place, _)| place.contains("data/journal/")).collect();
    assert!(journals.iter().any(|(_, bytes)| contains(bytes, TAG)), "no journal was searched: {stored:?}");

    let markers =
        vec![prompt, answer, file, refused, provider_key, header, corpus, rule, key, person, session];
    Search { markers, heard }.assert_silent();
}
