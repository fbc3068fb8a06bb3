//! Embeddings: unit vectors from hashed words, so that texts with words in common are near each other and the
//! same text always has the same vector. Feature hashing with signs; a word also counts, at half its weight,
//! by its first four letters.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flyball_core::tokens;
use http::StatusCode;
use serde::Deserialize;

use crate::chat::{Str, parse_error};
use crate::demo::DemoAnswer;
use crate::hash::{hash, mix};
use crate::json::{push_number, push_string, push_value};
use crate::models;
use crate::play;
use crate::rejected::Rejected;
use crate::script::Script;

const DEFAULT_DIMENSIONS: usize = 256;
const MOST_DIMENSIONS: usize = 4096;
const MOST_INPUTS: usize = 2048;

#[derive(Debug, Deserialize)]
struct EmbeddingRequest<'a> {
    #[serde(borrow)]
    model: Option<Str<'a>>,
    #[serde(borrow)]
    input: Option<Input<'a>>,
    dimensions: Option<usize>,
    #[serde(borrow)]
    encoding_format: Option<Str<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input<'a> {
    Text(#[serde(borrow)] Str<'a>),
    Tokens(Vec<u32>),
    Texts(#[serde(borrow)] Vec<Str<'a>>),
    ManyTokens(Vec<Vec<u32>>),
}

/// Answers a body. `deployment` is the model of Azure's path form, which outranks the body's.
pub(crate) fn answer(body: &[u8], deployment: Option<&str>) -> Result<DemoAnswer, Rejected> {
    let request: EmbeddingRequest<'_> =
        serde_json::from_slice(body).map_err(|error| parse_error::<EmbeddingRequest<'_>>(body, &error))?;
    let model = deployment.or(request.model.as_ref().map(Str::as_str));
    let model = model.ok_or_else(|| Rejected::missing("model"))?;
    if !models::exists(model) {
        return Err(Rejected::unknown_model(model));
    }
    let script = match model.strip_prefix("sim:") {
        Some(source) => {
            Script::parse(source).map_err(|error| Rejected::invalid("model".to_owned(), error.to_string()))?
        }
        None => Script::default(),
    };
    let input = request.input.as_ref();
    if let Some(answer) = play::regardless(&script, input.map_or(0, Input::tokens)) {
        return Ok(answer);
    }
    let input = input.ok_or_else(|| Rejected::missing("input"))?;
    let body = document(&request, input, models::shown(model), !script.no_usage)?;
    Ok(play::plain(&script, StatusCode::OK, body, (input.tokens(), 0)))
}

impl Input<'_> {
    /// The tokens of all entries.
    fn tokens(&self) -> u64 {
        let length = |tokens: &Vec<u32>| u64::try_from(tokens.len()).unwrap_or(u64::MAX);
        match self {
            Input::Text(text) => tokens::count(text.as_str()),
            Input::Texts(texts) => texts.iter().map(|text| tokens::count(text.as_str())).sum(),
            Input::Tokens(tokens) => length(tokens),
            Input::ManyTokens(many) => many.iter().map(length).sum(),
        }
    }
}

fn document(
    request: &EmbeddingRequest<'_>,
    input: &Input<'_>,
    model: &str,
    usage: bool,
) -> Result<Vec<u8>, Rejected> {
    let invalid = |param: &str, message: &str| Rejected::invalid(param.to_owned(), message);
    let dimensions = request.dimensions.unwrap_or(DEFAULT_DIMENSIONS);
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return Err(invalid("dimensions", "'dimensions' must be from 1 to 4096."));
    }
    let base64 = match request.encoding_format.as_ref().map(Str::as_str) {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(invalid("encoding_format", "'encoding_format' must be float or base64.")),
    };
    let vectors = vectors(input, dimensions)
        .ok_or_else(|| invalid("input", "'input' must hold 1 to 2048 entries, none of them empty."))?;

    let mut out = Vec::with_capacity(256 + vectors.len() * (dimensions * 12 + 64));
    out.extend_from_slice(b"{\"object\":\"list\",\"data\":[");
    for (at, vector) in vectors.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"object\":\"embedding\",\"index\":");
        push_number(&mut out, u64::try_from(at).unwrap_or(0));
        out.extend_from_slice(b",\"embedding\":");
        if base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
            push_string(&mut out, &STANDARD.encode(bytes));
        } else {
            push_value(&mut out, vector);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"model\":");
    push_string(&mut out, model);
    if usage {
        let tokens = input.tokens();
        out.extend_from_slice(b",\"usage\":{\"prompt_tokens\":");
        push_number(&mut out, tokens);
        out.extend_from_slice(b",\"total_tokens\":");
        push_number(&mut out, tokens);
        out.push(b'}');
    }
    out.push(b'}');
    Ok(out)
}

/// The vectors of all entries. `None` when there are too many, or an empty one.
fn vectors(input: &Input<'_>, dimensions: usize) -> Option<Vec<Vec<f32>>> {
    let of_text = |text: &Str<'_>| {
        let text = text.as_str();
        (!text.is_empty()).then(|| vector_of_text(text, dimensions))
    };
    let of_tokens = |tokens: &Vec<u32>| (!tokens.is_empty()).then(|| vector_of_tokens(tokens, dimensions));
    let entries: Option<Vec<_>> = match input {
        Input::Text(text) => [text].into_iter().map(of_text).collect(),
        Input::Texts(texts) if texts.len() <= MOST_INPUTS => texts.iter().map(of_text).collect(),
        Input::Tokens(tokens) => [tokens].into_iter().map(of_tokens).collect(),
        Input::ManyTokens(many) if many.len() <= MOST_INPUTS => many.iter().map(of_tokens).collect(),
        Input::Texts(_) | Input::ManyTokens(_) => None,
    };
    entries.filter(|vectors| !vectors.is_empty())
}

fn vector_of_text(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimensions];
    let lower = text.to_lowercase();
    let words = lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        add(&mut vector, hash(word.as_bytes()), 1.0);
        let start = word.get(..word.floor_char_boundary(4)).unwrap_or(word);
        add(&mut vector, mix(hash(start.as_bytes())), 0.5);
    }
    normalised(vector, hash(text.as_bytes()))
}

fn vector_of_tokens(tokens: &[u32], dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimensions];
    for token in tokens {
        add(&mut vector, hash(&token.to_le_bytes()), 1.0);
    }
    normalised(vector, 0)
}

/// Adds a feature: its hash says where and with which sign.
fn add(vector: &mut [f32], feature: u64, weight: f32) {
    let count = u64::try_from(vector.len()).unwrap_or(1).max(1);
    let place = usize::try_from((feature >> 1) % count).ok();
    if let Some(value) = place.and_then(|at| vector.get_mut(at)) {
        *value += if feature & 1 == 0 { weight } else { -weight };
    }
}

/// Scales to length one. Where nothing is left (no words, or features that cancel out) one direction, chosen by
/// `seed`, stands in.
fn normalised(mut vector: Vec<f32>, seed: u64) -> Vec<f32> {
    if vector.iter().all(|value| *value == 0.0) {
        add(&mut vector, seed, 1.0);
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    for value in &mut vector {
        *value /= length;
    }
    vector
}
