//! The commands: what each measures, and with which targets. How they measure is said by `run`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};

use crate::cell::{CONNECTIONS, Cell, Filter, QUICK_CONNECTIONS, Shape};
use crate::cli::{Common, Load, Peers, WithFrontier};
use crate::compare::compare;
use crate::machine;
use crate::poll::Waiting;
use crate::record::{Record, Settings};
use crate::report;
use crate::run::{OPEN_SHAPES, Order, Starter, is_wanted, run};
use crate::targets::flyball::{self, Governance};
use crate::targets::{NGINX, nginx, peers};
use crate::way::Way;

/// A row is not valid.
const FAILED: u8 = 1;
/// A figure is worse than in the run that was compared with.
const WORSE: u8 = 2;

/// `load`: Flyball beside nginx.
///
/// # Errors
///
/// When something cannot be built, started, measured or written.
pub(crate) fn load(command: &Load) -> anyhow::Result<ExitCode> {
    let common = &command.common;
    let connections = if command.quick { &QUICK_CONNECTIONS[..] } else { &CONNECTIONS };
    let frontier =
        command.frontier.unwrap_or(if command.quick { WithFrontier::No } else { WithFrontier::Yes });
    let cells = if frontier == WithFrontier::Only {
        Vec::new()
    } else {
        admitted(Cell::matrix(connections), &common.cells)
    };
    let (seconds, repetitions) = if command.quick { (1.0, 1) } else { (2.0, 3) };
    let order = Order {
        cells,
        open_shapes: if frontier == WithFrontier::No { Vec::new() } else { open_shapes(&common.cells) },
        settings: settings(common, seconds, 0.5, repetitions),
        remarks: Vec::new(),
    };
    measure(common, order, Vec::new())
}

/// `peers`: other gateways beside both.
///
/// # Errors
///
/// When something cannot be installed, built, started, measured or written.
pub(crate) fn peers(command: &Peers) -> anyhow::Result<ExitCode> {
    let common = &command.common;
    let mut cells = Vec::new();
    for connections in [1, 32, 128] {
        cells.extend([Shape::Plain170, Shape::StreamBurst].map(|shape| Cell {
            connections,
            delay_ms: 0,
            shape,
            way: Way::ChatToChat,
        }));
    }
    let order = Order {
        cells: admitted(cells, &common.cells),
        open_shapes: Vec::new(),
        settings: settings(common, 4.0, 2.0, 3),
        remarks: vec![
            "How the peers are configured, and what is unfair to whom: benches/peers/README.md.".to_owned(),
        ],
    };
    let mut starters: Vec<Starter<'_>> = Vec::new();
    let folder = machine::bench_folder()?;
    if is_wanted(&common.only, peers::LITELLM) {
        let program = peers::install_litellm(&folder)?;
        starters.push(Box::new(move |surroundings| peers::start_litellm(surroundings, &program)));
    }
    if is_wanted(&common.only, peers::PORTKEY) {
        let program = peers::install_portkey(&folder)?;
        starters.push(Box::new(move |surroundings| peers::start_portkey(surroundings, &program)));
    }
    measure(common, order, starters)
}

fn settings(common: &Common, seconds: f64, warm_up: f64, repetitions: usize) -> Settings {
    Settings {
        seconds: common.seconds.unwrap_or(seconds).clamp(0.1, 3600.0),
        warm_up_seconds: common.warm_up.unwrap_or(warm_up).clamp(0.0, 3600.0),
        repetitions: common.repetitions.unwrap_or(repetitions).clamp(1, 1000),
        load_core: common.cores.load_core,
        proxy_core: common.cores.proxy_core,
        waiting: if common.sleep { Waiting::Sleep } else { Waiting::Spin },
    }
}

fn open_shapes(filters: &[Filter]) -> Vec<Shape> {
    let is_wanted = |shape| filters.is_empty() || filters.iter().any(|filter| filter.admits_shape(shape));
    OPEN_SHAPES.into_iter().filter(|&shape| is_wanted(shape)).collect()
}

/// The cells that a filter admits, and those of numbers of connections that only a filter names.
fn admitted(mut cells: Vec<Cell>, filters: &[Filter]) -> Vec<Cell> {
    if filters.is_empty() {
        return cells;
    }
    for connections in filters.iter().filter_map(|filter| filter.connections()) {
        cells.extend(Cell::over(connections).chain(Cell::of_ways(connections)));
    }
    cells.sort_unstable();
    cells.dedup();
    cells.retain(|cell| filters.iter().any(|filter| filter.admits(*cell)));
    cells
}

fn measure(common: &Common, mut order: Order, more: Vec<Starter<'_>>) -> anyhow::Result<ExitCode> {
    ensure!(!order.cells.is_empty() || !order.open_shapes.is_empty(), "no cell is left to measure");
    let earlier = common.compare.as_deref().map(read).transpose()?;
    let folder = tempfile::Builder::new().prefix("run-").tempdir_in(machine::bench_folder()?)?;
    let mut starters: Vec<Starter<'_>> = Vec::new();
    if is_wanted(&common.only, NGINX) {
        starters.push(Box::new(nginx::start));
    }
    let binary = flyball::binary(common.flyball.clone(), &common.profile)?;
    let wanted: Vec<Governance> = flyball::governances(&binary, folder.path())?
        .into_iter()
        .filter(|governance| is_wanted(&common.only, governance.name()))
        .collect();
    if !wanted.is_empty() {
        order.remarks.extend(flyball::remarks(&binary, folder.path())?);
    }
    for governance in wanted {
        let binary = binary.clone();
        starters.push(Box::new(move |surroundings| flyball::start(surroundings, &binary, governance, &[])));
    }
    starters.extend(more);
    ensure!(!starters.is_empty(), "none of the targets named with --only exists");
    let record = run(order, folder.path(), &starters)?;
    if let Some(path) = &common.json {
        fs::write(path, serde_json::to_string_pretty(&record)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let comparison = earlier.map(|earlier| compare(&earlier, &record));
    let mut text = report::text(&record);
    if let Some(comparison) = &comparison {
        text.push_str(&format!("\n### Changes\n\n{}", comparison.text));
    }
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(if !record.is_valid() {
        ExitCode::from(FAILED)
    } else if comparison.is_some_and(|comparison| comparison.worse > 0) {
        ExitCode::from(WORSE)
    } else {
        ExitCode::SUCCESS
    })
}

fn read(path: &Path) -> anyhow::Result<Record> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not of this bench", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_may_name_connections_that_the_matrix_lacks() {
        for way in [Way::ChatToChat, Way::ChatToMessages] {
            let filters = [format!("{}:plain-1k+0ms@64", way.name()).parse().unwrap()];
            let cells = admitted(Cell::matrix(&QUICK_CONNECTIONS), &filters);
            assert_eq!(cells, [Cell { connections: 64, delay_ms: 0, shape: Shape::Plain1k, way }]);
        }
        assert_eq!(admitted(Cell::matrix(&QUICK_CONNECTIONS), &[]).len(), 16 + 8);
    }
}
