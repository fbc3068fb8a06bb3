//! A run: starts the simulator and the targets, measures every cell at every target in turn, so that what disturbs
//! the machine disturbs all of them, and collects the record.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::cell::{Cell, Shape};
use crate::closed::{self, Edge, Plan};
use crate::connection::Workload;
use crate::disk;
use crate::frontier::{Point, Search};
use crate::machine;
use crate::open::{self, Trial};
use crate::percentiles::Percentiles;
use crate::poll::{Waiting, wake_precisely};
use crate::process::{allow_many_files, pin_to};
use crate::progress::Progress;
use crate::record::{Frontier, Limit, Measured, Record, Repetition, Row, Settings};
use crate::script::{self, Behaviour};
use crate::targets::{Cores, DIRECT, Surroundings, Target, simulator};
use crate::way::Way;

/// Rest before memory is read: what a start or a load leaves behind is given back by then, or stays.
const REST: Duration = Duration::from_secs(3);
/// Limits of the 99th percentile in the open loop, ms.
const LIMITS_MS: [u64; 3] = [1, 5, 10];
/// Connections of the open loop.
const OPEN_CONNECTIONS: usize = 256;
/// How often a rate is tried before it counts as too high: a single stall of the machine is not the proxy's.
const ATTEMPTS: usize = 2;
/// The shapes of the open loop, without delay.
pub(crate) const OPEN_SHAPES: [Shape; 3] = [Shape::Plain170, Shape::Plain1k, Shape::StreamBurst];

/// What to measure and how.
#[derive(Debug)]
pub(crate) struct Order {
    /// The cells of the closed loop.
    pub(crate) cells: Vec<Cell>,
    /// The shapes of the open loop.
    pub(crate) open_shapes: Vec<Shape>,
    /// Durations and repetitions.
    pub(crate) settings: Settings,
    /// What a reader has to know besides.
    pub(crate) remarks: Vec<String>,
}

/// Starts a target.
pub(crate) type Starter<'a> = Box<dyn Fn(Surroundings<'_>) -> anyhow::Result<Target> + 'a>;

/// Does it all.
///
/// # Errors
///
/// When something does not start, is not what was started, or ends. Calls that fail are no error: they make their
/// row invalid.
pub(crate) fn run(order: Order, folder: &Path, starters: &[Starter<'_>]) -> anyhow::Result<Record> {
    let settings = order.settings;
    let cores = Cores { load: settings.load_core, proxy: settings.proxy_core };
    ensure!(cores.load != cores.proxy, "the proxy needs a core of its own");
    let progress = Progress::new();
    let machine = machine::look();
    pin_to(cores.load).with_context(|| format!("core {} is not to be had", cores.load))?;
    allow_many_files().context("the limit of open files cannot be raised")?;
    progress.say("timing the disk");
    let disk = disk::measure(folder)?;
    let mut targets = vec![simulator::start(folder, cores.load, settings.waiting)?];
    let simulator = targets.first().map(|target| target.address).context("no simulator")?;
    for start in starters {
        let target = start(Surroundings { folder, simulator, core: cores.proxy })?;
        progress.say(&format!("started {} {}", target.name, target.version));
        targets.push(target);
    }
    // Not before: the targets would inherit it.
    wake_precisely()?;
    sleep(REST);
    let mut idle = Vec::new();
    for target in &mut targets {
        target.process.verify().with_context(|| target.name.clone())?;
        idle.push(target.process.resident()?);
    }
    let rows = closed_loop(&order, &mut targets, &progress)?;
    let frontier = open_loop(&order, &mut targets, &progress)?;
    sleep(REST);
    let mut measured = Vec::new();
    for (target, idle_bytes) in targets.iter_mut().zip(idle) {
        target.process.verify().with_context(|| target.name.clone())?;
        measured.push(Measured {
            name: target.name.clone(),
            version: target.version.clone(),
            idle_bytes,
            after_bytes: target.process.resident()?,
        });
    }
    Ok(Record { machine, settings, remarks: order.remarks, disk, targets: measured, rows, frontier })
}

fn closed_loop(order: &Order, targets: &mut [Target], progress: &Progress) -> anyhow::Result<Vec<Row>> {
    let mut cells = order.cells.clone();
    cells.sort_unstable();
    let mut places: Vec<(Cell, usize, String, Vec<Repetition>)> = Vec::new();
    for &cell in &cells {
        let able = targets.iter().enumerate().filter(|(_, target)| target.goes(cell.way));
        places.extend(able.map(|(index, target)| (cell, index, target.name.clone(), Vec::new())));
    }
    ensure!(cells.is_empty() || !places.is_empty(), "none of these targets can be measured in these cells");
    for turn in 0..order.settings.repetitions {
        for (cell, index, name, found) in &mut places {
            let repetition = measure(*cell, order.settings, targets, *index)?;
            progress.say(&format!(
                "{}/{} {cell} {name}: {:.0}/s, {:.1} us{}",
                turn + 1,
                order.settings.repetitions,
                repetition.calls as f64 / repetition.seconds,
                repetition.cpu as f64 / 1e3 / repetition.calls.max(1) as f64,
                repetition.reasons.first().map_or(String::new(), |reason| format!("; FAILED: {reason}")),
            ));
            found.push(repetition);
        }
    }
    Ok(places.iter().map(|(cell, _, name, found)| Row::of(*cell, name, found)).collect())
}

/// The calls of a cell, as the target wants them.
pub(crate) fn workload(target: &Target, cell: Cell, waiting: Waiting) -> Workload {
    let behaviour = Behaviour { delay_ms: cell.delay_ms, pace_ms: cell.shape.pace_ms() };
    let client = cell.way.client();
    let body = script::body(cell.way, cell.shape, behaviour);
    Workload {
        address: target.address,
        request: script::request(client, &target.address.to_string(), &target.headers, &body),
        client,
        is_stream: cell.shape.is_stream(),
        waiting,
    }
}

/// One repetition of a cell at the target of that index. The first target is the simulator.
fn measure(
    cell: Cell,
    settings: Settings,
    targets: &mut [Target],
    index: usize,
) -> anyhow::Result<Repetition> {
    let provider = targets.first().map(|target| target.address).context("no simulator")?;
    for target in targets.iter_mut().take(1) {
        target.process.verify().with_context(|| target.name.clone())?;
    }
    let target = targets.get_mut(index).context("no such target")?;
    target.process.verify().with_context(|| target.name.clone())?;
    let target = targets.get(index).context("no such target")?;
    let answered_before = simulator::count(provider)?;
    let plan = Plan {
        connections: cell.connections,
        // Slow answers take their time before the first of them ends.
        warm_up: Duration::from_secs_f64(settings.warm_up_seconds) + cell.provider_time() * 2,
        window: Duration::from_secs_f64(settings.seconds),
        stagger: cell.provider_time(),
    };
    let mut readings = Vec::with_capacity(2);
    let mut resident = 0;
    let seen = closed::run::<anyhow::Error>(&workload(target, cell, settings.waiting), plan, |edge| {
        readings.push(target.process.cpu_times()?);
        if edge == Edge::End {
            resident = target.process.resident()?;
        }
        Ok(())
    })
    .with_context(|| format!("{cell} at {}:\n{}", target.name, target.process.said()))?;
    let [before, after] = readings.as_slice() else {
        anyhow::bail!("the window of {cell} has no two ends");
    };
    let spent = after.since(before);
    let mut failures = seen.failures.clone();
    if spent.ended_threads > 0 {
        failures.add(format!("{} threads ended within the window: CPU time is missing", spent.ended_threads));
    }
    let answered = simulator::count(provider)?.saturating_sub(answered_before);
    if answered < seen.answered {
        failures.add(format!("{} calls were answered, the provider saw {answered}", seen.answered));
    }
    Ok(Repetition {
        calls: seen.latencies.len() as u64,
        seconds: seen.window.as_secs_f64(),
        latency: Percentiles::of(seen.latencies).unwrap_or_default(),
        first_token: Percentiles::of(seen.first_tokens),
        cpu: spent.total,
        journal: spent.journal,
        resident,
        failures: failures.count(),
        reasons: failures.reasons().to_vec(),
    })
}

fn open_loop(order: &Order, targets: &mut [Target], progress: &Progress) -> anyhow::Result<Vec<Frontier>> {
    let mut rows = Vec::new();
    for &shape in &order.open_shapes {
        for index in 0..targets.len() {
            rows.push(frontier(shape, order.settings, targets, index, progress)?);
        }
    }
    Ok(rows)
}

fn frontier(
    shape: Shape,
    settings: Settings,
    targets: &mut [Target],
    index: usize,
    progress: &Progress,
) -> anyhow::Result<Frontier> {
    // What a closed loop reaches is about what can be had; half as much again certainly cannot.
    let cell = Cell { connections: 128, delay_ms: 0, shape, way: Way::ChatToChat };
    let reached = measure(cell, settings, targets, index)?;
    let mut search = Search::new(reached.calls as f64 / reached.seconds * 1.5);
    let target = targets.get(index).context("no such target")?;
    let workload = workload(target, cell, settings.waiting);
    for limit in LIMITS_MS {
        while let Some(rate) = search.next(limit * 1_000_000) {
            let trial = Trial {
                rate,
                connections: OPEN_CONNECTIONS,
                warm_up: Duration::from_secs_f64(settings.warm_up_seconds.min(0.5)),
                window: Duration::from_secs_f64(settings.seconds),
            };
            let mut best = None;
            for _ in 0..ATTEMPTS {
                let shown = open::run(&workload, trial)
                    .with_context(|| format!("{}:\n{}", target.name, target.process.said()))?;
                let p99 = shown.p99();
                progress.say(&format!(
                    "{shape} {} at {rate:.0}/s: {}",
                    target.name,
                    p99.map_or("does not hold".to_owned(), |p99| format!("p99 {:.2} ms", p99 as f64 / 1e6))
                ));
                best = [best, p99].into_iter().flatten().min();
                if best.is_some_and(|best| best < limit * 1_000_000) {
                    break;
                }
            }
            let p99 = best;
            search.note(Point { rate, p99 });
        }
    }
    let limits = LIMITS_MS.map(|limit| Limit { p99_below_ms: limit, rate: search.held(limit * 1_000_000) });
    Ok(Frontier { shape, target: target.name.clone(), limits: limits.to_vec() })
}

/// Whether a target is wanted.
pub(crate) fn is_wanted(only: &[String], name: &str) -> bool {
    only.is_empty() || only.iter().any(|wanted| wanted == name || name == DIRECT)
}
