//! What a run found, as it is written to JSON, compared and printed.

use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Shape};
use crate::disk::DiskSync;
use crate::machine::Machine;
use crate::percentiles::{Figure, Percentiles};
use crate::poll::Waiting;
use crate::targets::DIRECT;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Where it was made.
    pub(crate) machine: Machine,
    /// How.
    pub(crate) settings: Settings,
    /// What a reader has to know besides.
    pub(crate) remarks: Vec<String>,
    /// The disk's own sync time.
    pub(crate) disk: DiskSync,
    /// What was measured.
    pub(crate) targets: Vec<Measured>,
    /// The closed loop, a row per cell and target.
    pub(crate) rows: Vec<Row>,
    /// The open loop.
    pub(crate) frontier: Vec<Frontier>,
}

/// Durations and repetitions.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Time of each cell that is counted, seconds.
    pub(crate) seconds: f64,
    /// Time before it, seconds.
    pub(crate) warm_up_seconds: f64,
    /// How often each cell is measured; figures are medians.
    pub(crate) repetitions: usize,
    /// The core of client and simulator.
    pub(crate) load_core: usize,
    /// The core of the proxy.
    pub(crate) proxy_core: usize,
    /// Whether client and simulator sleep.
    #[serde(default)]
    pub(crate) waiting: Waiting,
}

/// A target and its memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Its name.
    pub(crate) name: String,
    /// Its version, as it says.
    pub(crate) version: String,
    /// Resident after its start, before any call, bytes.
    pub(crate) idle_bytes: u64,
    /// Resident some seconds after the last call, bytes.
    pub(crate) after_bytes: u64,
}

/// One cell at one target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The cell's name, as in filters.
    pub(crate) name: String,
    /// The cell.
    pub(crate) cell: Cell,
    /// The target.
    pub(crate) target: String,
    /// Calls a second.
    pub(crate) rate: Figure,
    /// Time of a call, median, ms.
    pub(crate) p50_ms: Figure,
    /// Time of a call, 99th percentile, ms.
    pub(crate) p99_ms: Figure,
    /// CPU time of the target a call, us.
    pub(crate) cpu_us: Figure,
    /// The part of it in threads named `journal…`, us.
    pub(crate) journal_us: Figure,
    /// Time to the first word of a stream, median, ms.
    pub(crate) first_p50_ms: Option<Figure>,
    /// Time to the first word of a stream, 99th percentile, ms.
    pub(crate) first_p99_ms: Option<Figure>,
    /// Resident at the end of the first repetition, connections standing, bytes.
    pub(crate) resident_bytes: u64,
    /// Calls counted, all repetitions.
    pub(crate) calls: u64,
    /// Calls that failed, all repetitions. A row with any is not valid.
    pub(crate) failures: u64,
    /// The first reasons.
    pub(crate) reasons: Vec<String>,
}

/// One repetition of a cell at a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repetition {
    /// Calls counted.
    pub(crate) calls: u64,
    /// Seconds that they took.
    pub(crate) seconds: f64,
    /// Of the time of a call.
    pub(crate) latency: Percentiles,
    /// Of the time to the first word.
    pub(crate) first_token: Option<Percentiles>,
    /// CPU time of the target, nanoseconds.
    pub(crate) cpu: u64,
    /// The part of it in the journal's threads, nanoseconds.
    pub(crate) journal: u64,
    /// Resident memory of the target, bytes.
    pub(crate) resident: u64,
    /// Calls that failed.
    pub(crate) failures: u64,
    /// The first reasons.
    pub(crate) reasons: Vec<String>,
}

/// Where the open loop ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Frontier {
    /// The form of the calls.
    pub(crate) shape: Shape,
    /// The target.
    pub(crate) target: String,
    /// The highest rate for each limit of the 99th percentile; absent where no rate held it.
    pub(crate) limits: Vec<Limit>,
}

/// The highest rate below one limit.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Limit {
    /// The limit of the 99th percentile, ms.
    pub(crate) p99_below_ms: u64,
    /// Calls a second.
    pub(crate) rate: Option<f64>,
}

impl Row {
    /// Whether the row may be quoted: calls were counted and none failed.
    pub(crate) fn is_valid(&self) -> bool {
        self.failures == 0 && self.calls > 0
    }

    /// Share of its core that the target used.
    pub(crate) fn busy(&self) -> f64 {
        self.cpu_us.median * self.rate.median / 1e6
    }

    /// The row of these repetitions.
    pub(crate) fn of(cell: Cell, target: &str, repetitions: &[Repetition]) -> Row {
        let figure = |value: &dyn Fn(&Repetition) -> f64| {
            Figure::of(repetitions.iter().map(value).collect()).unwrap_or_default()
        };
        let per_call = |nanos: u64, one: &Repetition| nanos as f64 / 1e3 / one.calls.max(1) as f64;
        let first = |value: &dyn Fn(Percentiles) -> u64| {
            Figure::of(
                repetitions.iter().filter_map(|one| one.first_token).map(|p| millis(value(p))).collect(),
            )
        };
        let mut reasons: Vec<String> = repetitions.iter().flat_map(|one| one.reasons.clone()).collect();
        reasons.dedup();
        Row {
            name: cell.to_string(),
            cell,
            target: target.to_owned(),
            rate: figure(&|one| one.calls as f64 / one.seconds),
            p50_ms: figure(&|one| millis(one.latency.p50)),
            p99_ms: figure(&|one| millis(one.latency.p99)),
            cpu_us: figure(&|one| per_call(one.cpu, one)),
            journal_us: figure(&|one| per_call(one.journal, one)),
            first_p50_ms: first(&|percentiles| percentiles.p50),
            first_p99_ms: first(&|percentiles| percentiles.p99),
            resident_bytes: repetitions.first().map_or(0, |one| one.resident),
            calls: repetitions.iter().map(|one| one.calls).sum(),
            failures: repetitions.iter().map(|one| one.failures).sum(),
            reasons,
        }
    }
}

impl Record {
    /// The row of a cell at a target.
    pub(crate) fn row(&self, cell: Cell, target: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.cell == cell && row.target == target)
    }

    /// The row of the same cell, straight to the simulator.
    pub(crate) fn direct(&self, row: &Row) -> Option<&Row> {
        self.row(row.cell, DIRECT)
    }

    /// Whether every row may be quoted.
    pub(crate) fn is_valid(&self) -> bool {
        self.rows.iter().all(Row::is_valid)
    }
}

fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::way::Way;

    const CELL: Cell = Cell { connections: 128, delay_ms: 0, shape: Shape::Plain1k, way: Way::ChatToChat };

    /// A row of a target that needs so many microseconds a call and keeps its core busy.
    pub(crate) fn row(target: &str, cpu_us: f64) -> Row {
        row_of(CELL, target, cpu_us)
    }

    /// The same of another cell.
    pub(crate) fn row_of(cell: Cell, target: &str, cpu_us: f64) -> Row {
        let repetition = Repetition {
            calls: 1_000_000,
            seconds: cpu_us,
            latency: Percentiles { p50: (cpu_us * 128e3) as u64, p99: (cpu_us * 200e3) as u64 },
            cpu: (cpu_us * 1e9) as u64,
            resident: 20 << 20,
            ..Repetition::default()
        };
        Row::of(cell, target, &[repetition])
    }

    /// A run with these rows.
    pub(crate) fn record(rows: Vec<Row>) -> Record {
        Record {
            machine: crate::machine::look(),
            settings: Settings {
                seconds: 2.0,
                warm_up_seconds: 0.5,
                repetitions: 3,
                load_core: 0,
                proxy_core: 1,
                waiting: Waiting::Sleep,
            },
            remarks: Vec::new(),
            disk: DiskSync { fdatasync: Percentiles { p50: 1_000_000, p99: 2_000_000 } },
            targets: Vec::new(),
            rows,
            frontier: Vec::new(),
        }
    }

    #[test]
    fn a_row_holds_medians_per_call() {
        let one = |calls, cpu| Repetition { calls, cpu, seconds: 2.0, ..Repetition::default() };
        let row =
            Row::of(CELL, "nginx", &[one(1000, 9_000_000), one(2000, 20_000_000), one(1500, 18_000_000)]);
        assert_eq!(row.rate.median, 750.0);
        assert_eq!(row.cpu_us.median, 10.0);
        assert_eq!(row.calls, 4500);
        assert!(row.is_valid());
    }

    #[test]
    fn one_failure_makes_a_row_and_its_run_invalid() {
        let failed = Repetition { calls: 10, failures: 1, seconds: 1.0, ..Repetition::default() };
        let row = Row::of(CELL, "nginx", &[failed]);
        assert!(!row.is_valid());
        assert!(!record(vec![row]).is_valid());
        let silent = Row::of(CELL, "nginx", &[Repetition { seconds: 1.0, ..Repetition::default() }]);
        assert!(!silent.is_valid(), "a row without any call says nothing");
    }

    #[test]
    fn a_record_survives_json() {
        let record = record(vec![row("nginx", 10.0)]);
        let text = serde_json::to_string(&record).unwrap();
        let read: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
