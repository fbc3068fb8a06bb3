//! Conditions mean what CEL says: random conditions over random signals are evaluated here and by the `cel` crate's
//! own evaluator, and both agree on true, false, and on having no value.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of tests fails the test"
)]

use std::collections::HashMap;
use std::sync::Arc;

use flyball_policy::{Policy, Signals, Vocabulary};
use proptest::prelude::*;

/// The signals that the conditions below read.
#[derive(Clone, Debug)]
struct Facts {
    model: &'static str,
    tenant: &'static str,
    roles: Vec<&'static str>,
    stream: bool,
    pii: bool,
    count: u64,
    length: u64,
    jailbreak: f64,
    verbatim: f64,
}

const TEXTS: &[&str] = &["", "gpt-5", "gpt-5-mini", "mini", "\u{e4}b", "5"];

fn facts() -> impl Strategy<Value = Facts> {
    let text = || prop::sample::select(TEXTS);
    let whole = || prop::sample::select(vec![0_u64, 1, 2, 7, i64::MAX as u64]);
    let score = || prop::sample::select(vec![0.0, 0.2, 0.5, 0.8, 1.0]);
    (
        text(),
        text(),
        prop::collection::vec(text(), 0..4),
        any::<[bool; 2]>(),
        whole(),
        whole(),
        score(),
        score(),
    )
        .prop_map(|(model, tenant, roles, [stream, pii], count, length, jailbreak, verbatim)| Facts {
            model,
            tenant,
            roles,
            stream,
            pii,
            count,
            length,
            jailbreak,
            verbatim,
        })
}

fn text(depth: u32, items: usize) -> BoxedStrategy<String> {
    let literal = prop::sample::select(TEXTS).prop_map(|text| format!("\"{text}\""));
    let signal = prop::sample::select(vec!["request.model", "principal.tenant"]).prop_map(str::to_owned);
    let item = (0..items.max(1))
        .prop_map(move |n| if items == 0 { "request.model".to_owned() } else { format!("i{n}") });
    let leaf = prop_oneof![2 => literal, 2 => signal, 2 => item].boxed();
    if depth == 0 {
        return leaf;
    }
    let choice = (boolean(depth - 1, items), leaf.clone(), leaf.clone())
        .prop_map(|(condition, then, otherwise)| format!("(({condition}) ? {then} : {otherwise})"));
    prop_oneof![8 => leaf, 1 => choice].boxed()
}

fn list() -> BoxedStrategy<String> {
    let literal = prop::collection::vec(prop::sample::select(TEXTS), 1..3).prop_map(|items| {
        format!("[{}]", items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", "))
    });
    prop_oneof![2 => Just("principal.roles".to_owned()), 1 => literal].boxed()
}

fn whole(depth: u32, items: usize) -> BoxedStrategy<String> {
    let signal = prop::sample::select(vec!["prompt.pii_count", "prompt.length"]).prop_map(str::to_owned);
    let literal =
        prop::sample::select(vec!["0", "1", "2", "-3", "9223372036854775807", "-9223372036854775808"])
            .prop_map(str::to_owned);
    let leaf = prop_oneof![3 => signal, 2 => literal].boxed();
    if depth == 0 {
        return leaf;
    }
    let sums = (
        whole(depth - 1, items),
        prop::sample::select(vec!["+", "-", "*", "/", "%"]),
        whole(depth - 1, items),
    )
        .prop_map(|(left, operator, right)| format!("({left} {operator} {right})"));
    let negated = whole(depth - 1, items).prop_map(|inner| format!("-({inner})"));
    let choice = (boolean(depth - 1, items), leaf.clone(), leaf.clone())
        .prop_map(|(condition, then, otherwise)| format!("(({condition}) ? {then} : {otherwise})"));
    let size = prop_oneof![text(0, items), list()]
        .prop_flat_map(|of| prop_oneof![Just(format!("size({of})")), Just(format!("{of}.size()"))]);
    prop_oneof![4 => leaf, 3 => sums, 1 => negated, 1 => choice, 2 => size].boxed()
}

fn fraction(depth: u32, items: usize) -> BoxedStrategy<String> {
    let signal =
        prop::sample::select(vec!["prompt.jailbreak_score", "output.verbatim_ratio"]).prop_map(str::to_owned);
    let literal =
        prop::sample::select(vec!["0.0", "0.5", "1.0", "2.5", "-1.0", "1e300"]).prop_map(str::to_owned);
    let leaf = prop_oneof![3 => signal, 2 => literal].boxed();
    if depth == 0 {
        return leaf;
    }
    let sums = (
        fraction(depth - 1, items),
        prop::sample::select(vec!["+", "-", "*", "/"]),
        fraction(depth - 1, items),
    )
        .prop_map(|(left, operator, right)| format!("({left} {operator} {right})"));
    let negated = fraction(depth - 1, items).prop_map(|inner| format!("-({inner})"));
    let converted = whole(depth - 1, items).prop_map(|inner| format!("double({inner})"));
    prop_oneof![4 => leaf, 3 => sums, 1 => negated, 1 => converted].boxed()
}

fn boolean(depth: u32, items: usize) -> BoxedStrategy<String> {
    let leaf =
        prop::sample::select(vec!["request.stream", "prompt.contains_pii"]).prop_map(str::to_owned).boxed();
    if depth == 0 {
        return leaf;
    }
    let order = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let infix = |(left, operator, right): (String, &str, String)| format!("{left} {operator} {right}");
    let logic =
        (boolean(depth - 1, items), prop::sample::select(vec!["&&", "||"]), boolean(depth - 1, items))
            .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})"));
    let same = (boolean(depth - 1, items), prop::sample::select(vec!["==", "!="]), boolean(depth - 1, items))
        .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})"));
    let mixed = (fraction(depth - 1, items), order(), prop::sample::select(vec!["0", "1", "-2"]))
        .prop_map(|(left, operator, right)| format!("{left} {operator} {right}"));
    let search = (
        text(depth - 1, items),
        prop::sample::select(vec!["startsWith", "endsWith", "contains"]),
        text(0, items),
    )
        .prop_map(|(text, function, part)| format!("{text}.{function}({part})"));
    let quantified = (list(), prop::sample::select(vec!["exists", "all"]), boolean(depth - 1, items + 1))
        .prop_map(move |(list, function, body)| format!("{list}.{function}(i{items}, {body})"));
    let choice = (boolean(depth - 1, items), boolean(depth - 1, items), boolean(depth - 1, items))
        .prop_map(|(condition, then, otherwise)| format!("(({condition}) ? ({then}) : ({otherwise}))"));
    prop_oneof![
        2 => leaf,
        4 => logic,
        2 => boolean(depth - 1, items).prop_map(|inner| format!("!({inner})")),
        1 => same,
        3 => (whole(depth - 1, items), order(), whole(depth - 1, items)).prop_map(infix),
        3 => (fraction(depth - 1, items), order(), fraction(depth - 1, items)).prop_map(infix),
        1 => mixed,
        3 => (text(depth - 1, items), order(), text(depth - 1, items)).prop_map(infix),
        2 => (text(0, items), list()).prop_map(|(text, list)| format!("{text} in {list}")),
        1 => whole(depth - 1, items).prop_map(|value| format!("{value} in [0, 1, 7]")),
        1 => fraction(depth - 1, items).prop_map(|value| format!("{value} in [0.5, 1.0]")),
        2 => search,
        2 => quantified,
        1 => choice,
    ]
    .boxed()
}

/// True, false, or no value, by this crate; `None` when the condition does not load.
fn ours(condition: &str, facts: &Facts) -> Option<Option<bool>> {
    let quoted = condition.replace('\'', "''");
    let source =
        format!("version: 1\nrules:\n  - {{id: r, description: d, when: '{quoted}', action: block}}");
    let policy = match Policy::load(&source, "p.yaml", &Vocabulary { kinds: &[] }) {
        Ok(policy) => policy,
        Err(errors) => {
            // Only what is refused on purpose may be refused.
            let text = errors.to_string();
            assert!(
                text.contains("constant") || text.contains("nest") || text.contains("operators"),
                "{text}\n{condition}"
            );
            return None;
        }
    };
    let mut signals = Signals::neutral();
    signals
        .request_model(facts.model)
        .principal_tenant(facts.tenant)
        .principal_roles(&facts.roles)
        .request_stream(facts.stream)
        .prompt_contains_pii(facts.pii)
        .prompt_pii_count(facts.count)
        .prompt_length(facts.length)
        .prompt_jailbreak_score(facts.jailbreak)
        .output_verbatim_ratio(facts.verbatim);
    let decision = policy.decide(policy.rules()[0].stage(), &signals);
    Some(match decision.reasons.as_slice() {
        [] => Some(false),
        [reason] if &*reason.description == "d" => Some(true),
        _ => None,
    })
}

/// True, false, or no value, by the `cel` crate.
fn theirs(condition: &str, facts: &Facts) -> Option<bool> {
    let env = Arc::new(cel::Env::stdlib());
    let program = env.compile(condition).unwrap();
    let mut context = cel::Context::with_env(env);
    let mut add = |name: &str, members: Vec<(&str, cel::Value)>| {
        let map: HashMap<String, cel::Value> =
            members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        context.add_variable_from_value(name, map);
    };
    let whole = |value: u64| cel::Value::Int(i64::try_from(value).unwrap());
    add("request", vec![("model", facts.model.into()), ("stream", cel::Value::Bool(facts.stream))]);
    add("principal", vec![("tenant", facts.tenant.into()), ("roles", facts.roles.clone().into())]);
    add(
        "prompt",
        vec![
            ("contains_pii", cel::Value::Bool(facts.pii)),
            ("pii_count", whole(facts.count)),
            ("length", whole(facts.length)),
            ("jailbreak_score", cel::Value::Float(facts.jailbreak)),
        ],
    );
    add("output", vec![("verbatim_ratio", cel::Value::Float(facts.verbatim))]);
    match program.execute(&context) {
        Ok(cel::Value::Bool(value)) => Some(value),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

proptest! {
    #[test]
    fn random_conditions_have_the_value_that_cel_gives_them(condition in boolean(3, 0), facts in facts()) {
        if let Some(ours) = ours(&condition, &facts) {
            prop_assert_eq!(ours, theirs(&condition, &facts), "{}", condition);
        }
    }
}

#[test]
fn faults_are_absorbed_by_what_decides_on_either_side() {
    let facts = Facts {
        model: "\u{e4}b",
        tenant: "",
        roles: vec!["a", "b"],
        stream: true,
        pii: false,
        count: 0,
        length: i64::MAX as u64,
        jailbreak: 0.0,
        verbatim: 0.0,
    };
    for (condition, expected) in [
        ("size(request.model) == 2", Some(true)),
        ("request.model < \"b\"", Some(false)),
        ("1 / prompt.pii_count > 0", None),
        ("1 % prompt.pii_count > 0", None),
        ("prompt.length + 1 > 0", None),
        ("0.0 / prompt.jailbreak_score > 0.0", None),
        ("1.0 / prompt.jailbreak_score > 0.0", Some(true)),
        ("0.0 / prompt.jailbreak_score == 0.0", Some(false)),
        ("1 / prompt.pii_count > 0 || request.stream", Some(true)),
        ("request.stream || 1 / prompt.pii_count > 0", Some(true)),
        ("1 / prompt.pii_count > 0 && prompt.contains_pii", Some(false)),
        ("prompt.contains_pii && 1 / prompt.pii_count > 0", Some(false)),
        ("1 / prompt.pii_count > 0 && request.stream", None),
        ("principal.roles.exists(r, 1 / prompt.pii_count > 0 || r == \"b\")", Some(true)),
        ("principal.roles.all(r, 1 / prompt.pii_count > 0 && r == \"a\")", Some(false)),
        ("principal.roles.exists(r, principal.roles.exists(s, s != r && r == \"b\"))", Some(true)),
        ("(request.stream ? 1 : 1 / prompt.pii_count) == 1", Some(true)),
        ("(prompt.contains_pii ? 1 : 1 / prompt.pii_count) == 1", None),
    ] {
        assert_eq!(ours(condition, &facts), Some(expected), "{condition}");
        assert_eq!(theirs(condition, &facts), expected, "{condition}");
    }
}
