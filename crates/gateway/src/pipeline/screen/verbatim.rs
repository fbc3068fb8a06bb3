//! How much of an answer is copied: the share of its word 8-grams that stand in the call's own texts or in a
//! protected corpus. Words are runs of letters and digits in lower case; ideographs and kana, which are written
//! without spaces, count one by one.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// How many words make a shingle.
pub const WORDS: usize = 8;

/// The word 8-grams of some texts, as hashes. A chance hit among a million has odds below one in ten to the
/// thirteenth.
#[derive(Clone, Debug, Default)]
pub struct Shingles(HashSet<u64>);

impl Shingles {
    /// Adds the shingles of a text.
    pub fn add(&mut self, text: &str) {
        let mut window = Window::default();
        words(text, |word| {
            if let Some(shingle) = window.push(word) {
                self.0.insert(shingle);
            }
        });
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What an answer is compared with.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The call's own texts.
    pub call: Shingles,
    /// The installation's protected corpora.
    pub protected: Arc<Shingles>,
}

impl Sources {
    /// Nothing to compare with: nothing counts as copied.
    pub fn none() -> Self {
        Sources { call: Shingles::default(), protected: Arc::default() }
    }

    /// A call of this one text.
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        let mut sources = Sources::none();
        sources.call.add(text);
        sources
    }

    fn contains(&self, shingle: u64) -> bool {
        self.call.0.contains(&shingle) || self.protected.0.contains(&shingle)
    }

    /// The share of a whole text that is copied.
    pub fn ratio(&self, text: &str) -> f64 {
        let mut meter = Meter::default();
        meter.push(self, text);
        meter.finish(self);
        meter.ratio()
    }
}

/// Measures a growing text.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    window: Window,
    /// The word at the end, which may go on.
    partial: String,
    copied: u64,
    total: u64,
}

impl Meter {
    /// Takes the next piece.
    pub fn push(&mut self, sources: &Sources, piece: &str) {
        let mut rest = std::mem::take(&mut self.partial);
        rest.push_str(piece);
        // The last word is kept back until something ends it.
        let end =
            rest.char_indices().rev().take_while(|(_, c)| in_word(*c)).last().map_or(rest.len(), |(i, _)| i);
        self.partial = rest.split_off(end);
        self.count(sources, &rest);
    }

    /// The text ended.
    pub fn finish(&mut self, sources: &Sources) {
        let last = std::mem::take(&mut self.partial);
        self.count(sources, &last);
    }

    /// The share so far, from 0 to 1; 0 for less than eight words.
    pub fn ratio(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.copied as f64 / self.total as f64 }
    }

    fn count(&mut self, sources: &Sources, text: &str) {
        words(text, |word| {
            if let Some(shingle) = self.window.push(word) {
                self.total += 1;
                self.copied += u64::from(sources.contains(shingle));
            }
        });
    }
}

/// The hashes of the last eight words.
#[derive(Clone, Debug, Default)]
struct Window(VecDeque<u64>);

impl Window {
    fn push(&mut self, word: u64) -> Option<u64> {
        if self.0.len() == WORDS {
            self.0.pop_front();
        }
        self.0.push_back(word);
        (self.0.len() == WORDS).then(|| self.0.iter().fold(0, |hash, word| fold(hash, *word)))
    }
}

/// Written without spaces: CJK and kana (from U+2E80 on), Hangul left to its spaces.
fn ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF) && c.is_alphanumeric()
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() && !ideograph(c)
}

/// Calls `each` with the hash of every word.
fn words(text: &str, mut each: impl FnMut(u64)) {
    let mut word: Option<u64> = None;
    for c in text.chars() {
        if in_word(c) {
            let hash = word.unwrap_or(SEED);
            word = Some(c.to_lowercase().fold(hash, |hash, c| fold(hash, u64::from(u32::from(c)))));
        } else {
            if let Some(hash) = word.take() {
                each(hash);
            }
            if ideograph(c) {
                each(fold(SEED, u64::from(u32::from(c))));
            }
        }
    }
    if let Some(hash) = word {
        each(hash);
    }
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// Mixes a value into a hash: multiply and fold, as in wyhash.
fn fold(hash: u64, value: u64) -> u64 {
    let product = u128::from(hash ^ SEED.rotate_left(17)) * u128::from(value ^ 0xD6E8_FEB8_6659_FD93);
    (product as u64) ^ ((product >> 64) as u64) ^ hash.rotate_left(23)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn copies_count_whatever_their_case_and_punctuation() {
        let sources = Sources::of("The quick brown fox jumps over the lazy dog, every single day.");
        assert_eq!(sources.ratio("the QUICK brown-fox jumps over the lazy dog every single day"), 1.0);
        assert_eq!(sources.ratio("a quick brown fox jumps over a lazy dog every single day"), 0.0);
        assert_eq!(sources.ratio("the quick brown fox"), 0.0, "too short to tell");
    }

    #[test]
    fn half_a_copy_is_half() {
        let copied = "one two three four five six seven eight";
        let sources = Sources::of(copied);
        // 8 copied words, then 1 other: two shingles, one copied.
        assert_eq!(sources.ratio(&format!("{copied} nine")), 0.5);
    }

    #[test]
    fn ideographs_count_one_by_one() {
        let sources = Sources::of("人工知能は社会を変える");
        assert_eq!(sources.ratio("人工知能は社会を変える"), 1.0);
    }

    proptest! {
        #[test]
        fn pieces_measure_as_the_whole(text in "([a-d]{1,2}[ .\u{4e00}]{0,2}){0,60}", size in 1usize..9) {
            let sources = Sources::of("a b c d a b c d ab cd ab a b c d");
            let mut meter = Meter::default();
            let characters: Vec<char> = text.chars().collect();
            for piece in characters.chunks(size) {
                meter.push(&sources, &piece.iter().collect::<String>());
            }
            meter.finish(&sources);
            prop_assert_eq!(meter.ratio(), sources.ratio(&text));
        }
    }
}
