//! The demo model's tokens: words with the white space before them, long words in parts. The crate's
//! documentation states the rule; here it is applied.

/// The most bytes of a word that one token holds. An e-mail address therefore spans several deltas of a stream.
const LONGEST: usize = 12;

/// How a text is cut into the pieces that a stream sends and that log probabilities describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// One piece per token.
    Tokens,
    /// Exactly so many pieces; empty ones at the end when the text has too few characters.
    Pieces(usize),
    /// Pieces of at most so many bytes, or one character where a single one is longer.
    Bytes(usize),
    /// One piece.
    Whole,
}

impl Split {
    /// The pieces of `text`; joined they are `text`.
    pub(crate) fn pieces(self, text: &str) -> Vec<&str> {
        match self {
            Split::Tokens => tokens(text).collect(),
            Split::Whole => vec![text],
            Split::Bytes(size) => {
                let mut pieces = Vec::with_capacity(text.len() / size.max(1) + 1);
                let mut rest = text;
                while !rest.is_empty() {
                    let end = boundary(rest, size);
                    let (piece, after) = rest.split_at(end);
                    pieces.push(piece);
                    rest = after;
                }
                pieces
            }
            Split::Pieces(count) => {
                let mut pieces = Vec::with_capacity(count);
                let mut rest = text;
                for left in (1..=count).rev() {
                    let end = if left == 1 {
                        rest.len()
                    } else if rest.is_empty() {
                        0
                    } else {
                        boundary(rest, rest.len() / left)
                    };
                    let (piece, after) = rest.split_at(end);
                    pieces.push(piece);
                    rest = after;
                }
                pieces
            }
        }
    }
}

/// The tokens of `text`; joined they are `text`.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (token, after) = rest.split_at(token_end(rest));
        rest = after;
        Some(token)
    })
}

/// The estimated number of tokens of a prompt's text.
pub(crate) fn estimate(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(4)).unwrap_or(u64::MAX)
}

fn token_end(text: &str) -> usize {
    let mut word_start = None;
    for (at, character) in text.char_indices() {
        match word_start {
            None if character.is_whitespace() => {}
            None => word_start = Some(at),
            Some(_) if character.is_whitespace() => return at,
            Some(start) if at + character.len_utf8() - start > LONGEST => return at,
            Some(_) => {}
        }
    }
    text.len()
}

/// The last character boundary at or before `size`, but after the first character.
fn boundary(text: &str, size: usize) -> usize {
    let first = text.chars().next().map_or(0, char::len_utf8);
    text.floor_char_boundary(size).max(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_a_word_with_the_space_before_it() {
        let all: Vec<_> = tokens("One  two\nthree ").collect();
        assert_eq!(all, ["One", "  two", "\nthree", " "]);
    }

    #[test]
    fn a_long_word_is_several_tokens() {
        let all: Vec<_> = tokens("to alex.example@example.com").collect();
        assert_eq!(all, ["to", " alex.example", "@example.com"]);
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_text(text in any::<String>(), size in 1usize..9, count in 1usize..40) {
            for split in [Split::Tokens, Split::Whole, Split::Bytes(size), Split::Pieces(count)] {
                prop_assert_eq!(split.pieces(&text).concat(), text.as_str());
            }
            prop_assert_eq!(Split::Pieces(count).pieces(&text).len(), count);
            for piece in Split::Bytes(size).pieces(&text) {
                prop_assert!(piece.len() <= size || piece.chars().count() == 1);
            }
        }
    }
}
