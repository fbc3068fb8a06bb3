//! Reranking, under the path that Jina and Cohere's first version share and under Cohere's second: a document's score
//! is the share of the query's words that it has.

use flyball_core::tokens;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::chat::parse_error;
use crate::demo::DemoAnswer;
use crate::hash::hash;
use crate::play::dialect::{Dialect, OPENAI, Refusal};
use crate::rejected::Rejected;
use crate::script::Script;
use crate::steered::steered;

const DIALECT: Dialect = Dialect { refusal: |status| refusal(&Rejected::scripted(status)), ..OPENAI };

const MOST_DOCUMENTS: usize = 10_000;
/// So many documents are one search unit, which is what Cohere bills.
const SEARCH_UNIT: usize = 100;

/// Whose form an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// `/v1/rerank`: usage in tokens, documents on request.
    First,
    /// `/v2/rerank`: Cohere's, without documents.
    Second,
}

#[derive(Debug, Deserialize)]
struct RerankRequest {
    model: Option<String>,
    query: Option<String>,
    documents: Option<Vec<Document>>,
    top_n: Option<usize>,
    return_documents: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Document {
    Text(String),
    Object { text: String },
}

impl Document {
    fn text(&self) -> &str {
        match self {
            Document::Text(text) | Document::Object { text } => text,
        }
    }
}

/// Answers a body.
pub(crate) fn answer(body: &[u8], version: Version) -> DemoAnswer {
    rerank(body, version)
        .unwrap_or_else(|rejected| DIALECT.refused(&Script::default(), rejected.status, refusal(&rejected)))
}

fn rerank(body: &[u8], version: Version) -> Result<DemoAnswer, Rejected> {
    let request: RerankRequest =
        serde_json::from_slice(body).map_err(|error| parse_error::<RerankRequest>(body, &error))?;
    let invalid = |param: &str, message: &str| Rejected::invalid(param.to_owned(), message);
    let model = request.model.as_deref().ok_or_else(|| Rejected::missing("model"))?;
    let query = request.query.as_deref().filter(|query| !query.is_empty());
    let query = query.ok_or_else(|| Rejected::missing("query"))?;
    let documents = request.documents.as_deref().ok_or_else(|| Rejected::missing("documents"))?;
    if !(1..=MOST_DOCUMENTS).contains(&documents.len()) {
        return Err(invalid("documents", "'documents' must hold 1 to 10000 documents."));
    }
    if request.top_n == Some(0) {
        return Err(invalid("top_n", "'top_n' must be at least 1."));
    }
    let steered = steered(model, query, "query")?;
    let texts = documents.iter().map(|document| tokens::count(document.text()));
    let input = tokens::count(query) + texts.sum::<u64>();
    if let Some(answer) = DIALECT.regardless(&steered.script, input) {
        return Ok(answer);
    }
    let words = words(steered.text);
    let mut ranked: Vec<(usize, f64)> =
        documents.iter().map(|document| score(&words, document.text())).enumerate().collect();
    // The sort is stable: of equal ones the first comes first.
    ranked.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    ranked.truncate(request.top_n.unwrap_or(usize::MAX));
    let shown = version == Version::First && request.return_documents.unwrap_or(false);
    let results = ranked.iter().map(|(index, score)| {
        let mut result = Map::new();
        result.insert("index".to_owned(), json!(index));
        if let Some(document) = documents.get(*index).filter(|_| shown) {
            result.insert("document".to_owned(), json!({"text": document.text()}));
        }
        result.insert("relevance_score".to_owned(), json!(score));
        Value::Object(result)
    });
    let mut answer = Map::new();
    answer.insert("id".to_owned(), json!(format!("{:016x}", hash(body))));
    answer.insert("results".to_owned(), results.collect());
    if version == Version::First {
        answer.insert("model".to_owned(), json!(steered.model));
    }
    if !steered.script.no_usage {
        let units = json!({"search_units": documents.len().div_ceil(SEARCH_UNIT)});
        let counts = json!({"input_tokens": input, "output_tokens": 0});
        let (name, usage) = match version {
            Version::First => ("usage", json!({"total_tokens": input})),
            Version::Second => (
                "meta",
                json!({
                    "api_version": {"version": "2"}, "billed_units": units, "tokens": counts
                }),
            ),
        };
        answer.insert(name.to_owned(), usage);
    }
    let document = Value::Object(answer).to_string().into_bytes();
    Ok(DIALECT.plain(&steered.script, document, (input, 0)))
}

/// The different words of a text.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut words: Vec<String> = lower
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

fn score(query: &[String], document: &str) -> f64 {
    let own = words(document);
    let found = query.iter().filter(|word| own.binary_search(word).is_ok()).count();
    let real = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    real(found) / real(query.len().max(1))
}

/// Cohere's error document.
fn refusal(rejected: &Rejected) -> Refusal {
    let message = rejected.message();
    let id = format!("{:016x}", hash(message.as_bytes()));
    (json!({"id": id, "message": message}).to_string().into_bytes(), Vec::new())
}
