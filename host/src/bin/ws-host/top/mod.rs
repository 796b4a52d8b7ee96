//! `ws-host top ADDR`: shows in a terminal what the live page of the admin address shows.

mod ask;
mod figures;
mod keys;
mod rates;
mod screen;
mod status;
mod table;
mod view;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use self::ask::{AskError, Host};
use self::keys::Keys;
use self::rates::Responses;
use self::screen::Screen;
use self::status::Status;
use self::view::View;
use crate::signals;

/// The time between two requests. It is the same as on the live page.
const PERIOD: Duration = Duration::from_secs(1);

/// Shows what a running server does: clients, messages, handlers, reloads and faults
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The --admin address of the server
    #[arg(value_name = "ADDR")]
    address: SocketAddr,

    /// File with the token for the admin address, if one is required
    #[arg(long, value_name = "FILE")]
    admin_token: Option<PathBuf>,

    /// Count messages for a second, print everything once, and exit
    #[arg(long)]
    once: bool,
}

const AFTER_HELP: &str = "\
At a terminal, the figures are refreshed every second until you press q or Ctrl-C.
Elsewhere, such as in a pipe, everything is printed once, as with --once.";

/// Shows the state of the server, and refreshes it until the user ends the program. With `--once`, or if standard
/// output is not a terminal, shows the state only once.
///
/// # Errors
///
/// An error if a request fails before anything is shown, or if the output cannot be written. Later failures are only
/// shown, and the request is repeated.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let host = Host::new(args.address, args.admin_token)?;
    let mut responses = Responses::default();
    responses.add(host.status().await.map_err(AskError::explained)?, Instant::now());
    if args.once || !io::stdout().is_terminal() {
        sleep(PERIOD).await;
        responses.add(host.status().await.map_err(AskError::explained)?, Instant::now());
        return print_once(args.address, &responses).map(|()| ExitCode::SUCCESS);
    }
    watch(host, args.address, responses).await
}

fn print_once(address: SocketAddr, responses: &Responses) -> Result<()> {
    let view = View { address, responses, problem: None, now: SystemTime::now() };
    match io::stdout().write_all(view.text().as_bytes()) {
        // This happens if the reader, for example `head`, has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Draws every response until a signal arrives or the user presses q.
async fn watch(host: Host, address: SocketAddr, mut responses: Responses) -> Result<ExitCode> {
    let mut ended = signals::first().context("cannot handle signals")?;
    let mut resized = signal(SignalKind::window_change()).context("cannot handle signals")?;
    let mut keys = Keys::read();
    let mut screen = Screen::enter()?;
    let mut statuses = poll(host);
    let mut problem = None;
    loop {
        let now = SystemTime::now();
        screen.draw(&View { address, responses: &responses, problem: problem.as_ref(), now })?;
        tokio::select! {
            Ok(signal) = &mut ended => return Ok(ExitCode::from(signal.exit_code())),
            () = keys.quit() => return Ok(ExitCode::SUCCESS),
            // The screen is drawn again in its new size.
            Some(()) = resized.recv() => {}
            Some(status) = statuses.recv() => match status {
                Ok(status) => {
                    responses.add(status, Instant::now());
                    problem = None;
                }
                Err(error) => problem = Some(error),
            },
        }
    }
}

/// Asks for the status once per period, in a separate task. So a slow response does not delay the user's signals and
/// keys.
fn poll(host: Host) -> mpsc::Receiver<Result<Status, AskError>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once. It is skipped, because there already is a response.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if sender.send(host.status().await).await.is_err() {
                return;
            }
        }
    });
    receiver
}
