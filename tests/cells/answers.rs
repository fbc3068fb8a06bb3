//! Answers that say a text in every field that a reader could see, and in some that nobody knows, in the words of
//! every provider: whole, and as events in which every field that may grow comes in pieces.

use serde_json::{Value, json};

use super::{Form, Speech, Vendor, frames};

/// An answer that is still to be laid out.
pub(crate) enum Written {
    Document(Value),
    /// Server-sent events, with names or without, and whether `[DONE]` follows them.
    Events {
        events: Vec<Value>,
        named: bool,
        done: bool,
    },
    /// Events in Amazon's encoding, by their names.
    Frames(Vec<(&'static str, Value)>),
}

impl Written {
    /// The content type and the bytes.
    pub(crate) fn encode(&self) -> (&'static str, Vec<u8>) {
        match self {
            Written::Document(document) => ("application/json", document.to_string().into_bytes()),
            Written::Events { events, named, done } => {
                let mut out = String::new();
                for event in events {
                    if let Some(name) = event["type"].as_str().filter(|_| *named) {
                        out.push_str(&format!("event: {name}\n"));
                    }
                    out.push_str(&format!("data: {event}\n\n"));
                }
                out.push_str(if *done { "data: [DONE]\n\n" } else { "" });
                ("text/event-stream", out.into_bytes())
            }
            Written::Frames(events) => {
                let frames = events.iter().flat_map(|(name, data)| frames::event(name, &data.to_string()));
                ("application/vnd.amazon.eventstream", frames.collect())
            }
        }
    }
}

/// A text in pieces of `size` characters.
pub(crate) fn pieces(text: &str, size: usize) -> Pieces {
    Pieces(text.chars().collect::<Vec<_>>().chunks(size).map(String::from_iter).collect())
}

/// What the vendor answers, in the dialect in which it is asked.
pub(crate) fn answer(form: Form, vendor: Vendor, text: &str, pieces: &Pieces) -> Written {
    let events = |events, named, done| Written::Events { events, named, done };
    match (vendor, form.speech(), form.streams()) {
        (Vendor::OpenAi, Speech::Responses, false) => Written::Document(response(text)),
        (Vendor::OpenAi, Speech::Responses, true) => events(response_events(text, pieces), true, false),
        (Vendor::OpenAi, Speech::Legacy, false) => Written::Document(legacy(text)),
        (Vendor::OpenAi, Speech::Legacy, true) => events(legacy_events(text, pieces), false, true),
        (Vendor::OpenAi | Vendor::Compatible, _, false) => Written::Document(chat(text)),
        (Vendor::OpenAi | Vendor::Compatible, _, true) => events(chat_events(text, pieces), false, true),
        (Vendor::Anthropic, ..) if form == Form::CountTokens => {
            Written::Document(json!({"input_tokens": 7, "vendor": [text]}))
        }
        (Vendor::Anthropic, _, false) => Written::Document(message(text)),
        (Vendor::Anthropic, _, true) => events(message_events(text, pieces), true, false),
        (Vendor::Gemini, _, false) => Written::Document(candidates(text)),
        (Vendor::Gemini, _, true) => events(candidate_events(text, pieces), false, false),
        (Vendor::Bedrock, _, false) => Written::Document(converse(text)),
        (Vendor::Bedrock, _, true) => Written::Frames(converse_events(text, pieces)),
    }
}

/// A text as it comes.
pub(crate) struct Pieces(Vec<String>);

impl Pieces {
    fn each<T>(&self, event: impl Fn(&str) -> T) -> impl Iterator<Item = T> {
        self.0.iter().map(move |piece| event(piece))
    }
}

/// Arguments of a tool as they are written.
fn arguments(text: &str) -> String {
    json!({ "to": text }).to_string()
}

fn chat(text: &str) -> Value {
    json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "vendor": {"note": [text]},
        "choices": [{"index": 0, "finish_reason": "stop", "vendor": text, "message": {
            "role": "assistant", "content": text, "refusal": null, "reasoning_content": text, "vendor": {"deep": [text]},
            "annotations": [{"type": "url_citation", "url_citation": {"title": text, "url": "https://weather.test/a",
                "start_index": 0, "end_index": 4}}],
            "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": arguments(text)}}]}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}})
}

fn chat_events(text: &str, pieces: &Pieces) -> Vec<Value> {
    let chunk = |delta: Value, finish: Option<&str>| {
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 1,
        "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    events.extend(pieces.each(|piece| chunk(json!({"reasoning_content": piece}), None)));
    events.extend(pieces.each(|piece| chunk(json!({"content": piece}), None)));
    events.extend(pieces.each(|piece| chunk(json!({"vendor_delta": piece}), None)));
    let call = |more: Value| chunk(json!({"tool_calls": [more]}), None);
    events.push(call(
        json!({"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}),
    ));
    let open = |text: &str| call(json!({"index": 0, "function": {"arguments": text}}));
    events.push(open("{\"to\":\""));
    events.extend(pieces.each(open));
    events.push(open("\"}"));
    let mut end = chunk(json!({}), Some("tool_calls"));
    end["vendor"] = json!({"note": text});
    events.push(end);
    events
}

fn legacy(text: &str) -> Value {
    json!({"id": "c1", "object": "text_completion", "created": 1, "model": "m", "vendor": text,
        "choices": [{"index": 0, "text": text, "finish_reason": "stop", "logprobs": {"tokens": [text]}, "vendor": [text]}]})
}

fn legacy_events(text: &str, pieces: &Pieces) -> Vec<Value> {
    let chunk = |choice: Value| json!({"id": "c1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]});
    let mut events: Vec<Value> =
        pieces.each(|piece| chunk(json!({"index": 0, "text": piece, "finish_reason": null}))).collect();
    events.extend(pieces.each(|piece| chunk(json!({"index": 0, "text": "", "vendor": {"grows": [piece]}}))));
    events.extend(pieces.each(|piece| chunk(json!({"index": 0, "delta": {"content": piece}}))));
    events.push(chunk(json!({"index": 0, "text": "", "finish_reason": "stop", "vendor": {"note": text}})));
    events
}

fn response(text: &str) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "vendor": {"note": [text]},
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}], "encrypted_content": null,
             "content": [{"type": "reasoning_text", "text": text}]},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "vendor": text, "content": [
                {"type": "output_text", "text": text, "vendor": [text], "annotations": [
                    {"type": "url_citation", "title": text, "url": "https://weather.test/a", "start_index": 0, "end_index": 4}]},
                {"type": "refusal", "refusal": text}]},
            {"type": "function_call", "id": "fc_1", "call_id": "t1", "name": "f", "status": "completed", "arguments": arguments(text)},
            {"type": "vendor_item", "id": "v1", "note": text}],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}})
}

fn response_events(text: &str, pieces: &Pieces) -> Vec<Value> {
    let begun = json!({"id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "model": "m", "output": []});
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}}),
    ];
    let part = |kind: &str, item: &str, output: u64, key: &str, value: &str| json!({"type": kind, "item_id": item, "output_index": output, "content_index": 0, "summary_index": 0, key: value});
    events.extend(
        pieces.each(|piece| part("response.reasoning_summary_text.delta", "rs_1", 0, "delta", piece)),
    );
    events.push(part("response.reasoning_summary_text.done", "rs_1", 0, "text", text));
    events.extend(pieces.each(|piece| part("response.reasoning_text.delta", "rs_1", 0, "delta", piece)));
    events.push(part("response.reasoning_text.done", "rs_1", 0, "text", text));
    let message = |text: &str| {
        json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}]})
    };
    events.push(json!({"type": "response.output_item.added", "output_index": 1,
        "item": {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}}));
    events.push(json!({"type": "response.content_part.added", "item_id": "msg_1", "output_index": 1, "content_index": 0,
        "part": {"type": "output_text", "text": "", "annotations": []}}));
    events.extend(pieces.each(|piece| part("response.output_text.delta", "msg_1", 1, "delta", piece)));
    events.push(
        json!({"type": "response.output_text.annotation.added", "item_id": "msg_1", "output_index": 1,
        "content_index": 0, "annotation_index": 0, "annotation": {"type": "url_citation", "title": text,
        "url": "https://weather.test/a", "start_index": 0, "end_index": 4}}),
    );
    events.push(part("response.output_text.done", "msg_1", 1, "text", text));
    events.push(json!({"type": "response.content_part.done", "item_id": "msg_1", "output_index": 1, "content_index": 0,
        "part": {"type": "output_text", "text": text, "annotations": []}}));
    events.push(json!({"type": "response.output_item.done", "output_index": 1, "item": message(text)}));
    let call = |arguments: &str, status: &str| {
        json!({"type": "function_call", "id": "fc_1", "call_id": "t1", "name": "f",
        "status": status, "arguments": arguments})
    };
    events.push(
        json!({"type": "response.output_item.added", "output_index": 2, "item": call("", "in_progress")}),
    );
    let delta = |text: &str| part("response.function_call_arguments.delta", "fc_1", 2, "delta", text);
    events.push(delta("{\"to\":\""));
    events.extend(pieces.each(delta));
    events.push(delta("\"}"));
    events.push(part("response.function_call_arguments.done", "fc_1", 2, "arguments", &arguments(text)));
    events.push(json!({"type": "response.output_item.done", "output_index": 2, "item": call(&arguments(text), "completed")}));
    events.extend(pieces.each(|piece| part("response.vendor_event.delta", "v1", 3, "delta", piece)));
    events.push(json!({"type": "response.vendor_event", "output_index": 3, "text": text, "note": [text]}));
    events.push(json!({"type": "response.completed", "response": response(text)}));
    for (event, number) in events.iter_mut().zip(0..) {
        event["sequence_number"] = json!(number);
    }
    events
}

fn message(text: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "stop_sequence": null,
        "vendor": {"note": [text]},
        "content": [
            {"type": "text", "text": text, "vendor": text, "citations": [{"type": "char_location", "cited_text": text,
                "document_index": 0, "document_title": text, "start_char_index": 0, "end_char_index": 4}]},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"to": text, "deep": [{"er": text}]}}],
        "usage": {"input_tokens": 1, "output_tokens": 2}})
}

fn message_events(text: &str, pieces: &Pieces) -> Vec<Value> {
    let mut begun = message(text);
    (begun["content"], begun["stop_reason"]) = (json!([]), Value::Null);
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u64, kind: &str, key: &str, value: &str| json!({"type": "content_block_delta", "index": index, "delta": {"type": kind, key: value}});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let mut events = vec![json!({"type": "message_start", "message": begun}), json!({"type": "ping"})];
    events.push(start(0, json!({"type": "text", "text": ""})));
    events.extend(pieces.each(|piece| delta(0, "text_delta", "text", piece)));
    events.push(
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation":
        {"type": "char_location", "cited_text": text, "document_title": text, "document_index": 0,
         "start_char_index": 0, "end_char_index": 4}}}),
    );
    events.extend(pieces.each(|piece| delta(0, "vendor_delta", "vendor", piece)));
    events.push(json!({"type": "vendor_event", "note": [text]}));
    events.push(stop(0));
    events.push(start(1, json!({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}})));
    let arguments = |text: &str| delta(1, "input_json_delta", "partial_json", text);
    events.push(arguments("{\"to\":\""));
    events.extend(pieces.each(arguments));
    events.push(arguments("\"}"));
    events.push(stop(1));
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
        "vendor": text, "usage": {"output_tokens": 2}}));
    events.push(json!({"type": "message_stop"}));
    events
}

fn candidates(text: &str) -> Value {
    json!({"responseId": "r1", "modelVersion": "m", "vendor": {"note": [text]},
        "candidates": [{"index": 0, "finishReason": "STOP", "finishMessage": text, "vendor": text,
            "content": {"role": "model", "parts": [
                {"text": text, "thought": true}, {"text": text, "vendor": [text]},
                {"functionCall": {"name": "f", "args": {"to": text, "deep": [text]}}}]}}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}})
}

fn candidate_events(text: &str, pieces: &Pieces) -> Vec<Value> {
    let chunk = |part: Value| {
        json!({"responseId": "r1", "modelVersion": "m",
        "candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}}]})
    };
    let mut events: Vec<Value> =
        pieces.each(|piece| chunk(json!({"text": piece, "thought": true}))).collect();
    events.extend(pieces.each(|piece| chunk(json!({"text": piece}))));
    events.push(chunk(json!({"functionCall": {"name": "f", "args": {"to": text}}})));
    events.push(json!({"responseId": "r1", "modelVersion": "m", "vendor": text, "candidates": [{"index": 0,
        "content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "finishMessage": text}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}}));
    events
}

fn converse(text: &str) -> Value {
    json!({"output": {"message": {"role": "assistant", "vendor": text, "content": [
            {"reasoningContent": {"reasoningText": {"text": text, "signature": "c2ln"}}},
            {"text": text},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"to": text, "deep": [text]}}}]}},
        "stopReason": "tool_use", "vendor": {"note": [text]}, "additionalModelResponseFields": {"note": text},
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 1}})
}

fn converse_events(text: &str, pieces: &Pieces) -> Vec<(&'static str, Value)> {
    let delta = |index: u64, delta: Value| {
        ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta, "p": "abc"}))
    };
    let stop = |index: u64| ("contentBlockStop", json!({"contentBlockIndex": index}));
    let mut events = vec![("messageStart", json!({"role": "assistant", "vendor": text}))];
    events.extend(pieces.each(|piece| delta(0, json!({"reasoningContent": {"text": piece}}))));
    events.push(stop(0));
    events.extend(pieces.each(|piece| delta(1, json!({"text": piece}))));
    events.push(stop(1));
    let start = json!({"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "f"}}});
    events.push(("contentBlockStart", start));
    let arguments = |text: &str| delta(2, json!({"toolUse": {"input": text}}));
    events.push(arguments("{\"to\":\""));
    events.extend(pieces.each(arguments));
    events.push(arguments("\"}"));
    events.push(stop(2));
    events.push((
        "messageStop",
        json!({"stopReason": "tool_use", "additionalModelResponseFields": {"note": text}}),
    ));
    events.push(("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 1}})));
    events
}
