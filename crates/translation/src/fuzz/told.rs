//! What a caller reads in an answer or a stream, to be compared with what callers of other protocols read in it.
//! Strict about the order in which messages and responses tell things.

use flyball_core::json::{Document, NodeKind, Value};

use super::parsed;
use crate::Dialect;
use crate::events::Written;

/// What the first of the answers tells.
#[derive(Debug)]
pub(super) struct Told {
    caller: Dialect,
    /// Text, refusals, reasoning: how much of each in all. Blocks that are told together come in another order where
    /// they must come one after the other.
    said: [Vec<char>; 3],
    /// Ids and names of calls.
    calls: Vec<(String, String)>,
    /// The number of the open block, where there is one at a time.
    open: Option<u64>,
    blocks: u64,
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) ended: bool,
    pub(super) broken: bool,
}

const TEXT: usize = 0;
const REFUSAL: usize = 1;
const REASONING: usize = 2;

impl Told {
    pub(super) fn new(caller: Dialect) -> Self {
        Told {
            caller,
            said: [const { Vec::new() }; 3],
            calls: Vec::new(),
            open: None,
            blocks: 0,
            events: 0,
            bytes: 0,
            ended: false,
            broken: false,
        }
    }

    /// Reads a whole answer.
    pub(super) fn plain(caller: Dialect, answer: &Document) -> Self {
        let mut told = Told::new(caller);
        let root = answer.root();
        match caller {
            Dialect::Messages => items(root, "content").for_each(|block| told.block(block)),
            Dialect::Responses => items(root, "output").for_each(|item| told.item(item)),
            _ => items(root, "choices").take(1).for_each(|choice| told.choice(choice, "message")),
        }
        told
    }

    /// Reads what was written of a stream.
    pub(super) fn add(&mut self, written: &[Written]) {
        for event in written {
            assert!(!self.ended, "{event:?} after the end");
            assert!(!event.data.contains(&b'\n') && !event.data.contains(&b'\r'), "{event:?}");
            self.events += 1;
            self.bytes += event.data.len();
            if event.data == "[DONE]" {
                self.ended = true;
                continue;
            }
            let document = parsed(&event.data);
            let root = document.root();
            assert_eq!(root.kind(), NodeKind::Object);
            match self.caller {
                Dialect::Messages => self.message_event(root),
                Dialect::Responses => self.response_event(root),
                _ => items(root, "choices")
                    .filter(|choice| number(*choice, "index") == Some(0))
                    .for_each(|choice| self.choice(choice, "delta")),
            }
        }
    }

    /// All were told the same. The completions of old have texts only.
    pub(super) fn agree(told: &[Told]) {
        let merged = |told: &Told| {
            let mut words = told.said.clone();
            // Messages and the completions of old say refusals as text.
            let refusals = std::mem::take(&mut words[REFUSAL]);
            words[TEXT].extend(refusals);
            words.iter_mut().for_each(|words| words.sort_unstable());
            words
        };
        let Some(first) = told.first() else { return };
        let (words, calls) = (merged(first), &first.calls);
        for other in told {
            let theirs = merged(other);
            assert_eq!(words[TEXT], theirs[TEXT], "{:?} and {:?}", first.caller, other.caller);
            if other.caller != Dialect::Completions {
                assert_eq!(words[REASONING], theirs[REASONING], "{:?} and {:?}", first.caller, other.caller);
                assert_eq!(*calls, other.calls, "{:?} and {:?}", first.caller, other.caller);
            }
        }
    }

    fn say(&mut self, kind: usize, text: Option<Value<'_>>) {
        let text = text.and_then(Value::text).unwrap_or_default();
        if let Some(said) = self.said.get_mut(kind) {
            said.extend(text.chars());
        }
    }

    fn call(&mut self, id: Option<Value<'_>>, name: Option<Value<'_>>) {
        let text = |value: Option<Value<'_>>| value.and_then(Value::text).unwrap_or_default().into_owned();
        self.calls.push((text(id), text(name)));
    }

    fn choice(&mut self, choice: Value<'_>, member: &str) {
        self.say(TEXT, choice.get("text"));
        let Some(message) = choice.get(member) else { return };
        self.say(TEXT, message.get("content"));
        self.say(REFUSAL, message.get("refusal"));
        self.say(REASONING, message.get("reasoning_content"));
        for call in items(message, "tool_calls") {
            let name = call.get("function").and_then(|function| function.get("name"));
            // Later pieces of a call have no name.
            if name.is_some() {
                self.call(call.get("id"), name);
            }
        }
    }

    fn block(&mut self, block: Value<'_>) {
        if is(block, "tool_use") {
            assert_eq!(block.get("input").map(Value::kind), Some(NodeKind::Object));
            self.call(block.get("id"), block.get("name"));
        }
        self.say(TEXT, block.get("text"));
        self.say(REASONING, block.get("thinking"));
    }

    fn item(&mut self, item: Value<'_>) {
        if is(item, "function_call") {
            self.call(item.get("call_id"), item.get("name"));
        }
        for content in items(item, "content") {
            self.say(TEXT, content.get("text"));
            self.say(REFUSAL, content.get("refusal"));
        }
        items(item, "summary").for_each(|part| self.say(REASONING, part.get("text")));
    }

    /// Blocks come one after the other, each begun, filled and ended.
    fn message_event(&mut self, event: Value<'_>) {
        let index = number(event, "index");
        if is(event, "content_block_start") {
            assert_eq!((self.open, index), (None, Some(self.blocks)));
            self.open = index;
            self.blocks += 1;
            event.get("content_block").into_iter().for_each(|block| self.block(block));
        } else if is(event, "content_block_delta") {
            assert!(self.open.is_some() && self.open == index);
            let Some(delta) = event.get("delta") else { return };
            self.say(TEXT, delta.get("text"));
            self.say(REASONING, delta.get("thinking"));
        } else if is(event, "content_block_stop") {
            assert!(self.open.is_some() && self.open == index);
            self.open = None;
        } else if is(event, "message_stop") {
            assert_eq!(self.open, None);
            self.ended = true;
        } else if is(event, "message_start") {
            assert_eq!(self.events, 1);
        }
    }

    /// The last event repeats what the others told.
    fn response_event(&mut self, event: Value<'_>) {
        assert_eq!(number(event, "sequence_number"), u64::try_from(self.events - 1).ok());
        if is(event, "response.output_text.delta") {
            self.say(TEXT, event.get("delta"));
        } else if is(event, "response.refusal.delta") {
            self.say(REFUSAL, event.get("delta"));
        } else if is(event, "response.reasoning_summary_text.delta") {
            self.say(REASONING, event.get("delta"));
        } else if is(event, "response.output_item.added") {
            let item = event.get("item").filter(|item| is(*item, "function_call"));
            item.into_iter().for_each(|item| self.call(item.get("call_id"), item.get("name")));
        } else if is(event, "response.completed") || is(event, "response.incomplete") {
            self.ended = true;
            let mut whole = Told::new(self.caller);
            let response = event.get("response");
            response.into_iter().flat_map(|all| items(all, "output")).for_each(|item| whole.item(item));
            let sorted = |said: &[Vec<char>; 3]| {
                let mut said = said.clone();
                said.iter_mut().for_each(|said| said.sort_unstable());
                said
            };
            assert_eq!(sorted(&self.said), sorted(&whole.said));
            assert_eq!(self.calls, whole.calls);
        }
    }
}

fn items<'d>(holder: Value<'d>, name: &str) -> impl Iterator<Item = Value<'d>> + use<'d> {
    holder.get(name).into_iter().flat_map(Value::items)
}

fn number(holder: Value<'_>, name: &str) -> Option<u64> {
    holder.get(name).and_then(Value::unsigned)
}

fn is(holder: Value<'_>, kind: &str) -> bool {
    holder.get("type").is_some_and(|value| value.is_text(kind))
}
