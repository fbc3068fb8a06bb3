//! What a message of an answer says, whole or in a piece of a stream: content as one text, or as a list of texts and
//! thoughts, as Mistral's reasoning models have it (<https://docs.mistral.ai/capabilities/reasoning>).

use std::borrow::Cow;

use flyball_core::json::{NodeKind, Value};

/// What words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The model's thoughts.
    Reasoning,
    /// The answer.
    Text,
    /// Why there is none.
    Refusal,
}

/// Tells all that a message says, in its order. What is empty is not said.
pub(super) fn each<'d>(message: Value<'d>, mut tell: impl FnMut(Said, Cow<'d, str>)) {
    let mut say = |said, value: Option<Value<'d>>| {
        let text = value.and_then(Value::text).filter(|text| !text.is_empty());
        text.map(|text| tell(said, text)).is_some()
    };
    if !say(Said::Reasoning, message.get("reasoning_content")) {
        say(Said::Reasoning, message.get("reasoning"));
    }
    match message.get("content") {
        Some(list) if list.kind() == NodeKind::Array => {
            for item in list.items() {
                match item.get("thinking") {
                    Some(thoughts) if thoughts.kind() == NodeKind::Array => {
                        for thought in thoughts.items() {
                            say(Said::Reasoning, thought.get("text"));
                        }
                    }
                    thought => {
                        say(Said::Reasoning, thought);
                    }
                }
                say(Said::Text, item.get("text"));
                say(Said::Refusal, item.get("refusal"));
            }
        }
        content => {
            say(Said::Text, content);
        }
    }
    say(Said::Refusal, message.get("refusal"));
}
