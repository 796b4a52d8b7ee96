//! What has become of it all: what is told at the end, and the exit code.

use std::io;

use ws_host::client::End;

use super::input::Source;
use super::output::printable;
use super::signals::Signal;

/// The server closed with a code that tells of a fault.
const CLOSED_OTHERWISE: u8 = 3;

/// There was no close frame.
const LOST: u8 = 4;

/// Something was not sent, not received, or not printed.
const INCOMPLETE: u8 = 5;

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The server did, or it was lost.
    Theirs,
    /// The input has ended, and the server was quiet; or a command asked for it.
    Input,
    /// All messages that were wanted have come.
    Count,
    /// A signal, or an output that nobody reads.
    Given,
}

/// What is known of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It was read to its end.
    Nothing,
    /// There may be more of it.
    Unknown,
}

/// What went over the connection, and what did not.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) source: Source,
    pub(super) ending: Ending,
    /// Messages that were handed to the socket.
    pub(super) sent: u64,
    /// Lines that were read, and not sent.
    pub(super) unsent: u64,
    pub(super) rest: Rest,
    pub(super) received: u64,
    /// How many were wanted.
    pub(super) count: Option<u64>,
    pub(super) signal: Option<Signal>,
    pub(super) printed: io::Result<()>,
}

impl Tally {
    /// What is said of the end on standard error, a line each.
    pub(super) fn tell(&self, end: &End) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.signal.map(|signal| format!("ended by {}", signal.name())));
        lines.push(self.closed(end));
        lines.extend(self.missing_input());
        if let Some(count) = self.count
            && self.received < count
        {
            lines.push(format!("received {} of {count} messages", self.received));
        }
        if let Err(error) = &self.printed {
            lines.push(format!("not all messages were printed: standard output: {error}"));
        }
        lines
    }

    pub(super) fn exit_code(&self, end: &End) -> u8 {
        if let Some(signal) = self.signal {
            return signal.exit_code();
        }
        let is_short = self.count.is_some_and(|count| self.received < count);
        match end.code {
            1006 => LOST,
            1000 | 1001 | 1005 => {
                let is_incomplete =
                    is_short || self.printed.is_err() || self.missing_input().is_some();
                if is_incomplete { INCOMPLETE } else { 0 }
            }
            _ => CLOSED_OTHERWISE,
        }
    }

    fn closed(&self, end: &End) -> String {
        if !end.clean {
            return match end.sent {
                Some(code) => format!("lost after closing with {code}: {}", printable(&end.reason)),
                None => format!("lost: {}", printable(&end.reason)),
            };
        }
        let by = match self.ending {
            Ending::Theirs => "closed by the server",
            _ => "closed",
        };
        match (end.code, &*end.reason) {
            (1005, _) => format!("{by} without a code"),
            (code, "") => format!("{by} with {code}"),
            (code, reason) => format!("{by} with {code} ({})", printable(reason)),
        }
    }

    /// What of the input was not sent though it should have been.
    fn missing_input(&self) -> Option<String> {
        let Self { source, ending, sent, unsent, rest, .. } = *self;
        // Whoever ends it before the input does wants no more of that; what could not be sent is missing all the same.
        let rest = match ending {
            Ending::Theirs | Ending::Input => rest,
            _ => Rest::Nothing,
        };
        match (rest, unsent) {
            (Rest::Nothing, 0) => None,
            (Rest::Nothing, _) => Some(format!("not sent: {unsent} of {} messages", sent + unsent)),
            // Who has written nothing may have had nothing to send, and a person sees what happens.
            (Rest::Unknown, 0) if sent == 0 || source == Source::Terminal => None,
            (Rest::Unknown, 0) => Some(format!(
                "not sent: what follows of the input, which had not ended (sent: {sent})"
            )),
            (Rest::Unknown, _) => {
                Some(format!("not sent: at least {unsent} messages of the input (sent: {sent})"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ws_host::client::{Options, connect};

    use super::*;

    /// An end with this code. Only a connection makes one, so here is one that could not be made.
    fn end(code: u16) -> End {
        let mut end = ws_host::runtime().unwrap().block_on(async {
            let options = Options::new("ws://localhost/").unwrap().unix("/nowhere");
            connect(options).0.ended().await
        });
        (end.code, end.clean) = (code, code != 1006);
        end.reason.clear();
        end
    }

    fn tally() -> Tally {
        Tally {
            source: Source::Pipe,
            ending: Ending::Input,
            sent: 2,
            unsent: 0,
            rest: Rest::Nothing,
            received: 2,
            count: None,
            signal: None,
            printed: Ok(()),
        }
    }

    #[track_caller]
    fn expect(tally: &Tally, end: &End, exit_code: u8, told: &[&str]) {
        assert_eq!(tally.tell(end), told);
        assert_eq!(tally.exit_code(end), exit_code);
    }

    #[test]
    fn good_order_is_0_and_a_code_that_tells_of_a_fault_is_not() {
        expect(&tally(), &end(1000), 0, &["closed with 1000"]);
        expect(
            &Tally { ending: Ending::Theirs, ..tally() },
            &end(1005),
            0,
            &["closed by the server without a code"],
        );
        expect(&tally(), &end(4001), CLOSED_OTHERWISE, &["closed with 4001"]);
    }

    #[test]
    fn what_was_not_sent_is_told_and_no_success() {
        let missing = Tally { ending: Ending::Theirs, unsent: 3, ..tally() };
        expect(
            &missing,
            &end(1000),
            INCOMPLETE,
            &["closed by the server with 1000", "not sent: 3 of 5 messages"],
        );
        let missing = Tally { rest: Rest::Unknown, ..missing };
        assert_eq!(
            missing.tell(&end(1000))[1],
            "not sent: at least 3 messages of the input (sent: 2)"
        );
        let open = Tally { unsent: 0, ..missing };
        assert!(open.tell(&end(1000))[1].contains("which had not ended (sent: 2)"));
        assert_eq!(open.exit_code(&end(1000)), INCOMPLETE);
    }

    #[test]
    fn input_that_nobody_writes_to_is_not_missed() {
        let idle = Tally { ending: Ending::Theirs, rest: Rest::Unknown, sent: 0, ..tally() };
        assert_eq!(idle.exit_code(&end(1000)), 0);
        let person = Tally { source: Source::Terminal, sent: 2, ..idle };
        assert_eq!(person.exit_code(&end(1000)), 0);
    }

    #[test]
    fn fewer_messages_than_wanted_are_no_success() {
        let short = Tally { count: Some(3), ..tally() };
        expect(&short, &end(1000), INCOMPLETE, &["closed with 1000", "received 2 of 3 messages"]);
        let all = Tally { count: Some(2), ending: Ending::Count, rest: Rest::Unknown, ..tally() };
        expect(&all, &end(1000), 0, &["closed with 1000"]);
    }

    #[test]
    fn signal_is_told_by_the_exit_code() {
        let ended = Tally { signal: Some(Signal::Terminate), ending: Ending::Given, ..tally() };
        expect(&ended, &end(1001), 143, &["ended by SIGTERM", "closed with 1001"]);
    }

    #[test]
    fn output_that_fails_is_no_success() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let tally = Tally { printed: Err(full), ending: Ending::Given, ..tally() };
        assert_eq!(tally.exit_code(&end(1001)), INCOMPLETE);
        assert!(tally.tell(&end(1001))[1].contains("standard output: no storage space"));
    }
}
