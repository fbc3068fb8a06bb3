//! What Converse has no words for and hands on to the model as it is (`additionalModelRequestFields`): thinking, and
//! sampling from the most likely tokens. The words are those of the model's vendor, told by its name.

use crate::claude::{self, Mode, Off, Traits};
use crate::conversation::{Reasoning, Request, ToolChoice};
use crate::fields::Meaning;
use crate::gate::Gate;
use crate::sides::{Side, goes_on};
use crate::write::Json;

/// The least tokens of thinking that Claude takes, and what is left of a cap for the answer.
const LEAST: u64 = 1024;

/// Whose model it is. A name that tells nothing (a profile of the account's) is Claude's: most are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vendor {
    Anthropic,
    Amazon,
    OpenAi,
    /// One without settings for thinking.
    Other,
}

/// What is said to the model alone.
#[derive(Debug, Default)]
pub(crate) struct ModelFields {
    /// `additionalModelRequestFields`.
    pub(crate) request: Option<String>,
    /// Whether Claude thinks, which it does at its own temperature only.
    pub(crate) thinks: bool,
    /// Whether the model takes temperature and `topP`.
    pub(crate) samples: bool,
    /// Whether the answer can say which stop sequence ended it.
    pub(crate) tells_stop_sequence: bool,
}

/// What to say; notes what the model cannot be told.
pub(crate) fn fields(
    request: &Request<'_>,
    sides: &[Side<'_, '_>],
    model: &str,
    gate: &mut Gate,
) -> ModelFields {
    let vendor = vendor(model);
    let traits = claude::traits(model);
    let samples = vendor != Vendor::Anthropic || traits.sampling;
    let mut thinks = false;
    let mut json = Json::with_capacity(128);
    json.object(|json| {
        if let Some(reasoning) = &request.reasoning {
            match vendor {
                Vendor::Anthropic => thinks = write_claude(json, request, (traits, reasoning), sides, gate),
                Vendor::Amazon => write_nova(json, reasoning),
                Vendor::OpenAi => match effort(reasoning) {
                    Some(effort) => json.key("reasoning_effort").text(effort),
                    None => left_out(reasoning, gate),
                },
                Vendor::Other => left_out(reasoning, gate),
            }
        }
        match request.top_k {
            Some(_) if thinks || !samples => gate.drop("top_k".to_owned()),
            Some(top_k) if vendor == Vendor::Amazon => {
                json.key("inferenceConfig").object(|json| json.key("topK").raw(top_k));
            }
            Some(top_k) => json.key("top_k").raw(top_k),
            None => {}
        }
    });
    let fits = |number: &str| samples && (!thinks || number.parse() == Ok(1.0));
    if request.temperature.is_some_and(|number| !fits(number)) {
        gate.drop("temperature".to_owned());
    }
    if request.top_p.is_some() && !samples {
        gate.drop("top_p".to_owned());
    }
    ModelFields {
        request: String::from_utf8(json.finish()).ok().filter(|fields| fields != "{}"),
        thinks,
        samples,
        tells_stop_sequence: vendor == Vendor::Anthropic && !request.stop.is_empty(),
    }
}

/// Notes that the model is not told how to think, by the name that the caller has for it.
fn left_out(reasoning: &Reasoning<'_>, gate: &mut Gate) {
    gate.drop_meaning(match reasoning {
        Reasoning::Effort(_) => Meaning::ReasoningEffort,
        Reasoning::Off | Reasoning::Adaptive | Reasoning::Budget(_) => Meaning::ReasoningBudget,
    });
}

fn vendor(model: &str) -> Vendor {
    const OTHERS: [&str; 14] = [
        "ai21.",
        "amazon.",
        "cohere.",
        "deepseek.",
        "google.",
        "meta.",
        "minimax.",
        "mistral.",
        "moonshot",
        "nvidia.",
        "qwen.",
        "stability.",
        "writer.",
        "zai.",
    ];
    match model {
        model if model.contains("anthropic.") || model.contains("claude") => Vendor::Anthropic,
        model if model.contains("amazon.nova") => Vendor::Amazon,
        model if model.contains("openai.") => Vendor::OpenAi,
        model if OTHERS.iter().any(|other| model.contains(other)) => Vendor::Other,
        _ => Vendor::Anthropic,
    }
}

/// Whether Claude thinks. It does not where it must call a tool; by a budget also not where the cap leaves no room, and
/// where it goes on from results of tools or its own words: that would need the signed thinking that came with them.
fn write_claude(
    json: &mut Json,
    request: &Request<'_>,
    (traits, reasoning): (Traits, &Reasoning<'_>),
    sides: &[Side<'_, '_>],
    gate: &mut Gate,
) -> bool {
    let cap = request.max_output_tokens.unwrap_or(u64::MAX);
    let forced = matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_)));
    let thinking = |json: &mut Json, word: &str| json.key("type").text(word);
    match claude::mode(traits, reasoning) {
        None if traits.off == Off::Said => {
            json.key("thinking").object(|json| thinking(json, "disabled"));
        }
        None if traits.off == Off::Unsaid => {}
        Some(Mode::Adaptive(effort)) if !forced => {
            json.key("thinking").object(|json| thinking(json, "adaptive"));
            if let Some(effort) = effort {
                json.key("output_config").object(|json| json.key("effort").text(effort));
            }
            return true;
        }
        Some(Mode::Budget(wanted)) if !forced && cap >= 2 * LEAST && !goes_on(sides) => {
            json.key("thinking").object(|json| {
                thinking(json, "enabled");
                json.key("budget_tokens").number(wanted.min(cap - LEAST));
            });
            return true;
        }
        _ => left_out(reasoning, gate),
    }
    false
}

/// At `high` Nova takes no cap, no temperature: `medium` is its most.
fn write_nova(json: &mut Json, reasoning: &Reasoning<'_>) {
    json.key("reasoningConfig").object(|json| match effort(reasoning) {
        None => json.key("type").text("disabled"),
        Some(effort) => {
            json.key("type").text("enabled");
            json.key("maxReasoningEffort").text(if effort == "low" { "low" } else { "medium" });
        }
    });
}

/// The nearest of three steps; none for no thinking.
fn effort(reasoning: &Reasoning<'_>) -> Option<&'static str> {
    match reasoning {
        Reasoning::Off => None,
        Reasoning::Adaptive => Some("medium"),
        Reasoning::Budget(0..=2560) => Some("low"),
        Reasoning::Budget(2561..=10_240) => Some("medium"),
        Reasoning::Budget(_) => Some("high"),
        Reasoning::Effort(effort) => Some(match &**effort {
            "minimal" | "low" => "low",
            "medium" => "medium",
            _ => "high",
        }),
    }
}
