//! A session: sends the input over an open connection and prints what arrives.

use std::future::pending;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use ws_host::client::{Client, Messages, Received, SendError, Sending, State};

use super::command::{Command, commands_help};
use super::input::{self, InputError, Lines, Source};
use super::outcome::{CloseCause, Outcome, Unread};
use super::output::{LinePermit, Output, OutputClosed, report};
use crate::signals::Signal;

/// How long the server may take to finish sending and to close, once this client has started the closing handshake.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many pings may be waiting for their pongs.
const MAX_PINGS: usize = 64;

/// How long to wait for the end of the input after the server has closed. The end usually follows the last line at
/// once. The full time passes only if the input stays open.
const INPUT_END_TIMEOUT: Duration = Duration::from_millis(500);

/// The longest time that the program waits for standard output after a signal. If the output is being read, all lines
/// are printed before this time has passed, and the program then ends at once.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The rules for reading the input, and for closing.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) source: Source,
    pub(super) syntax: InputSyntax,
    /// How long to wait for another message after the end of the input. `None` waits until the server closes.
    pub(super) wait: Option<Duration>,
    /// The number of messages after which the client closes.
    pub(super) count: Option<u64>,
}

/// How input lines are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum InputSyntax {
    /// Lines that begin with a slash are commands.
    Commands,
    /// Every line is a message.
    Messages,
}

/// The payload of a `/ping`, and the round-trip time or the reason why no pong arrived.
type PingResult = (String, Result<Duration, SendError>);

type Pings = JoinSet<PingResult>;

/// A connection with its input and output.
pub(super) struct Session {
    client: Client,
    messages: Messages,
    output: Output,
    signal: oneshot::Receiver<Signal>,
    plan: Plan,
    /// The input. `None` when it has ended or is no longer read.
    lines: Option<Lines>,
    /// The message that is being written. The next line is not read until this message has been written.
    sending: Option<Sending>,
    pings: Pings,
    /// The time at which the session closes because no message has arrived for `Plan::wait`. After a signal, the time
    /// at which the session stops waiting for the output.
    deadline: Option<Instant>,
    outcome: Outcome,
}

impl Session {
    pub(super) fn new(
        client: Client,
        messages: Messages,
        output: Output,
        plan: Plan,
        signal: oneshot::Receiver<Signal>,
    ) -> Self {
        let outcome = Outcome {
            source: plan.source,
            cause: CloseCause::Server,
            sent: 0,
            unsent: 0,
            unread: Unread::Possible,
            received: 0,
            count: plan.count,
            signal: None,
            printed: Ok(()),
        };
        Self {
            client,
            messages,
            output,
            signal,
            plan,
            lines: Some(input::lines()),
            sending: None,
            pings: JoinSet::new(),
            deadline: None,
            outcome,
        }
    }

    /// Sends and prints messages until the connection has ended or standard output fails.
    pub(super) async fn run(mut self) -> Outcome {
        if self.exchange().await == Err(OutputClosed) {
            // The session ends, because messages that still arrive cannot be printed.
            self.close(1001, "", CloseCause::Aborted);
        }
        if self.outcome.cause == CloseCause::Server && self.outcome.signal.is_none() {
            self.count_unsent_input().await;
        }
        let Self { output, messages, mut signal, mut outcome, .. } = self;
        drop(messages);
        let is_interrupted = outcome.signal.is_some();
        tokio::select! {
            printed = output.finish() => outcome.printed = printed,
            Ok(first) = &mut signal, if !signal.is_terminated() => outcome.signal = Some(first),
            () = sleep(FLUSH_TIMEOUT), if is_interrupted => {}
        }
        outcome
    }

    /// Sends lines and prints messages until the connection has ended.
    ///
    /// # Errors
    ///
    /// [`OutputClosed`] if standard output fails, or blocks for too long after a signal.
    async fn exchange(&mut self) -> Result<(), OutputClosed> {
        loop {
            tokio::select! {
                Ok(signal) = &mut self.signal, if !self.signal.is_terminated() => {
                    self.handle_signal(signal);
                }
                received = next_message(&self.output, &mut self.messages) => match received? {
                    Some((permit, received)) => {
                        if self.outcome.cause != CloseCause::Count {
                            permit.print(&received);
                        }
                        self.count_received(&received);
                    }
                    None => break,
                },
                pong = next_pong(&self.output, &mut self.pings), if !self.pings.is_empty() => {
                    let (permit, ping) = pong?;
                    self.report_failure(print_pong(permit, ping));
                }
                written = write_result(&mut self.sending), if self.sending.is_some() => {
                    self.count_written(written);
                }
                line = next_line(&mut self.lines), if self.sending.is_none() => {
                    self.handle_line(line);
                }
                () = reached(self.deadline) => {
                    self.deadline = None;
                    if self.outcome.signal.is_some() {
                        return Err(OutputClosed);
                    }
                    self.close(1000, "", CloseCause::Input);
                }
            }
        }
        // The connection has ended, so all remaining pings complete now.
        while !self.pings.is_empty() {
            let (permit, ping) = next_pong(&self.output, &mut self.pings).await?;
            self.report_failure(print_pong(permit, ping));
        }
        Ok(())
    }

    /// Handles a line, an input error, or the end of the input.
    fn handle_line(&mut self, line: Option<Result<String, InputError>>) {
        match (line, self.plan.syntax) {
            (Some(Ok(line)), InputSyntax::Messages) => self.execute(Command::Text(line)),
            (Some(Ok(line)), InputSyntax::Commands) => match Command::parse(&line) {
                Ok(command) => self.execute(command),
                Err(error) => {
                    report(&error.to_string());
                    self.count_unsent();
                }
            },
            (Some(Err(error)), _) => {
                report(&error.to_string());
                self.count_unsent();
                if error.is_last() {
                    self.end_input(Unread::Possible);
                }
            }
            (None, _) => self.end_input(Unread::Nothing),
        }
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Text(text) => self.sending = Some(self.client.send_text(&text)),
            Command::Binary(bytes) => self.sending = Some(self.client.send_binary(&bytes)),
            Command::Ping(_) if self.pings.len() >= MAX_PINGS => {
                report(&format!(
                    "ping not sent: {MAX_PINGS} pings are still waiting for their pongs"
                ));
                self.count_unsent();
            }
            Command::Ping(payload) => {
                let ping = self.client.ping(payload.as_bytes());
                self.pings.spawn(async { (payload, ping.await) });
            }
            Command::Close { code, reason } => {
                if self.close(code, &reason, CloseCause::Input) {
                    // The help text promises that nothing more is read from the input.
                    self.lines = None;
                    self.outcome.unread = Unread::Nothing;
                }
            }
            Command::Help => report(commands_help()),
        }
    }

    fn end_input(&mut self, unread: Unread) {
        self.lines = None;
        self.outcome.unread = unread;
        self.restart_wait();
    }

    /// If the input has ended and everything has been sent, restarts the timer of `--wait`, because the server may send
    /// more messages.
    fn restart_wait(&mut self) {
        let is_waiting = self.lines.is_none()
            && self.sending.is_none()
            && self.outcome.signal.is_none()
            && self.client.state() == State::Open;
        if is_waiting {
            self.deadline = self.plan.wait.and_then(|wait| Instant::now().checked_add(wait));
        }
    }

    fn handle_signal(&mut self, signal: Signal) {
        self.outcome.signal = Some(signal);
        self.lines = None;
        self.close(1001, "", CloseCause::Aborted);
        self.deadline = Some(Instant::now() + CLOSE_TIMEOUT + FLUSH_TIMEOUT);
    }

    /// Starts the closing handshake. Returns `false` if the code or the reason is not allowed.
    fn close(&mut self, code: u16, reason: &str, cause: CloseCause) -> bool {
        let was_open = self.client.state() == State::Open;
        match self.client.close(code, reason) {
            Ok(_) => {
                if was_open {
                    self.outcome.cause = cause;
                }
                true
            }
            Err(error) => {
                report(&error.to_string());
                self.count_unsent();
                false
            }
        }
    }

    /// Counts a message, and closes when `--count` is reached.
    fn count_received(&mut self, received: &Received) {
        self.restart_wait();
        let is_message = matches!(received, Received::Text(_) | Received::Binary(_));
        if !is_message || self.outcome.cause == CloseCause::Count {
            return;
        }
        self.outcome.received += 1;
        if self.plan.count == Some(self.outcome.received) {
            self.lines = None;
            self.deadline = None;
            self.close(1000, "", CloseCause::Count);
            // `close` does not set the cause if the server closed first.
            self.outcome.cause = CloseCause::Count;
        }
    }

    fn count_written(&mut self, written: Result<(), SendError>) {
        self.sending = None;
        match written {
            Ok(()) => self.outcome.sent += 1,
            Err(_) => self.outcome.unsent += 1,
        }
        self.report_failure(written);
        self.restart_wait();
    }

    /// Counts a line that was not sent. At a terminal, no line is counted, because the user sees the error there and
    /// can correct the line.
    fn count_unsent(&mut self) {
        if self.plan.source == Source::Pipe {
            self.outcome.unsent += 1;
        }
    }

    /// Counts the input that was not sent because the server closed first.
    async fn count_unsent_input(&mut self) {
        if let Some(sending) = self.sending.take() {
            self.count_written(sending.await);
        }
        let Some(mut lines) = self.lines.take() else { return };
        let time = match self.plan.source {
            Source::Terminal => Duration::ZERO,
            Source::Pipe => INPUT_END_TIMEOUT,
        };
        let deadline = Instant::now() + time;
        while let Ok(line) = timeout_at(deadline, lines.recv()).await {
            match line {
                Some(_) => self.outcome.unsent += 1,
                None => {
                    self.outcome.unread = Unread::Nothing;
                    return;
                }
            }
        }
    }

    /// Reports why something could not be sent. Once the connection is closing, only the final report mentions such
    /// failures.
    fn report_failure(&self, sent: Result<(), SendError>) {
        if let Err(error) = sent
            && self.client.state() == State::Open
        {
            report(&error.to_string());
        }
    }
}

/// Returns the next message and a permit to print it, or `None` when the connection has ended. The permit is acquired
/// first, so a message is taken only if it can be printed. While the output is slow, only this function waits, and
/// everything else continues.
///
/// # Cancel safety
///
/// No message is lost when the future is dropped.
async fn next_message(
    output: &Output,
    messages: &mut Messages,
) -> Result<Option<(LinePermit, Received)>, OutputClosed> {
    let permit = output.reserve().await?;
    Ok(messages.next().await.map(|received| (permit, received)))
}

/// Returns the next ping that succeeded or failed, and a permit to print it. `pings` must not be empty.
async fn next_pong(
    output: &Output,
    pings: &mut Pings,
) -> Result<(LinePermit, PingResult), OutputClosed> {
    let permit = output.reserve().await?;
    let ping = pings.join_next().await;
    // The task of a ping neither panics nor is aborted.
    let ping = ping.and_then(Result::ok).unwrap_or((String::new(), Err(SendError::Closed)));
    Ok((permit, ping))
}

fn print_pong(permit: LinePermit, (payload, time): PingResult) -> Result<(), SendError> {
    permit.print_pong(&payload, time?);
    Ok(())
}

/// Waits until the message in `sending` is written or has failed. Waits forever if there is none.
async fn write_result(sending: &mut Option<Sending>) -> Result<(), SendError> {
    match sending {
        Some(sending) => sending.await,
        None => pending().await,
    }
}

/// Returns the next line. Waits forever when the input is no longer read.
async fn next_line<T>(lines: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match lines {
        Some(lines) => lines.recv().await,
        None => pending().await,
    }
}

/// Waits until the deadline. Waits forever if there is none.
async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
