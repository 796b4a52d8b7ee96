//! The program `ws-host`: parse, log, serve, and say how it ended.

mod cli;
mod open_files;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use ws_host::config::{Config, Watch};
use ws_host::{Server, Stopped};

/// Gives back what hibernated instances leave between the connections that stay: the system's allocator
/// keeps most of it. `.cargo/config.toml` says after what time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// As shells count a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let args = cli::Args::parse();
    match start_log(&args.log).and_then(|()| run(args.into_config()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done about a standard error that is closed.
            let _ = writeln!(std::io::stderr(), "ws-host: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start_log(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter:?}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

fn run(config: Config) -> Result<()> {
    open_files::raise_limit(config.limits.max_clients);
    let runtime = ws_host::runtime()?;
    let stopped = runtime.block_on(serve(config));
    // A handler that sleeps on must not keep the program.
    runtime.shutdown_background();
    if let Stopped::Abandoned(clients) = stopped? {
        tracing::warn!(clients, "the time to drain was over before all clients had gone");
    }
    Ok(())
}

async fn serve(config: Config) -> Result<Stopped> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let banner = Banner::new(&config);
    let mut hang_up = signal(SignalKind::hangup())?;
    let server = Server::start(config).await?;
    banner.print(&server);
    let reloader = server.reloader();
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            // The log tells what came of it.
            let _ = reloader.reload().await;
        }
    });
    let stopped = server
        .run(async {
            next(&mut interrupt, &mut terminate).await;
            tokio::spawn(async move {
                next(&mut interrupt, &mut terminate).await;
                std::process::exit(INTERRUPTED);
            });
        })
        .await;
    Ok(stopped)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// What is said at start, on standard output: the first line holds the URL.
struct Banner {
    component: String,
    path: String,
    is_watched: bool,
    static_files: Option<String>,
}

impl Banner {
    fn new(config: &Config) -> Self {
        Self {
            component: config.component.display().to_string(),
            path: config.path.as_str().to_owned(),
            is_watched: config.watch == Watch::On,
            static_files: config.static_files.as_ref().map(|folder| folder.display().to_string()),
        }
    }

    fn print(&self, server: &Server) {
        let Self { component, path, is_watched, static_files } = self;
        let address = server.address();
        let mut text = format!("ws-host serves {component} at ws://{address}{path}\n");
        if let Some(folder) = static_files {
            text += &format!("ws-host serves the files of {folder} at http://{address}/\n");
        }
        if let Some(admin) = server.admin_address() {
            text += &format!("ws-host is administered at http://{admin}/\n");
        }
        if *is_watched {
            text += "Edit and build it: the new one takes over, and every client stays connected\n";
        }
        text += &format!(
            "Talk to it:  npx wscat -c ws://{address}{path}\n\
             or:          python3 -m websockets ws://{address}{path}\n\
             Stop it:     Ctrl-C\n"
        );
        // A closed standard output is no reason not to serve.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}
