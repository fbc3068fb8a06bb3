//! The policies that ship with the product load, pass their own cases, and leave no rule untested.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::path::{Path, PathBuf};

use flyball_core::{Category, Kind, Stage};
use flyball_policy::{Policy, PolicyTests, Signal, Vocabulary};

const VOCABULARY: Vocabulary<'_> = Vocabulary {
    kinds: &[
        (Kind("email"), Category::Pii),
        (Kind("phone"), Category::Pii),
        (Kind("payment_card"), Category::Pii),
    ],
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
}

fn load(name: &str) -> Policy {
    let source = std::fs::read_to_string(folder().join(name)).unwrap();
    Policy::load(&source, name, &VOCABULARY).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_shipped_policy_passes_its_cases_and_leaves_no_rule_untested() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".test.yaml") || !name.ends_with(".yaml") {
            continue;
        }
        let policy = load(&name);
        let cases = path.with_file_name(name.replace(".yaml", ".test.yaml"));
        let source = std::fs::read_to_string(&cases).unwrap();
        let tests = PolicyTests::load(&source, &name).unwrap_or_else(|errors| panic!("{errors}"));
        let report = tests.run(&policy);
        assert!(report.passed(), "{name}\n{report}");
        assert_eq!(report.untested, Vec::<String>::new(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn governed_speed_states_the_thresholds_of_adr_006() {
    let policy = load("governed-speed.yaml");
    let thresholds = policy.thresholds();
    assert_eq!(thresholds.quality_pass_at_5, Some(0.82));
    assert_eq!(thresholds.fairness_subgroup_delta, Some(0.05));
    assert_eq!(thresholds.safety_harmful_rate, Some(0.005));
    assert_eq!(thresholds.privacy_reid_risk, Some(0.001));
    assert_eq!((thresholds.drift_psi_warn, thresholds.drift_psi_retrain), (Some(0.1), Some(0.2)));
    assert_eq!(thresholds.latency_p95_seconds, Some(2.0));
    assert_eq!(thresholds.availability_ratio, Some(0.995));
    assert!(policy.reads(Signal::OutputVerbatimRatio));
    assert!(policy.has_whole_answer_rules());
}

#[test]
fn the_default_policy_needs_no_whole_answer() {
    let policy = load("default.yaml");
    assert!(!policy.has_rules(Stage::Prompt) && policy.has_rules(Stage::Output));
    assert!(!policy.has_whole_answer_rules() && !policy.reads(Signal::OutputVerbatimRatio));
}
