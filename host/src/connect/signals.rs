//! The signals that ask a program to end.

use std::future::pending;
use std::io;

use tokio::signal::unix::{self, SignalKind};
use tokio::sync::oneshot;

/// What asked the program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// The terminal is gone.
    HangUp,
    /// Ctrl-C.
    Interrupt,
    Terminate,
}

impl Signal {
    /// As shells count a program that a signal ended.
    pub(super) fn exit_code(self) -> u8 {
        128 + self.number()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HangUp => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::HangUp => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

/// The first signal from now on. A second Ctrl-C or SIGTERM ends the program, whatever hangs. A second
/// SIGHUP does not: a terminal that closes sends it, and so does its shell.
pub(super) fn first() -> io::Result<oneshot::Receiver<Signal>> {
    let ignored = Ignored::read();
    let mut hang_up = ignored.listen(Signal::HangUp)?;
    let mut interrupt = ignored.listen(Signal::Interrupt)?;
    let mut terminate = ignored.listen(Signal::Terminate)?;
    let (first, receiver) = oneshot::channel();
    tokio::spawn(async move {
        let signal = tokio::select! {
            () = next(&mut hang_up) => Signal::HangUp,
            () = next(&mut interrupt) => Signal::Interrupt,
            () = next(&mut terminate) => Signal::Terminate,
        };
        // If nobody waits any more, the program is at its end.
        let _ = first.send(signal);
        let signal = tokio::select! {
            () = next(&mut interrupt) => Signal::Interrupt,
            () = next(&mut terminate) => Signal::Terminate,
        };
        std::process::exit(signal.exit_code().into());
    });
    Ok(receiver)
}

async fn next(signals: &mut Option<unix::Signal>) {
    match signals {
        // There is no end of them.
        Some(signals) => drop(signals.recv().await),
        None => pending().await,
    }
}

/// The signals that this program was started to ignore: by `nohup`, or by a shell in the background.
struct Ignored(u64);

impl Ignored {
    /// As Linux tells them; elsewhere none are known.
    fn read() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        Self(mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0))
    }

    fn listen(&self, signal: Signal) -> io::Result<Option<unix::Signal>> {
        if self.0 & (1 << (signal.number() - 1)) != 0 {
            return Ok(None);
        }
        unix::signal(SignalKind::from_raw(signal.number().into())).map(Some)
    }
}
