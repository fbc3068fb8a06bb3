//! The hash behind everything that has to look random and be the same every time: ids, vectors, stories. Fast and
//! well spread, not cryptographic.

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of a byte string.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut state = MULTIPLIER ^ u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    for word in words {
        state = absorb(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(absorb(state, u64::from_le_bytes(last)))
}

/// Spreads every bit of a number over all 64: the finaliser of SplitMix64.
pub(crate) fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Chooses one of the options by a hash; the empty string when there is none.
pub(crate) fn choose<'a>(options: &[&'a str], by: u64) -> &'a str {
    let count = u64::try_from(options.len()).unwrap_or(1).max(1);
    usize::try_from(by % count).ok().and_then(|at| options.get(at)).copied().unwrap_or_default()
}

fn absorb(state: u64, word: u64) -> u64 {
    let state = (state ^ word).wrapping_mul(MULTIPLIER);
    state ^ (state >> 29)
}
