//! An open connection between a person, or a pipe, and a server.

use std::future::pending;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use ws_host::client::{Client, Messages, Received, SendError, Sending, State};

use super::args::{CLOSE_TIMEOUT, help};
use super::command::Command;
use super::input::{self, InputError, Lines, Source};
use super::outcome::{Ending, Rest, Tally};
use super::output::{Closed, Output, Room, tell};
use super::signals::Signal;

/// How many pings may wait for their pongs: more than a person keeps in mind.
const MAX_PINGS: usize = 64;

/// When the server has closed, how long the end of the input may take that comes right behind the last line.
/// It takes that long only where none comes.
const END_TIME: Duration = Duration::from_millis(500);

/// How long an output that nobody reads may hold up the program behind a signal: any that is read takes less.
const LEAVE_TIME: Duration = Duration::from_secs(1);

/// What to do with the input, and when to end.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) source: Source,
    pub(super) meaning: Meaning,
    /// How long to wait for messages behind the end of the input; without, until the server closes.
    pub(super) wait: Option<Duration>,
    /// How many messages to wait for.
    pub(super) count: Option<u64>,
}

/// What the lines of the input are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// Those that begin with a slash ask for something.
    Commands,
    Messages,
}

/// A ping's payload, and what came of it.
type Pong = (String, Result<Duration, SendError>);

type Pings = JoinSet<Pong>;

/// A connection with its input and its output.
pub(super) struct Session {
    client: Client,
    messages: Messages,
    output: Output,
    signal: oneshot::Receiver<Signal>,
    plan: Plan,
    /// `None` when it has ended.
    lines: Option<Lines>,
    /// The message that was sent last. The next line waits for it.
    sending: Option<Sending>,
    pings: Pings,
    /// When the server has been quiet for long enough, or the output has held up the end.
    deadline: Option<Instant>,
    tally: Tally,
}

impl Session {
    pub(super) fn new(
        client: Client,
        messages: Messages,
        output: Output,
        plan: Plan,
        signal: oneshot::Receiver<Signal>,
    ) -> Self {
        let tally = Tally {
            source: plan.source,
            ending: Ending::Theirs,
            sent: 0,
            unsent: 0,
            rest: Rest::Unknown,
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
            tally,
        }
    }

    /// Talks until the connection has ended, or nobody reads the output.
    pub(super) async fn run(mut self) -> Tally {
        if self.talk().await == Err(Closed) {
            // The server is told, and not listened to.
            self.close(1001, "", Ending::Given);
        }
        if self.tally.ending == Ending::Theirs && self.tally.signal.is_none() {
            self.count_rest().await;
        }
        let Self { output, messages, mut signal, mut tally, .. } = self;
        drop(messages);
        let is_interrupted = tally.signal.is_some();
        tokio::select! {
            printed = output.finish() => tally.printed = printed,
            Ok(first) = &mut signal, if !signal.is_terminated() => tally.signal = Some(first),
            () = sleep(LEAVE_TIME), if is_interrupted => {}
        }
        tally
    }

    async fn talk(&mut self) -> Result<(), Closed> {
        loop {
            tokio::select! {
                Ok(signal) = &mut self.signal, if !self.signal.is_terminated() => {
                    self.interrupt(signal);
                }
                received = next_message(&self.output, &mut self.messages) => match received? {
                    Some((room, received)) => {
                        if self.tally.ending != Ending::Count {
                            room.print(&received);
                        }
                        self.note(&received);
                    }
                    None => break,
                },
                pong = next_pong(&self.output, &mut self.pings), if !self.pings.is_empty() => {
                    let (room, pong) = pong?;
                    self.complain(print_pong(room, pong));
                }
                written = written(&mut self.sending), if self.sending.is_some() => {
                    self.note_written(written);
                }
                line = next_line(&mut self.lines), if self.sending.is_none() => self.handle(line),
                () = until(self.deadline) => {
                    self.deadline = None;
                    if self.tally.signal.is_some() {
                        return Err(Closed);
                    }
                    self.close(1000, "", Ending::Input);
                }
            }
        }
        // What has not been answered by now fails at once.
        while !self.pings.is_empty() {
            let (room, pong) = next_pong(&self.output, &mut self.pings).await?;
            self.complain(print_pong(room, pong));
        }
        Ok(())
    }

    fn handle(&mut self, line: Option<Result<String, InputError>>) {
        match (line, self.plan.meaning) {
            (Some(Ok(line)), Meaning::Messages) => self.obey(Command::Text(line)),
            (Some(Ok(line)), Meaning::Commands) => match Command::parse(&line) {
                Ok(command) => self.obey(command),
                Err(error) => {
                    tell(&error.to_string());
                    self.note_unsent();
                }
            },
            (Some(Err(error)), _) => {
                tell(&error.to_string());
                self.note_unsent();
                if error.is_last() {
                    self.end_input(Rest::Unknown);
                }
            }
            (None, _) => self.end_input(Rest::Nothing),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Text(text) => self.sending = Some(self.client.send_text(&text)),
            Command::Binary(bytes) => self.sending = Some(self.client.send_binary(&bytes)),
            Command::Ping(_) if self.pings.len() >= MAX_PINGS => {
                tell("the server owes too many pongs already");
                self.note_unsent();
            }
            Command::Ping(payload) => {
                let ping = self.client.ping(payload.as_bytes());
                self.pings.spawn(async { (payload, ping.await) });
            }
            Command::Close { code, reason } => {
                if self.close(code, &reason, Ending::Input) {
                    // What follows is not read.
                    self.lines = None;
                    self.tally.rest = Rest::Nothing;
                }
            }
            Command::Help => tell(help()),
        }
    }

    fn end_input(&mut self, rest: Rest) {
        self.lines = None;
        self.tally.rest = rest;
        self.await_quiet();
    }

    /// The server may have more to say, and is given time for it whenever it has said something.
    fn await_quiet(&mut self) {
        let is_waiting = self.lines.is_none()
            && self.sending.is_none()
            && self.tally.signal.is_none()
            && self.client.state() == State::Open;
        if is_waiting {
            self.deadline = self.plan.wait.and_then(|wait| Instant::now().checked_add(wait));
        }
    }

    fn interrupt(&mut self, signal: Signal) {
        self.tally.signal = Some(signal);
        self.lines = None;
        self.close(1001, "", Ending::Given);
        self.deadline = Some(Instant::now() + CLOSE_TIMEOUT + LEAVE_TIME);
    }

    /// Gives whether it could be asked for so.
    fn close(&mut self, code: u16, reason: &str, ending: Ending) -> bool {
        let was_open = self.client.state() == State::Open;
        match self.client.close(code, reason) {
            Ok(_) => {
                if was_open {
                    self.tally.ending = ending;
                }
                true
            }
            Err(error) => {
                tell(&error.to_string());
                self.note_unsent();
                false
            }
        }
    }

    fn note(&mut self, received: &Received) {
        self.await_quiet();
        let is_message = matches!(received, Received::Text(_) | Received::Binary(_));
        if !is_message || self.tally.ending == Ending::Count {
            return;
        }
        self.tally.received += 1;
        if self.plan.count == Some(self.tally.received) {
            self.lines = None;
            self.deadline = None;
            self.close(1000, "", Ending::Count);
            // Also if the server was faster.
            self.tally.ending = Ending::Count;
        }
    }

    fn note_written(&mut self, written: Result<(), SendError>) {
        self.sending = None;
        match written {
            Ok(()) => self.tally.sent += 1,
            Err(_) => self.tally.unsent += 1,
        }
        self.complain(written);
        self.await_quiet();
    }

    /// A person sees what is wrong with a line, and writes it again.
    fn note_unsent(&mut self) {
        if self.plan.source == Source::Pipe {
            self.tally.unsent += 1;
        }
    }

    /// The server closed first: looks what it has not taken of the input.
    async fn count_rest(&mut self) {
        if let Some(sending) = self.sending.take() {
            self.note_written(sending.await);
        }
        let Some(mut lines) = self.lines.take() else { return };
        let time = match self.plan.source {
            Source::Terminal => Duration::ZERO,
            Source::Pipe => END_TIME,
        };
        let deadline = Instant::now() + time;
        while let Ok(line) = timeout_at(deadline, lines.recv()).await {
            match line {
                Some(_) => self.tally.unsent += 1,
                None => {
                    self.tally.rest = Rest::Nothing;
                    return;
                }
            }
        }
    }

    /// Says what could not be sent. That the connection closes is told at its end.
    fn complain(&self, sent: Result<(), SendError>) {
        if let Err(error) = sent
            && self.client.state() == State::Open
        {
            tell(&error.to_string());
        }
    }
}

/// The next message, and room to print it. So that nothing is taken that cannot be printed, and a slow reader
/// of the output holds up nothing else.
///
/// # Cancel safety
///
/// No message is lost when the future is dropped.
async fn next_message(
    output: &Output,
    messages: &mut Messages,
) -> Result<Option<(Room, Received)>, Closed> {
    let room = output.room().await?;
    Ok(messages.next().await.map(|received| (room, received)))
}

/// The next ping that has come to something. There must be one.
async fn next_pong(output: &Output, pings: &mut Pings) -> Result<(Room, Pong), Closed> {
    let room = output.room().await?;
    let pong = pings.join_next().await;
    // A ping's task neither panics nor is it aborted.
    let pong = pong.and_then(Result::ok).unwrap_or((String::new(), Err(SendError::Closed)));
    Ok((room, pong))
}

fn print_pong(room: Room, (payload, time): Pong) -> Result<(), SendError> {
    room.print_pong(&payload, time?);
    Ok(())
}

/// What has become of the message on its way. There must be one.
async fn written(sending: &mut Option<Sending>) -> Result<(), SendError> {
    match sending {
        Some(sending) => sending.await,
        None => pending().await,
    }
}

/// The next line; never one when the input has ended.
async fn next_line<T>(lines: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match lines {
        Some(lines) => lines.recv().await,
        None => pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
