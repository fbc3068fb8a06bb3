//! How each protocol is spoken by a client: what it sends on after an answer and after its tools ran, and how it puts
//! the events of a stream together.

use flyball_testkit::SseEvent;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What the client speaks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Protocol {
    Chat,
    Responses,
    Messages,
}

/// A call of one of the client's tools.
#[derive(Clone, Debug)]
pub(super) struct Call {
    id: String,
    name: String,
    arguments: Value,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// What the client appends to the conversation.
    pub(super) items: Vec<Value>,
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    /// Whether it says that all is said, rather than that tools are wanted.
    pub(super) ended: bool,
}

impl Heard {
    /// Whether these tools are called in this order, each with at least these arguments.
    pub(super) fn calls_are(&self, expected: &[(String, Value)]) -> bool {
        let fits = |(call, (name, arguments)): (&Call, &(String, Value))| {
            let mut arguments = arguments.as_object().unwrap().iter();
            call.name == *name && arguments.all(|(key, value)| call.arguments[key] == *value)
        };
        self.calls.len() == expected.len() && self.calls.iter().zip(expected).all(fits)
    }

    /// What is the same whoever answers.
    pub(super) fn gist(&self) -> (String, Vec<Value>) {
        let calls = self.calls.iter().map(|call| json!([call.name, call.arguments]));
        (self.text.clone(), calls.collect())
    }
}

/// Marks the newest block as the end of what is cached.
pub(super) fn mark_newest(conversation: &mut [Value]) {
    let newest = conversation.last_mut().and_then(|message| message["content"].as_array_mut());
    if let Some(block) = newest.and_then(|blocks| blocks.last_mut()) {
        block["cache_control"] = json!({ "type": "ephemeral" });
    }
}

impl Protocol {
    /// The member that holds what is said.
    pub(super) fn conversation(self) -> &'static str {
        if self == Protocol::Responses { "input" } else { "messages" }
    }

    /// What a client sends after these calls, when its tools told this and it has that to say.
    pub(super) fn next(self, calls: &[Call], results: &Map<String, Value>, say: &[Value]) -> Vec<Value> {
        let told = calls.iter().map(|call| {
            let result = results.get(&call.name).unwrap_or_else(|| panic!("{} told nothing", call.name));
            let id = &call.id;
            match self {
                Protocol::Chat => json!({"role": "tool", "tool_call_id": id, "content": result}),
                Protocol::Responses => {
                    json!({"type": "function_call_output", "call_id": id, "output": result})
                }
                Protocol::Messages => json!({"type": "tool_result", "tool_use_id": id, "content": result}),
            }
        });
        let mut told: Vec<Value> = told.collect();
        if self == Protocol::Messages && !told.is_empty() {
            told = vec![json!({"role": "user", "content": told})];
        }
        told.extend_from_slice(say);
        told
    }

    /// Reads an answer.
    pub(super) fn read(self, answer: &Value) -> Heard {
        match self {
            Protocol::Chat => chat(answer),
            Protocol::Responses => responses(answer),
            Protocol::Messages => messages(answer),
        }
    }

    /// The answer that a stream's events make.
    pub(super) fn assemble(self, events: &[SseEvent]) -> Value {
        let documents = events.iter().filter_map(SseEvent::json);
        match self {
            Protocol::Chat => {
                assert!(events.last().is_some_and(SseEvent::is_done), "no [DONE]");
                assemble_chat(documents)
            }
            Protocol::Responses => {
                let last = documents.last().unwrap();
                assert_eq!(last["type"], "response.completed", "{last}");
                last["response"].clone()
            }
            Protocol::Messages => assemble_messages(documents),
        }
    }
}

fn chat(answer: &Value) -> Heard {
    let choice = &answer["choices"][0];
    let message = &choice["message"];
    let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| Call {
        id: call["id"].as_str().unwrap().to_owned(),
        name: call["function"]["name"].as_str().unwrap().to_owned(),
        arguments: serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap(),
    });
    // A client writes a message of its own from what it understood.
    let mut item = json!({"role": "assistant", "content": message["content"]});
    if let Some(calls) = message.get("tool_calls") {
        item["tool_calls"] = calls.clone();
    }
    Heard {
        items: vec![item],
        text: message["content"].as_str().unwrap_or_default().to_owned(),
        calls: calls.collect(),
        ended: choice["finish_reason"] != "tool_calls",
    }
}

fn responses(answer: &Value) -> Heard {
    assert_eq!(answer["status"], "completed", "{answer}");
    let items = answer["output"].as_array().unwrap();
    let of = |kind: &'static str| items.iter().filter(move |item| item["type"] == kind);
    let calls: Vec<Call> = of("function_call")
        .map(|call| Call {
            id: call["call_id"].as_str().unwrap().to_owned(),
            name: call["name"].as_str().unwrap().to_owned(),
            arguments: serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap(),
        })
        .collect();
    let texts = of("message").flat_map(|item| item["content"].as_array().into_iter().flatten());
    let text: String = texts.filter_map(|part| part["text"].as_str()).collect();
    let ended = calls.is_empty();
    Heard { items: items.clone(), text, calls, ended }
}

fn messages(answer: &Value) -> Heard {
    let blocks = answer["content"].as_array().unwrap();
    let of = |kind: &'static str| blocks.iter().filter(move |block| block["type"] == kind);
    let calls = of("tool_use").map(|call| Call {
        id: call["id"].as_str().unwrap().to_owned(),
        name: call["name"].as_str().unwrap().to_owned(),
        arguments: call["input"].clone(),
    });
    Heard {
        items: vec![json!({"role": "assistant", "content": blocks})],
        text: of("text").filter_map(|block| block["text"].as_str()).collect(),
        calls: calls.collect(),
        ended: answer["stop_reason"] != "tool_use",
    }
}

/// Appends a text to a member.
fn append(holder: &mut Value, name: &str, more: &Value) {
    if let Some(more) = more.as_str() {
        let before = holder[name].as_str().unwrap_or_default();
        holder[name] = json!(format!("{before}{more}"));
    }
}

fn assemble_chat(documents: impl Iterator<Item = Value>) -> Value {
    let mut choice = json!({"message": {"content": null}, "finish_reason": null});
    let mut usage = 0;
    for document in documents {
        usage += usize::from(document["usage"].is_object());
        let Some(part) = document["choices"].get(0) else { continue };
        append(&mut choice["message"], "content", &part["delta"]["content"]);
        for call in part["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            let message = choice["message"].as_object_mut().unwrap();
            let calls = message.entry("tool_calls").or_insert_with(|| json!([])).as_array_mut().unwrap();
            if calls.len() == index {
                let name = &call["function"]["name"];
                calls.push(json!({"id": call["id"], "type": "function",
                    "function": {"name": name, "arguments": ""}}));
            }
            append(&mut calls[index]["function"], "arguments", &call["function"]["arguments"]);
        }
        if part["finish_reason"].is_string() {
            choice["finish_reason"] = part["finish_reason"].clone();
        }
    }
    assert_eq!(usage, 1, "usage is told once");
    json!({"choices": [choice]})
}

fn assemble_messages(documents: impl Iterator<Item = Value>) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    let mut stop = Value::Null;
    let mut last = Value::Null;
    for document in documents {
        last = document["type"].clone();
        match last.as_str().unwrap() {
            "content_block_start" => {
                assert_eq!(document["index"], blocks.len(), "{document}");
                blocks.push(document["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let delta = &document["delta"];
                let index = usize::try_from(document["index"].as_u64().unwrap()).unwrap();
                for name in ["text", "thinking", "signature"] {
                    append(&mut blocks[index], name, &delta[name]);
                }
                inputs[index].push_str(delta["partial_json"].as_str().unwrap_or_default());
            }
            "content_block_stop" => {
                let index = usize::try_from(document["index"].as_u64().unwrap()).unwrap();
                if blocks[index]["type"] == "tool_use" && !inputs[index].is_empty() {
                    blocks[index]["input"] = serde_json::from_str(&inputs[index]).unwrap();
                }
            }
            "message_delta" => stop = document["delta"]["stop_reason"].clone(),
            _ => {}
        }
    }
    assert_eq!(last, "message_stop");
    json!({"content": blocks, "stop_reason": stop})
}
