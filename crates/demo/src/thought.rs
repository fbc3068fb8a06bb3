//! What the demo model shows of its thinking, where a dialect asks for it: one sentence, and a signature by which it
//! knows a thought again that a caller hands back. The signature carries its own check, so that nothing is kept.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flyball_core::tokens;

use crate::hash::{hash, mix};

/// Keeps the check from being the hash of the signature's first half.
const SALT: u64 = 0x666c_7962_616c_6c21;

/// A thought.
#[derive(Debug)]
pub(crate) struct Thought {
    pub(crate) text: String,
    pub(crate) signature: String,
}

impl Thought {
    /// The thought that comes before the answer to `prompt`.
    pub(crate) fn of(prompt: &str) -> Self {
        let words = prompt.split_whitespace().count();
        let plural = if words == 1 { "" } else { "s" };
        let text = format!("The prompt has {words} word{plural}; one of my skills may fit it.");
        let signature = sign(hash(text.as_bytes()));
        Thought { text, signature }
    }

    /// Its tokens.
    pub(crate) fn tokens(&self) -> u64 {
        tokens::count(&self.text)
    }
}

/// Whether a signature is one that was issued here, unaltered.
pub(crate) fn is_genuine(signature: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(signature) else { return false };
    let Some((seed, [])) = bytes.split_first_chunk::<16>() else { return false };
    let (seed, _) = seed.as_chunks::<8>();
    seed.first().is_some_and(|seed| sign(u64::from_be_bytes(*seed)) == signature)
}

/// Whether a signature is that of this thought, both unaltered.
pub(crate) fn signs(signature: &str, text: &str) -> bool {
    sign(hash(text.as_bytes())) == signature
}

fn sign(seed: u64) -> String {
    let mut bytes = seed.to_be_bytes().to_vec();
    bytes.extend(mix(seed ^ SALT).to_be_bytes());
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_known_again_and_an_altered_one_is_not() {
        let thought = Thought::of("hello");
        let signature = thought.signature;
        assert!(is_genuine(&signature) && signs(&signature, &thought.text));
        assert!(!signs(&signature, &format!("{} ", thought.text)));
        for at in 0..signature.len() {
            let mut altered = signature.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert!(!is_genuine(std::str::from_utf8(&altered).unwrap()), "{at}");
        }
        assert!(!is_genuine(""));
    }
}
