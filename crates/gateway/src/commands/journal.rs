//! `flyball journal`: look at what was recorded, verify it, take it elsewhere. Reads files beside a gateway that
//! serves; only `repair` writes, and wants the folder for itself.

mod damage;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use flyball_core::ExchangeId;
use flyball_journal::{Lsn, Reader, Record, find_in, read_folder};

use super::ConfigArgs;
use super::locations::Locations;
use super::output::{Failure, Outcome, Output, table};
use crate::recording::told::told;
use crate::serve::journal::FOLDER;

/// Bytes of records that are read at a time.
const PORTION: usize = 4 << 20;

/// Bytes of lines that are written at a time.
const CHUNK: usize = 64 << 10;

/// Subcommands of `journal`.
#[derive(Subcommand)]
pub(super) enum Journal {
    /// Show the last exchanges, or all records of one.
    Inspect {
        /// The exchange, as `x-flyball-request-id` told it.
        exchange: Option<ExchangeId>,
        /// How many of the last settlements to show.
        #[arg(long, value_name = "NUMBER", default_value_t = 20)]
        last: usize,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Read everything and check every sum. Fails when something is damaged, and says where.
    Verify {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Give up what is damaged, so that a gateway can start again. Wants the data folder for itself. The files are kept
    /// as they were in `damaged`, in the journal's folder.
    Repair {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Write all records as JSON, one a line, oldest first.
    Export(Export),
}

/// Arguments of `journal export`.
#[derive(Args)]
pub(super) struct Export {
    /// Position to begin at, as `verify` and error messages tell positions.
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    from: u64,
    /// File to write to, which must not exist. Default: standard output.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(command: &Journal, output: Output) -> Outcome {
    match command {
        Journal::Inspect { exchange: Some(exchange), config, .. } => one(*exchange, config, output),
        Journal::Inspect { exchange: None, last, config } => recent(*last, config, output),
        Journal::Verify { config } => damage::verify(config, output),
        Journal::Repair { config } => damage::repair(config, output),
        Journal::Export(wanted) => export(wanted, output),
    }
}

fn folder(config: &ConfigArgs) -> Result<PathBuf, Failure> {
    Ok(Locations::find(&config.sources(), crate::config::environment())?.data.join(FOLDER))
}

fn reader(config: &ConfigArgs, from: u64) -> Result<Reader, Failure> {
    read_folder(&folder(config)?, Lsn(from)).map_err(|error| Failure::failed(error.to_string()))
}

/// Visits all records. Fails where it was not possible to read all of them.
fn each(
    config: &ConfigArgs,
    from: u64,
    mut visit: impl FnMut(Record) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = reader(config, from)?;
    loop {
        let batch = reader.next_batch(PORTION).map_err(|error| Failure::failed(error.to_string()))?;
        if batch.is_empty() {
            break;
        }
        for (_, _, record) in batch {
            visit(record)?;
        }
    }
    damage::none(&folder(config)?)
}

fn one(exchange: ExchangeId, config: &ConfigArgs, output: Output) -> Outcome {
    let folder = folder(config)?;
    let found = find_in(&folder, exchange.0.as_bytes());
    let Some(found) = found.map_err(|error| Failure::failed(error.to_string()))? else {
        // Not there is one thing, not to be read another.
        damage::none(&folder)?;
        return Err(Failure::refused(format!("the journal holds nothing of exchange {exchange}")));
    };
    let intents = found.intents.into_iter().map(Record::Intent);
    let records = intents.chain(found.settlement.map(Record::Settlement));
    let found: Vec<_> = records.map(|record| told(&record)).collect();
    let text = || {
        let shown = found.iter().map(|record| serde_json::to_string_pretty(record).unwrap_or_default());
        shown.collect::<Vec<_>>().join("\n")
    };
    output.show(&found, text)
}

fn recent(last: usize, config: &ConfigArgs, output: Output) -> Outcome {
    let mut settlements = std::collections::VecDeque::new();
    each(config, 0, |record| {
        if let Record::Settlement(settlement) = record {
            if settlements.len() == last {
                settlements.pop_front();
            }
            if last > 0 {
                settlements.push_back(settlement);
            }
        }
        Ok(())
    })?;
    let rows: Vec<_> =
        settlements.into_iter().map(|settlement| told(&Record::Settlement(settlement))).collect();
    output.show(&rows, || {
        let text = |row: &serde_json::Value, name: &str| match &row[name] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        table(
            ["EXCHANGE", "TIME", "TENANT", "ROUTE", "ACTION", "OUTCOME", "INPUT", "OUTPUT", "COUNTED"],
            rows.iter().map(|row| {
                let usage = &row["usage"];
                [
                    text(row, "exchange"),
                    text(row, "time"),
                    text(row, "tenant"),
                    text(row, "route"),
                    text(row, "action"),
                    text(row, "outcome"),
                    text(usage, "input_tokens"),
                    text(usage, "output_tokens"),
                    text(usage, "counting"),
                ]
            }),
        )
    })
}

fn export(wanted: &Export, output: Output) -> Outcome {
    let (config, from) = (&wanted.config, wanted.from);
    match &wanted.to {
        None => {
            let mut lines = String::new();
            let read = each(config, from, |record| {
                // Writing into a String does not fail.
                let _ = writeln!(lines, "{}", told(&record));
                if lines.len() < CHUNK { Ok(()) } else { output.write(&std::mem::take(&mut lines)) }
            });
            // What could be read is there, whatever came after it.
            output.write(&lines)?;
            read
        }
        Some(path) => {
            let failed = |error: std::io::Error| Failure::failed(format!("{}: {error}", path.display()));
            let file = std::fs::File::create_new(path).map_err(failed)?;
            let mut file = std::io::BufWriter::new(file);
            let read = each(config, from, |record| writeln!(file, "{}", told(&record)).map_err(failed));
            file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
            read
        }
    }
}
