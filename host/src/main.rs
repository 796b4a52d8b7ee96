//! The program `ws-host`: parse, log, do it, and say how it ended.

mod banner;
mod cli;
mod connect;
mod log;
mod open_files;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use ws_host::config::Config;
use ws_host::{Server, Stopped};

use self::cli::{Args, Task};
use self::log::Log;

/// Gives back what hibernated instances leave between the connections that stay: the system's allocator
/// keeps most of it. `.cargo/config.toml` says after what time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// As shells count a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let args = Args::parse();
    let log = match Log::start() {
        Ok(log) => log,
        Err(error) => {
            // Nothing is left to be done about a standard error that is closed.
            let _ = writeln!(std::io::stderr(), "ws-host: no thread for the log: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = run(args, &log).unwrap_or_else(|error| {
        log.add(format!("ws-host: {error:#}\n").as_bytes());
        ExitCode::FAILURE
    });
    log.finish();
    code
}

fn run(args: Args, log: &Log) -> Result<ExitCode> {
    write_to(log, args.log())?;
    act(args.into_task()?, log)
}

fn write_to(log: &Log, filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter:?}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(log.clone())
        .init();
    Ok(())
}

fn act(task: Task, log: &Log) -> Result<ExitCode> {
    let runtime = ws_host::runtime()?;
    let done = match task {
        Task::Serve(config) => {
            open_files::raise_limit(config.host.limits.max_clients);
            runtime.block_on(serve(config, log)).map(|()| ExitCode::SUCCESS)
        }
        Task::Check(config) => runtime.block_on(check(config)).map(|()| ExitCode::SUCCESS),
        Task::Connect(args) => runtime.block_on(connect::run(args)),
    };
    // A handler that sleeps on must not keep the program.
    runtime.shutdown_background();
    done
}

async fn serve(config: Config, log: &Log) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let watch = config.host.watch;
    let static_files = config.host.static_files.clone().map(|files| files.folder);
    let server = Server::start(config).await?;
    banner::print(&server, watch, static_files.as_deref());
    let renewer = server.config_reloader();
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            // The log tells what came of it.
            let _ = renewer.renew().await;
        }
    });
    let ending = log.clone();
    let stopped = server
        .run(async {
            next(&mut interrupt, &mut terminate).await;
            tokio::spawn(async move {
                next(&mut interrupt, &mut terminate).await;
                ending.finish();
                std::process::exit(INTERRUPTED);
            });
        })
        .await;
    if let Stopped::Abandoned(clients) = stopped {
        tracing::warn!(clients, "the time to drain was over before all clients had gone");
    }
    Ok(())
}

/// Loads everything that would be served.
async fn check(config: Config) -> Result<()> {
    let host = Server::check(config).await?;
    let mut text = String::new();
    for resource in host.resources() {
        text += &format!(
            "{} at {}: {} ({})\n",
            resource.name, resource.path, resource.component, resource.hash
        );
    }
    // A closed standard output is no fault of the configuration.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
