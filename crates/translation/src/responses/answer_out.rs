//! Writing a whole answer.

use std::borrow::Cow;

use super::items_out::{Body, Content, Item, arguments};
use super::response_out::Head;
use crate::Envelope;
use crate::reply::{Answer, Part, Stop};
use crate::write::Json;

/// Writes an answer. This dialect has one at a time: the first.
pub(crate) fn write_answer(answer: &Answer<'_>, envelope: &Envelope) -> Vec<u8> {
    let head = Head::new(envelope, answer.id.as_deref(), answer.model.as_deref(), answer.created);
    let choice = answer.choices.first();
    let items = choice.map(|choice| items(&head.stem, &choice.parts)).unwrap_or_default();
    let stop = choice.map_or(Stop::End, |choice| choice.stop);
    let room: usize = items.iter().map(|item| item.size() + 128).sum();
    let mut json = Json::with_capacity(head.size() + room + room / 8);
    head.write(&mut json, Some(stop), &items.iter().collect::<Vec<_>>(), answer.usage);
    json.finish()
}

fn items<'a>(stem: &str, parts: &'a [Part<'_>]) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::with_capacity(parts.len());
    for part in parts {
        let content = match part {
            Part::Text(text) => Content { refusal: false, text: Cow::Borrowed(text.as_ref()) },
            Part::Refusal(text) => Content { refusal: true, text: Cow::Borrowed(text.as_ref()) },
            Part::Reasoning(text) => {
                items.push(Item::new(stem, items.len(), Body::Reasoning(Cow::Borrowed(text.as_ref()))));
                continue;
            }
            Part::ToolCall(call) => {
                let body = Body::Call {
                    id: Cow::Borrowed(call.id.as_ref()),
                    name: Cow::Borrowed(call.name.as_ref()),
                    arguments: arguments(Cow::Borrowed(call.arguments.as_ref())),
                };
                items.push(Item::new(stem, items.len(), body));
                continue;
            }
        };
        match items.last_mut().map(|item| &mut item.body) {
            Some(Body::Message(contents)) => contents.push(content),
            _ => items.push(Item::new(stem, items.len(), Body::Message(vec![content]))),
        }
    }
    items
}
