//! What a caller reads in an answer, as its official client puts it together.

use flyball_translation::Dialect;
use flyball_translation::events::Written;
use serde_json::Value as Json;

/// What an answer tells.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    /// Names and arguments.
    pub(crate) calls: Vec<(String, Json)>,
    pub(crate) stop: String,
    /// Input, of these cached and written into the cache; output, of these reasoning.
    pub(crate) usage: [Option<u64>; 5],
}

impl Told {
    fn call(&mut self, name: &Json, arguments: Json) {
        self.calls.push((name.as_str().unwrap().to_owned(), arguments));
    }
}

fn parsed(arguments: &Json) -> Json {
    serde_json::from_str(arguments.as_str().unwrap()).unwrap()
}

fn add(into: &mut String, text: &Json) {
    into.push_str(text.as_str().unwrap_or_default());
}

/// Reads a whole answer.
pub(crate) fn plain(caller: Dialect, answer: &Json) -> Told {
    let mut told = Told::default();
    match caller {
        Dialect::Chat => {
            let choice = &answer["choices"][0];
            let message = &choice["message"];
            add(&mut told.text, &message["content"]);
            add(&mut told.reasoning, &message["reasoning_content"]);
            for call in message["tool_calls"].as_array().unwrap() {
                assert!(!call["id"].as_str().unwrap().is_empty());
                told.call(&call["function"]["name"], parsed(&call["function"]["arguments"]));
            }
            add(&mut told.stop, &choice["finish_reason"]);
            told.usage = completions_usage(&answer["usage"]);
        }
        Dialect::Completions => {
            add(&mut told.text, &answer["choices"][0]["text"]);
            add(&mut told.stop, &answer["choices"][0]["finish_reason"]);
            told.usage = completions_usage(&answer["usage"]);
        }
        Dialect::Responses => response(answer, &mut told),
        _ => message(answer, &mut told),
    }
    told
}

fn completions_usage(usage: &Json) -> [Option<u64>; 5] {
    let total = usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], total);
    let (input, output) = (&usage["prompt_tokens_details"], &usage["completion_tokens_details"]);
    [
        usage["prompt_tokens"].as_u64(),
        input["cached_tokens"].as_u64(),
        input["cache_write_tokens"].as_u64(),
        usage["completion_tokens"].as_u64(),
        output["reasoning_tokens"].as_u64(),
    ]
}

fn response(answer: &Json, told: &mut Told) {
    for item in answer["output"].as_array().unwrap() {
        match item["type"].as_str().unwrap() {
            "reasoning" => item["summary"]
                .as_array()
                .unwrap()
                .iter()
                .for_each(|part| add(&mut told.reasoning, &part["text"])),
            "message" => {
                item["content"].as_array().unwrap().iter().for_each(|part| add(&mut told.text, &part["text"]))
            }
            _ => told.call(&item["name"], parsed(&item["arguments"])),
        }
    }
    add(&mut told.stop, &answer["status"]);
    let usage = &answer["usage"];
    let (input, output) = (&usage["input_tokens_details"], &usage["output_tokens_details"]);
    told.usage = [
        usage["input_tokens"].as_u64(),
        input["cached_tokens"].as_u64(),
        input["cache_write_tokens"].as_u64(),
        usage["output_tokens"].as_u64(),
        output["reasoning_tokens"].as_u64(),
    ];
}

fn message(answer: &Json, told: &mut Told) {
    for block in answer["content"].as_array().unwrap() {
        match block["type"].as_str().unwrap() {
            "thinking" => add(&mut told.reasoning, &block["thinking"]),
            "text" => add(&mut told.text, &block["text"]),
            _ => told.call(&block["name"], block["input"].clone()),
        }
    }
    add(&mut told.stop, &answer["stop_reason"]);
    let usage = &answer["usage"];
    let count = |name: &str| usage[name].as_u64();
    let (read, written) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    let input = count("input_tokens").map(|input| input + read.unwrap_or(0) + written.unwrap_or(0));
    let reasoning = usage["output_tokens_details"]["thinking_tokens"].as_u64();
    told.usage = [input, read, written, count("output_tokens"), reasoning];
}

/// Whether this is what a caller takes for the proper end of a stream.
pub(crate) fn is_end(caller: Dialect, event: &Written) -> bool {
    match caller {
        Dialect::Chat | Dialect::Completions => event.data == "[DONE]",
        Dialect::Responses => event.name.is_some_and(|name| name == "response.completed"),
        _ => event.name == Some("message_stop"),
    }
}

/// Reads a stream.
pub(crate) fn streamed(caller: Dialect, events: &[Written]) -> Told {
    let end = events.last().unwrap();
    assert!(is_end(caller, end));
    let parse = |event: &Written| serde_json::from_slice::<Json>(&event.data).unwrap();
    match caller {
        Dialect::Chat | Dialect::Completions => {
            chunks(events[..events.len() - 1].iter().map(parse), caller == Dialect::Chat)
        }
        Dialect::Responses => {
            let mut told = Told::default();
            response(&parse(end)["response"], &mut told);
            let pieces = |name: &str| {
                events.iter().filter(|event| event.name == Some(name)).map(parse).fold(
                    String::new(),
                    |mut text, event| {
                        add(&mut text, &event["delta"]);
                        text
                    },
                )
            };
            assert_eq!(pieces("response.output_text.delta"), told.text);
            assert_eq!(pieces("response.reasoning_summary_text.delta"), told.reasoning);
            let numbers = events.iter().map(|event| parse(event)["sequence_number"].as_u64().unwrap());
            assert!(numbers.eq(0..events.len() as u64));
            told
        }
        _ => {
            let mut told = Told::default();
            message(&blocks(events.iter().map(parse)), &mut told);
            told
        }
    }
}

fn chunks(chunks: impl Iterator<Item = Json>, chat: bool) -> Told {
    let mut told = Told::default();
    let mut calls: Vec<(Json, String)> = Vec::new();
    for chunk in chunks {
        if !chunk["usage"].is_null() {
            told.usage = completions_usage(&chunk["usage"]);
        }
        let choice = &chunk["choices"][0];
        add(&mut told.stop, &choice["finish_reason"]);
        let delta = &choice["delta"];
        add(&mut told.text, if chat { &delta["content"] } else { &choice["text"] });
        add(&mut told.reasoning, &delta["reasoning_content"]);
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if index == calls.len() {
                assert!(!call["id"].as_str().unwrap().is_empty());
                calls.push((call["function"]["name"].clone(), String::new()));
            }
            add(&mut calls[index].1, &call["function"]["arguments"]);
        }
    }
    for (name, arguments) in calls {
        told.call(&name, parsed(&if arguments.is_empty() { "{}".into() } else { arguments.into() }));
    }
    told
}

/// Puts the events of messages together: blocks one after the other, each begun, filled and ended.
fn blocks(events: impl Iterator<Item = Json>) -> Json {
    let mut message = Json::Null;
    let mut open: Option<(u64, String)> = None;
    for event in events {
        let index = event["index"].as_u64();
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                assert!(open.is_none(), "one block at a time");
                let content = message["content"].as_array_mut().unwrap();
                assert_eq!(index, Some(content.len() as u64));
                content.push(event["content_block"].clone());
                open = Some((index.unwrap(), String::new()));
            }
            "content_block_delta" => {
                let (at, arguments) = open.as_mut().unwrap();
                assert_eq!(index, Some(*at));
                let block = message["content"].as_array_mut().unwrap().last_mut().unwrap();
                for member in ["text", "thinking"] {
                    if let Some(piece) = event["delta"][member].as_str() {
                        let text = format!("{}{piece}", block[member].as_str().unwrap());
                        block[member] = text.into();
                    }
                }
                add(arguments, &event["delta"]["partial_json"]);
            }
            "content_block_stop" => {
                let (at, arguments) = open.take().unwrap();
                assert_eq!(index, Some(at));
                if !arguments.is_empty() {
                    let block = message["content"].as_array_mut().unwrap().last_mut().unwrap();
                    block["input"] = serde_json::from_str(&arguments).unwrap();
                }
            }
            "message_delta" => {
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                for (name, count) in event["usage"].as_object().unwrap() {
                    if !count.is_null() {
                        message["usage"][name] = count.clone();
                    }
                }
            }
            "message_stop" | "ping" => {}
            other => panic!("an event {other}"),
        }
    }
    assert!(open.is_none());
    message
}
