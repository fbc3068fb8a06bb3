//! How an answer is to be made, as `generationConfig` says it.

use crate::conversation::{Format, Reasoning, Request};
use crate::fields::Meaning;
use crate::gate::Gate;
use crate::write::Json;

/// The most thinking that every model with a budget accepts.
const LARGEST_BUDGET: u64 = 24_576;

/// `generationConfig`; none when nothing is said in it.
pub(crate) fn settings(request: &Request<'_>, newer: bool, gate: &mut Gate) -> Option<String> {
    let mut json = Json::with_capacity(256);
    json.object(|json| {
        if let Some(cap) = request.max_output_tokens {
            json.key("maxOutputTokens").number(cap);
        }
        let numbers = [
            ("temperature", request.temperature),
            ("topP", request.top_p),
            ("topK", request.top_k),
            ("seed", request.seed),
            ("presencePenalty", request.presence_penalty),
            ("frequencyPenalty", request.frequency_penalty),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                json.key(name).raw(number);
            }
        }
        if !request.stop.is_empty() {
            json.key("stopSequences").array(|json| request.stop.iter().for_each(|stop| json.text(stop)));
        }
        if let Some(choices) = request.choices {
            json.key("candidateCount").number(choices);
        }
        match &request.format {
            None => {}
            Some(Format::Json) => json.key("responseMimeType").text("application/json"),
            Some(Format::Schema { schema, description, .. }) => {
                json.key("responseMimeType").text("application/json");
                json.key("responseJsonSchema").raw(schema.raw());
                if description.is_some() {
                    let holder = gate.name_of(Meaning::JsonSchema).unwrap_or_default();
                    gate.drop(format!("{holder}.description"));
                }
            }
        }
        if let Some(reasoning) = &request.reasoning {
            json.key("thinkingConfig").object(|json| write_thinking(json, reasoning, newer));
        }
    });
    let settings = String::from_utf8(json.finish()).ok()?;
    (settings != "{}").then_some(settings)
}

/// Thinking is shown wherever it is asked for; -1 leaves its amount to the model.
fn write_thinking(json: &mut Json, reasoning: &Reasoning<'_>, newer: bool) {
    match reasoning {
        Reasoning::Off => return json.key("thinkingBudget").raw("0"),
        Reasoning::Adaptive => json.key("thinkingBudget").raw("-1"),
        Reasoning::Budget(tokens) => json.key("thinkingBudget").number(*tokens),
        Reasoning::Effort(effort) if newer => json.key("thinkingLevel").text(level(effort)),
        Reasoning::Effort(effort) => json.key("thinkingBudget").number(budget(effort)),
    }
    json.key("includeThoughts").boolean(true);
}

/// The level that every model with levels has.
fn level(effort: &str) -> &'static str {
    match effort {
        "minimal" | "low" => "low",
        "medium" => "medium",
        _ => "high",
    }
}

fn budget(effort: &str) -> u64 {
    match effort {
        "minimal" | "low" => 1024,
        "medium" => 4096,
        "high" => 16_384,
        _ => LARGEST_BUDGET,
    }
}
