//! What the demo model can do with a prompt: a list of small skills, tried in order, and an echo for the rest.
//! The skills with more than a few lines are files of their own.

mod arithmetic;
mod knowledge;
mod personal;
mod story;

/// Only the first bytes of a prompt are searched for an instruction, so that long prompts cost no more.
const WINDOW: usize = 240;
const LONGEST_COUNT: u32 = 1000;
const LONGEST_ECHO: usize = 400;

const HELP: &str = "I am the demo model: I run inside Flyball, need no network and always give the same answer \
to the same question. Try: \"say exactly: ...\", \"what is 12 * 7?\", \"count to 10\", \"reverse: ...\", \
\"upper case: ...\", \"word count: ...\", \"summarize: ...\", \"list the planets\", \"write a story about a \
lighthouse\", or \"invent a customer record\" to see masking at work. I call the tools you offer when you \
mention them, and fill any JSON schema you ask for.";

/// The answer to a prompt. `choice` tells the answers of one request apart where a skill invents something.
pub(crate) fn answer(prompt: &str, choice: u32) -> String {
    let text = skip_words(prompt, usize::from(starts_with_word(prompt, "please")));
    let window = text.get(..text.floor_char_boundary(WINDOW)).unwrap_or(text).to_lowercase();
    let words: Vec<&str> = window
        .split_whitespace()
        .map(|word| word.trim_matches(|character: char| !character.is_alphanumeric()))
        .collect();
    by_first_words(text, &words)
        .or_else(|| arithmetic::answer(&window))
        .or_else(|| personal::answer(text, &words, choice))
        .or_else(|| story::answer(text, &words, choice))
        .or_else(|| knowledge::answer(&words))
        .unwrap_or_else(|| echo(text))
}

fn by_first_words(text: &str, words: &[&str]) -> Option<String> {
    Some(match words {
        [] => HELP.to_owned(),
        ["say", "exactly", ..] => skip_words(text, 2).to_owned(),
        ["repeat", "after", "me", ..] => skip_words(text, 3).to_owned(),
        ["echo", ..] => skip_words(text, 1).to_owned(),
        ["help" | "test"] | ["what", "can", "you", "do"] | ["who", "are", "you"] => HELP.to_owned(),
        ["hello" | "hi" | "hey" | "greetings", ..] if words.len() <= 4 => {
            "Hello! I am the demo model. Ask me what I can do.".to_owned()
        }
        ["count", "to", number, ..] => count(number.parse().ok()?),
        ["reverse", ..] => subject(text, 1).chars().rev().collect(),
        ["uppercase", ..] => subject(text, 1).to_uppercase(),
        ["upper", "case", ..] => subject(text, 2).to_uppercase(),
        ["lowercase", ..] => subject(text, 1).to_lowercase(),
        ["lower", "case", ..] => subject(text, 2).to_lowercase(),
        ["word", "count", ..] => word_count(subject(text, 2)),
        ["count", "the", "words", ..] | ["how", "many", "words", ..] => word_count(subject(text, 3)),
        ["summarize" | "summarise", ..] => summary(subject(text, 1)),
        _ => return None,
    })
}

fn count(to: u32) -> String {
    let numbers: Vec<String> = (1..=to.min(LONGEST_COUNT)).map(|number| number.to_string()).collect();
    numbers.join(", ")
}

fn word_count(text: &str) -> String {
    match text.split_whitespace().count() {
        1 => "1 word.".to_owned(),
        count => format!("{count} words."),
    }
}

/// The first two sentences, at most 60 words.
fn summary(text: &str) -> String {
    let mut sentences = 0;
    let mut kept = Vec::new();
    for word in text.split_whitespace().take(60) {
        kept.push(word);
        sentences += usize::from(word.ends_with(['.', '!', '?']));
        if sentences == 2 {
            break;
        }
    }
    kept.join(" ")
}

fn echo(text: &str) -> String {
    let start = text.get(..text.floor_char_boundary(LONGEST_ECHO)).unwrap_or(text);
    let more = if start.len() < text.len() { " ..." } else { "" };
    format!("You said: {start}{more}\nI am the demo model and know only a few tricks; ask me what I can do.")
}

/// What an instruction is about: the text after a colon that ends one of the first words, else the text after so
/// many words. Quotes around it do not count.
fn subject(text: &str, words: usize) -> &str {
    let head: usize = text.split_whitespace().take(words + 4).take_while(|word| !word.ends_with(':')).count();
    let colon = text.split_whitespace().nth(head).is_some_and(|word| word.ends_with(':'));
    let rest = if colon && head < words + 4 { skip_words(text, head + 1) } else { skip_words(text, words) };
    rest.trim().trim_matches('"')
}

/// The text after so many words and the white space that follows them.
fn skip_words(text: &str, words: usize) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..words {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest = rest.split_at(end).1.trim_start();
    }
    rest
}

fn starts_with_word(text: &str, word: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    first.trim_end_matches(',').eq_ignore_ascii_case(word)
}
