//! Commands on files: configuration, policies, and what the binary says of itself.

use std::fs;

use super::{POLICY, code, json, run, run_with, stderr, stdout};

#[test]
fn check_names_the_file_and_line_of_every_mistake_in_configuration_and_policy() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), POLICY.replace("has_tools", "has_tool")).unwrap();
    let config = "listen: nowhere\nroute: {}\npolicy: p.yaml\n";
    fs::write(folder.path().join("flyball.yaml"), config).unwrap();
    let checked = run(folder.path(), ["check"]);
    let text = stdout(&checked);
    assert_eq!(code(&checked), 2, "{text}");
    for mistake in ["flyball.yaml:1: listen", "flyball.yaml:2: ", "did you mean 'routes'?", "p.yaml:5:"] {
        assert!(text.contains(mistake), "no {mistake} in\n{text}");
    }
    assert!(text.contains("request.has_tools"), "{text}");

    let checked = run(folder.path(), ["check", "--json"]);
    let report = json(&checked);
    assert_eq!((code(&checked), &report["valid"]), (2, &false.into()));
    let mistakes = report["mistakes"].as_array().unwrap();
    let lines: Vec<_> = mistakes.iter().map(|mistake| mistake["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 2, 5]);
}

#[test]
fn check_says_what_would_be_served() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), POLICY).unwrap();
    let checked = run(folder.path(), ["check", "--policy", "p.yaml", "--listen", "127.0.0.1:9999"]);
    let text = stdout(&checked);
    assert_eq!(code(&checked), 0, "{}", stderr(&checked));
    for part in ["127.0.0.1:9999", "state in data", "demo: demo-1 at demo", "p.yaml", "jailbreak: block"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    assert!(!folder.path().join("data").exists(), "check touched the state");
}

#[test]
fn a_secret_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let config = "providers:\n  p: {kind: openai, base_url: https://x.test/v1, api_key: env:PLANTED}\n\
                  routes:\n  m: {provider: p}\n";
    fs::write(folder.path().join("flyball.yaml"), config).unwrap();
    let secret = "sk-planted-marker";
    for arguments in [["check", "--json"].as_slice(), &["check"], &["info"], &["demo", "--help"]] {
        let environment = [("PLANTED", secret), ("FLYBALL_KEY", secret)];
        let ran = run_with(folder.path(), arguments, &environment);
        assert_eq!(code(&ran), 0, "{}", stderr(&ran));
        assert!(!stdout(&ran).contains(secret) && !stderr(&ran).contains(secret), "{arguments:?}");
    }
    let literal = config.replace("env:PLANTED", secret);
    fs::write(folder.path().join("flyball.yaml"), literal).unwrap();
    let ran = run(folder.path(), ["check"]);
    assert_eq!(code(&ran), 2);
    assert!(!stdout(&ran).contains(secret) && !stderr(&ran).contains(secret));
}

#[test]
fn what_init_writes_passes_check_and_its_own_tests_and_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let written = run(folder.path(), ["init", "here", "--json"]);
    assert_eq!(code(&written), 0, "{}", stderr(&written));
    assert_eq!(json(&written)["written"].as_array().unwrap().len(), 3);
    let checked = run(folder.path(), ["check", "--config", "here/flyball.yaml", "--json"]);
    assert_eq!(code(&checked), 0, "{}", stdout(&checked));
    assert_eq!(json(&checked)["policy"]["file"], "here/policies/default.yaml");
    assert_eq!(code(&run(folder.path(), ["policy", "test", "here/policies/default.yaml"])), 0);

    let config = folder.path().join("here/flyball.yaml");
    fs::write(&config, "data: mine\n").unwrap();
    let again = run(folder.path(), ["init", "here"]);
    assert_eq!(code(&again), 2);
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    assert_eq!(fs::read_to_string(&config).unwrap(), "data: mine\n");
    assert_eq!(code(&run(folder.path(), ["init", "here", "--force"])), 0);
    assert_ne!(fs::read_to_string(&config).unwrap(), "data: mine\n");
}

#[test]
fn policy_test_fails_when_a_case_fails_and_is_wrong_when_a_file_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), POLICY).unwrap();
    let cases = "cases:\n  - name: both\n    stage: prompt\n    \
                 signals: {prompt.jailbreak_score: 0.9, request.has_tools: true}\n    expect: {action: block}\n";
    fs::write(folder.path().join("p.test.yaml"), cases).unwrap();
    for file in ["p.yaml", "p.test.yaml"] {
        let tested = run(folder.path(), ["policy", "test", file]);
        assert_eq!(code(&tested), 0, "{}", stderr(&tested));
        assert!(stdout(&tested).contains("1 passed, 0 failed"), "{}", stdout(&tested));
    }
    fs::write(folder.path().join("p.test.yaml"), cases.replace("action: block", "action: allow")).unwrap();
    let tested = run(folder.path(), ["policy", "test", "p.yaml"]);
    assert_eq!(code(&tested), 1);
    assert!(stdout(&tested).contains("expected allow, got block"), "{}", stdout(&tested));
    let tested = run(folder.path(), ["policy", "test", "p.yaml", "--json"]);
    assert_eq!((code(&tested), &json(&tested)[0]["passed"]), (1, &false.into()));

    fs::write(folder.path().join("p.test.yaml"), cases.replace("action: block", "action: explode")).unwrap();
    let tested = run(folder.path(), ["policy", "test", "p.yaml"]);
    assert_eq!(code(&tested), 2);
    assert!(stderr(&tested).contains("p.test.yaml:5:"), "{}", stderr(&tested));
    fs::remove_file(folder.path().join("p.test.yaml")).unwrap();
    assert_eq!(code(&run(folder.path(), ["policy", "test", "p.yaml"])), 2);
}

#[test]
fn policy_check_and_hash_read_policies() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.yaml"), POLICY).unwrap();
    fs::write(folder.path().join("bad.yaml"), POLICY.replace("action: block", "action: explode")).unwrap();
    let checked = run(folder.path(), ["policy", "check", "good.yaml", "bad.yaml"]);
    assert_eq!(code(&checked), 2);
    assert!(stdout(&checked).contains("bad.yaml:6:"), "{}", stdout(&checked));
    let checked = run(folder.path(), ["policy", "check", "good.yaml", "--json"]);
    let hash = json(&checked)["policies"][0]["policy_hash"].clone();
    assert_eq!(code(&checked), 0);
    // Layout and comments are not part of a policy's name.
    fs::write(folder.path().join("good.yaml"), format!("# same\n{POLICY}")).unwrap();
    let hashed = run(folder.path(), ["policy", "hash", "good.yaml"]);
    assert_eq!(stdout(&hashed).trim(), hash);
}

#[test]
fn explain_names_what_fired_and_what_nearly_did() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), POLICY).unwrap();
    let explain = |signals: &[&str]| {
        let mut arguments = vec!["policy", "explain", "--policy", "p.yaml", "--prompt", "Hello", "--json"];
        arguments.extend(signals.iter().flat_map(|signal| ["--signal", signal]));
        let explained = run(folder.path(), arguments);
        assert_eq!(code(&explained), 0, "{}", stderr(&explained));
        json(&explained)
    };
    let fired = explain(&["prompt.jailbreak_score=0.9", "request.has_tools=true"]);
    assert_eq!((&fired["action"], &fired["rules"][0]["outcome"]), (&"block".into(), &"fired".into()));
    assert_eq!(fired["signals"]["prompt.length"], 5);
    let nearly = explain(&["prompt.jailbreak_score=0.7", "request.has_tools=true"]);
    assert_eq!((&nearly["action"], &nearly["rules"][0]["outcome"]), (&"allow".into(), &"nearly".into()));
    assert_eq!(nearly["rules"][0]["parts"][0]["short_by"], 0.1);
    assert_eq!(explain(&[])["rules"][0]["outcome"], "not_fired");

    let arguments = ["policy", "explain", "--policy", "p.yaml", "--signal", "prompt.jailbreak_score=0.9"];
    let text = stdout(&run(folder.path(), arguments));
    assert!(text.contains("jailbreak (block): nearly fired"), "{text}");
    let unknown = run(folder.path(), ["policy", "explain", "--signal", "prompt.jailbrake_score=1"]);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("did you mean `prompt.jailbreak_score`?"), "{}", stderr(&unknown));
}

#[test]
fn explain_inspects_texts_and_requests_without_repeating_them() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"{"model":"m","tools":[{"type":"function","function":{"name":"f"}}],
                   "messages":[{"role":"user","content":"Write to planted@marker.example"}]}"#;
    fs::write(folder.path().join("body.json"), body).unwrap();
    let explained = run(folder.path(), ["policy", "explain", "--request", "body.json", "--json"]);
    let report = json(&explained);
    assert_eq!(report["signals"]["request.has_tools"], true, "{report}");
    assert_eq!(report["signals"]["request.model"], "m");
    assert_eq!(report["signals"]["prompt.pii_kinds"][0], "email");
    assert_eq!(report["findings"][0]["kind"], "email");
    assert!(!stdout(&explained).contains("planted"));

    let arguments = ["policy", "explain", "--output", "Write to planted@marker.example"];
    let text = stdout(&run(folder.path(), arguments));
    assert!(text.contains("output: mask") && text.contains("mask-pii-in-answers (mask): fired"), "{text}");
    assert!(!text.contains("planted"));
}

#[test]
fn completions_schema_and_version_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&run(folder.path(), ["completions", shell]));
        assert!(script.contains("flyball") && script.contains("revoke"), "{shell}");
    }
    assert!(json(&run(folder.path(), ["config", "schema"]))["properties"]["listen"].is_object());
    assert!(stdout(&run(folder.path(), ["version"])).starts_with("flyball "));
}

#[test]
fn json_is_json_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), POLICY).unwrap();
    fs::write(folder.path().join("p.test.yaml"), "cases: []\n").unwrap();
    for arguments in [
        ["version"].as_slice(),
        &["tenants", "create", "acme"],
        &["tenants", "list"],
        &["keys", "create", "--tenant", "acme"],
        &["keys", "list"],
        &["check"],
        &["info"],
        &["init", "here"],
        &["demo", "--prompt", "Hello"],
        &["completions", "bash"],
        &["config", "schema"],
        &["policy", "hash", "p.yaml"],
        &["policy", "check", "p.yaml"],
        &["policy", "test", "p.yaml"],
        &["policy", "explain", "--prompt", "x"],
    ] {
        let ran = run(folder.path(), arguments.iter().chain(&["--json"]));
        assert_eq!(code(&ran), 0, "{arguments:?}: {}", stderr(&ran));
        json(&ran);
    }
    let failed = run(folder.path(), ["policy", "hash", "absent.yaml", "--json"]);
    let error: serde_json::Value = serde_json::from_slice(&failed.stderr).unwrap();
    assert_eq!((code(&failed), &error["error"]["kind"]), (2, &"wrong".into()));
}

#[test]
fn wrong_usage_ends_with_two() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        ["fly"].as_slice(),
        &["keys", "create"],
        &["keys", "create", "--tenant", "Not A Name"],
        &["keys", "create", "--tenant", "a", "--expires", "soon"],
        &["keys", "create", "--tenant", "a", "--lawful-basis", "vibes"],
        &["keys", "list"],
        &["policy", "explain"],
        &["demo", "--url", "http://127.0.0.1:1"],
    ] {
        let ran = run(folder.path(), arguments);
        assert_eq!(code(&ran), 2, "{arguments:?}: {}", stderr(&ran));
        assert!(!stderr(&ran).is_empty());
    }
    assert!(!folder.path().join("data").exists(), "a slip made a data folder");
}
