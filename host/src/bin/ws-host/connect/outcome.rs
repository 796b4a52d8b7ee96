//! The outcome of a session: the final report, and the exit code.

use std::io;

use ws_host::client::End;
use ws_host::{Tabs, printable};

use super::input::Source;
use crate::signals::Signal;

/// Exit code: closed with a code other than 1000, 1001 or 1005.
const EXIT_OTHER_CODE: u8 = 3;

/// Exit code: the connection ended without a close frame from the server.
const EXIT_LOST: u8 = 4;

/// Exit code: something could not be sent, received or printed.
const EXIT_INCOMPLETE: u8 = 5;

/// The cause of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseCause {
    /// The server closed the connection, or the connection was lost.
    Server,
    /// The input ended and no message arrived within the time of `--wait`, or the user entered `/close`.
    Input,
    /// The client has received as many messages as `--count` asks for.
    Count,
    /// A signal arrived, or standard output failed.
    Aborted,
}

/// Whether there may be unread input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The input was read to its end, or the user wants no more of it to be sent.
    Nothing,
    /// There may be more input to read.
    Possible,
}

/// How many messages a session sent, received and printed, and how the session ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) source: Source,
    pub(super) cause: CloseCause,
    /// Messages that were handed to the socket.
    pub(super) sent: u64,
    /// Lines that were read but could not be sent.
    pub(super) unsent: u64,
    pub(super) unread: Unread,
    pub(super) received: u64,
    /// The number of messages that `--count` sets.
    pub(super) count: Option<u64>,
    pub(super) signal: Option<Signal>,
    pub(super) printed: io::Result<()>,
}

impl Outcome {
    /// Returns the lines that report the end of the session on standard error.
    pub(super) fn closing_lines(&self, end: &End) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.signal.map(|signal| format!("ended by {}", signal.name())));
        lines.push(self.close_line(end));
        lines.extend(self.unsent_line());
        if let Some(count) = self.count
            && self.received < count
        {
            lines.push(format!("received {} of {count} messages", self.received));
        }
        if let Err(error) = &self.printed {
            lines.push(format!("some messages were not printed to standard output: {error}"));
        }
        lines
    }

    /// Returns the exit code of the program.
    pub(super) fn exit_code(&self, end: &End) -> u8 {
        if let Some(signal) = self.signal {
            return signal.exit_code();
        }
        let is_count_missed = self.count.is_some_and(|count| self.received < count);
        match end.code {
            1006 => EXIT_LOST,
            1000 | 1001 | 1005 => {
                let is_incomplete =
                    is_count_missed || self.printed.is_err() || self.unsent_line().is_some();
                if is_incomplete { EXIT_INCOMPLETE } else { 0 }
            }
            _ => EXIT_OTHER_CODE,
        }
    }

    /// Returns the line about how the connection ended.
    fn close_line(&self, end: &End) -> String {
        if !end.clean {
            return match end.sent {
                Some(code) => {
                    format!(
                        "connection lost during the closing handshake, after code {code} was sent: {}",
                        printable(&end.reason, Tabs::Kept)
                    )
                }
                None => format!("connection lost: {}", printable(&end.reason, Tabs::Kept)),
            };
        }
        let by = match self.cause {
            CloseCause::Server => "closed by the server",
            _ => "closed",
        };
        match (end.code, &*end.reason) {
            (1005, _) => format!("{by} without a code"),
            (code, "") => format!("{by} with {code}"),
            (code, reason) => format!("{by} with {code} ({})", printable(reason, Tabs::Kept)),
        }
    }

    /// Returns the line about the part of the input that should have been sent but was not. Returns `None` if
    /// everything was sent.
    fn unsent_line(&self) -> Option<String> {
        let Self { source, cause, sent, unsent, unread, .. } = *self;
        // A user who ends the session before the input ends does not want the rest of the input to be sent. Lines that
        // were read but not sent are still reported.
        let unread = match cause {
            CloseCause::Server | CloseCause::Input => unread,
            CloseCause::Count | CloseCause::Aborted => Unread::Nothing,
        };
        match (unread, unsent) {
            (Unread::Nothing, 0) => None,
            (Unread::Nothing, _) => {
                Some(format!("{unsent} of {} messages were not sent", sent + unsent))
            }
            // No line is needed in two cases. If no message was sent, there may have been nothing to send. If the input
            // is a terminal, the user saw what happened.
            (Unread::Possible, 0) if sent == 0 || source == Source::Terminal => None,
            (Unread::Possible, 0) => Some(format!(
                "the rest of the input was not sent, because the connection ended first (messages sent: {sent})"
            )),
            (Unread::Possible, _) => {
                Some(format!("at least {unsent} messages were not sent (messages sent: {sent})"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ws_host::client::{Options, connect};

    use super::*;

    /// Returns an `End` with this code. Only a connection can create an `End`, so this takes one from a failed
    /// connection.
    fn end(code: u16) -> End {
        let mut end = ws_host::runtime().unwrap().block_on(async {
            let options = Options::new("ws://localhost/").unwrap().unix("/nowhere");
            connect(options).0.ended().await
        });
        (end.code, end.clean) = (code, code != 1006);
        end.reason.clear();
        end
    }

    fn outcome() -> Outcome {
        Outcome {
            source: Source::Pipe,
            cause: CloseCause::Input,
            sent: 2,
            unsent: 0,
            unread: Unread::Nothing,
            received: 2,
            count: None,
            signal: None,
            printed: Ok(()),
        }
    }

    #[track_caller]
    fn expect(outcome: &Outcome, end: &End, exit_code: u8, lines: &[&str]) {
        assert_eq!(outcome.closing_lines(end), lines);
        assert_eq!(outcome.exit_code(end), exit_code);
    }

    #[test]
    fn normal_close_exits_with_0_and_an_error_code_does_not() {
        expect(&outcome(), &end(1000), 0, &["closed with 1000"]);
        expect(
            &Outcome { cause: CloseCause::Server, ..outcome() },
            &end(1005),
            0,
            &["closed by the server without a code"],
        );
        expect(&outcome(), &end(4001), EXIT_OTHER_CODE, &["closed with 4001"]);
    }

    #[test]
    fn unsent_input_is_reported_and_is_an_error() {
        let missing = Outcome { cause: CloseCause::Server, unsent: 3, ..outcome() };
        expect(
            &missing,
            &end(1000),
            EXIT_INCOMPLETE,
            &["closed by the server with 1000", "3 of 5 messages were not sent"],
        );
        let missing = Outcome { unread: Unread::Possible, ..missing };
        assert_eq!(
            missing.closing_lines(&end(1000))[1],
            "at least 3 messages were not sent (messages sent: 2)"
        );
        let open = Outcome { unsent: 0, ..missing };
        assert!(
            open.closing_lines(&end(1000))[1]
                .contains("because the connection ended first (messages sent: 2)")
        );
        assert_eq!(open.exit_code(&end(1000)), EXIT_INCOMPLETE);
    }

    #[test]
    fn open_input_without_any_line_is_no_error() {
        let idle =
            Outcome { cause: CloseCause::Server, unread: Unread::Possible, sent: 0, ..outcome() };
        assert_eq!(idle.exit_code(&end(1000)), 0);
        let person = Outcome { source: Source::Terminal, sent: 2, ..idle };
        assert_eq!(person.exit_code(&end(1000)), 0);
    }

    #[test]
    fn fewer_messages_than_count_are_an_error() {
        let short = Outcome { count: Some(3), ..outcome() };
        expect(
            &short,
            &end(1000),
            EXIT_INCOMPLETE,
            &["closed with 1000", "received 2 of 3 messages"],
        );
        let all = Outcome {
            count: Some(2),
            cause: CloseCause::Count,
            unread: Unread::Possible,
            ..outcome()
        };
        expect(&all, &end(1000), 0, &["closed with 1000"]);
    }

    #[test]
    fn signal_sets_the_exit_code() {
        let ended =
            Outcome { signal: Some(Signal::Terminate), cause: CloseCause::Aborted, ..outcome() };
        expect(&ended, &end(1001), 143, &["ended by SIGTERM", "closed with 1001"]);
    }

    #[test]
    fn failed_output_is_an_error() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let failed = Outcome { printed: Err(full), cause: CloseCause::Aborted, ..outcome() };
        assert_eq!(failed.exit_code(&end(1001)), EXIT_INCOMPLETE);
        assert!(failed.closing_lines(&end(1001))[1].contains("standard output: no storage space"));
    }
}
