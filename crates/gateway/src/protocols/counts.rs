//! What answers tell of tokens where it is not known in advance which vendor's form they take: every form that is
//! known here. Protocols that have one form read it themselves.

use flyball_core::json::Value;

use super::Told;

/// The counts that a document tells, if it does: `usage` of OpenAI, Anthropic and Jina, `usageMetadata` of Google,
/// `meta` of Cohere.
pub(super) fn told(root: Value<'_>) -> Option<Told> {
    let envelopes = [Some(root), root.get("response"), root.get("message")];
    envelopes.into_iter().flatten().find_map(|envelope| {
        usage(envelope.get("usage"))
            .or_else(|| google(envelope.get("usageMetadata")?))
            .or_else(|| cohere(envelope.get("meta")?))
    })
}

fn usage(usage: Option<Value<'_>>) -> Option<Told> {
    let usage = usage?;
    let output = count(usage, "completion_tokens").or_else(|| count(usage, "output_tokens"));
    let cached = ["prompt_tokens_details", "input_tokens_details"]
        .iter()
        .find_map(|details| count(usage.get(details)?, "cached_tokens"));
    if let Some(input) = count(usage, "prompt_tokens") {
        return Some(Told { input: Some(input), cached_input: cached, output });
    }
    let Some(input) = count(usage, "input_tokens") else {
        // Where nothing is written, all tokens are read.
        let all = count(usage, "total_tokens").filter(|_| output.is_none());
        return (all.is_some() || output.is_some()).then_some(Told {
            input: all,
            cached_input: None,
            output,
        });
    };
    // Anthropic tells cached tokens beside the others, OpenAI among them.
    let read = count(usage, "cache_read_input_tokens");
    let written = count(usage, "cache_creation_input_tokens").unwrap_or(0);
    let input = input.saturating_add(read.unwrap_or(0)).saturating_add(written);
    Some(Told { input: Some(input), cached_input: read.or(cached), output })
}

fn google(usage: Value<'_>) -> Option<Told> {
    let input = count(usage, "promptTokenCount")?;
    let output = ["candidatesTokenCount", "thoughtsTokenCount"].iter().filter_map(|key| count(usage, key));
    let output = output.fold(None, |sum: Option<u64>, count| Some(sum.unwrap_or(0).saturating_add(count)));
    Some(Told { input: Some(input), cached_input: count(usage, "cachedContentTokenCount"), output })
}

fn cohere(meta: Value<'_>) -> Option<Told> {
    [meta.get("billed_units"), meta.get("tokens")].into_iter().flatten().find_map(|counts| {
        let input = count(counts, "input_tokens")?;
        Some(Told { input: Some(input), cached_input: None, output: count(counts, "output_tokens") })
    })
}

fn count(object: Value<'_>, key: &str) -> Option<u64> {
    let value = object.get(key)?;
    // Cohere writes its counts as fractions.
    value.unsigned().or_else(|| {
        let number = value.float().filter(|number| (0.0..9e15).contains(number))?;
        Some(number.ceil() as u64)
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flyball_core::json::{Document, Limits};

    use super::*;

    fn read(text: &'static str) -> Option<(Option<u64>, Option<u64>, Option<u64>)> {
        let document = Document::parse(Bytes::from_static(text.as_bytes()), Limits::default()).unwrap();
        told(document.root()).map(|told| (told.input, told.cached_input, told.output))
    }

    #[test]
    fn every_known_form_is_read() {
        for (text, expected) in [
            (r#"{"usage":{"prompt_tokens":3,"completion_tokens":4}}"#, (Some(3), None, Some(4))),
            (
                r#"{"usage":{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":2},"total_tokens":3}}"#,
                (Some(3), Some(2), None),
            ),
            (r#"{"response":{"usage":{"input_tokens":5,"output_tokens":6}}}"#, (Some(5), None, Some(6))),
            (
                r#"{"message":{"usage":{"input_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":1}}}"#,
                (Some(13), Some(7), None),
            ),
            (r#"{"usage":{"output_tokens":9}}"#, (None, None, Some(9))),
            (r#"{"usage":{"total_tokens":12}}"#, (Some(12), None, None)),
            (
                r#"{"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"thoughtsTokenCount":3}}"#,
                (Some(1), None, Some(5)),
            ),
            (r#"{"meta":{"billed_units":{"input_tokens":2.0,"output_tokens":1}}}"#, (Some(2), None, Some(1))),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in [r#"{"usage":{"seconds":3}}"#, r#"{"meta":{"billed_units":{"search_units":1}}}"#, "[]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
