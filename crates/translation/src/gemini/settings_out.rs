//! How an answer is to be made, as `generationConfig` says it.

use crate::conversation::{Format, Reasoning, Request};
use crate::fields::Meaning;
use crate::gate::Gate;
use crate::write::Json;

/// The most thinking that every model with a budget accepts.
const LARGEST_BUDGET: u64 = 24_576;

/// The least thinking of the pro models of the second generation.
const LEAST_OF_PRO: u64 = 128;

/// `generationConfig`; none when nothing is said in it.
pub(crate) fn settings(request: &Request<'_>, model: &str, newer: bool, gate: &mut Gate) -> Option<String> {
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
            let told = match reasoning {
                Reasoning::Off => newer || model.contains("pro"),
                Reasoning::Budget(tokens) => *tokens > LARGEST_BUDGET,
                _ => false,
            };
            // Not kept as it was.
            if told {
                let budget = gate.name_of(Meaning::ReasoningBudget);
                let meaning =
                    if budget.is_some() { Meaning::ReasoningBudget } else { Meaning::ReasoningEffort };
                gate.drop_meaning(meaning);
            }
            json.key("thinkingConfig").object(|json| write_thinking(json, reasoning, model, newer));
        }
    });
    let settings = String::from_utf8(json.finish()).ok()?;
    (settings != "{}").then_some(settings)
}

/// Thinking is shown wherever it is asked for; -1 leaves its amount to the model.
fn write_thinking(json: &mut Json, reasoning: &Reasoning<'_>, model: &str, newer: bool) {
    match reasoning {
        // The newer models and the larger of the older ones always think: these are their least.
        Reasoning::Off if newer => return json.key("thinkingLevel").text("low"),
        Reasoning::Off if model.contains("pro") => return json.key("thinkingBudget").number(LEAST_OF_PRO),
        Reasoning::Off => return json.key("thinkingBudget").raw("0"),
        Reasoning::Adaptive => json.key("thinkingBudget").raw("-1"),
        Reasoning::Budget(tokens) => json.key("thinkingBudget").number((*tokens).min(LARGEST_BUDGET)),
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
