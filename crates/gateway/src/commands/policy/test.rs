//! `flyball policy test`: pairs policies with their test files and runs the cases. What a case is belongs to the
//! crate `policy`.

use std::path::{Path, PathBuf};

use flyball_policy::{PolicyTests, TestReport};
use serde::Serialize;

use super::load;
use crate::commands::mistakes::{self, Mistake};
use crate::commands::output::{Ending, Failure, Outcome, Output};

/// How one policy did.
#[derive(Serialize)]
struct Tested {
    policy: PathBuf,
    tests: PathBuf,
    policy_hash: String,
    passed: bool,
    #[serde(flatten)]
    report: TestReport,
}

pub(super) fn run(files: &[PathBuf], output: Output) -> Outcome {
    let mut tested = Vec::new();
    let mut found = Vec::new();
    for file in files {
        match test(file) {
            Ok(one) => tested.push(one),
            Err(mistakes) => found.extend(mistakes),
        }
    }
    if !found.is_empty() {
        return Err(mistakes::failure(&found));
    }
    output.show(&tested, || {
        let blocks: Vec<String> = tested
            .iter()
            .map(|Tested { policy, tests, report, .. }| {
                format!("{} against {}\n{report}\n", policy.display(), tests.display())
            })
            .collect();
        blocks.join("\n")
    })?;
    if tested.iter().all(|one| one.passed) { Ok(()) } else { Err(Failure::told(Ending::Failed)) }
}

fn test(file: &Path) -> Result<Tested, Vec<Mistake>> {
    let (policy_file, tests_file) = pair(file);
    let policy = load(&policy_file)?;
    let source = std::fs::read_to_string(&tests_file).map_err(|error| {
        vec![Mistake::general(&format!("{}: cannot be read: {error}", tests_file.display()))]
    })?;
    let tests = PolicyTests::load(&source, &tests_file.display().to_string())
        .map_err(|errors| Mistake::of_policy(&errors))?;
    let report = tests.run(&policy);
    Ok(Tested {
        policy: policy_file,
        tests: tests_file,
        policy_hash: policy.hash().to_owned(),
        passed: report.passed(),
        report,
    })
}

/// A policy's file and the file of its cases, from either.
fn pair(file: &Path) -> (PathBuf, PathBuf) {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or("yaml");
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match stem.strip_suffix(".test") {
        Some(name) => (file.with_file_name(format!("{name}.{extension}")), file.to_owned()),
        None => (file.to_owned(), file.with_file_name(format!("{stem}.test.{extension}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_and_its_cases_find_each_other() {
        let expected = (PathBuf::from("a.b/rules.yaml"), PathBuf::from("a.b/rules.test.yaml"));
        assert_eq!(pair(Path::new("a.b/rules.yaml")), expected);
        assert_eq!(pair(Path::new("a.b/rules.test.yaml")), expected);
        assert_eq!(pair(Path::new("r.yml")).1, PathBuf::from("r.test.yml"));
    }
}
