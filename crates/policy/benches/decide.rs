//! What a decision costs with 20, 200 and 1000 rules, for a typical call and for one that wakes every rule.
#![expect(clippy::expect_used, reason = "a bench that cannot set up has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use flyball_core::{Category, Kind, Stage};
use flyball_policy::{Policy, Signals, Vocabulary};

/// Rules as they are written in practice: per model, per tenant, per finding, per score, per size.
fn policy(rules: usize) -> Policy {
    let mut source = String::from("version: 1\nrules:\n");
    for n in 0..rules {
        let when = match n % 10 {
            0 => format!("request.model == \"model-{n}\" && prompt.length > 10000"),
            1 => "prompt.contains_pii && request.lawful_basis == \"\"".to_owned(),
            2 => format!("prompt.jailbreak_score > 0.{}", 50 + n % 40),
            3 => format!("principal.tenant == \"tenant-{n}\" && request.has_tools"),
            4 => format!("prompt.pii_count > {n} || (request.stream && prompt.length > 1000000)"),
            5 => "\"payment_card\" in prompt.pii_kinds".to_owned(),
            6 => format!("request.unseen_input && request.model.startsWith(\"model-{n}\")"),
            7 => format!("prompt.length > {}", 100_000 + n),
            8 => "principal.roles.exists(role, role == \"operator\") && request.server_tools".to_owned(),
            _ => format!("request.model in [\"model-{n}\", \"other-{n}\"] && request.choices > 4"),
        };
        let action = if n % 3 == 0 { "block" } else { "mask" };
        source.push_str(&format!(
            "  - {{id: r{n}, description: Rule {n}., when: '{when}', action: {action}}}\n"
        ));
    }
    let kinds = [(Kind("email"), Category::Pii), (Kind("payment_card"), Category::Pii)];
    Policy::load(&source, "bench.yaml", &Vocabulary { kinds: &kinds }).expect("the bench's policy loads")
}

fn typical() -> Signals<'static> {
    let mut signals = Signals::neutral();
    signals
        .request_model("model-20")
        .request_operation("chat")
        .request_stream(true)
        .request_choices(1)
        .principal_tenant("tenant-3")
        .principal_roles(&["caller"])
        .prompt_length(900)
        .prompt_jailbreak_score(0.05);
    signals
}

fn awake() -> Signals<'static> {
    let mut signals = typical();
    signals
        .request_lawful_basis("consent")
        .request_has_tools(true)
        .request_unseen_input(true)
        .request_server_tools(true)
        .prompt_contains_pii(true)
        .prompt_pii_kinds(&["email"])
        .prompt_pii_count(1);
    signals
}

fn decide(criterion: &mut Criterion) {
    for rules in [20, 200, 1000] {
        let policy = policy(rules);
        for (name, signals) in [("typical", typical()), ("awake", awake())] {
            criterion.bench_function(&format!("decide/{rules}/{name}"), |bencher| {
                bencher.iter(|| policy.decide(Stage::Prompt, black_box(&signals)));
            });
        }
    }
    criterion.bench_function("signals/fill", |bencher| bencher.iter(|| black_box(typical())));
}

criterion_group!(benches, decide);
criterion_main!(benches);
