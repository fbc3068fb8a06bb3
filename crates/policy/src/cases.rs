//! Test cases of a policy: what it is expected to decide about stated signals. A file `<policy>.test.yaml` beside
//! the policy; reading files and printing reports is the command's business.

use std::collections::BTreeSet;
use std::fmt;

use flyball_core::{Action, Stage};
use serde::Serialize;

use crate::error::{Faults, LoadErrors, did_you_mean};
use crate::policy::Policy;
use crate::stated::StatedSignals;
use crate::yaml::{self, Content, Entry, Node};

/// The most cases in one file.
const MAX_CASES: usize = 10_000;

/// A file of test cases.
#[derive(Debug)]
pub struct PolicyTests {
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    name: String,
    stage: Stage,
    signals: StatedSignals,
    action: Action,
    /// The rules that are to match; not looked at when absent.
    rules: Option<BTreeSet<String>>,
}

/// How one case went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseOutcome {
    /// The case's name.
    pub name: String,
    /// Whether the policy decided as expected.
    pub passed: bool,
    /// What differed; empty when it passed.
    pub differences: Vec<String>,
}

/// How all cases of a file went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// Every case, in the order of the file.
    pub cases: Vec<CaseOutcome>,
    /// Rules that no case made match.
    pub untested: Vec<String>,
}

impl TestReport {
    /// Whether every case passed.
    pub fn passed(&self) -> bool {
        self.cases.iter().all(|case| case.passed)
    }
}

impl fmt::Display for TestReport {
    /// One line a case, one indented line a difference, and the rules without a case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            writeln!(f, "{} {}", if case.passed { "ok    " } else { "FAILED" }, case.name)?;
            for difference in &case.differences {
                writeln!(f, "       {difference}")?;
            }
        }
        if !self.untested.is_empty() {
            writeln!(f, "no case matches: {}", self.untested.join(", "))?;
        }
        let failed = self.cases.iter().filter(|case| !case.passed).count();
        write!(f, "{} passed, {failed} failed", self.cases.len() - failed)
    }
}

impl PolicyTests {
    /// Reads `cases: [{name, stage, signals, expect: {action, rules}}]`; `file` is its name in messages. `rules`
    /// may be left out.
    ///
    /// # Errors
    /// Every fault in the file, each with its place.
    pub fn load(source: &str, file: &str) -> Result<PolicyTests, LoadErrors> {
        let mut faults = Faults::new(file);
        let Some(root) = yaml::read(source, &mut faults) else { return Err(faults.into_errors()) };
        let mut cases = Vec::new();
        let top = fields(&root, "a file of test cases", &["cases"], &[], &mut faults);
        let items = top.and_then(|[list]| list?.items("`cases`", &mut faults)).unwrap_or_default();
        if items.len() > MAX_CASES {
            faults.add(root.place, format!("{} cases; {MAX_CASES} are allowed", items.len()), None);
        } else {
            cases.extend(items.iter().filter_map(|item| case(item, &mut faults)));
        }
        faults.within(None);
        faults.finish(PolicyTests { cases })
    }

    /// Runs every case against `policy`.
    pub fn run(&self, policy: &Policy) -> TestReport {
        let mut matched = BTreeSet::new();
        let cases = self.cases.iter().map(|case| case.run(policy, &mut matched)).collect();
        let untested = policy
            .rules()
            .iter()
            .map(|rule| rule.id().to_owned())
            .filter(|id| !matched.contains(id))
            .collect();
        TestReport { cases, untested }
    }
}

impl Case {
    fn run(&self, policy: &Policy, matched: &mut BTreeSet<String>) -> CaseOutcome {
        let decision = self.signals.lend(|signals| policy.decide(self.stage, signals));
        let rules: BTreeSet<String> = decision.reasons.iter().map(|reason| reason.rule.to_string()).collect();
        let mut differences = Vec::new();
        if decision.action() != self.action {
            differences.push(format!(
                "action: expected {}, got {}",
                self.action.name(),
                decision.action().name()
            ));
        }
        if let Some(expected) = &self.rules {
            differences.extend(expected.difference(&rules).map(|id| format!("rule `{id}` did not match")));
            differences
                .extend(rules.difference(expected).map(|id| format!("rule `{id}` matched unexpectedly")));
        }
        matched.extend(rules);
        CaseOutcome { name: self.name.clone(), passed: differences.is_empty(), differences }
    }
}

fn case(item: &Node, faults: &mut Faults) -> Option<Case> {
    faults.within(None);
    let keys = ["name", "stage", "signals", "expect"];
    let [name, stage, signals, expect] = fields(item, "a case", &keys, &["signals"], faults)?;
    let name = name?.text("`name`", faults)?.to_owned();
    let stage =
        stage.and_then(|node| word(node, "`stage`", &[Stage::Prompt, Stage::Output], Stage::name, faults));
    let mut stated = StatedSignals::default();
    for Entry { key, place, node } in
        signals.and_then(|node| node.entries("`signals`", faults)).unwrap_or_default()
    {
        if let Err(error) = stated.state(key, &json(node)) {
            faults.add(*place, error.to_string(), None);
        }
    }
    let [action, rules] = fields(expect?, "`expect`", &["action", "rules"], &["rules"], faults)?;
    let action = action.and_then(|node| word(node, "`action`", Action::ALL, Action::name, faults));
    let rules = rules.and_then(|node| node.items("`rules`", faults)).map(|items| {
        items.iter().filter_map(|item| item.text("a rule id", faults).map(str::to_owned)).collect()
    });
    Some(Case { name, stage: stage?, signals: stated, action: action?, rules })
}

/// The values of `keys` in a mapping; unknown keys and missing ones that are not `optional` are faults.
fn fields<'n, const N: usize>(
    node: &'n Node,
    what: &str,
    keys: &[&str; N],
    optional: &[&str],
    faults: &mut Faults,
) -> Option<[Option<&'n Node>; N]> {
    let entries = node.entries(what, faults)?;
    for entry in entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
        let remedy = did_you_mean(&entry.key, keys.iter().copied());
        faults.add(entry.place, format!("unknown key `{}`", entry.key), remedy);
    }
    Some(keys.map(|key| {
        let found = entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node);
        if found.is_none() && !optional.contains(&key) {
            faults.add(node.place, format!("{what} has no `{key}`"), None);
        }
        found
    }))
}

/// One of a few words.
fn word<T: Copy>(
    node: &Node,
    what: &str,
    all: &[T],
    name: fn(T) -> &'static str,
    faults: &mut Faults,
) -> Option<T> {
    let text = node.text(what, faults)?;
    let found = all.iter().copied().find(|value| name(*value) == text);
    if found.is_none() {
        let names: Vec<&str> = all.iter().copied().map(name).collect();
        faults.add(
            node.place,
            format!("{what} cannot be `{text}`"),
            Some(format!("use one of {}", names.join(", "))),
        );
    }
    found
}

/// A signal's value as JSON; what no signal can be becomes null, which no signal takes.
fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Content::Bool(value) => (*value).into(),
        Content::Int(value) => i64::try_from(*value).map_or(serde_json::Value::Null, Into::into),
        Content::Float(value) => (*value).into(),
        Content::Text(text) => text.as_str().into(),
        Content::List(items) => items.iter().map(json).collect(),
        Content::Null | Content::Map(_) => serde_json::Value::Null,
    }
}
