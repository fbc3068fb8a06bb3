//! `flyball demo`: a conversation with a model through a gateway, showing what the policy did. `session` asks,
//! `local` is the gateway when none is named.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use tokio::sync::mpsc;

use super::ConfigArgs;
use super::operator::runtime;
use super::output::{Ending, Failure, Outcome, Output};
use crate::edge::drain::shutdown_signal;

mod local;
mod session;

use local::Local;
use session::{Reply, Session};

/// Arguments of `demo`.
#[derive(Args)]
pub(super) struct Demo {
    /// A running gateway. Without one, a gateway is started in this process, on a port and in a folder of its own.
    #[arg(long, env = "FLYBALL_URL", hide_env_values = true)]
    url: Option<String>,
    /// A key of that gateway.
    #[arg(long, env = "FLYBALL_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The model to talk to. Default: demo where there is one, otherwise the first that the key may use.
    #[arg(long)]
    model: Option<String>,
    /// Ask this and end.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Configuration of the gateway in this process. Default: flyball.yaml in the working folder, where there is one.
    #[arg(long, value_name = "FILE", env = "FLYBALL_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
}

pub(super) fn run(command: Demo, output: Output) -> Outcome {
    runtime()?.block_on(async {
        let Demo { url, key, model, prompt, config } = command;
        match (url, key) {
            (Some(url), Some(key)) => talk(&url, &key, model, prompt, output).await,
            (Some(_), None) => Err(Failure::wrong("--url needs --key, or the variable FLYBALL_KEY")),
            (None, Some(_)) => Err(Failure::wrong("--key needs --url, or the variable FLYBALL_URL")),
            (None, None) => {
                let local = Local::start(ConfigArgs { config, data: None }.sources()).await?;
                let done = talk(&local.url(), local.key(), model, prompt, output).await;
                let stopped = local.stop().await;
                done.and(stopped)
            }
        }
    })
}

/// Talks until it is over, or until the user interrupts: a gateway of our own is stopped all the same.
async fn talk(
    url: &str,
    key: &str,
    model: Option<String>,
    prompt: Option<String>,
    output: Output,
) -> Outcome {
    let interrupted = if prompt.is_some() { Err(Failure::failed("interrupted")) } else { Ok(()) };
    tokio::select! {
        done = say(url, key, model, prompt, output) => done,
        _ = shutdown_signal() => interrupted,
    }
}

async fn say(url: &str, key: &str, model: Option<String>, prompt: Option<String>, output: Output) -> Outcome {
    let mut session = Session::open(url, key, model).await?;
    match prompt {
        Some(prompt) => {
            let reply = session.ask(&prompt).await?;
            output.show(&reply, || format!("{}\n{}", reply.text(), reply.account()))?;
            if reply.is_blocked() { Err(Failure::told(Ending::Refused)) } else { Ok(()) }
        }
        None => converse(&mut session, url, output).await,
    }
}

/// Answers line by line, until the input ends.
async fn converse(session: &mut Session, url: &str, output: Output) -> Outcome {
    let people = !output.is_json();
    let prompting = people && std::io::stdin().is_terminal();
    if people {
        output.write(&format!("{} at {url}; Ctrl-D ends.\n", session.model()))?;
    }
    let mut lines = lines();
    loop {
        if prompting {
            output.write("> ")?;
        }
        let Some(line) = lines.recv().await else { return Ok(()) };
        if line.trim().is_empty() {
            continue;
        }
        if people {
            let reply = session.stream(&line, |piece| output.write(piece)).await?;
            let rest = reply.refusal().unwrap_or_default();
            output.write(&format!("{rest}\n{}\n", reply.account()))?;
        } else {
            let reply: Reply = session.ask(&line).await?;
            output.show(&reply, String::new)?;
        }
    }
}

/// Lines of standard input. Read on a thread that nobody waits for: a read of a terminal cannot be interrupted.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
