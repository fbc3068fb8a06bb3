//! The reference page of translation, made from the lists of fields and from what the code does with words for why
//! an answer ended: `docs/reference/translation.md`.

use std::fmt::Write;

use bytes::Bytes;
use flyball_core::json::{Document, Limits};

use crate::fields::{self, Fate, Field, Meaning, answer_that_ended};
use crate::reply::Stop;
use crate::{Dialect, Envelope, answer, chat, converse, gemini, messages};

const HEAD: &str = "# Translation between protocols\n\n\
Generated from the lists of fields in `crates/translation/src/`; do not edit. A call that stays within one protocol is \
not translated: its bytes go through as they came.\n\n\
The protocols: `chat` (OpenAI chat completions), `completions` (OpenAI completions of old), `responses` (OpenAI \
responses), `messages` (Anthropic messages), `gemini` (Google generateContent), `converse` (Bedrock Converse).\n\n\
## Rules\n\n\
- **Carried**: the value stands at the path that the second column names. Numbers keep their spelling, texts every \
byte; arguments of tools are equal as JSON, and the same text where both protocols have them as a text.\n\
- **Left out**: the field changes nothing of what is meant (hints, signatures of another vendor, values that are the \
default). The call goes on and `x-flyball-dropped` names the field by its path.\n\
- **Refused**: the field changes what is meant and the provider's protocol has no place for it. The call ends with \
an error that names the field by its path, unless the route lists the field in `drop_params`. Values given in the third column change \
nothing and are left out instead; so is `null`, always.\n\
- A member that no list has is refused by its path: it may matter. `null` is not.\n\
- Instructions (`system`, `developer`) at the start are the system's. In the middle of a conversation they stay where \
they are; where a protocol has no such turn they are a text of the user's between `<system>` and `</system>`.\n\
- Turns of one side that follow each other are merged where a protocol wants the sides to alternate. Results of tools \
stand directly after their calls, before other content. A result without its call is refused.\n\
- Signed or encrypted reasoning stays with its vendor: it is left out, by name. Reasoning without a signature is not \
given to a provider that wants one.\n\
- Turn n of a conversation, as it is written, is the beginning of turn n+1: the provider's prompt cache keeps working.\n\
- Usage counts input with what came from and went into the cache, and output with reasoning; protocols that count \
otherwise are added up and taken apart again. Every count that is told arrives equal.\n\
- In answers nothing is refused: what the caller's protocol has no place for is left out.\n";

/// The page, in Markdown.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Requests\n");
    for (caller, provider) in ways() {
        heading(&mut page, caller, provider);
        rows(&mut page, fields::request(caller), |meaning| fields::fate(provider, meaning));
    }
    page.push_str("\n## Answers and their events\n");
    for (caller, provider) in ways() {
        heading(&mut page, provider, caller);
        rows(&mut page, fields::answer(provider), |meaning| fields::answer_fate(caller, meaning));
    }
    page.push_str(
        "\n## Why an answer ended\n\nWords that a provider adds later are a proper end. An answer of chat that calls \
         tools ends with the calls, whatever its word.\n",
    );
    for provider in Dialect::PROVIDERS {
        stops(&mut page, provider);
    }
    page
}

/// Callers and the providers whose dialect is another one.
fn ways() -> impl Iterator<Item = (Dialect, Dialect)> {
    Dialect::CALLERS.into_iter().flat_map(|caller| {
        Dialect::PROVIDERS
            .into_iter()
            .filter(move |provider| *provider != caller)
            .map(move |provider| (caller, provider))
    })
}

// Writing to a String cannot fail: the results below are let go.

fn heading(page: &mut String, from: Dialect, to: Dialect) {
    let (from, to) = (from.name(), to.name());
    let _ = write!(page, "\n### {from} to {to}\n\n| field | becomes | remark |\n|---|---|---|\n");
}

fn rows(page: &mut String, fields: &[Field], fate: impl Fn(Meaning) -> Fate) {
    for field in fields {
        let alike = fields.iter().filter(|other| other.name == field.name).count();
        let name = match field.name.split_once(' ') {
            Some((path, which)) => format!("`{path}` {which}"),
            None if alike > 1 => format!("`{}` ({})", field.name, in_words(field.meaning)),
            None => format!("`{}`", field.name),
        };
        row(page, &name, field, fate(field.meaning));
    }
}

/// As `image link`.
fn in_words(meaning: Meaning) -> String {
    let mut words = String::new();
    for letter in format!("{meaning:?}").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn row(page: &mut String, name: &str, field: &Field, fate: Fate) {
    let (becomes, remark) = match fate {
        Fate::Carried(path) => (format!("`{path}`"), String::new()),
        Fate::Converted("", words) => ("(not in the body)".to_owned(), words.to_owned()),
        Fate::Converted(path, words) => (format!("`{path}`"), words.to_owned()),
        Fate::Dropped => ("left out".to_owned(), String::new()),
        Fate::Refused => ("refused".to_owned(), harmless(field)),
    };
    let _ = writeln!(page, "| {} | {} | {} |", cell(name), cell(&becomes), cell(&remark));
}

fn harmless(field: &Field) -> String {
    let values: Vec<String> = field.neutral.iter().map(|value| format!("`{value}`")).collect();
    if values.is_empty() { String::new() } else { format!("left out when {}", values.join(", ")) }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// The words of a provider's dialect.
fn words(provider: Dialect) -> &'static [(&'static str, Stop)] {
    match provider {
        Dialect::Chat => chat::stops::WORDS,
        Dialect::Messages => messages::stop::REASONS,
        Dialect::Gemini => gemini::FINISH_REASONS,
        Dialect::Converse => converse::STOP_REASONS,
        Dialect::Completions | Dialect::Responses => &[],
    }
}

/// What callers read for each of a provider's words: the words of an answer that was translated.
fn stops(page: &mut String, provider: Dialect) {
    let callers: Vec<Dialect> = Dialect::CALLERS.into_iter().filter(|caller| *caller != provider).collect();
    let names: Vec<String> = callers.iter().map(|caller| format!(" {} |", caller.name())).collect();
    let _ = write!(
        page,
        "\n### From {}\n\n| word |{}\n|---|{}\n",
        provider.name(),
        names.concat(),
        "---|".repeat(names.len())
    );
    for (word, _) in words(provider) {
        let told: Vec<String> = callers
            .iter()
            .map(|caller| format!(" `{}` |", told(provider, word, *caller).unwrap_or_default()))
            .collect();
        let _ = writeln!(page, "| `{word}` |{}", told.concat());
    }
}

/// What a caller reads where the provider says `word`.
fn told(provider: Dialect, word: &str, caller: Dialect) -> Option<String> {
    let limits = Limits { depth: 16, nodes: 1000 };
    let parse = |text: Bytes| Document::parse(text, limits).ok();
    let said = parse(answer_that_ended(provider, word)?.into())?;
    let read = parse(answer(provider, &said, caller, &Envelope::default())?.body)?;
    let root = read.root();
    let text = match caller {
        Dialect::Chat | Dialect::Completions => {
            root.get("choices")?.items().next()?.get("finish_reason")?.text()?
        }
        Dialect::Messages => root.get("stop_reason")?.text()?,
        Dialect::Responses => {
            let status = root.get("status")?.text()?;
            let reason = root.get("incomplete_details").and_then(|details| details.get("reason")?.text());
            return Some(reason.map_or_else(|| status.to_string(), |reason| format!("{status}: {reason}")));
        }
        Dialect::Gemini | Dialect::Converse => return None,
    };
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_direction_has_its_row() {
        let page = reference();
        for (caller, provider) in ways() {
            for (from, to, fields) in
                [(caller, provider, fields::request(caller)), (provider, caller, fields::answer(provider))]
            {
                let heading = format!("\n### {} to {}\n", from.name(), to.name());
                // A pair of dialects that both call and are called has two sections of this name.
                let found = page.match_indices(&heading).any(|(at, _)| {
                    let section = page[at + 1..].split("\n##").next().unwrap();
                    let rows: Vec<&str> = section.lines().skip(4).filter(|line| !line.is_empty()).collect();
                    let names = fields.iter().map(|field| field.name.split(' ').next().unwrap());
                    rows.len() == fields.len()
                        && names.zip(&rows).all(|(name, row)| row.starts_with(&format!("| `{name}`")))
                });
                assert!(found && !fields.is_empty(), "{heading}");
            }
        }
    }

    #[test]
    fn every_word_for_an_end_is_told_to_every_caller() {
        for provider in Dialect::PROVIDERS {
            assert!(words(provider).len() > 4);
            for (word, stop) in words(provider) {
                for caller in Dialect::CALLERS.into_iter().filter(|caller| *caller != provider) {
                    let told = told(provider, word, caller).unwrap();
                    assert!(!told.is_empty(), "{word} of {} to {}", provider.name(), caller.name());
                    let refused = ["content_filter", "refusal", "incomplete: content_filter"];
                    assert_eq!(refused.contains(&told.as_str()), *stop == Stop::Refusal, "{word}: {told}");
                }
            }
        }
    }
}
