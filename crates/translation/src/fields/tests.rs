//! The lists bind the code: every field of every dialect, in every direction, becomes what the lists say.

use std::collections::BTreeSet;

use bytes::Bytes;
use flyball_core::json::{Document, Limits};
use serde_json::Value as Json;

use super::{Fate, Field, Meaning, answer, answer_fate, answer_with, fate, request, requests};
use crate::{Dialect, Envelope, Translated, Untranslatable, Wanted};

fn document(text: &str) -> Document {
    let limits = Limits { depth: 64, nodes: 100_000 };
    Document::parse(Bytes::copy_from_slice(text.as_bytes()), limits)
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn translate(from: Dialect, body: &str, to: Dialect) -> Result<Translated, Untranslatable> {
    // Of the models that Bedrock serves, Claude has a place for most.
    let model = if to == Dialect::Converse { "anthropic.claude-sonnet-4-5-v1:0" } else { "m" };
    crate::request(from, &document(body), to, Wanted { model, max_output_tokens: 40_000 })
}

/// Whether there is something at a path of the lists: `[]` stands for any item.
fn stands(value: &Json, path: &str) -> bool {
    let Some((step, rest)) = path.split_once('.').or((!path.is_empty()).then_some((path, ""))) else {
        return !value.is_null();
    };
    let (name, items) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    let Some(member) = value.get(name) else { return false };
    if items {
        member.as_array().is_some_and(|all| all.iter().any(|item| stands(item, rest)))
    } else {
        stands(member, rest)
    }
}

/// A path with its numbers taken out, as the lists have it.
fn listed(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for character in path.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        out.push(character);
    }
    out
}

/// The field's path: some lists say behind it which of several it is.
fn path(field: &Field) -> &'static str {
    field.name.split(' ').next().unwrap_or_default()
}

/// Whether a path that was told is the field's, or of something within it.
fn names(told: &str, field: &Field) -> bool {
    let told = listed(told);
    told.strip_prefix(path(field)).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether a path that was told names the field, or the part of the body that holds it.
fn names_or_holds(told: &str, field: &Field) -> bool {
    let holds = path(field).strip_prefix(listed(told).as_str());
    names(told, field) || holds.is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// What is the matter with a field on its way into a dialect; none when it becomes what the lists say.
fn fault(from: Dialect, field: &Field, to: Dialect) -> Option<String> {
    let (with, without) = requests(from, field);
    let done = translate(from, &with, to);
    let fate = fate(to, field.meaning);
    let place = |path: &str, done: &Translated| {
        let body: Json = serde_json::from_slice(&done.body).unwrap();
        let plain = translate(from, &without, to).unwrap();
        if !path.is_empty() && !stands(&body, path) {
            Some(format!("nothing stands at '{path}': {body}"))
        } else if !path.is_empty() && with != without && plain.body == done.body && !says_the_default(field) {
            Some(format!("the body is as it is without: {body}"))
        } else {
            None
        }
    };
    match (fate, done) {
        (Fate::Carried(path), Ok(done)) => place(path, &done),
        (Fate::Converted(path, _), Ok(done)) => place(path, &done),
        (Fate::Carried(_) | Fate::Converted(..) | Fate::Dropped, Err(refusal)) => Some(refusal.to_string()),
        (Fate::Dropped, Ok(done)) => {
            let part = path(field).rsplit_once('.').map_or("", |(part, _)| part);
            let told = done.dropped.iter().any(|told| names(told, field) || listed(told) == part);
            (!told).then(|| format!("left out without a word: {:?}", done.dropped))
        }
        (Fate::Refused, Err(refusal)) => {
            (!names_or_holds(&refusal.field, field)).then(|| format!("another is refused: {refusal}"))
        }
        // An example with which nothing changes.
        (Fate::Refused, Ok(done)) => {
            let told = done.dropped.iter().any(|told| names(told, field));
            let body: Json = serde_json::from_str(&with).unwrap();
            let neutral =
                field.neutral.iter().any(|neutral| value_at(&body, path(field)) == Some((*neutral).into()));
            (!told || !neutral).then(|| format!("taken, though it is refused: {:?}", done.dropped))
        }
    }
}

/// A choice of tools that is the model's own is what goes without saying in some dialects.
fn says_the_default(field: &Field) -> bool {
    field.meaning == Meaning::ToolChoice
}

fn value_at(value: &Json, path: &str) -> Option<String> {
    path.split('.').try_fold(value, |value, step| value.get(step)).map(Json::to_string)
}

fn faults<'f>(found: impl Iterator<Item = Option<String>> + 'f) {
    let found: Vec<String> = found.flatten().collect();
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_field_of_a_request_becomes_what_the_lists_say() {
    let ways = Dialect::CALLERS.into_iter().flat_map(|from| {
        Dialect::PROVIDERS.into_iter().filter(move |to| *to != from).map(move |to| (from, to))
    });
    faults(ways.flat_map(|(from, to)| {
        request(from).iter().map(move |field| {
            fault(from, field, to).map(|fault| {
                format!("{} {} ({:?}) to {}: {fault}", from.name(), field.name, field.meaning, to.name())
            })
        })
    }));
}

#[test]
fn every_field_of_an_answer_becomes_what_the_lists_say() {
    let ways = Dialect::PROVIDERS.into_iter().flat_map(|from| {
        Dialect::CALLERS.into_iter().filter(move |to| *to != from).map(move |to| (from, to))
    });
    let envelope = Envelope::default();
    faults(ways.flat_map(|(from, to)| {
        let envelope = &envelope;
        answer(from).iter().map(move |field| {
            let text = answer_with(from, field);
            let say = |fault: String| format!("{} {} to {}: {fault}", from.name(), field.name, to.name());
            let Some(written) =
                crate::answer(from, &document(&text), to, envelope).map(|written| written.body)
            else {
                return Some(say("not an answer".into()));
            };
            let written: Json = serde_json::from_slice(&written).unwrap();
            match answer_fate(to, field.meaning) {
                Fate::Carried(path) | Fate::Converted(path, _)
                    if !path.is_empty() && !stands(&written, path) =>
                {
                    Some(say(format!("nothing stands at '{path}': {written}")))
                }
                _ => None,
            }
        })
    }));
}

#[test]
fn a_member_that_no_list_has_is_refused_by_its_name_unless_it_is_null() {
    faults(Dialect::CALLERS.into_iter().flat_map(|from| {
        Dialect::PROVIDERS.into_iter().filter(move |to| *to != from).map(move |to| {
            let field = |json| Field {
                name: "of_tomorrow",
                meaning: Meaning::Model,
                example: ("of_tomorrow", json),
                neutral: &[],
            };
            let refused = translate(from, &requests(from, &field("1")).0, to);
            let taken = translate(from, &requests(from, &field("null")).0, to);
            let right = refused.is_err_and(|refusal| refusal.field == "of_tomorrow") && taken.is_ok();
            (!right).then(|| format!("{} to {}", from.name(), to.name()))
        })
    }));
}

#[test]
fn every_field_of_a_list_stands_where_its_example_has_it_and_once() {
    for dialect in Dialect::CALLERS {
        let mut seen = BTreeSet::new();
        for field in request(dialect) {
            let (with, _) = requests(dialect, field);
            let body: Json = serde_json::from_str(&with).unwrap();
            assert!(stands(&body, path(field)), "{}: {} in {with}", dialect.name(), field.name);
            assert!(seen.insert((field.name, field.meaning)), "{}: {} twice", dialect.name(), field.name);
        }
    }
    for dialect in Dialect::PROVIDERS {
        for field in answer(dialect) {
            let body: Json = serde_json::from_str(&answer_with(dialect, field)).unwrap();
            assert!(stands(&body, path(field)), "{}: {} in {body}", dialect.name(), field.name);
        }
    }
}
