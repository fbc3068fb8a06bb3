//! What is thought ahead of an answer, and the marks by which this provider knows its own thoughts again: a signature
//! of those that are shown, an encrypted form of those that are not. Both are hashes, so that a test can tell an
//! altered block from an untouched one; they protect nothing.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flyball_core::tokens;

use crate::hash::hash;

/// How much of a prompt a thought repeats, in bytes.
const LONGEST_QUOTE: usize = 160;
const SEAL: &[u8] = b"flyball demo thought ";

/// A thought ahead of an answer.
#[derive(Debug)]
pub(crate) struct Thought {
    pub(crate) text: String,
    /// Whether it is shown only in encrypted form.
    pub(crate) redacted: bool,
}

impl Thought {
    /// What is thought about a prompt. One that asks for redacted thinking gets it.
    pub(crate) fn about(prompt: &str) -> Self {
        let start = prompt.get(..prompt.floor_char_boundary(LONGEST_QUOTE)).unwrap_or(prompt);
        let text = format!("The caller says: {start}\nI know what to answer.");
        Thought { text, redacted: prompt.to_lowercase().contains("redacted thinking") }
    }

    /// The tokens that are billed for it.
    pub(crate) fn tokens(&self) -> u64 {
        tokens::count(&self.text)
    }

    /// Whether a cap on tokens leaves room for an answer as well.
    pub(crate) fn fits(&self, cap: u64) -> bool {
        cap / 2 > self.tokens()
    }

    /// The encrypted form.
    pub(crate) fn data(&self) -> String {
        let mut plain = SEAL.to_vec();
        plain.extend_from_slice(&hash(self.text.as_bytes()).to_be_bytes());
        plain.extend_from_slice(&hash(&plain).to_be_bytes());
        BASE64_STANDARD.encode(plain)
    }
}

/// The signature of a thought.
pub(crate) fn signature(text: &str) -> String {
    let mut plain = SEAL.to_vec();
    plain.extend_from_slice(&hash(text.as_bytes()).to_be_bytes());
    BASE64_STANDARD.encode(plain)
}

/// Whether this is the encrypted form of a thought, unaltered.
pub(crate) fn is_own(data: &str) -> bool {
    let Ok(plain) = BASE64_STANDARD.decode(data) else { return false };
    let Some((sealed, check)) = plain.split_last_chunk::<8>() else { return false };
    sealed.starts_with(SEAL) && *check == hash(sealed).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_altered_thought_is_not_known_again() {
        let thought = Thought::about("hi");
        assert_ne!(signature(&format!("{} ", thought.text)), signature(&thought.text));
        let data = thought.data();
        assert!(is_own(&data));
        let altered = data.replacen(|letter: char| letter.is_ascii_lowercase(), "A", 1);
        assert!(!is_own(&altered));
        assert!(!is_own("") && !is_own(&signature(&thought.text)));
    }
}
