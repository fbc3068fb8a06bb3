//! What a loaded policy says: stages and scopes, the lattice, failing rules, explanations, test reports.
#![expect(clippy::panic, reason = "a helper of tests fails the test")]

use flyball_core::decision::MaskScope;
use flyball_core::{Action, AnswerTreatment, Category, Disposition, Kind, Stage, Treatment};
use flyball_policy::{Outcome, Policy, PolicyTests, Signal, Signals, StatedSignals, Vocabulary};

fn policy(rules: &str) -> Policy {
    let kinds = [(Kind("email"), Category::Pii), (Kind("phone"), Category::Pii)];
    let source = format!("version: 1\nrules:\n{rules}");
    Policy::load(&source, "p.yaml", &Vocabulary { kinds: &kinds }).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn a_rules_stage_follows_from_the_latest_signal_that_it_reads() {
    let policy = policy(
        "  - {id: a, when: request.stream, action: block}\n  - {id: b, when: request.stream && output.contains_pii, action: block}\n",
    );
    let stages: Vec<Stage> = policy.rules().iter().map(|rule| rule.stage()).collect();
    assert_eq!(stages, [Stage::Prompt, Stage::Output]);
    assert!(policy.has_rules(Stage::Prompt) && policy.has_rules(Stage::Output));
    assert!(policy.reads(Signal::OutputContainsPii) && !policy.reads(Signal::OutputVerbatimRatio));
}

#[test]
fn span_rules_are_decided_before_the_answer_is_complete_and_others_are_not() {
    let policy = policy(
        "  - {id: span, when: output.contains_pii, action: mask}\n  \
         - {id: whole, when: output.contains_pii && output.pii_count > 3, action: block}\n",
    );
    assert!(policy.has_whole_answer_rules());
    let whole: Vec<bool> = policy.rules().iter().map(|rule| rule.is_whole_answer()).collect();
    assert_eq!(whole, [false, true]);
    let mut signals = Signals::neutral();
    signals.output_contains_pii(true).output_pii_count(9);
    assert_eq!(policy.decide_span(&signals).action(), Action::Mask);
    assert_eq!(policy.decide(Stage::Output, &signals).action(), Action::Block);
}

#[test]
fn each_part_of_a_decision_is_the_strictest_of_all_matching_rules() {
    let policy = policy(
        "  - {id: a, when: output.length > 1, action: allow}\n  \
         - {id: b, when: output.contains_pii, action: mask, kinds: [phone, email, email]}\n  \
         - {id: c, when: output.length > 2, action: summarize}\n  \
         - {id: d, when: output.length > 3, action: block}\n",
    );
    let mut signals = Signals::neutral();
    signals.output_contains_pii(true).output_length(3);
    let decision = policy.decide(Stage::Output, &signals);
    assert_eq!(decision.disposition, Disposition::Allow);
    assert_eq!(decision.answer, AnswerTreatment::Summarize);
    assert_eq!(decision.masks, [MaskScope::Kind(Kind("email")), MaskScope::Kind(Kind("phone"))]);
    let ids: Vec<&str> = decision.reasons.iter().map(|reason| &*reason.rule).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    signals.output_length(4);
    assert_eq!(policy.decide(Stage::Output, &signals).action(), Action::Block);
}

#[test]
fn a_mask_without_kinds_covers_all_personal_data_and_one_with_kinds_only_those() {
    let mut signals = Signals::neutral();
    signals.prompt_contains_pii(true);
    let all =
        policy("  - {id: a, when: prompt.contains_pii, action: mask}\n").decide(Stage::Prompt, &signals);
    assert_eq!(all.treatment(Kind("phone"), Category::Pii), Treatment::Mask);
    let one = policy("  - {id: a, when: prompt.contains_pii, action: mask, kinds: [email]}\n")
        .decide(Stage::Prompt, &signals);
    assert_eq!(one.treatment(Kind("email"), Category::Pii), Treatment::Mask);
    assert_eq!(one.treatment(Kind("phone"), Category::Pii), Treatment::None);
}

#[test]
fn a_rule_that_cannot_be_evaluated_blocks_and_says_so() {
    let policy = policy("  - {id: ratio, when: 100 / request.max_output_tokens > 5, action: allow}\n");
    let decision = policy.decide(Stage::Prompt, &Signals::neutral());
    assert_eq!(decision.action(), Action::Block);
    assert_eq!(decision.reasons.len(), 1);
    assert_eq!(&*decision.reasons[0].rule, "ratio");
    assert_eq!(
        &*decision.reasons[0].description,
        "the rule failed (a whole number was divided by zero), so the policy refuses"
    );
    let explanation = policy.explain(Stage::Prompt, &Signals::neutral());
    assert_eq!(explanation.rules[0].outcome, Outcome::Failed);
    assert_eq!(explanation.rules[0].parts[0].holds, None);
}

#[test]
fn an_explanation_says_what_fired_what_nearly_did_and_by_how_much_it_fell_short() {
    let policy = policy(
        "  - {id: fired, when: 'prompt.contains_pii && request.lawful_basis == \"\"', action: block}\n  \
         - {id: near-score, when: prompt.jailbreak_score > 0.8, action: safe_mode}\n  \
         - {id: near-part, when: 'prompt.contains_pii && request.stream', action: block}\n  \
         - {id: far, when: 'request.stream && request.has_tools', action: block}\n  \
         - {id: cold, when: prompt.pii_count > 3, action: block}\n  \
         - {id: answer, when: output.contains_pii, action: mask}\n",
    );
    let mut signals = Signals::neutral();
    signals.prompt_contains_pii(true).prompt_jailbreak_score(0.62);
    let explanation = policy.explain(Stage::Prompt, &signals);
    let outcomes: Vec<_> = explanation.rules.iter().map(|rule| (rule.rule.as_str(), rule.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            ("fired", Outcome::Fired),
            ("near-score", Outcome::Nearly),
            ("near-part", Outcome::Nearly),
            ("far", Outcome::NotFired),
            ("cold", Outcome::NotFired),
        ]
    );
    assert_eq!(explanation.rules[1].parts[0].short_by, Some(0.18));
    assert_eq!(explanation.action, Action::Block);
    assert_eq!(explanation.policy_hash, policy.hash());
    let text = explanation.to_string();
    assert!(text.contains("  near-score (safe_mode): nearly fired\n"), "{text}");
    assert!(
        text.contains(
            "    no  prompt.jailbreak_score > 0.8    [prompt.jailbreak_score = 0.62] short by 0.18\n"
        ),
        "{text}"
    );
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["rules"][0]["outcome"], "fired");
    assert_eq!(json["rules"][0]["parts"][1]["text"], "request.lawful_basis == \"\"");
}

#[test]
fn conditions_are_shown_as_they_were_understood() {
    for (when, shown) in [
        ("(prompt.length+1)*2>=10", "((prompt.length + 1) * 2) >= 10"),
        ("prompt.jailbreak_score * 2 > 1", "(prompt.jailbreak_score * 2.0) > 1.0"),
        ("!(request.stream||request.has_tools)", "!(request.stream || request.has_tools)"),
        ("request.model in ['a', 'b']", "request.model in [\"a\", \"b\"]"),
        (
            "principal.roles.exists(r, r.startsWith('op'))",
            "principal.roles.exists(item1, item1.startsWith(\"op\"))",
        ),
        (
            "request.stream ? prompt.length < 1 : prompt.contains_pii",
            "(request.stream) ? (prompt.length < 1) : (prompt.contains_pii)",
        ),
        ("size(request.model) == -(3)", "size(request.model) == -(3)"),
        ("double(prompt.pii_count) / 2 in [1, 2.5]", "(double(prompt.pii_count) / 2.0) in [2.5, 1.0]"),
    ] {
        let quoted = when.replace('\'', "''");
        let policy = policy(&format!("  - {{id: a, when: '{quoted}', action: block}}\n"));
        let explanation = policy.explain(policy.rules()[0].stage(), &Signals::neutral());
        assert_eq!(explanation.rules[0].parts[0].text, shown);
        assert_eq!(policy.rules()[0].when(), when);
    }
}

#[test]
fn rules_serialize_to_what_an_interface_shows() {
    let policy = policy(
        "  - {id: a, description: d, when: prompt.contains_pii, action: mask, owner: dpo, kinds: [email]}\n",
    );
    assert_eq!(
        serde_json::to_value(policy.rules()).unwrap(),
        serde_json::json!([{
            "id": "a", "description": "d", "when": "prompt.contains_pii", "action": "mask", "owner": "dpo",
            "stage": "prompt", "whole_answer": false, "kinds": ["email"], "reads": ["prompt.contains_pii"],
        }])
    );
}

#[test]
fn a_test_report_names_failing_cases_and_rules_without_a_case() {
    let policy = policy(
        "  - {id: a, when: prompt.contains_pii, action: block}\n  - {id: b, when: request.stream, action: block}\n",
    );
    let cases = "cases:\n  - {name: good, stage: prompt, signals: {prompt.contains_pii: true}, expect: {action: block, rules: [a]}}\n  \
                 - {name: bad, stage: prompt, expect: {action: block, rules: [b]}}\n";
    let report = PolicyTests::load(cases, "p.test.yaml").unwrap().run(&policy);
    assert!(!report.passed());
    assert_eq!(report.cases[0].differences, Vec::<String>::new());
    assert_eq!(report.cases[1].differences, ["action: expected block, got allow", "rule `b` did not match"]);
    assert_eq!(report.untested, ["b"]);
    assert!(report.to_string().ends_with("no case matches: b\n1 passed, 1 failed"));
}

#[test]
fn stated_signals_are_checked_against_the_table() {
    let state = |json: serde_json::Value| StatedSignals::from_json(&json).map_err(|error| error.to_string());
    assert_eq!(
        state(serde_json::json!({"prompt.jailbreak_score": 2})),
        Err("`prompt.jailbreak_score` must be a number from 0 to 1".into())
    );
    assert_eq!(
        state(serde_json::json!({"prompt.pii": true})).unwrap_err().split(';').next(),
        Some("unknown signal `prompt.pii`")
    );
    let stated = state(serde_json::json!({"principal.roles": ["a"], "request.model": "m"})).unwrap();
    let json = stated.lend(|signals| serde_json::to_value(signals).unwrap());
    assert_eq!((json["principal.roles"][0].as_str(), json["request.model"].as_str()), (Some("a"), Some("m")));
}
