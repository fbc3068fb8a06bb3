//! `flyball journal verify` and `repair`: what is wrong with the files, and giving up what cannot be read. Finding and
//! mending is the journal's own affair; here it is told.

use std::fmt::Write as _;
use std::path::Path;

use flyball_core::{Clock as _, SystemClock};
use flyball_journal::{Problem, ProblemKind, repair as give_up, verify as check};
use flyball_store::Folder;
use serde_json::{Value, json};

use super::{ConfigArgs, Failure, Outcome, Output, folder};
use crate::commands::output::Ending;

pub(super) fn verify(config: &ConfigArgs, output: Output) -> Outcome {
    let mut problems = Vec::new();
    let folder = folder(config)?;
    let report = check(&folder, |problem| problems.push(problem.clone()))
        .map_err(|error| Failure::failed(error.to_string()))?;
    let value = json!({
        "whole": report.damages == 0,
        "segments": report.segments,
        "records": report.records,
        "bytes": report.bytes,
        "end": report.end.0,
        "given_up": report.gaps.iter().map(|gap| [gap.start.0, gap.end.0]).collect::<Vec<_>>(),
        "problems": problems.iter().map(shown).collect::<Vec<_>>(),
    });
    output.show(&value, || {
        let mut text = format!(
            "{} records in {} segments, {} bytes, up to position {}\n",
            report.records, report.segments, report.bytes, report.end
        );
        for gap in &report.gaps {
            // Writing into a String does not fail.
            let _ =
                writeln!(text, "positions {} to {} were given up by an earlier repair", gap.start, gap.end);
        }
        problems.iter().for_each(|problem| text.push_str(&line(problem)));
        text.push_str(if report.damages == 0 { "whole\n" } else { "damaged\n" });
        text
    })?;
    if report.damages == 0 { Ok(()) } else { Err(Failure::told(Ending::Failed)) }
}

/// That nothing is damaged.
///
/// # Errors
/// When something is; the message names the first of it.
pub(super) fn none(folder: &Path) -> Result<(), Failure> {
    let mut first = None;
    let found = check(folder, |problem| {
        if problem.kind != ProblemKind::Unfinished {
            first.get_or_insert_with(|| line(problem));
        }
    });
    found.map_err(|error| Failure::failed(error.to_string()))?;
    first.map_or(Ok(()), |first| {
        Err(Failure::failed(format!(
            "the journal is damaged, and not all of it was read: {}; see `flyball journal verify`",
            first.trim_end()
        )))
    })
}

pub(super) fn repair(config: &ConfigArgs, output: Output) -> Outcome {
    let journal = folder(config)?;
    let data = journal.parent().filter(|_| journal.is_dir());
    let data = data.ok_or_else(|| {
        Failure::failed(format!("{}: there is no journal to be repaired", journal.display()))
    })?;
    // Held until the end: no gateway may append meanwhile.
    let _claim = Folder::claim(data).map_err(|error| Failure::failed(error.to_string()))?;
    let now = u64::try_from(SystemClock.now().0).unwrap_or(0);
    let lost = give_up(&journal, now).map_err(|error| Failure::failed(error.to_string()))?;
    let value = json!({ "given_up": lost.iter().map(shown).collect::<Vec<_>>() });
    output.show(&value, || {
        if lost.is_empty() {
            return "nothing was damaged\n".to_owned();
        }
        let mut text = String::from("given up:\n");
        lost.iter().for_each(|problem| text.push_str(&line(problem)));
        let kept = journal.join("damaged");
        let _ = writeln!(text, "the files as they were are in {}", kept.display());
        text
    })
}

fn name(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Header => "header",
        ProblemKind::Missing => "missing",
        ProblemKind::Damaged => "damaged",
        ProblemKind::Unfinished => "unfinished",
        _ => "unknown",
    }
}

fn shown(problem: &Problem) -> Value {
    json!({
        "kind": name(problem.kind),
        "file": problem.file,
        "offset": problem.offset,
        "positions": [problem.positions.start.0, problem.positions.end.0],
    })
}

fn line(problem: &Problem) -> String {
    let Problem { file, offset, positions, kind } = problem;
    let (from, to) = (positions.start, positions.end);
    match kind {
        ProblemKind::Header => format!("{file}: the header is damaged (positions {from} to {to})\n"),
        ProblemKind::Missing => format!("{file}: is missing (positions {from} to {to})\n"),
        ProblemKind::Unfinished => {
            format!("{file}, offset {offset}: an unfinished write, which the next start cuts off\n")
        }
        _ => format!("{file}, offset {offset}: damaged (positions {from} to {to})\n"),
    }
}
