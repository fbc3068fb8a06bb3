//! `profile`: where Flyball spends its time in one cell. Samples with perf(1) while the load runs, or counts
//! instructions with valgrind(1), which is slow and exact.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::cell::Cell;
use crate::cli::Profile;
use crate::closed::{self, Edge, Plan, Seen};
use crate::machine;
use crate::poll::{Waiting, wake_precisely};
use crate::process::{allow_many_files, pin_to};
use crate::run::workload;
use crate::targets::flyball::{self, Governance};
use crate::targets::{Surroundings, Target, simulator};

/// Lines of the report that are shown.
const LINES: usize = 60;
/// Samples a second. Not a round number, so that it does not go in step with timers.
const FREQUENCY: &str = "1997";

/// Runs the cell under a profiler and prints what it found.
///
/// # Errors
///
/// When there is no profiler, something does not start, or calls fail.
pub(crate) fn profile(command: &Profile) -> anyhow::Result<ExitCode> {
    let filter = command.cells;
    let connections = filter.connections().unwrap_or(128);
    let mut wanted = Cell::over(connections).chain(Cell::of_ways(connections));
    let cell = wanted.find(|cell| filter.admits(*cell)).context("no such cell")?;
    let binary = flyball::binary(command.flyball.clone(), &command.profile)?;
    let folder = tempfile::Builder::new().prefix("profile-").tempdir_in(machine::bench_folder()?)?;
    let folder = folder.path();
    let governance = flyball::governances(&binary, folder)?
        .into_iter()
        .find(|governance| governance.name() == command.only)
        .with_context(|| format!("this binary has no configuration {:?}", command.only))?;
    let count_instructions = command.instructions || !is_there("perf");
    ensure!(!count_instructions || is_there("valgrind"), "neither perf nor valgrind is installed");
    pin_to(command.cores.load_core)?;
    allow_many_files()?;
    let provider = simulator::start(folder, command.cores.load_core, Waiting::Spin)?;
    let surroundings = Surroundings { folder, simulator: provider.address, core: command.cores.proxy_core };
    let bench = Bench { cell, surroundings, seconds: command.seconds };
    let text = if count_instructions {
        bench.instructions(&binary, governance)?
    } else {
        bench.samples(&binary, governance)?
    };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

struct Bench<'a> {
    cell: Cell,
    surroundings: Surroundings<'a>,
    seconds: f64,
}

impl Bench<'_> {
    fn load(
        &self,
        target: &Target,
        mut edge: impl FnMut(Edge) -> anyhow::Result<()>,
    ) -> anyhow::Result<Seen> {
        wake_precisely()?;
        let plan = Plan {
            connections: self.cell.connections,
            warm_up: Duration::from_millis(500) + self.cell.provider_time() * 2,
            window: Duration::from_secs_f64(self.seconds),
            stagger: self.cell.provider_time(),
        };
        let seen = closed::run(&workload(target, self.cell, Waiting::Spin), plan, &mut edge)?;
        if seen.failures.count() > 0 {
            bail!("{} calls failed: {}", seen.failures.count(), seen.failures.reasons().join("; "));
        }
        Ok(seen)
    }

    fn samples(&self, binary: &Path, governance: Governance) -> anyhow::Result<String> {
        let target = flyball::start(self.surroundings, binary, governance, &[])?;
        let data = self.surroundings.folder.join("perf.data");
        let log = File::create(self.surroundings.folder.join("perf.log"))?;
        let mut perf = None;
        let seen = self.load(&target, |edge| {
            if edge == Edge::Begin {
                let mut record = Command::new("perf");
                record.args(["record", "-e", "cpu-clock", "-F", FREQUENCY, "-g", "-p"]);
                record.arg(target.process.id().to_string()).arg("-o").arg(&data);
                record.args(["--", "sleep", &self.seconds.to_string()]);
                record.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
                perf = Some(record.spawn()?);
            }
            Ok(())
        })?;
        let status = perf.context("perf was not started")?.wait()?;
        let said = std::fs::read_to_string(self.surroundings.folder.join("perf.log"))?;
        ensure!(
            status.success(),
            "perf failed (its version may not fit the kernel; --instructions does without):\n{said}"
        );
        let report = |sort: &str, limit: &str| {
            let mut report = Command::new("perf");
            report.args(["report", "--stdio", "--no-children", "-g", "none", "--sort", sort]);
            report.args(["--percent-limit", limit, "-i"]).arg(&data);
            said_by(&mut report).map(|table| head(&table))
        };
        let heading = self.heading(governance, "samples of the CPU clock", &seen);
        Ok(format!("{heading}{}\n{}", report("comm,dso", "0.1")?, report("dso,symbol", "0.4")?))
    }

    fn instructions(&self, binary: &Path, governance: Governance) -> anyhow::Result<String> {
        let out = self.surroundings.folder.join("callgrind.out");
        let mut file = OsString::from("--callgrind-out-file=");
        file.push(&out);
        let prefix = ["valgrind".into(), "--tool=callgrind".into(), "--instr-atstart=no".into(), file];
        let target = flyball::start(self.surroundings, binary, governance, &prefix)?;
        let process = target.process.id().to_string();
        let switch = |state: &str| {
            let mut control = Command::new("callgrind_control");
            said_by(control.args(["-i", state, &process])).map(|_| ())
        };
        let seen = self.load(&target, |edge| match edge {
            Edge::Begin => switch("on"),
            Edge::End => switch("off"),
        })?;
        drop(target);
        let table = said_by(Command::new("callgrind_annotate").arg("--auto=no").arg(&out))?;
        let total = total(&table).context("callgrind_annotate gave no total")?;
        let per_call = total as f64 / seen.latencies.len().max(1) as f64;
        let heading = self.heading(governance, "instructions in user space", &seen);
        Ok(format!("{heading}{per_call:.0} instructions a call.\n\n{}", head(functions(&table))))
    }

    fn heading(&self, governance: Governance, what: &str, seen: &Seen) -> String {
        format!("{} at {}: {what}, {} calls.\n\n", self.cell, governance.name(), seen.latencies.len())
    }
}

fn said_by(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first lines that say something, without headings (`#`), rulers and the empty columns at the end.
fn head(text: &str) -> String {
    let trimmed = text.lines().map(|line| line.trim_end_matches([' ', '-']));
    let telling = trimmed.filter(|line| !line.is_empty() && !line.starts_with('#'));
    telling.take(LINES).flat_map(|line| [line, "\n"]).collect()
}

/// What follows callgrind_annotate's account of itself.
fn functions(text: &str) -> &str {
    text.find("PROGRAM TOTALS").and_then(|at| text.get(at..)?.split_once('\n')).map_or(text, |(_, rest)| rest)
}

/// The number in callgrind_annotate's line `1,234 (100.0%)  PROGRAM TOTALS`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains("PROGRAM TOTALS"))?;
    line.split_whitespace().next()?.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_callgrinds_table() {
        let table = "-----\nIr\n-----\n1,234,567 (100.0%)  PROGRAM TOTALS\n\n 99 (1%)  f\n";
        assert_eq!(total(table), Some(1_234_567));
        assert_eq!(head(functions(table)), " 99 (1%)  f\n");
    }

    #[test]
    fn headings_rulers_and_empty_columns_are_left_out() {
        assert_eq!(
            head("# Samples\n\n---\n  1.5%  flyball  main      -      -\n"),
            "  1.5%  flyball  main\n"
        );
    }
}
