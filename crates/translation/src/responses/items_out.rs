//! Writing the items of an answer's `output`: messages, reasoning, calls of tools.

use std::borrow::Cow;

use crate::write::Json;

/// An item, complete or in the making.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Its id.
    pub(super) id: String,
    /// What it is.
    pub(super) body: Body<'a>,
}

/// What an item is.
#[derive(Debug)]
pub(super) enum Body<'a> {
    /// Texts and refusals that nothing else stands between.
    Message(Vec<Content<'a>>),
    /// Reasoning, shown as its own summary: that is where callers look for words to show.
    Reasoning(Cow<'a, str>),
    /// A call of a tool.
    Call {
        /// Its id, by which the result refers to it.
        id: Cow<'a, str>,
        /// The tool's name.
        name: Cow<'a, str>,
        /// Its arguments.
        arguments: Cow<'a, str>,
    },
}

/// A text in a message.
#[derive(Debug)]
pub(super) struct Content<'a> {
    /// Whether it refuses.
    pub(super) refusal: bool,
    /// The text.
    pub(super) text: Cow<'a, str>,
}

impl<'a> Item<'a> {
    /// With an id that follows from the answer's and its place: the same answer has the same ids, always.
    pub(super) fn new(answer: &str, index: usize, body: Body<'a>) -> Self {
        let prefix = match body {
            Body::Message(_) => "msg",
            Body::Reasoning(_) => "rs",
            Body::Call { .. } => "fc",
        };
        Item { id: format!("{prefix}_{answer}_{index}"), body }
    }

    /// Writes it with this status.
    pub(super) fn write(&self, json: &mut Json, status: &str) {
        json.object(|json| {
            json.key("id").text(&self.id);
            match &self.body {
                Body::Message(content) => {
                    json.key("type").text("message");
                    json.key("status").text(status);
                    json.key("role").text("assistant");
                    json.key("content").array(|json| {
                        for content in content {
                            content.write(json, &content.text);
                        }
                    });
                }
                Body::Reasoning(text) => {
                    json.key("type").text("reasoning");
                    json.key("summary").array(|json| {
                        if !text.is_empty() {
                            summary(json, text);
                        }
                    });
                }
                Body::Call { id, name, arguments } => {
                    json.key("type").text("function_call");
                    json.key("status").text(status);
                    json.key("arguments").text(arguments);
                    json.key("call_id").text(id);
                    json.key("name").text(name);
                }
            }
        });
    }

    /// Its text so far that events add to: of the content with this number, where it is a message.
    pub(super) fn text_mut(&mut self, content: usize) -> Option<&mut Cow<'a, str>> {
        match &mut self.body {
            Body::Message(contents) => contents.get_mut(content).map(|content| &mut content.text),
            Body::Reasoning(text) => Some(text),
            Body::Call { arguments, .. } => Some(arguments),
        }
    }

    /// How many bytes of text it holds, about.
    pub(super) fn size(&self) -> usize {
        match &self.body {
            Body::Message(contents) => contents.iter().map(|content| content.text.len() + 80).sum(),
            Body::Reasoning(text) => text.len(),
            Body::Call { id, name, arguments } => id.len() + name.len() + arguments.len(),
        }
    }
}

impl Content<'_> {
    /// Writes it with `text`, all of it or what there is at its beginning.
    pub(super) fn write(&self, json: &mut Json, text: &str) {
        json.object(|json| {
            if self.refusal {
                json.key("type").text("refusal");
                json.key("refusal").text(text);
            } else {
                json.key("type").text("output_text");
                json.key("annotations").array(|_| {});
                json.key("logprobs").array(|_| {});
                json.key("text").text(text);
            }
        });
    }
}

/// Writes a part of a reasoning item's summary.
pub(super) fn summary(json: &mut Json, text: &str) {
    json.object(|json| {
        json.key("type").text("summary_text");
        json.key("text").text(text);
    });
}

/// Arguments as they are told at last: a tool that takes none is called with an empty object, which some providers
/// say by saying nothing.
pub(super) fn arguments<'a>(arguments: Cow<'a, str>) -> Cow<'a, str> {
    if arguments.is_empty() { Cow::Borrowed(NO_ARGUMENTS) } else { arguments }
}

/// What callers parse where there are no arguments.
pub(super) const NO_ARGUMENTS: &str = "{}";
