//! The built-in extractive summary: the sentences that say most, in their order. What was copied from a source is
//! cut short, so that no eight words in a row of it are left.

use std::collections::HashMap;

use super::verbatim::{Sources, WORDS};

/// Summarises `text` in at most `sentences` sentences.
///
/// A sentence's weight is the mean frequency of its longer words over the whole text. Ties go to the earlier one.
pub fn extract(text: &str, sentences: usize, sources: &Sources) -> String {
    let all = split(text);
    let mut frequency: HashMap<String, u32> = HashMap::new();
    for word in text.split_whitespace().filter_map(weighty) {
        *frequency.entry(word).or_default() += 1;
    }
    let weight = |sentence: &str| {
        let words: Vec<String> = sentence.split_whitespace().filter_map(weighty).collect();
        let sum: u32 = words.iter().filter_map(|word| frequency.get(word)).sum();
        if words.is_empty() { 0.0 } else { f64::from(sum) / words.len() as f64 }
    };
    let mut ranked: Vec<(usize, f64)> = all.iter().map(|sentence| weight(sentence)).enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut chosen: Vec<usize> = ranked.into_iter().take(sentences.max(1)).map(|(index, _)| index).collect();
    chosen.sort_unstable();
    let mut summary: Vec<String> = Vec::new();
    for sentence in chosen.into_iter().filter_map(|index| all.get(index)) {
        let mut candidate = summary.join(" ");
        candidate.push(' ');
        candidate.push_str(sentence);
        // Also across the border of two sentences nothing may be left.
        if sources.ratio(&candidate) > 0.0 {
            let short: Vec<&str> = sentence.split_whitespace().take(WORDS / 2 - 1).collect();
            summary.push(format!("{} …", short.join(" ")));
        } else {
            summary.push((*sentence).to_owned());
        }
    }
    summary.join(" ")
}

/// Splits at `.`, `!`, `?` and their relatives, and at line ends.
fn split(text: &str) -> Vec<&str> {
    text.split_inclusive(['.', '!', '?', '\n', '。', '！', '？'])
        .map(str::trim)
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
        .collect()
}

/// A word that carries meaning, bare of punctuation and case.
fn weighty(word: &str) -> Option<String> {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    (bare.chars().count() > 3).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weightiest_sentences_stay_in_order() {
        let text = "Cats sleep. Governors hold engines steady. Engines need governors. It rains.";
        assert_eq!(
            extract(text, 2, &Sources::of("")),
            "Governors hold engines steady. Engines need governors."
        );
    }

    #[test]
    fn nothing_copied_is_left() {
        let source = "The committee met on Monday to discuss the new budget for the harbour and the bridge. \
                      The harbour budget was approved by the committee after a long debate about the bridge.";
        let sources = Sources::of(source);
        let summary = extract(source, 3, &sources);
        assert!(!summary.is_empty());
        assert_eq!(sources.ratio(&summary), 0.0, "{summary}");
    }
}
