//! What changed from an earlier run: figures of the same cell and target side by side, and those that are more than
//! a tenth apart.

use crate::record::{Record, Row};
use crate::table::{Table, number, percent};
use crate::targets::DIRECT;

/// A change above this share is flagged.
const LIMIT: f64 = 0.10;
/// Added times closer than this are not told apart, ms.
const TIME_FLOOR: f64 = 0.02;
/// CPU times closer than this are not told apart, us.
const CPU_FLOOR: f64 = 0.5;

/// The comparison.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    /// The table, in markdown.
    pub(crate) text: String,
    /// How many figures became worse by more than a tenth.
    pub(crate) worse: usize,
}

/// A figure of a row and how it is judged.
struct Judged {
    name: &'static str,
    before: f64,
    after: f64,
    more_is_better: bool,
    floor: f64,
}

impl Judged {
    fn change(&self) -> f64 {
        if self.before == 0.0 { 0.0 } else { (self.after - self.before) / self.before.abs() }
    }

    fn is_flagged(&self) -> bool {
        (self.after - self.before).abs() > self.floor && self.change().abs() > LIMIT
    }

    fn is_worse(&self) -> bool {
        self.is_flagged() && (self.after < self.before) == self.more_is_better
    }
}

/// Compares the rows that both runs have.
pub(crate) fn compare(before: &Record, after: &Record) -> Comparison {
    let mut table = Table::new(["cell", "target", "figure", "before", "now", "change", ""]);
    let mut worse = 0;
    for now in after.rows.iter().filter(|row| row.target != DIRECT) {
        let Some(then) = before.row(now.cell, &now.target) else { continue };
        for judged in figures((before, then), (after, now)) {
            let mark = if judged.is_worse() {
                worse += 1;
                "WORSE"
            } else if judged.is_flagged() {
                "better"
            } else {
                ""
            };
            table.push(vec![
                now.name.clone(),
                now.target.clone(),
                judged.name.to_owned(),
                number(judged.before),
                number(judged.after),
                percent(judged.change()),
                mark.to_owned(),
            ]);
        }
    }
    let text =
        if table.is_empty() { "No cell was measured in both runs.\n".to_owned() } else { table.text() };
    Comparison { text, worse }
}

fn figures((before, then): (&Record, &Row), (after, now): (&Record, &Row)) -> Vec<Judged> {
    let added = |record: &Record, row: &Row| {
        record.direct(row).map_or(row.p50_ms.median, |direct| row.p50_ms.median - direct.p50_ms.median)
    };
    vec![
        Judged {
            name: "calls/s",
            before: then.rate.median,
            after: now.rate.median,
            more_is_better: true,
            floor: 0.0,
        },
        Judged {
            name: "CPU us",
            before: then.cpu_us.median,
            after: now.cpu_us.median,
            more_is_better: false,
            floor: CPU_FLOOR,
        },
        Judged {
            name: "added p50 ms",
            before: added(before, then),
            after: added(after, now),
            more_is_better: false,
            floor: TIME_FLOOR,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::{record, row};

    fn compared(before: f64, after: f64) -> Comparison {
        let run = |cpu| record(vec![row(DIRECT, 4.0), row("flyball-pass", cpu)]);
        compare(&run(before), &run(after))
    }

    #[test]
    fn a_change_above_a_tenth_is_flagged_in_its_direction() {
        let slower = compared(10.0, 12.0);
        assert_eq!(slower.worse, 3, "{}", slower.text);
        let faster = compared(12.0, 10.0);
        assert_eq!(faster.worse, 0);
        assert!(faster.text.contains("better"));
    }

    #[test]
    fn a_change_of_less_is_shown_and_not_flagged() {
        let same = compared(10.0, 10.5);
        assert_eq!(same.worse, 0);
        assert!(!same.text.contains("better") && same.text.contains("10.5"), "{}", same.text);
    }

    #[test]
    fn rows_that_only_one_run_has_are_left_out() {
        let comparison = compare(&record(vec![row("nginx", 1.0)]), &record(vec![row("flyball-pass", 9.0)]));
        assert_eq!(comparison.worse, 0);
        assert_eq!(comparison.text, "No cell was measured in both runs.\n");
    }
}
