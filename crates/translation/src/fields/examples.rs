//! Bodies with one field of interest, made from the examples of the lists.

use super::{Field, Meaning, request};
use crate::Dialect;

/// Members of the smallest request that a dialect takes.
fn least_request(dialect: Dialect) -> &'static [(&'static str, &'static str)] {
    match dialect {
        Dialect::Chat => &[("model", r#""m""#), ("messages", r#"[{"role":"user","content":"Hi"}]"#)],
        Dialect::Completions => &[("model", r#""m""#), ("prompt", r#""Hi""#)],
        Dialect::Responses => &[("model", r#""m""#), ("input", r#""Hi""#)],
        // The cap leaves room for any budget of thinking.
        Dialect::Messages => &[
            ("model", r#""m""#),
            ("max_tokens", "40000"),
            ("messages", r#"[{"role":"user","content":"Hi"}]"#),
        ],
        Dialect::Gemini | Dialect::Converse => &[],
    }
}

/// Members of the smallest answer that a dialect gives.
fn least_answer(dialect: Dialect) -> &'static [(&'static str, &'static str)] {
    match dialect {
        Dialect::Chat => &[(
            "choices",
            r#"[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]"#,
        )],
        Dialect::Messages => &[
            ("type", r#""message""#),
            ("role", r#""assistant""#),
            ("content", r#"[{"type":"text","text":"Hi"}]"#),
            ("stop_reason", r#""end_turn""#),
        ],
        Dialect::Gemini => &[(
            "candidates",
            r#"[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP"}]"#,
        )],
        Dialect::Converse => &[
            ("output", r#"{"message":{"role":"assistant","content":[{"text":"Hi"}]}}"#),
            ("stopReason", r#""end_turn""#),
        ],
        Dialect::Completions | Dialect::Responses => &[],
    }
}

/// Members without which a field means nothing.
fn company(dialect: Dialect, meaning: Meaning) -> Vec<(&'static str, &'static str)> {
    match meaning {
        Meaning::ToolChoice | Meaning::ToolSubset | Meaning::ParallelToolCalls => {
            let tools = request(dialect).iter().find(|field| field.meaning == Meaning::Tools);
            tools.map(|field| field.example).into_iter().collect()
        }
        Meaning::StreamUsage | Meaning::StreamPadding => vec![("stream", "true")],
        _ => Vec::new(),
    }
}

fn body<'a>(members: &[(&'a str, &'a str)], mut more: Vec<(&'a str, &'a str)>) -> String {
    let mut all: Vec<(&'a str, &'a str)> =
        members.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name)).copied().collect();
    all.append(&mut more);
    let members: Vec<String> = all.iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
    format!("{{{}}}", members.join(","))
}

/// A request of a dialect that has a field of its list; and the same without it.
pub fn requests(dialect: Dialect, field: &Field) -> (String, String) {
    let least = least_request(dialect);
    let company = company(dialect, field.meaning);
    let mut with = company.clone();
    with.retain(|(name, _)| *name != field.example.0);
    with.push(field.example);
    (body(least, with), body(least, company))
}

/// An answer of a dialect that has a field of its list.
pub fn answer_with(dialect: Dialect, field: &Field) -> String {
    // What a provider says of its refusal is read where it refused.
    let refused = dialect == Dialect::Messages && field.meaning == Meaning::RefusalText;
    let mut with = if refused { vec![("stop_reason", r#""refusal""#)] } else { Vec::new() };
    with.push(field.example);
    body(least_answer(dialect), with)
}

/// An answer of a dialect that ended for the reason that it calls `word`.
pub(crate) fn answer_that_ended(dialect: Dialect, word: &str) -> Option<String> {
    let name = match dialect {
        Dialect::Chat => "finish_reason",
        Dialect::Messages => "stop_reason",
        Dialect::Gemini => "finishReason",
        Dialect::Converse => "stopReason",
        Dialect::Completions | Dialect::Responses => return None,
    };
    let least = body(least_answer(dialect), Vec::new());
    let (before, after) = least.split_once(&format!("\"{name}\":\""))?;
    let (_, after) = after.split_once('"')?;
    Some(format!("{before}\"{name}\":\"{word}\"{after}"))
}
