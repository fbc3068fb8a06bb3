//! Values that stand in a prompt and can be put into a tool call or a JSON answer: quoted strings, numbers,
//! capitalised words. Each is used once, in order.

use std::collections::VecDeque;

use serde_json::Number;

/// What a prompt offers.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    quoted: VecDeque<String>,
    numbers: VecDeque<Number>,
    names: VecDeque<String>,
    /// The prompt in lower case, to look for the values of an enumeration.
    lower: String,
}

impl Hints {
    /// Collects what `prompt` offers.
    pub(crate) fn of(prompt: &str) -> Self {
        let (quoted, rest) = quotes(prompt);
        let mut hints = Hints { quoted, lower: prompt.to_lowercase(), ..Hints::default() };
        let mut sentence_start = true;
        for word in rest.split_whitespace() {
            let bare = word.trim_matches(|character: char| !character.is_alphanumeric() && character != '-');
            if let Some(number) = number(bare) {
                hints.numbers.push_back(number);
            } else if !sentence_start && bare.len() > 1 && bare.starts_with(char::is_uppercase) {
                hints.names.push_back(bare.to_owned());
            }
            sentence_start = word.ends_with(['.', '!', '?', ':']);
        }
        hints
    }

    /// The number of quoted strings that are left, or of capitalised words where nothing is quoted.
    pub(crate) fn strings(&self) -> usize {
        if self.quoted.is_empty() { self.names.len() } else { self.quoted.len() }
    }

    /// The next string.
    pub(crate) fn string(&mut self) -> Option<String> {
        self.quoted.pop_front().or_else(|| self.names.pop_front())
    }

    /// The next number.
    pub(crate) fn number(&mut self) -> Option<Number> {
        self.numbers.pop_front()
    }

    /// Whether the prompt mentions `value`.
    pub(crate) fn mentions(&self, value: &str) -> bool {
        !value.is_empty() && self.lower.contains(&value.to_lowercase())
    }
}

/// The strings between double quotes (straight, curly or angled), and the prompt without them.
fn quotes(prompt: &str) -> (VecDeque<String>, String) {
    let mut found = VecDeque::new();
    let mut rest = String::with_capacity(prompt.len());
    let mut open: Option<(char, String)> = None;
    for character in prompt.chars() {
        match (&mut open, character) {
            (None, '"') => open = Some(('"', String::new())),
            (None, '\u{201c}') => open = Some(('\u{201d}', String::new())),
            (None, '\u{ab}') => open = Some(('\u{bb}', String::new())),
            (None, other) => rest.push(other),
            (Some((close, text)), other) if other == *close => {
                found.push_back(std::mem::take(text));
                open = None;
                rest.push(' ');
            }
            (Some((_, text)), other) => text.push(other),
        }
    }
    // A quote that never closes is an ordinary character.
    if let Some((_, text)) = open {
        rest.push(' ');
        rest.push_str(&text);
    }
    (found, rest)
}

fn number(word: &str) -> Option<Number> {
    if let Ok(whole) = word.parse::<i64>() {
        return Some(Number::from(whole));
    }
    if !word.starts_with(|character: char| character.is_ascii_digit() || character == '-') {
        return None;
    }
    word.parse::<f64>().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_offers_quotes_numbers_and_names_in_order() {
        let mut hints = Hints::of("Book \"room 9\" in Paris for 3 nights at 99.5, \u{201c}quiet\u{201d}.");
        assert_eq!(hints.string().as_deref(), Some("room 9"));
        assert_eq!(hints.string().as_deref(), Some("quiet"));
        assert_eq!(hints.string().as_deref(), Some("Paris"));
        assert_eq!(hints.string(), None);
        assert_eq!(hints.number(), Some(Number::from(3)));
        assert_eq!(hints.number(), Number::from_f64(99.5));
    }

    #[test]
    fn an_open_quote_hides_nothing() {
        let mut hints = Hints::of("say \"hello to Rome");
        assert_eq!(hints.string().as_deref(), Some("Rome"));
    }
}
