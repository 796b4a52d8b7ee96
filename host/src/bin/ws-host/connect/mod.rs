//! `ws-host connect URL`: a WebSocket client for terminals and pipes.

mod advice;
mod args;
mod command;
mod input;
mod outcome;
mod output;
mod proxy;
mod session;

use std::process::ExitCode;

use anyhow::Result;
use ws_host::client::{Opened, connect};

use self::advice::not_connected;
pub(crate) use self::args::Args;
use self::output::{Output, report};
use self::session::Session;
use crate::signals;

/// Connects to a server, and sends and prints messages until one side closes. Returns the exit code.
///
/// # Errors
///
/// An error if an argument is invalid or the connection fails. The error says what the user can do.
///
/// # Cancel safety
///
/// Dropping the future closes the connection with 1001.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let options = args.options()?;
    let url = options.url();
    let mut signal = signals::first()?;
    let (client, messages) = connect(options);
    let opened = tokio::select! {
        opened = client.opened() => opened.map_err(|error| not_connected(&url, &error))?,
        Ok(signal) = &mut signal => {
            report(&format!("not connected to {url}: ended by {}", signal.name()));
            return Ok(ExitCode::from(signal.exit_code()));
        }
    };
    report(&opening_line(&url, &opened));
    let output = Output::start(args.style());
    let outcome = Session::new(client.clone(), messages, output, args.plan(), signal).run().await;
    let end = client.ended().await;
    for line in outcome.closing_lines(&end) {
        report(&line);
    }
    Ok(ExitCode::from(outcome.exit_code(&end)))
}

/// Returns the line that reports a new connection. It contains everything that the handshake negotiated beyond the
/// defaults.
fn opening_line(url: &str, opened: &Opened) -> String {
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
