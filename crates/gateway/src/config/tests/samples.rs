//! The sample, the schema and the reference page against each other.

use super::*;

/// The sample with every commented setting in use.
fn uncommented() -> String {
    let lines = sample().lines().map(|line| {
        let body = line.trim_start();
        match body.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => {
                format!("{}{setting}\n", &line[..line.len() - body.len()])
            }
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// Every setting in `schema`, with the names of its sections.
fn keys(schema: &serde_json::Value, prefix: &str, found: &mut Vec<String>) {
    for alternative in layers::alternatives(schema) {
        for (key, inner) in alternative.get("properties").and_then(|p| p.as_object()).into_iter().flatten() {
            found.push(format!("{prefix}{key}"));
            keys(inner, &format!("{prefix}{key}."), found);
        }
        if let Some(inner) = alternative.get("additionalProperties").filter(|inner| inner.is_object()) {
            keys(inner, &format!("{prefix}NAME."), found);
        }
    }
}

#[test]
fn the_sample_says_what_the_defaults_are() {
    let fixture = Fixture::new(sample());
    let mut config = fixture.load().unwrap();
    config.data = "data".into();
    config.files = fingerprint::Fingerprint::default();
    assert_eq!(config, Config::default());
}

#[test]
fn the_sample_loads_with_every_comment_in_use() {
    let text = uncommented();
    let references = text.lines().filter_map(|line| line.split_once("env:")).map(|(_, name)| name);
    let names = references.map(|name| name.trim_end_matches(']'));
    let fixture = names.fold(Fixture::new(&text), |fixture, name| fixture.with(name, "secret"));
    for file in
        ["vertex-token", "policies/default.yaml", "tls/cert.pem", "tls/key.pem", "protected/handbook.txt"]
    {
        fs::create_dir_all(fixture.path(file).parent().unwrap()).unwrap();
        fs::write(fixture.path(file), "content").unwrap();
    }
    let config = fixture.load().unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.timeouts, Timeouts::default());
    assert_eq!(config.drain, Drain::default());
    assert_eq!(config.providers.len(), 8);
}

#[test]
fn the_sample_and_the_reference_name_every_setting_of_the_schema() {
    let mut found = Vec::new();
    keys(&schema(), "", &mut found);
    assert!(found.len() > 70, "{found:?}");
    let (sample, page) = (uncommented(), reference());
    for key in found {
        assert!(page.contains(&format!("| `{key}` |")), "reference: {key}");
        let last = key.rsplit('.').next().unwrap();
        assert!(
            sample.lines().any(|line| line.trim_start().starts_with(&format!("{last}:"))),
            "sample: {key}"
        );
    }
}

#[test]
fn the_schema_describes_and_closes_every_section() {
    fn walk(schema: &serde_json::Value, path: &str) {
        for alternative in layers::alternatives(schema) {
            let Some(properties) = alternative.get("properties").and_then(|p| p.as_object()) else {
                continue;
            };
            assert_eq!(alternative.get("additionalProperties"), Some(&false.into()), "{path} is open");
            for (key, inner) in properties {
                assert!(inner.get("description").is_some() || inner.get("const").is_some(), "{path}.{key}");
                walk(inner, &format!("{path}.{key}"));
                if let Some(named) = inner.get("additionalProperties") {
                    walk(named, &format!("{path}.{key}.NAME"));
                }
            }
        }
    }
    walk(&schema(), "");
}

#[test]
fn what_is_loaded_and_written_loads_again() {
    let config = Config::default();
    let text = serde_json::to_string(&config).unwrap();
    let again = Fixture::new(&text).load().unwrap();
    assert_eq!((again.limits, again.routes, again.prices), (config.limits, config.routes, config.prices));
}
