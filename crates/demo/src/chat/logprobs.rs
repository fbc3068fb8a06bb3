//! Log probabilities that look like a model's: each token's own first, alternatives below it, the sum of the
//! probabilities at most one.

use crate::hash::{hash, mix};
use crate::json::{push_number, push_string, push_value};

/// Appends `{"content":[…],"refusal":null}` for these tokens, with `alternatives` entries in each `top_logprobs`.
pub(super) fn push(out: &mut Vec<u8>, tokens: &[&str], alternatives: u32) {
    out.extend_from_slice(b"{\"content\":[");
    for (at, token) in tokens.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        // From 0.60 to 0.99: what is left never reaches the token itself.
        let seed = hash(token.as_bytes());
        let percent = 60 + u32::try_from(seed % 40).unwrap_or(0);
        let probability = f64::from(percent) / 100.0;
        push_entry(out, token, probability);
        out.extend_from_slice(b",\"top_logprobs\":[");
        let mut left = 1.0 - probability;
        for rank in 0..alternatives {
            if rank == 0 {
                push_entry(out, token, probability);
            } else {
                out.push(b',');
                let share = left / 2.0;
                left -= share;
                push_entry(out, &alternative(seed, rank), share);
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"],\"refusal\":null}");
}

/// Appends an entry without its closing brace.
fn push_entry(out: &mut Vec<u8>, token: &str, probability: f64) {
    out.extend_from_slice(b"{\"token\":");
    push_string(out, token);
    out.extend_from_slice(b",\"logprob\":");
    push_value(out, &probability.ln());
    out.extend_from_slice(b",\"bytes\":[");
    for (at, byte) in token.bytes().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_number(out, u64::from(byte));
    }
    out.push(b']');
}

/// A word that stands nowhere in the answer.
fn alternative(seed: u64, rank: u32) -> String {
    let mut bits = mix(seed ^ u64::from(rank));
    let mut word = String::from(" ");
    for letters in ["bdfgklmnprst", "aeiou", "bdfgklmnprst", "aeiou"] {
        let count = u64::try_from(letters.len()).unwrap_or(1);
        word.extend(usize::try_from(bits % count).ok().and_then(|at| letters.chars().nth(at)));
        bits /= count;
    }
    // The rank keeps the alternatives of one token apart.
    word.push_str(&rank.to_string());
    word
}
