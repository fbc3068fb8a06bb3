//! Every way to write a policy wrongly is refused at load, with the line, what is wrong, and a remedy.
#![expect(clippy::panic, reason = "a helper of tests fails the test")]

use flyball_core::{Category, Kind};
use flyball_policy::{LoadErrors, Policy, PolicyTests, Vocabulary};

fn load(source: &str) -> Result<Policy, LoadErrors> {
    let kinds = [(Kind("email"), Category::Pii), (Kind("payment_card"), Category::Pii)];
    Policy::load(source, "p.yaml", &Vocabulary { kinds: &kinds })
}

fn errors(source: &str) -> Vec<String> {
    match load(source) {
        Ok(_) => panic!("loaded:\n{source}"),
        Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
    }
}

/// A policy of one rule `r` whose condition is in line 4 and begins in column 11.
fn rule(when: &str, action: &str) -> String {
    format!("version: 1\nrules:\n  - id: r\n    when: {when}\n    action: {action}\n")
}

#[test]
fn wrong_documents_name_the_place_the_fault_and_the_remedy() {
    for (source, expected) in [
        ("rules: []", "p.yaml:1:1: `version` is missing; add `version: 1`"),
        ("version: 2\nrules: []", "p.yaml:1:10: this binary reads policies of `version: 1`"),
        ("version: 1", "p.yaml:1:1: `rules` is missing; add `rules: []` for a policy without rules"),
        ("version: 1\nruls: []\nrules: []", "p.yaml:2:1: unknown section `ruls`; did you mean `rules`?"),
        ("version: 1\nrules: {}", "p.yaml:2:8: `rules` must be a list, not a mapping"),
        ("version: 1\nrules: []\nmeta: 3", "p.yaml:3:7: `meta` must be a mapping, not a whole number"),
        (
            "version: 1\nrules: []\nmeta: {build: 9007199254740993}",
            "p.yaml:3:15: a whole number beyond 2^53 loses digits; put it in quotes",
        ),
        (
            "version: 1\nrules: []\nthresholds:\n  drfit: {psi_warn: 1}",
            "p.yaml:4:3: unknown threshold `drfit`; did you mean `drift`?",
        ),
        (
            "version: 1\nrules: []\nthresholds:\n  quality: {pass_at5: 1}",
            "p.yaml:4:13: unknown threshold `quality.pass_at5`; did you mean `pass_at_5`?",
        ),
        (
            "version: 1\nrules: []\nthresholds:\n  quality: {pass_at_5: 82}",
            "p.yaml:4:24: `thresholds.quality.pass_at_5` must be from 0 to 1",
        ),
        (
            "version: 1\nrules:\n  - id: r\n    whn: output.contains_pii\n    when: output.contains_pii\n    action: mask",
            "p.yaml:4:5: rule `r`: unknown key `whn`; did you mean `when`?",
        ),
        ("version: 1\nrules:\n  - id: r\n    action: mask", "p.yaml:3:5: rule `r`: `when` is missing"),
        (
            "version: 1\nrules:\n  - id: Bad Id\n    when: output.contains_pii\n    action: mask",
            "p.yaml:3:9: rule `Bad Id`: not a rule id; use 1 to 64 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit",
        ),
        (
            "version: 1\nrules:\n  - {id: a, when: output.contains_pii, action: mask}\n  - {id: a, when: output.contains_pii, action: block}",
            "p.yaml:4:10: rule `a`: the id is taken by the rule in line 3",
        ),
        (
            "version: 1\nrules:\n  - {id: a, when: output.contains_pii, action: block, kinds: [email]}",
            "p.yaml:3:62: rule `a`: `kinds` restricts masks; `block` takes none",
        ),
        (
            "version: 1\nrules:\n  - {id: a, when: output.contains_pii, action: mask, kinds: [emial]}",
            "p.yaml:3:62: rule `a`: unknown kind of finding `emial`; did you mean `email`?",
        ),
        (
            "version: 1\nrules:\n  - {id: a, when: output.contains_pii, action: mask, kinds: []}",
            "p.yaml:3:61: rule `a`: `kinds` is empty; leave it out to mask all personal data",
        ),
    ] {
        assert_eq!(errors(source), [expected], "{source}");
    }
}

#[test]
fn wrong_yaml_names_its_place() {
    for (source, expected) in [
        ("", "1:1: a policy must be a mapping, not nothing"),
        ("version: 1\nversion: 1\nrules: []", "2:1: the key `version` stands twice"),
        (
            "version: 1\nbase: &b {a: 1}\nmeta:\n  <<: *b\nrules: []",
            "4:3: merged keys (`<<`) are not read; write the keys out",
        ),
        ("version: 1\nrules: [", "2:8: unclosed bracket '['"),
        ("version: 1\nmeta: {a: .inf}", "2:11: infinity and not-a-number are no values here"),
        (
            "version: 1\nrules: []\n---\nversion: 1",
            "3:1: the file holds more than one document; remove the `---`",
        ),
        ("version: 1\nmeta: !x y", "2:10: unsupported tag `!x`"),
        ("version: 1\nmeta: {~: y}", "2:8: a key must be a text"),
    ] {
        assert_eq!(errors(source), [format!("p.yaml:{expected}")], "{source}");
    }
}

#[test]
fn wrong_conditions_name_the_column_the_fault_and_the_remedy() {
    for (when, expected) in [
        (
            "prompt.contain_pii",
            "4:11: unknown signal `prompt.contain_pii`; did you mean `prompt.contains_pii`?",
        ),
        ("!lawful_basis", "4:12: unknown signal `lawful_basis`; did you mean `request.lawful_basis`?"),
        ("'!lawful_basis'", "4:13: unknown signal `lawful_basis`; did you mean `request.lawful_basis`?"),
        (
            "prompt.length",
            "4:11: a condition must be true or false, not a whole number; compare it with something",
        ),
        (
            "1 < 2",
            "4:11: the condition reads no signal: it is constant; read a signal, or leave the rule out",
        ),
        ("prompt.contains_pii || true", "4:34: this part is constant: it reads no signal; leave it out"),
        ("prompt.length == \"9\"", "4:11: `==` compares two types: a whole number and a text"),
        (
            "prompt.length > 1.5",
            "4:11: `>` compares two types: a whole number and a number with a fraction; \
             write a whole number, or convert with `double(...)`",
        ),
        ("prompt.contains_pii > false", "4:11: true and false have no order"),
        ("prompt.contains_pii == 1", "4:11: `==` compares two types: true or false and a whole number"),
        ("request.model + 1 == 2", "4:11: `+` combines two types: a text and a whole number"),
        ("request.model + \"a\" == \"b\"", "4:11: `+` combines numbers, not a text"),
        ("prompt.jailbreak_score % 2.0 > 1.0", "4:11: `%` is of whole numbers only"),
        (
            "principal.roles == principal.roles",
            "4:11: lists are not compared; use `in`, `size`, `exists` or `all`",
        ),
        (
            "principal.roles[0] == \"caller\"",
            "4:11: lists are not indexed in a condition; use `in`, `exists` or `all`",
        ),
        (
            "request.model.matches(\"a\")",
            "4:11: `matches` is not part of a condition; use `startsWith`, `endsWith` or `contains`",
        ),
        ("request.model.startWith(\"a\")", "4:11: unknown function `startWith`; did you mean `startsWith`?"),
        (
            "request.model.startsWith()",
            "4:11: wrong arguments for `startsWith`; write text.startsWith(part), text.endsWith(part), text.contains(part)",
        ),
        (
            "has(prompt.length)",
            "4:11: `has` is not part of a condition; a signal always has a value: compare with `\"\"`, `0` or `false`",
        ),
        (
            "request.model == null",
            "4:28: `null` is not part of a condition; a signal always has a value: compare with `\"\"`, `0` or `false`",
        ),
        (
            "request.operation == \"chatt\"",
            "4:32: `request.operation` is never `chatt`; did you mean `chat`?",
        ),
        (
            "request.lawful_basis in [\"consnt\"]",
            "4:35: `request.lawful_basis` is never `consnt`; did you mean `consent`?",
        ),
        ("\"emial\" in prompt.pii_kinds", "4:11: `prompt.pii_kinds` is never `emial`; did you mean `email`?"),
        (
            "prompt.contains_pii ? 1 : 2",
            "4:11: a condition must be true or false, not a whole number; compare it with something",
        ),
        ("prompt.length > 99999999999999999999", "4:27: not a CEL expression: invalid int literal"),
    ] {
        let written = if when.starts_with(['!', '"']) || when.contains(" : ") {
            format!("'{}'", when.replace('\'', "''"))
        } else {
            when.to_owned()
        };
        let shift = u64::from(written != when);
        let source = rule(&written, "block");
        let Some((place, message)) = expected.split_once(": ") else { panic!("{expected}") };
        let (line, column) = place.split_once(':').unwrap();
        let column = column.parse::<u64>().unwrap() + shift;
        assert_eq!(errors(&source), [format!("p.yaml:{line}:{column}: rule `r`: {message}")], "{when}");
    }
}

#[test]
fn text_that_is_no_expression_is_refused_at_its_place() {
    for (when, expected) in [
        ("prompt.contains_pii &&", "32: not a CEL expression: it ends too early"),
        ("(prompt.contains_pii", "30: not a CEL expression: missing ')' at the end"),
        ("request.stream request.stream", "26: not a CEL expression: `request` does not belong here"),
        (
            "request.stream and request.stream",
            "26: not a CEL expression: `and` does not belong here; write `&&`",
        ),
        (
            "request.stream or request.stream",
            "26: not a CEL expression: `or` does not belong here; write `||`",
        ),
        ("request.choices = 1", "27: not a CEL expression: `=` does not belong here; write `==`"),
    ] {
        assert_eq!(
            errors(&rule(when, "block")),
            [format!("p.yaml:4:{expected}").replacen(": ", ": rule `r`: ", 1)]
        );
    }
}

#[test]
fn a_fault_inside_a_block_text_is_reported_in_its_own_line() {
    for style in ["|", ">", ">-"] {
        let source = format!(
            "version: 1\nrules:\n  - id: r\n    action: block\n    when: {style}\n      prompt.contains_pii\n      && request.modle == \"x\"\n"
        );
        assert_eq!(
            errors(&source),
            ["p.yaml:7:10: rule `r`: unknown signal `request.modle`; did you mean `request.model`?"],
            "{style}"
        );
    }
}

#[test]
fn a_fault_in_a_text_used_by_alias_is_reported_where_the_text_stands() {
    let source = "version: 1\nmeta:\n  base: &base 'request.stream && request.modle == \"x\"'\nrules:\n  \
                  - {id: r, when: *base, action: block}\n";
    assert_eq!(
        errors(source),
        ["p.yaml:3:34: rule `r`: unknown signal `request.modle`; did you mean `request.model`?"]
    );
}

#[test]
fn actions_that_the_binary_or_the_stage_does_not_have_are_refused() {
    for (when, action, expected) in [
        ("prompt.contains_pii", "alias", "this binary cannot `alias` yet; use `mask`"),
        ("prompt.contains_pii", "review", "this binary cannot `review` yet; use `block`"),
        ("prompt.contains_pii", "blok", "unknown action `blok`; did you mean `block`?"),
        (
            "prompt.contains_pii",
            "destroy",
            "unknown action `destroy`; use one of allow, mask, summarize, safe_mode, block",
        ),
        (
            "prompt.contains_pii",
            "summarize",
            "`summarize` replaces an answer, but the condition reads no signal of the answer; \
             read an `output.` signal, or use `mask`, `safe_mode` or `block`",
        ),
        (
            "output.contains_pii",
            "safe_mode",
            "`safe_mode` changes the call, which is over when the answer is there; \
             read signals of the request and prompt only, or use `mask`, `summarize` or `block`",
        ),
    ] {
        assert_eq!(errors(&rule(when, action)), [format!("p.yaml:5:13: rule `r`: {expected}")]);
    }
}

#[test]
fn all_faults_are_reported_at_once_in_the_order_of_the_file() {
    let source = "version: 1\nmta: {}\nrules:\n  - id: a\n    when: prompt.lenght > 1 && request.modle == \"x\"\n    action: blok\n  \
                  - id: b\n    when: request.stream ==\n    action: block\n";
    let lines: Vec<String> =
        errors(source).iter().map(|error| error.split(':').nth(1).unwrap().to_owned()).collect();
    assert_eq!(lines, ["2", "5", "5", "6", "8"]);
}

#[test]
fn size_and_nesting_are_bounded() {
    let long = format!("request.model == \"{}\"", "x".repeat(4096));
    let deep = format!("{}prompt.contains_pii{}", "(".repeat(17), ")".repeat(17));
    let chain = format!("prompt.length{} > 0", " + 1".repeat(600));
    let nested = format!("prompt.length{} > 0", " + 1".repeat(40));
    let negated = format!("{}prompt.contains_pii", "!(".repeat(16)) + &")".repeat(16);
    for (when, word) in [(long, "bytes"), (deep, "brackets"), (chain, "operators"), (nested, "nest deeper")] {
        let errors = errors(&rule(&format!("'{when}'"), "block"));
        assert!(errors[0].contains(word), "{errors:?}");
    }
    assert!(load(&rule(&format!("'{negated}'"), "block")).is_ok());

    let many: String =
        (0..1001).map(|n| format!("  - {{id: r{n}, when: prompt.contains_pii, action: block}}\n")).collect();
    assert_eq!(errors(&format!("version: 1\nrules:\n{many}"))[0], "p.yaml:3:3: 1001 rules; 1000 are allowed");
    let huge = format!("version: 1\nrules: []\nmeta: {{a: {}}}", "x".repeat(1 << 20));
    assert_eq!(errors(&huge), ["p.yaml:1:1: the file is larger than 1048576 bytes"]);
    let deep = format!("version: 1\nrules: []\nmeta: {{a: {}1{}}}", "[".repeat(64), "]".repeat(64));
    assert_eq!(errors(&deep).len(), 1);
}

#[test]
fn wrong_test_cases_name_their_place() {
    let load = |source: &str| PolicyTests::load(source, "t.yaml").map(|_| ()).unwrap_err().to_string();
    for (source, expected) in [
        ("cases: 1", "t.yaml:1:8: `cases` must be a list, not a whole number"),
        ("case: []\ncases: []", "t.yaml:1:1: unknown key `case`; did you mean `cases`?"),
        (
            "cases:\n  - {name: a, stage: promt, expect: {action: block}}",
            "t.yaml:2:22: `stage` cannot be `promt`; use one of prompt, output",
        ),
        (
            "cases:\n  - {name: a, stage: prompt, signals: {prompt.lenght: 1}, expect: {action: block}}",
            "t.yaml:2:40: unknown signal `prompt.lenght`; did you mean `prompt.length`?",
        ),
        (
            "cases:\n  - {name: a, stage: prompt, signals: {prompt.length: -1}, expect: {action: block}}",
            "t.yaml:2:40: `prompt.length` must be a whole number",
        ),
        ("cases:\n  - {name: a, stage: prompt}", "t.yaml:2:5: a case has no `expect`"),
    ] {
        assert_eq!(load(source), expected, "{source}");
    }
}
