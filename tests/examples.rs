//! What the documentation shows works: every configuration and policy in it loads.

use std::fs;

use flyball_gateway::config::{Config, Overrides};
use flyball_policy::{Policy, Vocabulary};

use crate::tidy::tree::text_files;

/// The variables that examples take their secrets from.
const SECRETS: [&str; 5] =
    ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The fenced YAML blocks whose first line is `# NAME`, with the page that they stand in.
fn blocks(name: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in text_files().into_iter().filter(|file| file.path.ends_with(".md")) {
        for block in page.text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            if block.starts_with(&format!("# {name}\n")) {
                found.push((page.path.clone(), block.to_owned()));
            }
        }
    }
    assert!(!found.is_empty(), "no page shows a {name}");
    found
}

#[test]
fn every_configuration_in_the_documentation_loads() {
    for (page, block) in blocks("flyball.yaml") {
        let folder = tempfile::tempdir().unwrap();
        for file in ["azure-key", "cert.pem", "key.pem"] {
            fs::write(folder.path().join(file), "secret").unwrap();
        }
        let file = folder.path().join("flyball.yaml");
        fs::write(&file, block).unwrap();
        let environment = SECRETS.map(|name| (name.to_owned(), "secret".to_owned()));
        if let Err(errors) = Config::load(Some(&file), environment.into_iter(), &Overrides::default()) {
            panic!("{page}: {errors}");
        }
    }
}

#[test]
fn every_policy_in_the_documentation_loads() {
    let vocabulary = Vocabulary { kinds: &flyball_guard::KINDS };
    for (page, block) in blocks("policy.yaml") {
        if let Err(errors) = Policy::load(&block, &page, &vocabulary) {
            panic!("{errors}");
        }
    }
}
