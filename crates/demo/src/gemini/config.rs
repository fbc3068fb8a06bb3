//! `generationConfig`: checked, and what of it changes an answer written as a chat has it.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::refused::Refused;
use super::schema::json_schema;

const KNOWN: [&str; 23] = [
    "temperature",
    "topP",
    "topK",
    "maxOutputTokens",
    "stopSequences",
    "candidateCount",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "thinkingConfig",
    "responseLogprobs",
    "logprobs",
    "enableEnhancedCivicAnswers",
    "speechConfig",
    "mediaResolution",
    "responseModalities",
    "audioTimestamp",
    "routingConfig",
    "modelConfig",
    "imageConfig",
];

const MOST_STOPS: usize = 5;
const MOST_CANDIDATES: i64 = 8;
const LARGEST_BUDGET: i64 = 32_768;

/// Writes what `value` asks for into `chat`. Whether thoughts are to be shown.
pub(super) fn write(value: &Value, chat: &mut Map<String, Value>) -> Result<bool, Refused> {
    let fields = Fields::read(value, "generation_config", &KNOWN)?;
    bounded(&fields, "temperature", 0.0, 2.0)?;
    bounded(&fields, "topP", 0.0, 1.0)?;
    bounded(&fields, "presencePenalty", -2.0, 2.0)?;
    bounded(&fields, "frequencyPenalty", -2.0, 2.0)?;
    if fields.number("topK")?.is_some_and(|most| most < 1.0) {
        return Err(Refused::field(&fields.path("topK"), "top_k must be positive."));
    }
    if fields.whole("seed")?.is_some_and(|seed| i32::try_from(seed).is_err()) {
        return Err(Refused::type_of(&fields.path("seed"), "TYPE_INT32"));
    }
    if let Some(most) = fields.whole("maxOutputTokens")? {
        if most < 1 {
            let path = fields.path("maxOutputTokens");
            return Err(Refused::field(&path, "max_output_tokens must be positive."));
        }
        chat.insert("max_tokens".to_owned(), json!(most));
    }
    if let Some(count) = fields.whole("candidateCount")? {
        if !(1..=MOST_CANDIDATES).contains(&count) {
            return Err(Refused::field(&fields.path("candidateCount"), "must be in the range [1, 8]."));
        }
        chat.insert("n".to_owned(), json!(count));
    }
    let stops = fields.texts("stopSequences")?;
    if stops.len() > MOST_STOPS {
        let rule = "the number of stop_sequences must be no more than 5.";
        return Err(Refused::field(&fields.path("stopSequences"), rule));
    }
    if stops.iter().any(|stop| stop.is_empty()) {
        return Err(Refused::field(&fields.path("stopSequences"), "a stop sequence must not be empty."));
    }
    if !stops.is_empty() {
        chat.insert("stop".to_owned(), json!(stops));
    }
    if fields.flag("responseLogprobs")?.unwrap_or(false) {
        return Err(Refused::invalid("Logprobs is not enabled for this model."));
    }
    format(&fields, chat)?;
    modalities(&fields)?;
    thoughts(&fields)
}

fn bounded(fields: &Fields<'_>, name: &str, least: f64, most: f64) -> Result<(), Refused> {
    match fields.number(name)? {
        Some(value) if !(least..=most).contains(&value) => {
            Err(Refused::field(&fields.path(name), &format!("must be in the range [{least:.1}, {most:.1}].")))
        }
        _ => Ok(()),
    }
}

fn format(fields: &Fields<'_>, chat: &mut Map<String, Value>) -> Result<(), Refused> {
    let json = match fields.text("responseMimeType")? {
        None | Some("" | "text/plain") => false,
        Some("application/json") => true,
        Some(_) => {
            let rule = "allowed mimetypes are `text/plain` and `application/json`.";
            return Err(Refused::field(&fields.path("responseMimeType"), rule));
        }
    };
    let schema = match (fields.get("responseSchema"), fields.get("responseJsonSchema")) {
        (Some(_), Some(_)) => {
            let rule = "response_schema and response_json_schema cannot both be set.";
            return Err(Refused::field("generation_config", rule));
        }
        (Some(schema), None) => Some(json_schema(schema, &fields.path("responseSchema"))?),
        (None, Some(schema)) if schema.is_object() => Some(schema.clone()),
        (None, Some(_)) => return Err(Refused::type_of(&fields.path("responseJsonSchema"), "an object")),
        (None, None) => None,
    };
    let format = match schema {
        Some(_) if !json => {
            let rule = "only allowed when `response_mime_type` is `application/json`.";
            return Err(Refused::field(&fields.path("responseSchema"), rule));
        }
        Some(schema) => json!({"type": "json_schema", "json_schema": {"schema": schema}}),
        None if json => json!({"type": "json_object"}),
        None => return Ok(()),
    };
    chat.insert("response_format".to_owned(), format);
    Ok(())
}

/// This model only writes.
fn modalities(fields: &Fields<'_>) -> Result<(), Refused> {
    let modalities = fields.texts("responseModalities")?;
    if modalities.iter().all(|modality| modality.eq_ignore_ascii_case("text")) {
        return Ok(());
    }
    Err(Refused::invalid("The requested combination of response modalities is not supported by the model."))
}

fn thoughts(fields: &Fields<'_>) -> Result<bool, Refused> {
    let Some(config) = fields.get("thinkingConfig") else { return Ok(false) };
    let known = ["thinkingBudget", "includeThoughts", "thinkingLevel"];
    let config = Fields::read(config, &fields.path("thinkingConfig"), &known)?;
    let budget = config.whole("thinkingBudget")?;
    if budget.is_some_and(|budget| !(-1..=LARGEST_BUDGET).contains(&budget)) {
        return Err(Refused::invalid(
            "The thinking budget is invalid. Please choose a value from 0 to 32768, or -1.",
        ));
    }
    let level = config.text("thinkingLevel")?.map(str::to_ascii_uppercase);
    if level.is_some() && budget.is_some() {
        return Err(Refused::invalid("You can only set one of thinking budget and thinking level."));
    }
    let levels = ["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"];
    if level.is_some_and(|level| !levels.contains(&level.as_str())) {
        return Err(Refused::type_of(&config.path("thinkingLevel"), "ThinkingConfig.ThinkingLevel"));
    }
    let include = config.flag("includeThoughts")?.unwrap_or(false);
    if include && budget == Some(0) {
        return Err(Refused::invalid("include_thoughts is only enabled when thinking is enabled."));
    }
    Ok(include)
}
