//! How the text of an answer is cut into deltas. What a token is says [`flyball_core::tokens`].

use flyball_core::tokens;

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
            Split::Tokens => tokens::pieces(text).collect(),
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
    fn an_email_address_spans_several_deltas() {
        let all = Split::Tokens.pieces("to alex.example@example.com");
        assert_eq!(all, ["to", " alex", ".", "example", "@", "example", ".", "com"]);
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
