//! Ids of tool calls, for dialects that give none or allow fewer characters than callers use. What they stand for
//! is not kept anywhere: the same input gives the same id.

use std::borrow::Cow;

/// Offsets from which the two halves of a fitted id are hashed.
const SEEDS: [u64; 2] = [0xcbf2_9ce4_8422_2325, 0x9e37_79b9_7f4a_7c15];

/// FNV-1a of 64 bits, from an offset of choice.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// An id of at most 64 letters, digits, `_` and `-`: the one given where it is such a one.
pub(crate) fn fitted<'i>(id: &'i str) -> Cow<'i, str> {
    let fits = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if fits {
        return Cow::Borrowed(id);
    }
    let [first, second] = SEEDS.map(|seed| hash(seed, id.as_bytes()));
    Cow::Owned(format!("call_{first:016x}{second:016x}"))
}

/// An id for the call number `call` of an answer's choice, whose provider gave it none. Calls of different answers
/// differ as far as the answers' ids do.
pub(crate) fn made(answer: &str, choice: u32, call: u32, name: &str) -> String {
    let mut state = SEEDS[0];
    for piece in [answer.as_bytes(), &choice.to_be_bytes(), &call.to_be_bytes(), name.as_bytes()] {
        // A byte that is in no text keeps the pieces apart.
        state = hash(hash(state, piece), &[0xff]);
    }
    format!("call_{call}_{state:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_fits_stays_and_another_is_made_to_fit_the_same_way_each_time() {
        assert_eq!(fitted("toolu_01-A"), "toolu_01-A");
        for id in ["", "call.1", "call|fc_1", &"x".repeat(65), "ü"] {
            let made = fitted(id).into_owned();
            assert_eq!(made, fitted(id));
            assert_eq!(made, fitted(&made), "{id}");
        }
        assert_ne!(fitted("a.b"), fitted("a:b"));
    }

    #[test]
    fn made_ids_differ_by_answer_choice_call_and_name() {
        let ids = [
            made("r", 0, 0, "f"),
            made("s", 0, 0, "f"),
            made("r", 1, 0, "f"),
            made("r", 0, 1, "f"),
            made("r", 0, 0, "g"),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| fitted(id) == id.as_str()));
    }
}
