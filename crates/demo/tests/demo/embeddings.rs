//! Embeddings: unit length, near for similar texts, the same in every encoding.

use crate::support::*;
use base64::Engine;
use proptest::prelude::*;
use serde_json::{Value, json};

const PATH: &str = "/v1/embeddings";

fn vectors(request: &Value) -> Vec<Vec<f32>> {
    let answer = post(PATH, request);
    assert_eq!(answer.status, 200, "{request}");
    let answer = document(&answer);
    let entries = answer["data"].as_array().unwrap().iter();
    entries.map(|entry| serde_json::from_value(entry["embedding"].clone()).unwrap()).collect()
}

fn vector(text: &str) -> Vec<f32> {
    vectors(&json!({"model": "demo-embedding", "input": text})).remove(0)
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[test]
fn texts_with_words_in_common_are_nearer() {
    let question = vector("How do I reset my password?");
    let similar = vector("I forgot my password, how can I reset it?");
    let other = vector("Bake the bread for forty minutes.");
    assert!(cosine(&question, &similar) > 0.5);
    assert!(cosine(&question, &other) < 0.3);
}

#[test]
fn base64_holds_the_same_numbers() {
    let request = json!({"model": "demo-embedding", "input": "hello world", "dimensions": 64});
    let encoded = document(&post(PATH, &with(request.clone(), json!({"encoding_format": "base64"}))));
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let decoded: Vec<f32> =
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(decoded, vectors(&request)[0]);
}

#[test]
fn every_form_of_input_is_taken() {
    for (input, count) in
        [(json!("a"), 1), (json!(["a", "b \u{e9} \n"]), 2), (json!([1, 2, 3]), 1), (json!([[1, 2], [3]]), 2)]
    {
        let found = vectors(&json!({"model": "demo-embedding", "input": input}));
        assert_eq!(found.len(), count, "{input}");
    }
}

#[test]
fn wrong_input_is_refused() {
    for (request, param) in [
        (json!({"model": "demo-embedding"}), "input"),
        (json!({"model": "demo-embedding", "input": ""}), "input"),
        (json!({"model": "demo-embedding", "input": []}), "input"),
        (json!({"model": "demo-embedding", "input": ["a", ""]}), "input"),
        (json!({"model": "demo-embedding", "input": {"a": 1}}), "input"),
        (json!({"model": "demo-embedding", "input": "a", "dimensions": 0}), "dimensions"),
        (json!({"model": "demo-embedding", "input": "a", "encoding_format": "hex"}), "encoding_format"),
        (json!({"input": "a"}), "model"),
    ] {
        let answer = post(PATH, &request);
        assert_eq!(answer.status, 400, "{request}");
        assert_eq!(error(&answer)["param"], param, "{request}");
    }
}

#[test]
fn scripts_apply_to_embeddings() {
    let answer = post(PATH, &json!({"model": "sim:status=429,retry_after=3", "input": "a"}));
    assert_eq!(answer.status, 429);
    let answer = post(PATH, &json!({"model": "sim:no_usage", "input": "a"}));
    assert!(document(&answer).get("usage").is_none());
}

proptest! {
    #[test]
    fn vectors_have_the_wanted_size_and_length_one(text in ".{1,200}", dimensions in 1usize..2000) {
        let request = json!({"model": "demo-embedding", "input": text, "dimensions": dimensions});
        let vector = vectors(&request).remove(0);
        prop_assert_eq!(vector.len(), dimensions);
        prop_assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-4);
    }
}
