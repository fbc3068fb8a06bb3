//! The ways to ask for an answer: every route that calls models, plain and streamed.

use serde_json::{Value, json};

/// One way to ask for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Chat,
    ChatStream,
    Responses,
    ResponsesStream,
    Messages,
    MessagesStream,
    CountTokens,
    Legacy,
    LegacyStream,
    Completion,
    CompletionStream,
    Embeddings,
}

/// The protocol of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Chat,
    Responses,
    Messages,
    Legacy,
}

impl Form {
    pub(crate) const ALL: [Form; 12] = [
        Form::Chat,
        Form::ChatStream,
        Form::Responses,
        Form::ResponsesStream,
        Form::Messages,
        Form::MessagesStream,
        Form::CountTokens,
        Form::Legacy,
        Form::LegacyStream,
        Form::Completion,
        Form::CompletionStream,
        Form::Embeddings,
    ];
    /// Those whose answers are texts.
    pub(crate) const TEXTS: [Form; 10] = [
        Form::Chat,
        Form::ChatStream,
        Form::Responses,
        Form::ResponsesStream,
        Form::Messages,
        Form::MessagesStream,
        Form::Legacy,
        Form::LegacyStream,
        Form::Completion,
        Form::CompletionStream,
    ];
    /// Those that can carry tools.
    pub(crate) const TOOLS: [Form; 6] = [
        Form::Chat,
        Form::ChatStream,
        Form::Responses,
        Form::ResponsesStream,
        Form::Messages,
        Form::MessagesStream,
    ];
    /// Those that a provider of chat completions and embeddings is asked in its own words.
    pub(crate) const NATIVE: [Form; 5] =
        [Form::Chat, Form::ChatStream, Form::Completion, Form::CompletionStream, Form::Embeddings];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Form::Chat | Form::ChatStream => "/v1/chat/completions",
            Form::Responses | Form::ResponsesStream => "/v1/responses",
            Form::Messages | Form::MessagesStream => "/v1/messages",
            Form::CountTokens => "/v1/messages/count_tokens",
            Form::Legacy | Form::LegacyStream => "/v1/completions",
            Form::Completion => "/proxy/completion",
            Form::CompletionStream => "/proxy/completion/stream",
            Form::Embeddings => "/v1/embeddings",
        }
    }

    pub(crate) fn speech(self) -> Speech {
        match self {
            Form::Responses | Form::ResponsesStream => Speech::Responses,
            Form::Messages | Form::MessagesStream | Form::CountTokens => Speech::Messages,
            Form::Legacy | Form::LegacyStream => Speech::Legacy,
            _ => Speech::Chat,
        }
    }

    pub(crate) fn streams(self) -> bool {
        matches!(
            self,
            Form::ChatStream
                | Form::ResponsesStream
                | Form::MessagesStream
                | Form::LegacyStream
                | Form::CompletionStream
        )
    }

    pub(crate) fn request(self, model: &str, prompt: &str) -> Value {
        let messages = json!([{ "role": "user", "content": prompt }]);
        let mut body = match self {
            Form::Chat | Form::ChatStream => json!({ "model": model, "messages": messages }),
            Form::Responses | Form::ResponsesStream => json!({ "model": model, "input": prompt }),
            Form::Messages | Form::MessagesStream => {
                json!({ "model": model, "max_tokens": 2000, "messages": messages })
            }
            Form::CountTokens => json!({ "model": model, "messages": messages }),
            // Their cap is low unless it is stated.
            Form::Legacy | Form::LegacyStream => {
                json!({ "model": model, "max_tokens": 2000, "prompt": prompt })
            }
            Form::Completion | Form::CompletionStream => json!({ "model": model, "prompt": prompt }),
            Form::Embeddings => json!({ "model": model, "input": prompt }),
        };
        if self.streams() && self != Form::CompletionStream {
            body["stream"] = json!(true);
        }
        body
    }

    /// The same with a tool that the model may call, with the arguments `properties`.
    pub(crate) fn with_tool(self, mut body: Value, name: &str, properties: &Value) -> Value {
        let required: Vec<&String> = properties.as_object().unwrap().keys().collect();
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        body["tools"] = match self.speech() {
            Speech::Responses => json!([{ "type": "function", "name": name, "parameters": schema }]),
            Speech::Messages => json!([{ "name": name, "input_schema": schema }]),
            _ => json!([{ "type": "function", "function": { "name": name, "parameters": schema } }]),
        };
        body
    }

    /// A conversation that says `text` in every place that every provider knows: system, both sides, the arguments
    /// and the result of a tool call, the description of a tool and of its arguments.
    pub(crate) fn conversation(self, model: &str, text: &str) -> Value {
        let mut body = self.request(model, text);
        let schema =
            json!({ "type": "object", "properties": { "a": { "type": "string", "description": text } } });
        let arguments = json!({ "a": text });
        match self.speech() {
            Speech::Chat if matches!(self, Form::Chat | Form::ChatStream) => {
                body["messages"] = json!([
                    { "role": "system", "content": text },
                    { "role": "user", "content": [{ "type": "text", "text": text }] },
                    { "role": "assistant", "content": text, "tool_calls": [{ "id": "c1", "type": "function",
                        "function": { "name": "f", "arguments": arguments.to_string() } }] },
                    { "role": "tool", "tool_call_id": "c1", "content": text },
                    { "role": "user", "content": text },
                ]);
                body["tools"] = json!([{ "type": "function",
                    "function": { "name": "f", "description": text, "parameters": schema } }]);
            }
            Speech::Responses => {
                body["instructions"] = json!(text);
                body["input"] = json!([
                    { "role": "user", "content": [{ "type": "input_text", "text": text }] },
                    { "role": "assistant", "content": text },
                    { "type": "function_call", "call_id": "c1", "name": "f", "arguments": arguments.to_string() },
                    { "type": "function_call_output", "call_id": "c1", "output": text },
                    { "role": "user", "content": text },
                ]);
                body["tools"] = json!([{ "type": "function", "name": "f", "description": text,
                    "parameters": schema, "strict": false }]);
            }
            Speech::Messages => {
                body["system"] = json!(text);
                body["messages"] = json!([
                    { "role": "user", "content": [{ "type": "text", "text": text }] },
                    { "role": "assistant", "content": [{ "type": "text", "text": text },
                        { "type": "tool_use", "id": "toolu_1", "name": "f", "input": arguments }] },
                    { "role": "user", "content": [
                        { "type": "tool_result", "tool_use_id": "toolu_1", "content": text },
                        { "type": "text", "text": text }] },
                ]);
                body["tools"] = json!([{ "name": "f", "description": text, "input_schema": schema }]);
            }
            _ => {}
        }
        body
    }
}
