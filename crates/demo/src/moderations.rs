//! OpenAI's moderations: a text or picture is flagged when its text has the word "violence", and never otherwise.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::chat::parse_error;
use crate::demo::DemoAnswer;
use crate::hash::{hash, mix};
use crate::play::dialect::OPENAI;
use crate::rejected::Rejected;
use crate::steered::steered;

/// The categories, and whether pictures are looked at for them.
const CATEGORIES: [(&str, bool); 13] = [
    ("harassment", false),
    ("harassment/threatening", false),
    ("hate", false),
    ("hate/threatening", false),
    ("illicit", false),
    ("illicit/violent", false),
    ("self-harm", true),
    ("self-harm/instructions", true),
    ("self-harm/intent", true),
    ("sexual", true),
    ("sexual/minors", false),
    ("violence", true),
    ("violence/graphic", true),
];

/// The word, and the category, that flags a text.
const FLAG: &str = "violence";

#[derive(Debug, Deserialize)]
struct ModerationRequest {
    model: Option<String>,
    input: Option<Input>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Debug, Deserialize)]
struct ImageUrl {
    url: String,
}

/// What one result is about.
#[derive(Debug)]
struct Subject {
    text: String,
    image: bool,
}

/// Answers a body.
pub(crate) fn answer(body: &[u8]) -> Result<DemoAnswer, Rejected> {
    let request: ModerationRequest =
        serde_json::from_slice(body).map_err(|error| parse_error::<ModerationRequest>(body, &error))?;
    let input = request.input.as_ref().ok_or_else(|| Rejected::missing("input"))?;
    let subjects = subjects(input)?;
    let first = subjects.first().map(|subject| subject.text.as_str()).unwrap_or_default();
    let steered = steered(request.model.as_deref().unwrap_or("demo"), first, "input")?;
    if let Some(answer) = OPENAI.regardless(&steered.script, 0) {
        return Ok(answer);
    }
    let results: Vec<_> = subjects.iter().map(result).collect();
    let id = format!("modr-{:016x}", hash(body));
    let document = json!({"id": id, "model": steered.model, "results": results});
    Ok(OPENAI.plain(&steered.script, document.to_string().into_bytes(), (0, 0)))
}

/// A text each; the parts of one input together.
fn subjects(input: &Input) -> Result<Vec<Subject>, Rejected> {
    let text = |text: &String| Subject { text: text.clone(), image: false };
    let subjects: Vec<Subject> = match input {
        Input::Text(one) => vec![text(one)],
        Input::Texts(many) => many.iter().map(text).collect(),
        Input::Parts(parts) => {
            let mut subject = Subject { text: String::new(), image: false };
            for part in parts {
                match part {
                    Part::Text { text } => {
                        subject.text.push_str(text);
                        subject.text.push('\n');
                    }
                    Part::ImageUrl { image_url } if image_url.url.is_empty() => {
                        return Err(Rejected::invalid("input".to_owned(), "An image needs a 'url'."));
                    }
                    Part::ImageUrl { .. } => subject.image = true,
                }
            }
            vec![subject]
        }
    };
    if subjects.is_empty() {
        return Err(Rejected::invalid("input".to_owned(), "'input' must not be empty."));
    }
    Ok(subjects)
}

fn result(subject: &Subject) -> Value {
    let mut words = subject.text.split(|character: char| !character.is_alphanumeric());
    let flagged = words.any(|word| word.eq_ignore_ascii_case(FLAG));
    let (mut categories, mut scores, mut applied) = (Map::new(), Map::new(), Map::new());
    let seed = hash(subject.text.as_bytes());
    for (at, (name, sees)) in CATEGORIES.into_iter().enumerate() {
        let hit = flagged && name == FLAG;
        let noise = mix(seed ^ u64::try_from(at).unwrap_or(0)) % 1000;
        // Below one in a hundred, or above ninety-nine.
        let score = f64::from(u32::try_from(noise).unwrap_or(0)) / 100_000.0;
        let mut kinds = vec!["text"];
        if subject.image && sees {
            kinds.push("image");
        }
        categories.insert(name.to_owned(), json!(hit));
        scores.insert(name.to_owned(), json!(if hit { 1.0 - score } else { score }));
        applied.insert(name.to_owned(), json!(kinds));
    }
    json!({
        "flagged": flagged,
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": applied,
    })
}
