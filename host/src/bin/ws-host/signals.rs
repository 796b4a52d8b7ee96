//! Handles the signals that end a program: SIGHUP, SIGINT and SIGTERM.

use std::future::pending;
use std::io;

use tokio::signal::unix::{self, SignalKind};
use tokio::sync::oneshot;

/// A signal that asks the program to exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGHUP: the terminal was closed.
    HangUp,
    /// SIGINT: Ctrl-C.
    Interrupt,
    Terminate,
}

impl Signal {
    /// Returns the exit code that shells report for a program that this signal ended.
    pub(crate) fn exit_code(self) -> u8 {
        128 + self.number()
    }

    pub(crate) fn name(self) -> &'static str {
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

/// Returns a channel that receives the first signal. A second SIGINT or SIGTERM exits the process at once, even if
/// something hangs. A second SIGHUP does not, because the terminal and its shell both send one when the terminal
/// closes.
///
/// # Errors
///
/// An error if the operating system refuses a signal handler.
pub(crate) fn first() -> io::Result<oneshot::Receiver<Signal>> {
    let ignored = IgnoredSignals::read();
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
        // Sending fails if the receiver is gone. In that case, the program is exiting.
        let _ = first.send(signal);
        let signal = tokio::select! {
            () = next(&mut interrupt) => Signal::Interrupt,
            () = next(&mut terminate) => Signal::Terminate,
        };
        std::process::exit(signal.exit_code().into());
    });
    Ok(receiver)
}

/// Waits for the next signal. Waits forever if the signal is ignored.
async fn next(signals: &mut Option<unix::Signal>) {
    match signals {
        // This always returns a signal, because the stream of signals never ends.
        Some(signals) => drop(signals.recv().await),
        None => pending().await,
    }
}

/// The signals that the process has ignored since its start. Signals are ignored in this way under `nohup`, and in
/// background jobs of some shells.
struct IgnoredSignals(u64);

impl IgnoredSignals {
    /// Reads the mask of ignored signals from `/proc`. On operating systems other than Linux, no signal is reported as
    /// ignored.
    fn read() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        Self(mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0))
    }

    /// Returns a listener for the signal. Returns `None` if the signal must stay ignored.
    fn listen(&self, signal: Signal) -> io::Result<Option<unix::Signal>> {
        if self.0 & (1 << (signal.number() - 1)) != 0 {
            return Ok(None);
        }
        unix::signal(SignalKind::from_raw(signal.number().into())).map(Some)
    }
}
