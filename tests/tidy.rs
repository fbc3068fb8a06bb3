//! The house rules that a machine can check: file heads and sizes, dependency reasons, links, the readiness table.
//! What the compiler, clippy or rustfmt already check is not repeated here.

mod markdown;
pub(crate) mod readiness;
pub(crate) mod tree;

use std::collections::BTreeSet;
use std::fs;

use readiness::Table;
use tree::{TextFile, root, text_files};

/// A Rust file longer than this does not pass; one longer than [`LINES_WARN`] is named in the test's output.
const LINES_MAX: usize = 500;
const LINES_WARN: usize = 400;

/// How many rows each system asked for: a point that was asked for is answered, never dropped.
const ROWS: [(&str, usize); 5] =
    [("governed_speed", 22), ("mlsdm", 56), ("rag", 34), ("survey", 16), ("zta", 16)];

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn rust_files() -> Vec<TextFile> {
    let files: Vec<_> = text_files().into_iter().filter(|file| file.path.ends_with(".rs")).collect();
    assert!(files.iter().any(|file| file.path == "tests/tidy.rs"), "the walk does not see this file");
    files
}

#[test]
fn every_rust_file_says_what_lives_in_it() {
    let problems: Vec<_> = rust_files()
        .iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| format!("{}: does not open with a `//!` paragraph", file.path))
        .collect();
    report(&problems);
}

#[test]
fn no_rust_file_is_too_long() {
    let mut problems = Vec::new();
    for file in rust_files() {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            problems.push(format!("{}: {lines} lines, at most {LINES_MAX}: split it by subject", file.path));
        } else if lines > LINES_WARN {
            eprintln!("{}: {lines} lines, more than {LINES_WARN}", file.path);
        }
    }
    report(&problems);
}

#[test]
fn every_logged_error_carries_its_code() {
    let mut problems = Vec::new();
    for file in rust_files() {
        for (index, _) in file.text.match_indices("tracing::error!(").filter(|_| file.path != "tests/tidy.rs")
        {
            let call = file.text[index..].split(");").next().unwrap_or_default();
            if !call.contains("code = ") {
                problems.push(format!("{}: an error is logged without its E-code: {call}", file.path));
            }
        }
    }
    report(&problems);
}

#[test]
fn every_dependency_states_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let mut seen = 0;
    let mut problems = Vec::new();
    for line in section {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line.contains("{ path = ") {
            continue;
        }
        seen += 1;
        let reason = line.split_once(" # ").map(|(_, reason)| reason.trim());
        if reason.is_none_or(str::is_empty) {
            problems.push(format!("Cargo.toml: no trailing `# reason`: {line}"));
        }
    }
    assert!(seen > 0, "no dependency found in the root manifest");
    report(&problems);
}

#[test]
fn member_crates_take_dependencies_from_the_workspace_only() {
    let mut problems = Vec::new();
    let mut seen = 0;
    for file in text_files() {
        if !(file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml")) {
            continue;
        }
        seen += 1;
        let manifest: toml::Table = file.text.parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            for (name, wanted) in dependencies {
                if wanted.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    problems.push(format!("{}: {name} does not come from the workspace", file.path));
                }
            }
        }
    }
    assert!(seen > 0, "no member crate found");
    report(&problems);
}

#[test]
fn no_file_names_a_machine_or_is_marked_unfinished() {
    // Put together here, so that this file does not contain what it looks for.
    let machine_paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
    let unfinished = concat!("to", "do!");
    let mut problems = Vec::new();
    for file in text_files() {
        for (number, line) in file.text.lines().enumerate() {
            let place = || format!("{}:{}", file.path, number + 1);
            for path in machine_paths.iter().filter(|path| tree::names_path(line, path)) {
                problems.push(format!("{}: machine path {path}", place()));
            }
            for mark in marks.iter().filter(|mark| tree::has_word(line, mark)) {
                problems.push(format!("{}: unfinished: {mark}", place()));
            }
            if line.contains(unfinished) {
                problems.push(format!("{}: unfinished: {unfinished}", place()));
            }
        }
    }
    report(&problems);
}

#[test]
fn every_relative_link_of_a_page_leads_somewhere() {
    let mut problems = Vec::new();
    for file in text_files() {
        if !file.path.ends_with(".md") {
            continue;
        }
        for link in markdown::relative_links(&file.text) {
            if let Err(problem) = markdown::resolve(&file.path, &link) {
                problems.push(format!("{}: {problem}", file.path));
            }
        }
    }
    report(&problems);
}

#[test]
fn the_readiness_table_keeps_every_row_once() {
    let table = Table::load();
    let ids: BTreeSet<_> = table.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), table.rows.len(), "an id stands twice in the readiness table");
    let counted: Vec<_> =
        table.systems.iter().map(|(prefix, _)| (prefix.as_str(), table.rows_of(prefix).count())).collect();
    assert_eq!(counted, ROWS);
}

#[test]
fn every_readiness_claim_has_a_proof_and_a_page_that_exist() {
    let table = Table::load();
    let problems: Vec<_> = table
        .rows
        .iter()
        .flat_map(|row| row.problems().into_iter().map(move |problem| format!("{}: {problem}", row.id)))
        .collect();
    report(&problems);
}
