//! Loading as an operator sees it: files, variables and flags in; a configuration or a list of mistakes out.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

mod mistakes;
mod samples;

/// A folder with a configuration of `text`.
struct Fixture {
    folder: TempDir,
    variables: Vec<(String, String)>,
    flags: Overrides,
}

impl Fixture {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), text).unwrap();
        Fixture { folder, variables: Vec::new(), flags: Overrides::default() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        Config::load(Some(&self.path(FILE_NAME)), self.variables.iter().cloned(), &self.flags)
    }

    /// The mistakes as printed, without the folder.
    fn mistakes(&self) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        let errors = self.load().expect_err("a bad configuration");
        errors.0.iter().map(|error| error.to_string().replace(&folder, "")).collect()
    }
}

fn no_variables() -> impl Iterator<Item = (String, String)> {
    std::iter::empty()
}

#[test]
fn without_a_file_every_default_applies_and_the_demo_is_served() {
    let config = Config::load(None, no_variables(), &Overrides::default()).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    let (name, route) = config.route("demo").unwrap();
    assert_eq!((name, route.concrete_model(name), route.operations.len()), ("demo", "demo-1", 7));
    assert!(matches!(config.providers.get(&route.provider), Some(Provider::Demo(_))));
}

#[test]
fn an_empty_file_is_as_good_as_none() {
    for text in ["", "# nothing\n", "---\n", "limits:\n  # all of it\ncors:\n"] {
        let config = Fixture::new(text).load().unwrap();
        assert_eq!(config.limits, Limits::default(), "{text:?}");
        assert_eq!(config.routes, Config::default().routes, "{text:?}");
    }
}

#[test]
fn variables_win_over_the_file_and_flags_over_both() {
    let mut fixture = Fixture::new("listen: 127.0.0.1:1\nlimits: { model_body: 1MiB, headers: 50 }\n")
        .with("FLYBALL__LISTEN", "127.0.0.1:2")
        .with("FLYBALL__limits__MODEL_BODY", "2MiB")
        .with("FLYBALL__LOG__LEVEL", "debug")
        .with("FLYBALL__CORS__ORIGINS", "[https://app.example]")
        .with("FLYBALL_OTHER", "ignored")
        .with("HOME", "ignored");
    let config = fixture.load().unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!((config.limits.model_body, config.limits.headers), (Size::from_mib(2), 50));
    assert_eq!(config.cors.origins, ["https://app.example"]);

    fixture.flags.listen = Some("127.0.0.1:3".into());
    fixture.flags.log_level = Some("error".into());
    let config = fixture.load().unwrap();
    assert_eq!((config.listen.port(), config.log.level), (3, LogLevel::Error));
}

#[test]
fn a_variable_reaches_names_of_the_operators_choice() {
    let fixture = Fixture::new(
        "providers: { my-vllm: { kind: openai } }\nroutes: { gpt-4.1: { provider: my-vllm, model: a } }\n",
    )
    .with("FLYBALL__PROVIDERS__MY_VLLM__BASE_URL", "http://127.0.0.1:8000/v1/")
    .with("FLYBALL__ROUTES__GPT_4_1__MODEL", "4.1")
    .with("FLYBALL__ROUTES__NEW__PROVIDER", "my-vllm");
    let config = fixture.load().unwrap();
    let Some(Provider::Openai(openai)) = config.providers.get("my-vllm") else { panic!("openai") };
    assert_eq!(openai.base_url, "http://127.0.0.1:8000/v1");
    assert_eq!(config.routes["gpt-4.1"].model.as_deref(), Some("4.1"));
    assert_eq!(config.routes["new"].concrete_model("new"), "new");
}

#[test]
fn paths_of_a_file_are_relative_to_it_and_those_of_flags_are_not() {
    let mut fixture = Fixture::new("data: state\npolicy: rules.yaml\n");
    fs::write(fixture.path("rules.yaml"), "rules: []").unwrap();
    let config = fixture.load().unwrap();
    assert_eq!(config.data, fixture.path("state"));
    assert_eq!(config.policy, Some(fixture.path("rules.yaml")));
    fixture.flags.data = Some("elsewhere".into());
    assert_eq!(fixture.load().unwrap().data, PathBuf::from("elsewhere"));
}

const WITH_SECRETS: &str = "\
providers:
  a: { kind: openai, api_key: env:A_KEY }
  b: { kind: openai, api_key: file:b.key }
routes:
  m: { provider: a }
";

#[test]
fn secrets_are_fetched_and_never_printed() {
    let fixture = Fixture::new(WITH_SECRETS).with("A_KEY", "sk-planted-a");
    fs::write(fixture.path("b.key"), "sk-planted-b\n").unwrap();
    let config = fixture.load().unwrap();
    for (name, value) in [("a", "sk-planted-a"), ("b", "sk-planted-b")] {
        let Some(Provider::Openai(openai)) = config.providers.get(name) else { panic!("openai") };
        assert_eq!(openai.api_key.as_ref().map(SecretRef::expose), Some(value));
    }
    let printed = format!("{config:?}{config:#?}{}", serde_json::to_string(&config).unwrap());
    assert!(!printed.contains("sk-planted"));
    assert!(printed.contains("env:A_KEY"));
}

#[test]
fn a_secret_that_is_not_there_or_unusable_is_named_but_not_shown() {
    let fixture = Fixture::new(WITH_SECRETS).with("A_KEY", "two words");
    let mistakes = fixture.mistakes();
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(
        mistakes[0].starts_with("flyball.yaml:2: providers.a.api_key: the value behind env:A_KEY is not")
    );
    assert!(mistakes[1].starts_with("flyball.yaml:3: providers.b.api_key: the file b.key cannot be read"));
    assert!(!mistakes.concat().contains("two words"));
}

#[test]
fn a_literal_secret_is_refused_without_repeating_it() {
    for literal in [
        "sk-planted",
        "'env:'",
        "env:sk-planted!",
        "vault:planted",
        "[sk-planted]",
        "{a: sk-planted}",
        "\"planted: x\"",
    ] {
        let text = format!(
            "providers:\n  a:\n    kind: openai\n    api_key: {literal}\nroutes: {{m: {{provider: a}}}}\n"
        );
        let mistakes = Fixture::new(&text).mistakes().join("\n");
        assert!(mistakes.starts_with("flyball.yaml:4: providers.a.api_key: "), "{mistakes}");
        assert!(!mistakes.contains("planted"), "{mistakes}");
    }
}

#[test]
fn a_literal_secret_that_yaml_cannot_read_is_not_repeated_either() {
    for literal in [
        "*sk-planted",
        "!sk-planted x",
        "&sk-planted",
        "\"sk-planted",
        "'sk-planted",
        "[sk-planted",
        "{sk-planted",
        "sk-planted: x: y",
        "%sk-planted",
        "@sk-planted",
        "\"\\sk-planted\"",
        "|sk-planted",
        "!!int sk-planted",
        "!!binary sk-planted",
        "!<sk-planted> x",
        "`sk-planted",
        "!!sk-planted x",
        "? sk-planted",
        "- sk-planted",
        "sk-planted",
        "!!null sk-planted",
        "!!float sk-planted",
        "!!bool sk-planted",
        "{? [a] : sk-planted}",
    ] {
        let text = format!(
            "providers:\n  a:\n    kind: openai\n    api_key: {literal}\nroutes: {{m: {{provider: a}}}}\n"
        );
        let fixture = Fixture::new(&text);
        if let Err(errors) = fixture.load() {
            let shown = format!("{errors} {errors:?}");
            assert!(!shown.contains("planted"), "{literal}: {shown}");
        }
        let errors = Fixture::new("").with("FLYBALL__PROVIDERS__A__API_KEY", literal).load().unwrap_err();
        assert!(!format!("{errors} {errors:?}").contains("planted"), "{literal}: {errors}");
    }
}

#[test]
fn a_changed_file_changes_the_hash_and_a_touched_one_does_not() {
    let fixture = Fixture::new(&format!("policy: rules.yaml\n{WITH_SECRETS}")).with("A_KEY", "sk-a");
    fs::write(fixture.path("rules.yaml"), "one").unwrap();
    fs::write(fixture.path("b.key"), "sk-b").unwrap();
    let config = fixture.load().unwrap();
    let files = [FILE_NAME, "rules.yaml", "b.key"].map(|name| fixture.path(name));
    assert_eq!(config.files(), files);
    for file in &files {
        let before = fs::read(file).unwrap();
        fs::write(file, &before).unwrap();
        assert_eq!(config.content_hash(), config.current_hash());
        fs::write(file, "other").unwrap();
        assert_ne!(config.content_hash(), config.current_hash(), "{}", file.display());
        fs::remove_file(file).unwrap();
        assert_ne!(config.content_hash(), config.current_hash(), "{}", file.display());
        fs::write(file, &before).unwrap();
    }
    assert_eq!(config.content_hash(), fixture.load().unwrap().content_hash());
}

#[test]
fn a_file_that_is_named_twice_is_hashed_once() {
    let text = "policy: flyball.yaml\ntls: { cert: all.pem, key: all.pem }\n";
    let fixture = Fixture::new(text);
    fs::write(fixture.path("all.pem"), "pem").unwrap();
    let config = fixture.load().unwrap();
    assert_eq!(config.files().len(), 2);
    assert_eq!(config.content_hash(), config.current_hash());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_loads_or_is_refused_with_a_reason(text in "[a-z0-9:{}\\[\\]<>&*!'\"|#%@, \n-]{0,200}") {
        if let Err(errors) = Fixture::new(&text).load() {
            prop_assert!(!errors.0.is_empty() && !errors.to_string().is_empty());
        }
    }

    #[test]
    fn a_damaged_sample_loads_or_is_refused_with_a_reason(at in any::<prop::sample::Index>(), junk in "\\PC{0,3}") {
        let mut text = sample().to_owned();
        let at = at.index(text.len());
        if text.is_char_boundary(at) {
            text.insert_str(at, &junk);
        }
        if let Err(errors) = Fixture::new(&text).load() {
            prop_assert!(!errors.0.is_empty());
        }
    }

    #[test]
    fn any_variable_loads_or_is_refused_by_its_name(path in "[A-Z_]{0,20}", value in "\\PC{0,20}") {
        let name = format!("FLYBALL__{path}");
        let variables = [(name.clone(), value)].into_iter();
        if let Err(errors) = Config::load(None, variables, &Overrides::default()) {
            prop_assert!(errors.to_string().contains(&name));
        }
    }
}
