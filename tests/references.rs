//! Pages and descriptions that are generated from the code: the committed file must be what its source generates.
//! `UPDATE_REFERENCES=1` rewrites them instead of comparing.

use std::fs;

use flyball_gateway::admin::openapi;
use flyball_gateway::{commands, config, metrics, refusal};

use crate::tidy::readiness::Table;
use crate::tidy::tree::root;

#[test]
fn generated_files_are_what_their_sources_generate() {
    let schema = format!("{}\n", serde_json::to_string_pretty(&config::schema()).unwrap());
    let pages = [
        ("docs/openapi.json", openapi::description_text().to_owned()),
        ("docs/reference/cli.md", commands::reference()),
        ("docs/reference/config.md", config::reference()),
        ("docs/reference/config.schema.json", schema),
        ("docs/reference/detectors.md", detectors()),
        ("docs/reference/errors.md", refusal::reference()),
        ("docs/reference/metrics.md", metrics::reference()),
        ("docs/reference/readiness.md", Table::load().render()),
        ("docs/reference/signals.md", signals()),
        ("docs/reference/translation.md", flyball_translation::reference()),
    ];
    let update = std::env::var_os("UPDATE_REFERENCES").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (path, generated) in &pages {
        let file = root().join(path);
        if update {
            fs::write(&file, generated).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != *generated {
            stale.push(*path);
        }
    }
    assert!(stale.is_empty(), "run once with UPDATE_REFERENCES=1: {}", stale.join(", "));
}

fn detectors() -> String {
    let mut page = String::from(
        "# Detectors\n\nWhat the scanner finds. Generated from `crates/guard/src/detectors/`; do not edit.\n\n\
         | kind | category | version | what it finds | matches | does not match |\n|---|---|---|---|---|---|\n",
    );
    let examples = |texts: &[&str]| {
        let cells: Vec<String> = texts.iter().map(|text| format!("`{}`", text.replace('|', "\\|"))).collect();
        cells.join("<br>")
    };
    for detector in flyball_guard::DETECTORS.iter() {
        page.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} |\n",
            detector.kind,
            detector.category.name(),
            detector.version,
            detector.summary,
            examples(detector.matches),
            examples(detector.non_matches),
        ));
    }
    page
}

fn signals() -> String {
    let mut page = String::from(
        "# Signals\n\nWhat a policy's conditions may read. Generated from `crates/policy/src/signal.rs`; do not \
         edit.\n\n| name | type | stage | known | what it tells |\n|---|---|---|---|---|\n",
    );
    for signal in flyball_policy::SIGNALS {
        page.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            signal.name,
            signal.kind.name(),
            signal.stage.name(),
            signal.scope.name(),
            signal.documentation.replace('|', "\\|"),
        ));
    }
    page
}
