//! An open connection between a person, or a pipe, and a server.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use ws_host::client::{Client, Messages, SendError, Sending, State};

use super::args::help;
use super::command::Command;
use super::input::{self, InputError};
use super::output::{Closed, Output, tell};

/// How many pings may wait for their pongs: more than a person keeps in mind.
const MAX_PINGS: usize = 64;

/// Who began to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Ours,
    Theirs,
}

/// A connection with its input and its output.
pub(super) struct Session {
    client: Client,
    messages: Messages,
    output: Output,
    /// `None` when it has ended.
    lines: Option<mpsc::Receiver<Result<String, InputError>>>,
    /// The message that was sent last. The next line waits for it.
    sending: Option<Sending>,
    pings: JoinSet<(String, Result<Duration, SendError>)>,
    ending: Ending,
}

impl Session {
    pub(super) fn new(client: Client, messages: Messages, output: Output) -> Self {
        Self {
            client,
            messages,
            output,
            lines: Some(input::lines()),
            sending: None,
            pings: JoinSet::new(),
            ending: Ending::Theirs,
        }
    }

    /// Talks until the connection has ended, or nobody reads the output.
    pub(super) async fn run(mut self, interrupt: oneshot::Receiver<()>) -> Ending {
        if self.talk(interrupt).await == Err(Closed) {
            // The server is told, and not listened to.
            self.close(1001, "");
        }
        self.output.finish().await;
        self.ending
    }

    async fn talk(&mut self, mut interrupt: oneshot::Receiver<()>) -> Result<(), Closed> {
        loop {
            tokio::select! {
                Ok(()) = &mut interrupt, if !interrupt.is_terminated() => {
                    self.lines = None;
                    self.close(1001, "");
                }
                received = self.messages.next() => match received {
                    Some(received) => self.output.print(&received).await?,
                    None => break,
                },
                Some(pong) = self.pings.join_next() => self.print_pong(pong).await?,
                sent = async { self.sending.as_mut()?.await.err() }, if self.sending.is_some() => {
                    self.sending = None;
                    self.complain(sent);
                }
                line = next(&mut self.lines), if self.sending.is_none() => self.handle(line),
            }
        }
        // What has not been answered by now fails at once.
        while let Some(pong) = self.pings.join_next().await {
            self.print_pong(pong).await?;
        }
        Ok(())
    }

    fn handle(&mut self, line: Option<Result<String, InputError>>) {
        match line {
            Some(Ok(line)) => match Command::parse(&line) {
                Ok(command) => self.obey(command),
                Err(error) => tell(&error.to_string()),
            },
            Some(Err(error)) => {
                tell(&error.to_string());
                if error.is_last() {
                    self.end_input();
                }
            }
            None => self.end_input(),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Text(text) => self.sending = Some(self.client.send_text(&text)),
            Command::Binary(octets) => self.sending = Some(self.client.send_binary(&octets)),
            Command::Ping(_) if self.pings.len() >= MAX_PINGS => {
                tell("the server owes too many pongs already");
            }
            Command::Ping(payload) => {
                let ping = self.client.ping(payload.as_bytes());
                self.pings.spawn(async { (payload, ping.await) });
            }
            Command::Close { code, reason } => self.close(code, &reason),
            Command::Help => tell(help()),
        }
    }

    /// The server may have more to say; the session ends when it has closed.
    fn end_input(&mut self) {
        self.lines = None;
        self.close(1000, "");
    }

    fn close(&mut self, code: u16, reason: &str) {
        let was_open = self.client.state() == State::Open;
        match self.client.close(code, reason) {
            Ok(_) if was_open => self.ending = Ending::Ours,
            Ok(_) => {}
            Err(error) => tell(&error.to_string()),
        }
    }

    async fn print_pong(
        &self,
        pong: Result<(String, Result<Duration, SendError>), tokio::task::JoinError>,
    ) -> Result<(), Closed> {
        match pong {
            Ok((payload, Ok(time))) => self.output.print_pong(&payload, time).await,
            Ok((_, Err(error))) => {
                self.complain(Some(error));
                Ok(())
            }
            // A ping's task neither panics nor is it aborted.
            Err(_) => Ok(()),
        }
    }

    /// Says what could not be sent. That the connection closes is told at its end.
    fn complain(&self, error: Option<SendError>) {
        if let Some(error) = error
            && self.client.state() == State::Open
        {
            tell(&error.to_string());
        }
    }
}

/// The next line; never one when the input has ended.
async fn next<T>(lines: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}
