//! Endpoints beside conversations: moderations, reranking, images.

use crate::support::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flyball_demo::{Counted, DemoAnswer, Step};
use proptest::prelude::*;
use serde_json::{Value, json};

const MODERATIONS: &str = "/v1/moderations";
const RERANK: &str = "/v1/rerank";
const COHERE: &str = "/v2/rerank";
const IMAGES: &str = "/v1/images/generations";

fn good(path: &str, request: &Value) -> Value {
    let answer = post(path, request);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&body(&answer)));
    document(&answer)
}

fn counted(input: u64, output: u64) -> Counted {
    Counted { input, output: vec![output] }
}

fn ranking() -> Value {
    json!({"model": "demo", "query": "red ship", "documents": ["a blue ship", {"text": "The red ship."}, "a tree", "ship"]})
}

#[test]
fn a_text_with_the_word_is_flagged_and_no_other() {
    let said =
        good(MODERATIONS, &json!({"model": "demo", "input": ["Violence!", "nonviolence", "a calm sea"]}));
    let results = said["results"].as_array().unwrap();
    let flags: Vec<_> = results.iter().map(|result| result["flagged"].as_bool().unwrap()).collect();
    assert_eq!(flags, [true, false, false]);
    for result in results {
        let names = |field: &str| result[field].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names("categories").len(), 13);
        assert_eq!(names("categories"), names("category_scores"));
        assert_eq!(names("categories"), names("category_applied_input_types"));
        assert_eq!(result["categories"]["violence"], result["flagged"]);
        assert_eq!(result["category_scores"]["violence"].as_f64().unwrap() > 0.9, result["flagged"] == true);
    }
}

#[test]
fn the_parts_of_one_input_are_judged_together() {
    let input = json!([{"type": "text", "text": "no violence"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
    let said = good(MODERATIONS, &json!({"input": input}));
    assert_eq!(said["results"].as_array().unwrap().len(), 1);
    assert_eq!(said["results"][0]["flagged"], true);
    assert_eq!(said["results"][0]["category_applied_input_types"]["violence"], json!(["text", "image"]));
    assert_eq!(said["results"][0]["category_applied_input_types"]["hate"], json!(["text"]));
}

#[test]
fn documents_are_ranked_by_the_words_they_share() {
    for path in [RERANK, COHERE] {
        let said = good(path, &ranking());
        let results = said["results"].as_array().unwrap();
        let order: Vec<_> = results.iter().map(|result| result["index"].as_u64().unwrap()).collect();
        assert_eq!(order, [1, 0, 3, 2]);
        let scores: Vec<_> =
            results.iter().map(|result| result["relevance_score"].as_f64().unwrap()).collect();
        assert_eq!(scores, [1.0, 0.5, 0.5, 0.0]);
    }
    let said = good(RERANK, &with(ranking(), json!({"top_n": 1, "return_documents": true})));
    assert_eq!(
        said["results"],
        json!([{"index": 1, "document": {"text": "The red ship."}, "relevance_score": 1.0}])
    );
}

#[test]
fn reranking_reports_what_is_counted() {
    let answer = post(RERANK, &ranking());
    let tokens = document(&answer)["usage"]["total_tokens"].as_u64().unwrap();
    assert_eq!(answer.counted, counted(tokens, 0));
    let answer = post(COHERE, &ranking());
    assert_eq!(document(&answer)["meta"]["tokens"]["input_tokens"], tokens);
    assert_eq!(document(&answer)["meta"]["billed_units"]["search_units"], 1);
    assert_eq!(answer.counted, counted(tokens, 0));
    let silent = good(COHERE, &with(ranking(), json!({"model": "sim:no_usage"})));
    assert!(silent.get("meta").is_none());
}

#[test]
fn a_picture_is_a_png_of_one_pixel() {
    let answer = post(IMAGES, &json!({"model": "demo", "prompt": "a red ship", "n": 3, "size": "1024x1024"}));
    let said = document(&answer);
    let pictures: Vec<_> = said["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|picture| picture["b64_json"].as_str().unwrap())
        .collect();
    assert_eq!(pictures.len(), 3);
    assert_ne!(pictures[0], pictures[1]);
    for picture in pictures {
        let bytes = STANDARD.decode(picture).unwrap();
        let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap();
        let mut kinds = Vec::new();
        while !rest.is_empty() {
            let length = usize::try_from(u32::from_be_bytes(rest[..4].try_into().unwrap())).unwrap();
            let checksum = u32::from_be_bytes(rest[8 + length..12 + length].try_into().unwrap());
            assert_eq!(crc32fast::hash(&rest[4..8 + length]), checksum);
            kinds.push(String::from_utf8(rest[4..8].to_vec()).unwrap());
            rest = &rest[12 + length..];
        }
        assert_eq!(kinds, ["IHDR", "IDAT", "IEND"]);
    }
    assert!(said["data"][0]["revised_prompt"].as_str().unwrap().ends_with("a red ship"));
    let usage = &said["usage"];
    let number = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(number("total_tokens"), number("input_tokens") + number("output_tokens"));
    assert_eq!(answer.counted, counted(number("input_tokens"), number("output_tokens")));
}

#[test]
fn a_wrong_field_is_named() {
    let image = |more: Value| with(json!({"prompt": "a ship"}), more);
    let cases = [
        (MODERATIONS, json!({}), "input"),
        (MODERATIONS, json!({"input": []}), "input"),
        (MODERATIONS, json!({"input": 5}), "input"),
        (MODERATIONS, json!({"input": [{"type": "video"}]}), "input"),
        (MODERATIONS, json!({"input": [{"type": "image_url", "image_url": {"url": ""}}]}), "input"),
        (IMAGES, json!({}), "prompt"),
        (IMAGES, json!({"prompt": ""}), "prompt"),
        (IMAGES, image(json!({"n": 0})), "n"),
        (IMAGES, image(json!({"n": 11})), "n"),
        (IMAGES, image(json!({"size": "large"})), "size"),
        (IMAGES, image(json!({"quality": "best"})), "quality"),
        (IMAGES, image(json!({"response_format": "url"})), "response_format"),
        (IMAGES, image(json!({"output_format": "webp"})), "output_format"),
        (IMAGES, image(json!({"stream": true})), "stream"),
    ];
    for (path, request, param) in cases {
        let answer = post(path, &request);
        assert_eq!(answer.status, 400, "{request}");
        assert_eq!(error(&answer)["param"], param, "{request}");
    }
    for path in [RERANK, COHERE] {
        for (more, named) in [
            (json!({"model": null}), "model"),
            (json!({"query": ""}), "query"),
            (json!({"documents": []}), "documents"),
            (json!({"documents": [5]}), "documents"),
            (json!({"top_n": 0}), "top_n"),
        ] {
            let answer = post(path, &with(ranking(), more));
            assert_eq!(answer.status, 400);
            assert!(document(&answer)["message"].as_str().unwrap().contains(named), "{named}");
        }
        assert_eq!(post(path, &with(ranking(), json!({"model": "rerank-3"}))).status, 404);
    }
}

#[test]
fn scripts_steer_every_endpoint() {
    let asked = |script: &str| -> [DemoAnswer; 4] {
        let model = json!({"model": format!("sim:{script}")});
        [
            post(MODERATIONS, &with(json!({"input": "hi"}), model.clone())),
            post(RERANK, &with(ranking(), model.clone())),
            post(COHERE, &with(ranking(), model.clone())),
            post(IMAGES, &with(json!({"prompt": "hi"}), model)),
        ]
    };
    for answer in asked("status=503") {
        assert_eq!(answer.status, 503);
        assert_eq!(answer.counted, Counted::default());
    }
    for answer in asked("cut=body") {
        assert_eq!(answer.steps.last(), Some(&Step::Cut));
    }
    for answer in asked("malformed=0") {
        assert!(serde_json::from_slice::<Value>(&body(&answer)).is_err());
    }
    for answer in asked("error_event=0") {
        assert_eq!(answer.status, 200);
        assert!(document(&answer).get("error").or(document(&answer).get("message")).is_some());
    }
    for answer in asked("wobble") {
        assert_eq!(answer.status, 400);
    }
    let steered = [
        (MODERATIONS, json!({"model": "sim", "input": "sim: status=429\nhi"})),
        (RERANK, with(ranking(), json!({"model": "sim", "query": "sim: status=429\nhi"}))),
        (IMAGES, json!({"model": "sim", "prompt": "sim: status=429\nhi"})),
    ];
    for (path, request) in steered {
        assert_eq!(post(path, &request).status, 429, "{path}");
    }
}

proptest! {
    #[test]
    fn ranks_fall_and_hold_every_document_once(query in "[a-d ]{1,8}[a-d]", documents in proptest::collection::vec("[a-d ]{0,12}", 1..12)) {
        let said = good(RERANK, &json!({"model": "demo", "query": query, "documents": documents}));
        let results = said["results"].as_array().unwrap();
        let scores: Vec<_> = results.iter().map(|result| result["relevance_score"].as_f64().unwrap()).collect();
        prop_assert!(scores.is_sorted_by(|left, right| left >= right));
        prop_assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)));
        let mut indices: Vec<_> = results.iter().map(|result| result["index"].as_u64().unwrap()).collect();
        indices.sort_unstable();
        prop_assert!(indices.into_iter().eq(0..u64::try_from(documents.len()).unwrap()));
    }
}
