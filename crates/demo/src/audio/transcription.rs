//! OpenAI's transcriptions: what a file is said to hold follows from its length and from the form's `prompt`.

use std::time::Duration;

use flyball_core::tokens::{self, Prompt};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::multipart::{Part, parts};
use crate::demo::DemoAnswer;
use crate::play::dialect::OPENAI;
use crate::rejected::Rejected;
use crate::steered::steered;

/// What a second of sound is taken to be, in bytes: samples of two bytes, 16 000 in a second.
const BYTES_PER_SECOND: u64 = 32_000;

/// Answers a form.
pub(crate) fn answer(headers: &HeaderMap, body: &[u8]) -> Result<DemoAnswer, Rejected> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parts = parts(content_type, body).ok_or_else(|| {
        Rejected::invalid(None, "The body must be a form (multipart/form-data) that can be read.")
    })?;
    let model = text(&parts, "model")?.ok_or_else(|| Rejected::missing("model"))?;
    let file = parts.iter().find(|part| part.name == "file" && part.file.is_some());
    let file = file.ok_or_else(|| Rejected::missing("file"))?;
    let prompt = text(&parts, "prompt")?.unwrap_or_default();
    let steered = steered(model, prompt, "prompt")?;
    let mut counted = Prompt::default();
    counted.medium();
    counted.text(prompt);
    let input = counted.total();
    if let Some(answer) = OPENAI.regardless(&steered.script, input) {
        return Ok(answer);
    }
    let format = text(&parts, "response_format")?.unwrap_or("json");
    check(&parts, file, format)?;
    let said = match &steered.script.text {
        Some(text) => text.clone(),
        None => {
            let heard = format!("I heard {} bytes of sound.", file.content.len());
            if steered.text.is_empty() { heard } else { format!("{} {heard}", steered.text) }
        }
    };
    let output = tokens::count(&said);
    let bytes = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
    let time = Duration::from_millis(bytes.saturating_mul(1000) / BYTES_PER_SECOND);
    let seconds = time.as_secs_f64();
    let (content_type, document) = match format {
        "text" => ("text/plain; charset=utf-8", format!("{said}\n")),
        "srt" => {
            let end = clock(time, ',');
            ("text/plain; charset=utf-8", format!("1\n00:00:00,000 --> {end}\n{said}\n\n"))
        }
        "vtt" => {
            let end = clock(time, '.');
            ("text/plain; charset=utf-8", format!("WEBVTT\n\n00:00:00.000 --> {end}\n{said}\n\n"))
        }
        format => {
            let mut document = Map::new();
            if format == "verbose_json" {
                let language = text(&parts, "language")?.unwrap_or("english");
                document.insert("task".to_owned(), json!("transcribe"));
                document.insert("language".to_owned(), json!(language));
                document.insert("duration".to_owned(), json!(seconds));
                document.insert("segments".to_owned(), json!([segment(&said, seconds)]));
            }
            document.insert("text".to_owned(), json!(said));
            if !steered.script.no_usage {
                let usage = json!({
                    "type": "tokens",
                    "input_tokens": input,
                    "input_token_details": {
                        "text_tokens": tokens::count(prompt), "audio_tokens": input - tokens::count(prompt)
                    },
                    "output_tokens": output,
                    "total_tokens": input + output,
                });
                let duration = json!({"type": "duration", "seconds": seconds.ceil()});
                let usage = if format == "verbose_json" { duration } else { usage };
                document.insert("usage".to_owned(), usage);
            }
            ("application/json", Value::Object(document).to_string())
        }
    };
    Ok(OPENAI.document(&steered.script, content_type, document.into_bytes(), (input, output)))
}

/// The text of the first part of this name that is no file.
fn text<'p>(parts: &'p [Part<'_>], name: &str) -> Result<Option<&'p str>, Rejected> {
    let Some(part) = parts.iter().find(|part| part.name == name && part.file.is_none()) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(part.content);
    text.map(Some).map_err(|_| Rejected::invalid(name.to_owned(), format!("'{name}' must be text.")))
}

fn check(parts: &[Part<'_>], file: &Part<'_>, format: &str) -> Result<(), Rejected> {
    let invalid = |param: &str, message: &str| Err(Rejected::invalid(param.to_owned(), message));
    if file.content.is_empty() {
        return invalid("file", "Audio file is too short.");
    }
    if !["json", "text", "srt", "verbose_json", "vtt"].contains(&format) {
        return invalid("response_format", "'response_format' must be json, text, srt, verbose_json or vtt.");
    }
    if let Some(temperature) = text(parts, "temperature")? {
        let temperature = temperature.parse::<f64>().ok();
        if !temperature.is_some_and(|temperature| (0.0..=1.0).contains(&temperature)) {
            return invalid("temperature", "'temperature' must be from 0 to 1.");
        }
    }
    let granular = parts.iter().any(|part| part.name.starts_with("timestamp_granularities"));
    if granular && format != "verbose_json" {
        return invalid("timestamp_granularities", "'timestamp_granularities' needs verbose_json.");
    }
    Ok(())
}

fn segment(text: &str, seconds: f64) -> Value {
    json!({
        "id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": text, "tokens": [], "temperature": 0.0,
        "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0,
    })
}

/// A time as subtitles have it.
fn clock(time: Duration, separator: char) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, left) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{left:02}{separator}{:03}", time.subsec_millis())
}
