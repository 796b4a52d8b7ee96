//! Serves until a signal tells the server to stop, or until a successor takes over.

mod channel;
mod notify;
mod predecessor;
mod successor;

use std::sync::Arc;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;
use ws_host::config::{Config, Watch};
use ws_host::{ListeningSockets, PassedSockets, Server, Stopped};

use self::notify::Notifier;
use self::predecessor::Predecessor;
use crate::banner::{self, ReloadTrigger};
use crate::log::Log;

/// The exit status that shells report for a program that was ended by SIGINT.
const INTERRUPTED: i32 = 130;

/// Why the server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Signal,
    /// A successor serves the addresses.
    HandedOver,
}

/// Serves a configuration.
///
/// # Errors
///
/// An error if the server does not start.
pub(crate) async fn run(config: Config, log: &Log) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut replace = signal(SignalKind::user_defined2())?;
    let reloads =
        if config.host.watch == Watch::On { ReloadTrigger::Build } else { ReloadTrigger::Request };
    let static_files = config.host.static_files.clone().map(|files| files.folder);
    let longest_stop = config.host.timeouts.handshake.saturating_add(config.host.timeouts.drain);
    let notifier = Notifier::from_env();
    let (predecessor, passed) = match Predecessor::from_env()? {
        Some((predecessor, passed)) => (Some(predecessor), passed),
        None => (None, PassedSockets::from_env()?),
    };
    let server = Server::start_on(passed, config).await?;
    let sockets = Arc::new(server.sockets()?);
    if let Some(predecessor) = predecessor {
        predecessor.take_over()?;
    }
    banner::print(&server, reloads, static_files.as_deref());
    notifier.ready(server.host()).await;
    let supervision = notifier.clone().supervise(server.host().clone());
    let supervision = AbortOnDropHandle::new(tokio::spawn(supervision));
    let (reloader, reload_notifier) = (server.config_reloader(), notifier.clone());
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            reload_notifier.reloading().await;
            // The result is ignored, because the reloader logs the outcome itself.
            let _ = reloader.reload().await;
            reload_notifier.reloaded().await;
        }
    });
    let log = log.clone();
    let stopped = server
        .run(async move {
            let stop = tokio::select! {
                () = stop_signal(&mut interrupt, &mut terminate) => Stop::Signal,
                () = hand_over(&mut replace, &sockets, &notifier) => Stop::HandedOver,
            };
            drop(sockets);
            match stop {
                Stop::Signal => notifier.stopping(longest_stop).await,
                // From now on, the service manager watches the successor instead.
                Stop::HandedOver => drop(supervision),
            }
            tokio::spawn(async move {
                if stop == Stop::HandedOver {
                    // The service manager may send a stop signal to both processes. This process is already stopping,
                    // so it ignores the first signal.
                    stop_signal(&mut interrupt, &mut terminate).await;
                }
                stop_signal(&mut interrupt, &mut terminate).await;
                log.finish();
                std::process::exit(INTERRUPTED);
            });
        })
        .await;
    if let Stopped::Abandoned(clients) = stopped {
        tracing::warn!(clients, "the drain timeout expired before all clients had disconnected");
    }
    Ok(())
}

/// Starts a successor for each SIGUSR2, until one has taken over the sockets.
async fn hand_over(replace: &mut Signal, sockets: &Arc<ListeningSockets>, notifier: &Notifier) {
    loop {
        // The stream of signals never ends.
        replace.recv().await;
        match successor::start(sockets, notifier).await {
            Ok(process) => {
                tracing::info!(process, "a successor has taken over the addresses");
                return;
            }
            Err(error) => {
                tracing::error!(
                    "this process continues to serve, because no successor took over: {error:#}"
                );
            }
        }
    }
}

/// Waits for SIGINT or SIGTERM.
async fn stop_signal(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
