//! `ws-host connect URL`: a WebSocket client for people and for pipes.

mod advice;
mod args;
mod command;
mod input;
mod output;
mod session;

use std::process::ExitCode;

use anyhow::Result;
use tokio::sync::oneshot;
use ws_host::client::{End, Opened, connect};

use self::advice::not_connected;
pub(crate) use self::args::Args;
use self::output::{Output, printable, tell};
use self::session::{Ending, Session};

/// As shells count a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

/// The server closed with a code that tells of a fault.
const CLOSED_OTHERWISE: u8 = 3;

/// There was no close frame.
const LOST: u8 = 4;

/// Connects, and talks until one end closes.
///
/// # Errors
///
/// What was wrong with the arguments, or why there is no connection, each with advice.
///
/// # Cancel safety
///
/// Dropping the future closes the connection with 1001.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let options = args.options()?;
    let (client, messages) = connect(options);
    let mut interrupt = interrupt();
    let opened = tokio::select! {
        opened = client.opened() => opened.map_err(|error| not_connected(&args.url, &error))?,
        _ = &mut interrupt => return Ok(ExitCode::from(INTERRUPTED)),
    };
    tell(&opening(&args.url, &opened));
    let output = Output::start(args.style());
    let ending = Session::new(client.clone(), messages, output).run(interrupt).await;
    let end = client.ended().await;
    tell(&outcome(&end, ending));
    Ok(exit_code(&end))
}

/// The first Ctrl-C from now on. The second one ends the program, whatever hangs.
fn interrupt() -> oneshot::Receiver<()> {
    let (first, receiver) = oneshot::channel();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            // If nobody waits any more, the program is at its end.
            let _ = first.send(());
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED.into());
        }
    });
    receiver
}

/// What was agreed on, as far as it is not the usual.
fn opening(url: &str, opened: &Opened) -> String {
    let mut text = format!("connected to {url}");
    if opened.http_version == http::Version::HTTP_2 {
        text += " over HTTP/2";
    }
    if let Some(subprotocol) = &opened.subprotocol {
        text += &format!(", subprotocol {subprotocol}");
    }
    if opened.compression.is_some() {
        text += ", compressed";
    }
    text
}

fn outcome(end: &End, ending: Ending) -> String {
    if !end.clean {
        return match end.sent {
            Some(code) => format!("lost after closing with {code}: {}", printable(&end.reason)),
            None => format!("lost: {}", printable(&end.reason)),
        };
    }
    let by = match ending {
        Ending::Ours => "closed",
        Ending::Theirs => "closed by the server",
    };
    match (end.code, &*end.reason) {
        (1005, _) => format!("{by} without a code"),
        (code, "") => format!("{by} with {code}"),
        (code, reason) => format!("{by} with {code} ({})", printable(reason)),
    }
}

fn exit_code(end: &End) -> ExitCode {
    match end.code {
        1000 | 1001 | 1005 => ExitCode::SUCCESS,
        1006 => ExitCode::from(LOST),
        _ => ExitCode::from(CLOSED_OTHERWISE),
    }
}
