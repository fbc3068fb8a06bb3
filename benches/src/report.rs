//! The tables of a run, in markdown that can be pasted into a page.

use std::collections::BTreeSet;

use crate::cell::{DELAYS, Shape};
use crate::percentiles::Figure;
use crate::poll::Waiting;
use crate::record::{Record, Row};
use crate::table::{NONE, Table, mebibytes, number, percent, signed};
use crate::targets::{DIRECT, NGINX};
use crate::way::Way;

mod translation;

/// A proxy that used less of its core could have done more: the load set the rate.
const IS_BUSY: f64 = 0.9;

/// The whole report.
pub(crate) fn text(record: &Record) -> String {
    let mut text = head(record);
    let delays: BTreeSet<u32> = record.rows.iter().map(|row| row.cell.delay_ms).chain(DELAYS).collect();
    for shape in Shape::ALL {
        for &delay in &delays {
            let rows: Vec<&Row> = record
                .rows
                .iter()
                .filter(|row| row.cell.way == Way::ChatToChat)
                .filter(|row| row.cell.shape == shape && row.cell.delay_ms == delay)
                .collect();
            if !rows.is_empty() {
                text.push_str(&format!("\n### {}, provider waits {delay} ms\n\n", shape.title()));
                text.push_str(&calls(record, shape, &rows));
            }
        }
    }
    for (title, table) in [
        ("Translation, CPU us beside chat to chat", translation::table(record)),
        ("Memory, MiB resident", memory(record)),
        ("Requests/s at a fixed rate", frontier(record)),
    ] {
        if !table.is_empty() {
            text.push_str(&format!("\n### {title}\n\n{}", table.text()));
        }
    }
    text.push_str(&failures(record));
    text
}

fn head(record: &Record) -> String {
    let machine = &record.machine;
    let settings = &record.settings;
    let versions: Vec<String> = record
        .targets
        .iter()
        .filter(|target| target.name != DIRECT)
        .map(|target| format!("{} {}", target.name, target.version))
        .collect();
    let mut text = format!(
        "{}, {} cores, {} MiB, Linux {}; revision {}, {}; {}.\n{}.\n\
         Proxy on core {}, client and simulator on core {}; {} s a cell after {} s of warm-up, median of {}; ± is half \
         the range. fdatasync of 512 B on this disk: p50 {} ms, p99 {} ms.\n",
        machine.processor,
        machine.cores,
        machine.memory_mib,
        machine.kernel,
        machine.revision,
        machine.rustc,
        machine.began,
        versions.join(", "),
        settings.proxy_core,
        settings.load_core,
        settings.seconds,
        settings.warm_up_seconds,
        settings.repetitions,
        number(record.disk.fdatasync.p50 as f64 / 1e6),
        number(record.disk.fdatasync.p99 as f64 / 1e6),
    );
    if machine.load_before > 0.2 {
        text.push_str(&format!(
            "The machine was not quiet: its load before the run was {}.\n",
            number(machine.load_before)
        ));
    }
    for remark in &record.remarks {
        text.push_str(&format!("{remark}\n"));
    }
    if record.settings.waiting == Waiting::Sleep {
        text.push_str(
            "Client and simulator slept while they had nothing to do: waking them is in the figures.\n",
        );
    }
    if record.rows.iter().any(is_held_up) {
        text.push_str("† the proxy had less than nine tenths of its core: client and simulator, or others on this machine, set the rate.\n");
    }
    text
}

/// Whether the load set the rate, although many connections wanted answers from a provider that does not wait.
fn is_held_up(row: &Row) -> bool {
    let provider_waits = !row.cell.provider_time().is_zero();
    row.target != DIRECT && row.cell.connections > 1 && !provider_waits && row.busy() < IS_BUSY
}

fn calls(record: &Record, shape: Shape, rows: &[&Row]) -> String {
    let is_stream = shape.is_stream();
    let unit = if is_stream { "stream" } else { "request" };
    let mut headings = vec![
        "target".to_owned(),
        "conns".to_owned(),
        format!("{unit}s/s"),
        "p50 ms".to_owned(),
        "added p50".to_owned(),
        "added p99".to_owned(),
    ];
    if is_stream {
        headings.extend(["first p50 ms".to_owned(), "first p99 ms".to_owned(), "added first p50".to_owned()]);
    }
    headings.extend([format!("CPU us/{unit}"), "of nginx".to_owned(), "journal us".to_owned()]);
    let columns = headings.len();
    let mut table = Table::new(headings);
    for row in rows {
        if !row.is_valid() {
            let mut cells = vec![format!("{} (INVALID)", row.target), row.cell.connections.to_string()];
            cells.resize(columns, NONE.to_owned());
            table.push(cells);
            continue;
        }
        let direct = record.direct(row).filter(|_| row.target != DIRECT);
        let added = |of: &dyn Fn(&Row) -> Option<f64>| {
            direct.and_then(|direct| Some(signed(of(row)? - of(direct)?))).unwrap_or_else(|| NONE.to_owned())
        };
        let busy = if is_held_up(row) { " †" } else { "" };
        let mut cells = vec![
            row.target.clone(),
            row.cell.connections.to_string(),
            format!("{}{busy}", spread(row.rate)),
            number(row.p50_ms.median),
            added(&|row| Some(row.p50_ms.median)),
            added(&|row| Some(row.p99_ms.median)),
        ];
        if is_stream {
            let first =
                |figure: Option<Figure>| figure.map_or(NONE.to_owned(), |figure| number(figure.median));
            cells.push(first(row.first_p50_ms));
            cells.push(first(row.first_p99_ms));
            cells.push(added(&|row| Some(row.first_p50_ms?.median)));
        }
        let is_proxy = row.target != DIRECT;
        let nginx = record.row(row.cell, NGINX).filter(|_| is_proxy).map(|nginx| nginx.cpu_us.median);
        cells.push(if is_proxy { spread(row.cpu_us) } else { NONE.to_owned() });
        cells.push(match nginx {
            Some(nginx) if nginx > 0.0 => format!("{:.2}", row.cpu_us.median / nginx),
            _ => NONE.to_owned(),
        });
        cells.push(match row.journal_us.median {
            0.0 => NONE.to_owned(),
            journal => number(journal),
        });
        table.push(cells);
    }
    table.text()
}

fn spread(figure: Figure) -> String {
    format!("{} ±{}", number(figure.median), percent(figure.spread))
}

fn memory(record: &Record) -> Table {
    let connections: BTreeSet<usize> = record.rows.iter().map(|row| row.cell.connections).collect();
    let mut headings = vec!["target".to_owned(), "idle".to_owned()];
    headings.extend(connections.iter().map(|connections| format!("at {connections}")));
    headings.push("after".to_owned());
    let mut table = Table::new(headings);
    for target in record.targets.iter().filter(|target| target.name != DIRECT) {
        let rows = || record.rows.iter().filter(|row| row.target == target.name);
        let mut cells = vec![target.name.clone(), mebibytes(target.idle_bytes)];
        for &connections in &connections {
            let most =
                rows().filter(|row| row.cell.connections == connections).map(|row| row.resident_bytes).max();
            cells.push(most.map_or(NONE.to_owned(), mebibytes));
        }
        cells.push(mebibytes(target.after_bytes));
        table.push(cells);
    }
    table
}

fn frontier(record: &Record) -> Table {
    let limits: Vec<u64> = record
        .frontier
        .first()
        .map(|row| row.limits.iter().map(|limit| limit.p99_below_ms).collect())
        .unwrap_or_default();
    let mut headings = vec!["target".to_owned(), "shape".to_owned()];
    headings.extend(limits.iter().map(|limit| format!("p99 < {limit} ms")));
    let mut table = Table::new(headings);
    for row in &record.frontier {
        let mut cells = vec![row.target.clone(), row.shape.to_string()];
        cells.extend(row.limits.iter().map(|limit| limit.rate.map_or(NONE.to_owned(), number)));
        table.push(cells);
    }
    table
}

fn failures(record: &Record) -> String {
    let mut text = String::new();
    for row in record.rows.iter().filter(|row| !row.is_valid()) {
        text.push_str(&format!(
            "\nINVALID: {} at {}: {} of {} calls failed: {}\n",
            row.name,
            row.target,
            row.failures,
            row.failures + row.calls,
            row.reasons.join("; ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::{record, row};
    use crate::record::{Frontier, Limit, Measured};

    #[test]
    fn a_report_shows_what_a_proxy_adds_and_how_it_compares() {
        let mut record = record(vec![row(DIRECT, 4.0), row(NGINX, 10.0), row("flyball-pass", 15.0)]);
        record.targets = vec![Measured {
            name: NGINX.to_owned(),
            version: "1".to_owned(),
            idle_bytes: 8 << 20,
            after_bytes: 9 << 20,
        }];
        record.frontier = vec![Frontier {
            shape: Shape::Plain1k,
            target: NGINX.to_owned(),
            limits: vec![
                Limit { p99_below_ms: 1, rate: Some(20_000.0) },
                Limit { p99_below_ms: 5, rate: None },
            ],
        }];
        let text = text(&record);
        let line = text.lines().find(|line| line.starts_with("| flyball-pass")).unwrap();
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(
            cells,
            [
                "",
                "flyball-pass",
                "128",
                "66 667 ±0 %",
                "1.92",
                "+1.41",
                "+2.20",
                "15.0 ±0 %",
                "1.50",
                "–",
                ""
            ]
        );
        assert!(text.contains("| nginx  |  8.0 |   20.0 |   9.0 |"), "{text}");
        assert!(text.contains("| nginx  | plain-1k |     20 000 |          – |"), "{text}");
        assert!(!text.contains("INVALID"));
    }

    #[test]
    fn a_row_with_failures_cannot_be_overlooked() {
        let mut wrong = row(NGINX, 10.0);
        wrong.failures = 3;
        wrong.reasons = vec!["status 502".to_owned()];
        let text = text(&record(vec![wrong]));
        assert!(text.contains("| nginx (INVALID) |"), "{text}");
        assert!(text.contains("3 of 1000003 calls failed: status 502"), "{text}");
    }
}
