//! The program `ws-host`: parses the command line, starts the log, and runs the task.

mod allocator;
mod banner;
mod check;
mod cli;
mod completions;
mod componentize;
mod connect;
mod dev;
mod documentation;
mod health;
mod log;
mod man;
mod new;
mod open_files;
mod serve;
mod signals;
mod test_command;
mod top;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tracing_subscriber::EnvFilter;
use ws_host::Server;
use ws_host::config::Config;

use self::cli::{Args, Task};
use self::log::{Format, Log};

/// This program as it was started, even if its file has been replaced since. It is also the program that compiles
/// components.
const THIS_PROGRAM: &str = "/proc/self/exe";

fn main() -> ExitCode {
    if let Some(status) = ws_host::run_as_compiler() {
        return status;
    }
    let args = Args::parse();
    let log = match Log::start(args.log_format()) {
        Ok(log) => log,
        Err(error) => {
            // If standard error is closed, the error cannot be reported anywhere.
            let _ = writeln!(std::io::stderr(), "ws-host: cannot start the log thread: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = run(args, &log).unwrap_or_else(|error| {
        log.report("ERROR", &format!("{error:#}"));
        ExitCode::FAILURE
    });
    log.finish();
    code
}

fn run(args: Args, log: &Log) -> Result<ExitCode> {
    start_tracing(log, args.log())?;
    run_task(args.into_task()?, log)
}

fn start_tracing(log: &Log, filter: &str) -> Result<()> {
    let names_access_log = filter.split(',').any(|part| part.trim().starts_with("access"));
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter:?}"))?;
    // The access log has a setting of its own, so its lines must not depend on the level of other lines.
    let filter = match names_access_log {
        true => filter,
        false => filter.add_directive("access=info".parse()?),
    };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone());
    match log.format() {
        Format::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
        Format::Json => subscriber
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .init(),
    }
    Ok(())
}

fn run_task(task: Task, log: &Log) -> Result<ExitCode> {
    let runtime = ws_host::runtime()?;
    let result = match task {
        Task::Serve(config) => {
            open_files::raise_limit(config.host.limits.max_clients);
            runtime.block_on(serve::run(config, log)).map(|()| ExitCode::SUCCESS)
        }
        Task::Check(config) => runtime.block_on(check(config)).map(|()| ExitCode::SUCCESS),
        Task::Connect(args) => runtime.block_on(connect::run(args)),
        Task::Inspect(args) => runtime.block_on(check::run(args)),
        Task::Develop(args) => runtime.block_on(dev::run(args, log)).map(|()| ExitCode::SUCCESS),
        Task::New(args) => new::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Componentize(args) => componentize::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Test(args) => test_command::run(&args),
        Task::AskHealth(args) => health::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Watch(args) => runtime.block_on(top::run(args)),
        Task::PrintCompletions(args) => completions::run(&args).map(|()| ExitCode::SUCCESS),
        Task::WriteManPages(args) => man::run(&args).map(|()| ExitCode::SUCCESS),
    };
    // The program must not wait for a handler that is still sleeping.
    runtime.shutdown_background();
    result
}

/// Loads everything that would be served, and prints the resources.
async fn check(config: Config) -> Result<()> {
    let mut text = String::new();
    for resource in Server::check(config).await? {
        text += &format!(
            "{} at {}: {} ({})\n",
            resource.name, resource.path, resource.component, resource.hash
        );
    }
    // A failed write is ignored, because a closed standard output does not make the configuration invalid.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
