//! The few things the demo model knows: short lists that never change.

/// A subject's word in a prompt, and what is known about it.
const FACTS: [(&str, &str); 7] = [
    ("planets", "Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune."),
    ("colors", "Red, orange, yellow, green, blue, indigo and violet."),
    ("colours", "Red, orange, yellow, green, blue, indigo and violet."),
    ("continents", "Africa, Antarctica, Asia, Australia, Europe, North America and South America."),
    ("weekdays", "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday."),
    ("seasons", "Spring, summer, autumn and winter."),
    (
        "flyball",
        "A flyball governor keeps an engine at its speed: two balls on a turning shaft rise as it runs faster and \
         close the valve that feeds it.",
    ),
];
const ASKING: [&str; 11] =
    ["list", "name", "which", "what", "what's", "tell", "enumerate", "explain", "give", "how", "describe"];

/// The answer when one of the first words asks and another names a known subject.
pub(super) fn answer(words: &[&str]) -> Option<String> {
    if !words.iter().take(4).any(|word| ASKING.contains(word)) {
        return None;
    }
    let known = words.iter().find_map(|word| FACTS.iter().find(|(subject, _)| subject == word));
    known.map(|(_, fact)| (*fact).to_owned())
}
