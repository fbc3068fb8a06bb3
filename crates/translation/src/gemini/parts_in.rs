//! What whole answers and chunks of a stream have in common: parts, reasons to end, counts of tokens.

use std::borrow::Cow;

use flyball_core::json::Value;

use crate::ids;
use crate::reply::{Stop, Usage};

/// A part as Google has them. Parts of server tools and media are not here: they are never asked for.
#[derive(Debug)]
pub(crate) enum Said<'d> {
    Text(Cow<'d, str>),
    Thought(Cow<'d, str>),
    Call { id: Option<Cow<'d, str>>, name: Cow<'d, str>, arguments: &'d str },
}

/// The parts of a candidate.
pub(crate) fn said<'d>(candidate: Value<'d>) -> impl Iterator<Item = Said<'d>> {
    let parts = candidate.get("content").and_then(|content| content.get("parts"));
    parts.into_iter().flat_map(Value::items).filter_map(|part| {
        if let Some(call) = part.get("functionCall") {
            let id = call.get("id").and_then(Value::text).filter(|id| !id.is_empty());
            let name = call.get("name")?.text()?;
            return Some(Said::Call { id, name, arguments: call.get("args").map_or("{}", Value::raw) });
        }
        let text = part.get("text")?.text().filter(|text| !text.is_empty())?;
        let thought = part.get("thought").and_then(Value::boolean) == Some(true);
        Some(if thought { Said::Thought(text) } else { Said::Text(text) })
    })
}

/// The id of a call: Google's, or one that is made of where the call stands.
pub(crate) fn call_id<'d>(
    given: Option<Cow<'d, str>>,
    answer: &str,
    choice: u32,
    call: u32,
    name: &str,
) -> Cow<'d, str> {
    given.unwrap_or_else(|| Cow::Owned(ids::made(answer, choice, call, name)))
}

/// Which of the answers a candidate is; none when the number is not one.
pub(crate) fn index(candidate: Value<'_>) -> Option<u32> {
    candidate.get("index").map_or(Some(0), |index| u32::try_from(index.unsigned()?).ok())
}

/// Why a candidate ended; none while it goes on. Words that this does not know end it as complete.
pub(crate) fn stop(candidate: Value<'_>, calls: bool) -> Option<Stop> {
    let word = candidate.get("finishReason")?.text()?;
    Some(match (FINISH_REASONS.iter().find(|(name, _)| *name == word), calls) {
        (Some((_, Stop::End)) | None, true) => Stop::ToolUse,
        (Some((_, stop)), _) => *stop,
        (None, false) => Stop::End,
    })
}

/// Whether the prompt itself was refused.
pub(crate) fn prompt_refused(root: Value<'_>) -> bool {
    root.get("promptFeedback").and_then(|feedback| feedback.get("blockReason")).is_some()
}

/// Google's words for why a candidate ended. What broke off without being complete counts as refused: callers must
/// not take it for an answer.
pub(crate) const FINISH_REASONS: &[(&str, Stop)] = &[
    ("STOP", Stop::End),
    ("MAX_TOKENS", Stop::Length),
    ("SAFETY", Stop::Refusal),
    ("RECITATION", Stop::Refusal),
    ("LANGUAGE", Stop::Refusal),
    ("BLOCKLIST", Stop::Refusal),
    ("PROHIBITED_CONTENT", Stop::Refusal),
    ("SPII", Stop::Refusal),
    ("MODEL_ARMOR", Stop::Refusal),
    ("IMAGE_SAFETY", Stop::Refusal),
    ("IMAGE_PROHIBITED_CONTENT", Stop::Refusal),
    ("IMAGE_RECITATION", Stop::Refusal),
    ("IMAGE_OTHER", Stop::Refusal),
    ("NO_IMAGE", Stop::Refusal),
    ("OTHER", Stop::Refusal),
    ("MALFORMED_FUNCTION_CALL", Stop::Refusal),
    ("MALFORMED_RESPONSE", Stop::Refusal),
    ("UNEXPECTED_TOOL_CALL", Stop::Refusal),
    ("TOO_MANY_TOOL_CALLS", Stop::Refusal),
    ("MISSING_THOUGHT_SIGNATURE", Stop::Refusal),
];

/// The counts of tokens: Google counts thoughts and what server tools read apart.
pub(crate) fn usage(root: Value<'_>) -> Option<Usage> {
    let told = root.get("usageMetadata")?;
    let count = |name: &str| told.get(name).and_then(Value::unsigned);
    let reasoning = count("thoughtsTokenCount");
    Some(Usage {
        input: sum(count("promptTokenCount"), count("toolUsePromptTokenCount")),
        cached: count("cachedContentTokenCount"),
        cache_write: None,
        output: sum(count("candidatesTokenCount"), reasoning),
        reasoning,
    })
}

/// Of counts of which either may not be told.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
    }
}

/// Seconds since 1970 of a time as RFC 3339 writes it in UTC; none for any other text.
pub(crate) fn seconds(time: &str) -> Option<u64> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock.split_once('.').map_or(clock, |(whole, _)| whole), ':')?;
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid {
        return None;
    }
    // Days before a month, in years that begin in March: the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    const EPOCH: u64 = 719_468;
    Some((days - EPOCH) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let mut numbers = text.split(between).map(|number| number.parse().ok());
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_read_as_seconds() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-03-01T00:00:00Z"), Some(951_868_800));
        assert_eq!(seconds("2024-02-29T12:34:56.789Z"), Some(1_709_210_096));
        for wrong in ["", "Z", "2024-02-29", "2024-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "a-b-cTd:e:fZ"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
