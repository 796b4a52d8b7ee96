//! `ws-host connect URL`: a WebSocket client for people and for pipes.

mod advice;
mod args;
mod command;
mod input;
mod outcome;
mod output;
mod proxy;
mod session;
mod signals;

use std::process::ExitCode;

use anyhow::Result;
use ws_host::client::{Opened, connect};

use self::advice::not_connected;
pub(crate) use self::args::Args;
use self::output::{Output, tell};
use self::session::Session;

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
    let url = options.url();
    let mut signal = signals::first()?;
    let (client, messages) = connect(options);
    let opened = tokio::select! {
        opened = client.opened() => opened.map_err(|error| not_connected(&url, &error))?,
        Ok(signal) = &mut signal => {
            tell(&format!("not connected to {url}: ended by {}", signal.name()));
            return Ok(ExitCode::from(signal.exit_code()));
        }
    };
    tell(&opening(&url, &opened));
    let output = Output::start(args.style());
    let tally = Session::new(client.clone(), messages, output, args.plan(), signal).run().await;
    let end = client.ended().await;
    for line in tally.tell(&end) {
        tell(&line);
    }
    Ok(ExitCode::from(tally.exit_code(&end)))
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
