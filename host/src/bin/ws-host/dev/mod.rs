//! `ws-host dev`: builds and serves a project, and builds it again when a source file is saved. The server itself
//! watches the components, and reloads those that a build has changed.

mod args;
mod builder;
mod command;
mod project;
mod sources;
mod watcher;

use std::path::PathBuf;

use anyhow::Result;
use tokio_util::sync::CancellationToken;
use ws_host::config::{self, Mode};
use ws_host::{Server, StartError, Stopped};

pub(crate) use self::args::Args;
use self::builder::{BuildEnd, Builder};
use crate::banner::{self, ReloadTrigger};
use crate::log::Log;
use crate::{open_files, signals};

/// Builds, serves and rebuilds until a signal ends the program.
///
/// # Errors
///
/// An error if the project has no valid configuration, or if the server cannot listen. A failed build is not an error.
///
/// # Cancel safety
///
/// Dropping the future kills a running build and drops the server.
pub(crate) async fn run(args: Args, log: &Log) -> Result<()> {
    let signal = signals::first()?;
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        let _ = signal.await;
        on_signal.cancel();
    });
    let mut builder = Builder::open(&args.folder, log.clone(), stop.clone()).await?;
    let Some(Started { server, static_files }) = first_server(&args, &mut builder).await? else {
        return Ok(());
    };
    banner::print(&server, ReloadTrigger::Save, static_files.as_deref());
    let building = tokio::spawn(builder.keep_building(server.config_reloader()));
    let stopped = server.run(stop.cancelled()).await;
    // The build was cancelled at the same time as the server was stopped, so this ends soon.
    building.await?;
    if let Stopped::Abandoned(clients) = stopped {
        tracing::warn!(clients, "the drain timeout expired before all clients had disconnected");
    }
    Ok(())
}

/// A server, and the folder of files that it serves.
struct Started {
    server: Server,
    static_files: Option<PathBuf>,
}

/// Builds until the result can be served. Returns `None` if the program is about to exit.
async fn first_server(args: &Args, builder: &mut Builder) -> Result<Option<Started>> {
    let mut next = builder.build().await;
    loop {
        match next {
            BuildEnd::Stopped => return Ok(None),
            BuildEnd::Failed => {}
            BuildEnd::Succeeded => match start(args, builder).await? {
                Ok(started) => return Ok(Some(started)),
                Err(why) => builder.report(&format!("the project is not served yet: {why}")),
            },
        }
        next = builder.build_after_change().await;
    }
}

/// Starts the server. The inner error is for problems that the user may solve by saving a file.
async fn start(args: &Args, builder: &Builder) -> Result<Result<Started, String>> {
    let file = builder.configuration();
    let mut config =
        match config::read_with(file, Mode::Development, |settings| args.apply(settings)) {
            Ok(config) => config,
            Err(error) => return Ok(Err(error.to_string())),
        };
    config.host.compile.program = Some(crate::THIS_PROGRAM.into());
    open_files::raise_limit(config.host.limits.max_clients);
    let static_files = config.host.static_files.clone().map(|files| files.folder);
    match Server::start(config).await {
        Ok(server) => Ok(Ok(Started { server, static_files })),
        Err(
            error
            @ (StartError::Component(_) | StartError::Setting(_) | StartError::Certificate(_)),
        ) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
