//! What a Claude model takes of settings for thinking and sampling, by its name. Anthropic's own API and Bedrock have
//! the same models and refuse the same.
//!
//! | model | thinks by | sampling | no thinking |
//! |---|---|---|---|
//! | before 4.6 | a budget | yes | `disabled` |
//! | 4.6 | a budget, or adaptively with an effort | yes | `disabled` |
//! | 4.7, 4.8 | adaptively with an effort | no | unsaid |
//! | from 5 | adaptively with an effort | no | `disabled`, as it thinks unless told not to |
//! | Fable, Mythos | adaptively with an effort | no | never |
//!
//! A name that tells no generation, as an account's own profile, gets what it is asked for. Source: Anthropic's pages on
//! adaptive thinking, effort and migration between models.

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Thinking by a budget.
    pub(crate) budget: bool,
    /// Thinking as much as it likes.
    pub(crate) adaptive: bool,
    /// A word of effort.
    pub(crate) effort: bool,
    /// Words of effort between `high` and `max`.
    pub(crate) xhigh: bool,
    /// Temperature, `top_p`, `top_k`.
    pub(crate) sampling: bool,
    /// How it is told not to think.
    pub(crate) off: Off,
}

/// How a model is told not to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Off {
    /// By saying so.
    Said,
    /// By saying nothing.
    Unsaid,
    /// It always thinks.
    Never,
}

/// What the model of this name takes.
pub(crate) fn traits(model: &str) -> Traits {
    let old =
        Traits { budget: true, adaptive: false, effort: false, xhigh: false, sampling: true, off: Off::Said };
    let new =
        Traits { budget: false, adaptive: true, effort: true, xhigh: true, sampling: false, off: Off::Said };
    match generation(model) {
        None => Traits { adaptive: true, ..old },
        Some(_) if ["fable", "mythos"].iter().any(|name| model.contains(name)) => {
            Traits { off: Off::Never, ..new }
        }
        Some(generation) if generation < (4, 6) => old,
        Some((4, 6)) => Traits { adaptive: true, effort: true, ..old },
        Some((..=4, _)) => Traits { off: Off::Unsaid, ..new },
        Some(_) => new,
    }
}

/// The two numbers of a name such as `claude-opus-4-8`, `claude-3-5-sonnet-20241022` or
/// `us.anthropic.claude-sonnet-4-20250514-v1:0`; longer numbers are dates.
fn generation(model: &str) -> Option<(u32, u32)> {
    let (_, name) = model.rsplit_once("claude-")?;
    let mut words = name.split(['-', '.', '@', ':']).skip_while(|word| number(word).is_none());
    let first = number(words.next()?)?;
    Some((first, words.next().and_then(number).unwrap_or(0)))
}

fn number(word: &str) -> Option<u32> {
    if word.len() <= 2 { word.parse().ok() } else { None }
}

/// The word for an effort, of those that the model has.
pub(crate) fn effort(traits: Traits, word: &str) -> &'static str {
    match word {
        "minimal" | "low" => "low",
        "high" => "high",
        "xhigh" if traits.xhigh => "xhigh",
        "xhigh" => "high",
        "max" => "max",
        _ => "medium",
    }
}

/// The word for a budget: the nearest step, as where budgets become efforts of chat's.
pub(crate) fn effort_of_budget(tokens: u64) -> &'static str {
    match tokens {
        ..=2048 => "low",
        2049..=8192 => "medium",
        8193.. => "high",
    }
}

/// The budget that a word of effort stands for.
pub(crate) fn budget(effort: &str) -> u64 {
    match effort {
        "minimal" | "low" => 1024,
        "high" => 16_384,
        "xhigh" | "max" => 32_768,
        _ => 4096,
    }
}

/// How a model is to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// At most so many tokens.
    Budget(u64),
    /// As much as it likes, with this effort.
    Adaptive(Option<&'static str>),
}

/// How the model is to think of what is asked; none where it is not to.
pub(crate) fn mode(traits: Traits, reasoning: &crate::conversation::Reasoning<'_>) -> Option<Mode> {
    use crate::conversation::Reasoning;
    Some(match reasoning {
        Reasoning::Off => return None,
        Reasoning::Effort(word) if traits.effort => Mode::Adaptive(Some(effort(traits, word))),
        Reasoning::Effort(word) => Mode::Budget(budget(word)),
        Reasoning::Budget(tokens) if traits.budget => Mode::Budget(*tokens),
        Reasoning::Budget(tokens) => Mode::Adaptive(Some(effort_of_budget(*tokens))),
        Reasoning::Adaptive if traits.adaptive => Mode::Adaptive(None),
        Reasoning::Adaptive => Mode::Budget(budget("medium")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Reasoning;

    #[test]
    fn names_tell_the_generation_wherever_they_are_from() {
        for (model, expected) in [
            ("claude-opus-4-8", Some((4, 8))),
            ("claude-3-5-sonnet-20241022", Some((3, 5))),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Some((4, 0))),
            ("anthropic/claude-opus-4.7", Some((4, 7))),
            ("claude-haiku-4-5@20251001", Some((4, 5))),
            ("claude-fable-5", Some((5, 0))),
            ("claude-opus-latest", None),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", None),
        ] {
            assert_eq!(generation(model), expected, "{model}");
        }
    }

    #[test]
    fn each_generation_is_told_to_think_as_it_takes_it() {
        let told = |model: &str, reasoning: Reasoning<'_>| mode(traits(model), &reasoning);
        let high = || Reasoning::Effort("high".into());
        for model in ["claude-opus-4-5", "claude-sonnet-4-20250514", "claude-3-7-sonnet-latest", "m"] {
            assert_eq!(told(model, high()), Some(Mode::Budget(16_384)), "{model}");
            assert!(traits(model).sampling);
        }
        assert_eq!(told("claude-haiku-4-5", Reasoning::Adaptive), Some(Mode::Budget(4096)));
        assert_eq!(told("m", Reasoning::Adaptive), Some(Mode::Adaptive(None)));
        assert_eq!(told("claude-sonnet-4-6", Reasoning::Budget(9)), Some(Mode::Budget(9)));
        for model in ["claude-sonnet-4-6", "claude-opus-4-7", "claude-opus-5", "claude-fable-5"] {
            assert_eq!(told(model, high()), Some(Mode::Adaptive(Some("high"))), "{model}");
        }
        assert_eq!(told("claude-opus-5", Reasoning::Budget(4096)), Some(Mode::Adaptive(Some("medium"))));
        assert_eq!(effort(traits("claude-opus-4-6"), "xhigh"), "high");
        let off = ["claude-opus-4-6", "claude-opus-4-8", "claude-sonnet-5", "claude-mythos-5"];
        assert_eq!(off.map(|model| traits(model).off), [Off::Said, Off::Unsaid, Off::Said, Off::Never]);
        assert!(off[1..].iter().all(|model| !traits(model).sampling));
    }
}
