//! What holds for every policy: adding rules never loosens, skipping by the index changes nothing, the hash names
//! the meaning and not the spelling, and no input makes the loader panic.
#![expect(clippy::panic, reason = "a helper of tests fails the test")]

use flyball_core::{Category, Kind, Stage};
use flyball_policy::{Policy, PolicyTests, Signals, Vocabulary};
use proptest::prelude::*;

const VOCABULARY: Vocabulary<'_> = Vocabulary { kinds: &[(Kind("email"), Category::Pii)] };

fn load(rules: &[(String, &str)]) -> Policy {
    let mut source = String::from("version: 1\nrules:");
    for (index, (when, action)) in rules.iter().enumerate() {
        source.push_str(&format!("\n  - {{id: r{index}, when: '{when}', action: {action}}}"));
    }
    if rules.is_empty() {
        source.push_str(" []");
    }
    Policy::load(&source, "p.yaml", &VOCABULARY).unwrap_or_else(|errors| panic!("{errors}"))
}

fn condition() -> impl Strategy<Value = String> {
    let part = || {
        prop::sample::select(vec![
            "prompt.contains_pii",
            "!prompt.contains_pii",
            "request.model == \"a\"",
            "\"b\" == request.model",
            "request.model in [\"a\", \"b\"]",
            "request.lawful_basis == \"\"",
            "request.lawful_basis != \"\"",
            "prompt.jailbreak_score > 0.5",
            "prompt.jailbreak_score <= 0.5",
            "100 / request.choices > 20",
            "(request.stream || prompt.pii_count > 2)",
            "principal.roles.exists(r, r == \"operator\")",
            "principal.roles.all(r, r == \"caller\")",
        ])
    };
    (prop::collection::vec(part(), 1..4), prop::sample::select(vec![" && ", " || "]))
        .prop_map(|(parts, operator)| parts.join(operator))
}

fn rule() -> impl Strategy<Value = (String, &'static str)> {
    (condition(), prop::sample::select(vec!["allow", "mask", "safe_mode", "block"]))
}

#[derive(Clone, Debug)]
struct Facts(&'static str, &'static str, Vec<&'static str>, bool, bool, u64, u64, f64);

fn facts() -> impl Strategy<Value = Facts> {
    (
        prop::sample::select(vec!["", "a", "b", "c"]),
        prop::sample::select(vec!["", "consent"]),
        prop::sample::subsequence(vec!["caller", "operator"], 0..=2),
        any::<bool>(),
        any::<bool>(),
        0_u64..5,
        0_u64..9,
        prop::sample::select(vec![0.0, 0.5, 0.6]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| Facts(a, b, c, d, e, f, g, h))
}

impl Facts {
    fn signals(&self) -> Signals<'_> {
        let mut signals = Signals::neutral();
        signals
            .request_model(self.0)
            .request_lawful_basis(self.1)
            .principal_roles(&self.2)
            .request_stream(self.3)
            .prompt_contains_pii(self.4)
            .prompt_pii_count(self.5)
            .request_choices(self.6)
            .prompt_jailbreak_score(self.7);
        signals
    }
}

proptest! {
    #[test]
    fn adding_rules_only_makes_a_decision_stricter(
        rules in prop::collection::vec(rule(), 0..8),
        more in prop::collection::vec(rule(), 0..8),
        facts in facts(),
    ) {
        let before = load(&rules).decide(Stage::Prompt, &facts.signals());
        let all: Vec<_> = rules.into_iter().chain(more).collect();
        let after = load(&all).decide(Stage::Prompt, &facts.signals());
        prop_assert!(after.disposition >= before.disposition);
        prop_assert!(after.answer >= before.answer);
        prop_assert!(before.masks.iter().all(|mask| after.masks.contains(mask)));
        prop_assert!(after.action() >= before.action());
        prop_assert_eq!(&after.reasons[..before.reasons.len()], &before.reasons[..]);
    }

    #[test]
    fn the_index_never_skips_a_rule_that_matches(
        rules in prop::collection::vec(rule(), 1..100),
        facts in facts(),
    ) {
        let policy = load(&rules);
        let decision = policy.decide(Stage::Prompt, &facts.signals());
        // An explanation evaluates every rule.
        let explanation = policy.explain(Stage::Prompt, &facts.signals());
        let matched: Vec<&str> = explanation
            .rules
            .iter()
            .filter(|rule| matches!(rule.outcome, flyball_policy::Outcome::Fired | flyball_policy::Outcome::Failed))
            .map(|rule| rule.rule.as_str())
            .collect();
        let decided: Vec<&str> = decision.reasons.iter().map(|reason| &*reason.rule).collect();
        prop_assert_eq!(decided, matched);
    }

    #[test]
    fn no_text_makes_the_loader_panic(source in "\\PC{0,200}") {
        let _ = Policy::load(&source, "p.yaml", &VOCABULARY);
        let _ = PolicyTests::load(&source, "t.yaml");
    }

    #[test]
    fn no_yaml_like_text_makes_the_loader_panic(
        source in "([ \n]{0,4}(version|rules|meta|thresholds|id|when|action|kinds|cases|signals|- |: |\\[|\\]|\\{|\\}|\"|'|\\||>|&a|\\*a|<<|1|block)){0,40}"
    ) {
        let _ = Policy::load(&source, "p.yaml", &VOCABULARY);
        let _ = PolicyTests::load(&source, "t.yaml");
    }

    #[test]
    fn no_condition_makes_the_loader_panic(
        when in "(prompt|request|\\.|contains_pii|length|==|&&|\\|\\||!|-|\\?|:|\\(|\\)|\\[|\\]|\\{|\\}|,|1|2.5e9|\"|\\\\|'|r\"|b'|u|in|size|exists|true|null|\u{e4}|\u{1f600}| ){0,40}"
    ) {
        let when = serde_json::Value::from(when);
        let source = format!("version: 1\nrules:\n  - {{id: r, when: {when}, action: block}}");
        match Policy::load(&source, "p.yaml", &VOCABULARY) {
            Ok(_) => {}
            Err(errors) => prop_assert!(!errors.to_string().contains("could not be parsed"), "{errors} {source}"),
        }
    }
}

#[test]
fn the_hash_names_the_meaning_and_not_the_spelling() {
    let plain = "version: 1\nmeta: {b: 1.0, a: [x, y]}\nrules:\n  - {id: r, when: prompt.contains_pii, action: mask, kinds: [email]}\n";
    let spelt = "# a comment\nrules:\n- action: \"mask\"\n  owner: ''\n  kinds:\n    - email\n    - email\n  when: |\n    prompt.contains_pii\n  \
                 id: r\nmonitoring: {}\nmeta:\n  a: [\"x\", y]\n  b: 1\nversion: 1\n";
    let other = plain.replace("mask, kinds: [email]", "block");
    let hash = |source: &str| {
        Policy::load(source, "p.yaml", &VOCABULARY)
            .unwrap_or_else(|errors| panic!("{errors}"))
            .hash()
            .to_owned()
    };
    assert_eq!(hash(plain), hash(spelt));
    assert_ne!(hash(plain), hash(&other));
    assert!(hash(plain).starts_with("sha256:") && hash(plain).len() == 71);
}
