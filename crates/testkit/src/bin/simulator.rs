//! The provider simulator as a program, for the load bench and for trying things by hand.

use std::io::Write;
use std::net::SocketAddr;

use clap::Parser;
use flyball_demo::Demo;
use flyball_testkit::Simulator;

/// A deterministic OpenAI-compatible provider with scripted faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9099")]
    listen: SocketAddr,
    /// How many threads serve.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.threads.max(1))
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let simulator = Simulator::serve(arguments.listen, Demo::new()).await?;
        writeln!(std::io::stdout(), "serving {}", simulator.base_url())?;
        tokio::signal::ctrl_c().await?;
        simulator.shutdown().await;
        Ok(())
    })
}
