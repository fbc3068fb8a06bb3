//! Stories: a handful of sentences about whatever the prompt names, the same ones every time.

use crate::hash::{choose, hash, mix};

const OPENINGS: [&str; 3] = [
    "Once, at the edge of a quiet harbour, there was {}.",
    "Nobody in the valley could remember a time without {}.",
    "The first anyone heard of {} was a knock at the door one grey morning.",
];
const MIDDLES: [&str; 8] = [
    "People came from three towns away to see it, and left with more questions than they had brought.",
    "At night a small light burned beside {}, and the sailors set their course by it.",
    "A clockmaker offered to put it in order, but found that nothing about it was out of order.",
    "When the storm came, the bridge went, the mill went, and {} stayed.",
    "The children gave it a name, which they told to nobody.",
    "Then the engine in the old pump house began to run too fast, and nobody knew how to slow it down.",
    "Two brass balls turned around a shaft, rose, sank, and found their height.",
    "An old engineer wrote down everything that happened, with the date and the hour, and signed each page.",
];
const ENDINGS: [&str; 3] = [
    "And if the wind has not turned, {} is still there today.",
    "So the town learned to leave well alone, and {} learned to stay.",
    "In the end it was simple: what is governed gently runs for a long time.",
];

/// The story when the prompt asks for one.
pub(super) fn answer(text: &str, words: &[&str], choice: u32) -> Option<String> {
    let asks = words.iter().take(6).any(|word| matches!(*word, "story" | "tale" | "poem"));
    if !asks {
        return None;
    }
    let subject = text.split_once(" about ").map_or("a governor", |(_, subject)| subject);
    let subject = subject.lines().next().unwrap_or_default().trim_end_matches(['.', '!', '?', ' ']);
    let subject = subject.get(..subject.floor_char_boundary(120)).unwrap_or(subject);
    let seed = mix(hash(subject.as_bytes()) ^ u64::from(choice));
    let mut sentences = vec![choose(&OPENINGS, seed)];
    // An odd stride visits every middle of a list whose length is a power of two.
    let stride = ((seed >> 8) % 4) * 2 + 1;
    sentences.extend((0..5).map(|step| choose(&MIDDLES, (seed >> 16).wrapping_add(step * stride))));
    sentences.push(choose(&ENDINGS, seed >> 24));
    Some(sentences.join(" ").replace("{}", subject))
}
