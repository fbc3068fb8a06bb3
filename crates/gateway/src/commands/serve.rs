//! `flyball serve`: runs the gateway until SIGTERM or SIGINT.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flyball_journal::Fatal;
use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::ConfigArgs;
use super::mistakes::{self, Mistake};
use super::output::{Failure, Output};
use crate::config::{Log, LogFormat};
use crate::edge::drain::Phase;
use crate::edge::drain::shutdown_signal;
use crate::serve::{Running, Sources, first_start::FirstKeys, reload, start};

/// After how many tasks of its own a worker takes one of those that all share.
const SHARED_QUEUE: u32 = 3;

/// Arguments of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Policy file.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Least important log lines: trace, debug, info, warn or error.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Form of log lines: auto, json or text.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

/// Serves until told to stop.
pub(super) fn run(command: Serve, output: Output) -> ExitCode {
    let mut sources = command.config.sources();
    sources.flags.listen = command.listen;
    sources.flags.policy = command.policy;
    sources.flags.log_level = command.log_level;
    sources.flags.log_format = command.log_format.or_else(|| output.is_json().then(|| "json".to_owned()));
    let config = match sources.load() {
        Ok(config) => config,
        Err(errors) => {
            let found: Vec<Mistake> = errors.0.iter().map(Mistake::from).collect();
            return output.end(Err(mistakes::failure(&found)));
        }
    };
    start_log(config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // A worker's own queue holds 256 tasks, what is beyond goes to one that all share. It is looked at rarely by
        // default: with more connections than that, some would wait a hundred milliseconds for their turn.
        .global_queue_interval(SHARED_QUEUE)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return output.end(Err(Failure::failed(error.to_string()))),
    };
    let code = runtime.block_on(async {
        // Watched from before the start: whoever sees us listening can already ask us to stop.
        let mut asked = std::pin::pin!(shutdown_signal());
        let started = tokio::select! {
            biased;
            started = start(config) => started,
            watched = &mut asked => return output.end(watched.map_err(|error| Failure::failed(error.to_string()))),
        };
        match started {
            Ok(running) => serve(running, &sources, asked, output).await,
            Err(error) => output.end(Err(Failure::wrong(error.to_string()))),
        }
    });
    // Not waited for: a thread that a disk holds up would keep the process from its end.
    runtime.shutdown_background();
    code
}

async fn serve(
    running: Running,
    sources: &Sources,
    asked: impl Future<Output = std::io::Result<()>>,
    output: Output,
) -> ExitCode {
    if let Some(keys) = &running.first_keys {
        greet(keys, &running.address.to_string(), output);
    }
    let snapshot = running.gateway.snapshot();
    tracing::info!(
        address = %running.address,
        admin = running.admin_address.map(tracing::field::display),
        version = env!("CARGO_PKG_VERSION"),
        policy = snapshot.policy.hash(),
        models = snapshot.models().count(),
        keys = running.gateway.keys.len(),
        "serving"
    );
    tokio::select! {
        () = reload::run(&running, sources, std::future::pending()) => {}
        fatal = running.gateway.journal.failed() => return without_journal(&fatal),
        asked = asked => {
            if let Err(error) = asked {
                tracing::error!(code = "E700", %error, "signals cannot be received");
            }
        }
    }
    tracing::info!(in_flight = running.gateway.drain.in_flight(), phase = ?Phase::Draining, "stopping");
    let hurry = async {
        if shutdown_signal().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let journal = running.gateway.journal.clone();
    let stopped = tokio::select! {
        biased;
        // A stop is no reason to go on without a journal, nor to say that all went well.
        fatal = journal.failed() => return without_journal(&fatal),
        stopped = running.stop(hurry) => stopped,
    };
    match stopped {
        Ok(report) => {
            tracing::info!(told_to_end = report.told_to_end, abandoned = report.abandoned, "stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            // A failure between the look at the journal and the stop's own end comes out as the stop's error.
            if let Some(fatal) = journal.failure() {
                return without_journal(&fatal);
            }
            tracing::error!(code = "E702", %error, "state could not be written");
            ExitCode::FAILURE
        }
    }
}

/// The end of a process whose journal failed: nothing is released from here on, and what the disk holds is put right
/// by the recovery of the next start.
fn without_journal(fatal: &Fatal) -> ExitCode {
    tracing::error!(code = "E702", error = %fatal, "the journal failed: stopping at once");
    ExitCode::FAILURE
}

/// Shows the keys that were made, this once.
fn greet(keys: &FirstKeys, address: &str, output: Output) {
    let FirstKeys { demo, operator } = keys;
    let text = format!(
        "\nA new data folder. These keys are shown once:\n\n  \
         demo key:     {demo}\n  operator key: {operator}\n\n\
         Try it:\n\n  \
         curl http://{address}/v1/chat/completions -H 'authorization: Bearer {demo}' \\\n    \
         -H 'content-type: application/json' \\\n    \
         -d '{{\"model\":\"demo\",\"messages\":[{{\"role\":\"user\",\"content\":\"Invent a customer record\"}}]}}'\n\n  \
         python3 -c \"from openai import OpenAI; c = OpenAI(base_url='http://{address}/v1', api_key='{demo}'); \
         print(c.chat.completions.create(model='demo', messages=[{{'role':'user','content':'What is 12*7?'}}])\
         .choices[0].message.content)\"\n\n"
    );
    let value = json!({ "address": address, "demo_key": demo, "operator_key": operator });
    // Keys that cannot be shown are no reason not to serve.
    let _ = output.show(&value, || text);
}

/// What some libraries may say at most. The file watcher's lines would be about the log itself where it lies in a
/// folder that is watched, and so without end; the others' would be about single frames and statements.
const OTHERS_QUIET: &str = "hyper=warn,h2=warn,sqlx=warn,notify=warn";

fn start_log(settings: Log) {
    let filter = EnvFilter::new(format!("{level},{OTHERS_QUIET}", level = settings.level.name()));
    let pleasant = match settings.format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    // A second gateway in one process keeps the first one's log.
    let _ = if pleasant {
        registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)).try_init()
    } else {
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
        registry.with(layer.with_writer(std::io::stderr)).try_init()
    };
}
