//! The table of ways between protocols: what a call costs each of them beside the same call from chat to chat, and
//! what that comes to by request and by event.

use std::collections::BTreeSet;

use crate::cell::{Cell, Shape};
use crate::record::{Record, Row};
use crate::script::EVENTS;
use crate::table::{NONE, Table, number, signed};
use crate::way::Way;

/// A line for each way, of targets and numbers of connections that others than chat to chat were measured at.
pub(super) fn table(record: &Record) -> Table {
    let mut table = Table::new([
        "target",
        "conns",
        "way",
        "CPU us/request",
        "more",
        "CPU us/stream",
        "more",
        "more per event",
    ]);
    for target in &record.targets {
        let rows = record.rows.iter().filter(|row| row.target == target.name);
        let others = rows.filter(|row| row.cell.way != Way::ChatToChat);
        let connections: BTreeSet<usize> = others.map(|row| row.cell.connections).collect();
        for connections in connections {
            for way in Way::ALL {
                let of = |way, shape| record.row(Cell { connections, delay_ms: 0, shape, way }, &target.name);
                let [plain, stream] = [Shape::Plain1k, Shape::StreamBurst]
                    .map(|shape| of(way, shape).map(|row| (row, of(Way::ChatToChat, shape))));
                if plain.is_some() || stream.is_some() {
                    let mut cells = vec![target.name.clone(), connections.to_string(), way.name().to_owned()];
                    cells.extend(figures(plain, 1).into_iter().take(2));
                    cells.extend(figures(stream, EVENTS));
                    table.push(cells);
                }
            }
        }
    }
    table
}

/// What a call costs, how much more that is than from chat to chat, and the same divided by `share`.
fn figures(rows: Option<(&Row, Option<&Row>)>, share: usize) -> [String; 3] {
    let Some((row, base)) = rows else { return [NONE, NONE, NONE].map(str::to_owned) };
    if !row.is_valid() {
        return ["INVALID", NONE, NONE].map(str::to_owned);
    }
    let base = base.filter(|base| base.is_valid() && row.cell.way != Way::ChatToChat);
    let more = base.map(|base| row.cpu_us.median - base.cpu_us.median);
    let shown = |more: Option<f64>| more.map_or(NONE.to_owned(), signed);
    [number(row.cpu_us.median), shown(more), shown(more.map(|more| more / share as f64))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Measured;
    use crate::record::tests::{record, row_of};
    use crate::targets::NGINX;

    fn cells(way: Way, figures: [f64; 2], target: &str) -> Vec<Row> {
        let shapes = [Shape::Plain1k, Shape::StreamBurst].into_iter().zip(figures);
        let cell = |shape| Cell { connections: 128, delay_ms: 0, shape, way };
        shapes.map(|(shape, figure)| row_of(cell(shape), target, figure)).collect()
    }

    fn lines(rows: Vec<Row>) -> Vec<String> {
        let mut record = record(rows);
        let target = |name: &str| Measured {
            name: name.to_owned(),
            version: "1".to_owned(),
            idle_bytes: 0,
            after_bytes: 0,
        };
        record.targets = vec![target(NGINX), target("flyball")];
        let text = table(&record).text();
        let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().skip(2).map(squeezed).collect()
    }

    #[test]
    fn what_a_way_costs_stands_beside_chat_to_chat() {
        let mut rows = cells(Way::ChatToChat, [40.0, 80.0], "flyball");
        rows.extend(cells(Way::ChatToMessages, [45.0, 112.0], "flyball"));
        rows.extend(cells(Way::ChatToChat, [10.0, 20.0], NGINX));
        assert_eq!(
            lines(rows),
            [
                "| flyball | 128 | chat-to-chat | 40.0 | – | 80.0 | – | – |",
                "| flyball | 128 | chat-to-messages | 45.0 | +5.00 | 112 | +32.0 | +1.00 |"
            ]
        );
    }

    #[test]
    fn a_row_with_failures_has_no_figures_and_is_no_base() {
        let mut rows = cells(Way::ChatToChat, [40.0, 80.0], "flyball");
        rows.extend(cells(Way::ChatToMessages, [45.0, 112.0], "flyball"));
        for row in rows.iter_mut().filter(|row| row.cell.shape == Shape::Plain1k) {
            row.failures = u64::from(row.cell.way == Way::ChatToChat);
        }
        for row in rows.iter_mut().filter(|row| row.cell.shape == Shape::StreamBurst) {
            row.failures = u64::from(row.cell.way == Way::ChatToMessages);
        }
        assert_eq!(lines(rows)[1], "| flyball | 128 | chat-to-messages | 45.0 | – | INVALID | – | – |");
    }

    #[test]
    fn without_other_ways_there_is_no_table() {
        assert!(lines(cells(Way::ChatToChat, [40.0, 80.0], "flyball")).is_empty());
    }
}
