//! OpenAI's image generation: a picture of one pixel, whose colour follows from the prompt.

mod png;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flyball_core::tokens;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::chat::parse_error;
use crate::demo::DemoAnswer;
use crate::hash::{hash, mix};
use crate::play::dialect::OPENAI;
use crate::rejected::Rejected;
use crate::steered::steered;

const MOST_IMAGES: u32 = 10;
const LONGEST_PROMPT: usize = 32_000;
/// Tokens of a picture: OpenAI's price of a square one of low quality.
const PER_IMAGE: u64 = 272;

#[derive(Debug, Deserialize)]
struct ImageRequest {
    model: Option<String>,
    prompt: Option<String>,
    n: Option<u32>,
    size: Option<String>,
    quality: Option<String>,
    response_format: Option<String>,
    output_format: Option<String>,
    stream: Option<bool>,
}

/// Answers a body.
pub(crate) fn answer(body: &[u8], created: u64) -> Result<DemoAnswer, Rejected> {
    let request: ImageRequest =
        serde_json::from_slice(body).map_err(|error| parse_error::<ImageRequest>(body, &error))?;
    let prompt = request.prompt.as_deref().filter(|prompt| !prompt.is_empty());
    let prompt = prompt.ok_or_else(|| Rejected::missing("prompt"))?;
    let steered = steered(request.model.as_deref().unwrap_or("demo"), prompt, "prompt")?;
    let input = tokens::count(prompt);
    if let Some(answer) = OPENAI.regardless(&steered.script, input) {
        return Ok(answer);
    }
    request.check(prompt)?;
    let count = request.n.unwrap_or(1);
    let data = (0..count).map(|at| {
        let [red, green, blue, ..] = mix(hash(prompt.as_bytes()) ^ u64::from(at)).to_be_bytes();
        let picture = STANDARD.encode(png::pixel([red, green, blue]));
        json!({"b64_json": picture, "revised_prompt": format!("One pixel, after: {}", steered.text)})
    });
    let output = PER_IMAGE * u64::from(count);
    let mut document = Map::new();
    document.insert("created".to_owned(), json!(created));
    document.insert("data".to_owned(), data.collect());
    document.insert("output_format".to_owned(), json!("png"));
    if !steered.script.no_usage {
        let usage = json!({
            "input_tokens": input,
            "input_tokens_details": {"text_tokens": input, "image_tokens": 0},
            "output_tokens": output,
            "total_tokens": input + output,
        });
        document.insert("usage".to_owned(), usage);
    }
    let document = Value::Object(document).to_string().into_bytes();
    Ok(OPENAI.plain(&steered.script, document, (input, output)))
}

impl ImageRequest {
    fn check(&self, prompt: &str) -> Result<(), Rejected> {
        let invalid = |param: &str, message: &str| Err(Rejected::invalid(param.to_owned(), message));
        if prompt.chars().count() > LONGEST_PROMPT {
            return invalid("prompt", "'prompt' must have at most 32000 characters.");
        }
        if !(1..=MOST_IMAGES).contains(&self.n.unwrap_or(1)) {
            return invalid("n", "'n' must be from 1 to 10.");
        }
        if self.size.as_deref().is_some_and(|size| !is_size(size)) {
            return invalid("size", "'size' must be auto or a width and a height, such as 1024x1024.");
        }
        let qualities = ["auto", "low", "medium", "high", "standard", "hd"];
        if self.quality.as_deref().is_some_and(|quality| !qualities.contains(&quality)) {
            return invalid("quality", "'quality' must be auto, low, medium, high, standard or hd.");
        }
        if self.response_format.as_deref().is_some_and(|format| format != "b64_json") {
            return invalid("response_format", "'response_format' must be b64_json: nothing is hosted here.");
        }
        if self.output_format.as_deref().is_some_and(|format| format != "png") {
            return invalid("output_format", "'output_format' must be png.");
        }
        if self.stream.unwrap_or(false) {
            return invalid("stream", "Images are not streamed here.");
        }
        Ok(())
    }
}

fn is_size(size: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0);
    size == "auto" || size.split_once('x').is_some_and(|(width, height)| number(width) && number(height))
}
