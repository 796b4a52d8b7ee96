//! Expectations about what arrives at a client. When an expectation fails, the panic message contains what was
//! expected, what arrived instead, and the last lines of the log.

use std::fmt::Write;
use std::time::Duration;

use super::client::TestClient;
use super::received::{Closed, Received};

/// The number of log lines that a failure shows.
const SHOWN_LINES: usize = 40;

impl TestClient {
    /// Expects that a text message arrives next.
    ///
    /// # Panics
    ///
    /// Panics if something else arrives, or nothing.
    #[track_caller]
    pub fn expect_text(&self, text: &str) {
        self.expect(&Received::Text(text.to_owned()));
    }

    /// Expects that a binary message arrives next.
    ///
    /// # Panics
    ///
    /// Panics if something else arrives, or nothing.
    #[track_caller]
    pub fn expect_binary(&self, bytes: &[u8]) {
        self.expect(&Received::Binary(bytes.to_owned()));
    }

    /// Expects that the connection ends next, with this code and reason in the host's close frame. The code is 1005 if
    /// the frame has no code, and 1006 if there is no frame.
    ///
    /// # Panics
    ///
    /// Panics if something else arrives, or nothing.
    #[track_caller]
    pub fn expect_close(&self, code: u16, reason: &str) {
        self.expect(&Received::Closed(Closed { code, reason: reason.to_owned() }));
    }

    /// Expects that `expected` arrives next.
    ///
    /// # Panics
    ///
    /// Panics if something else arrives, or nothing.
    #[track_caller]
    pub fn expect(&self, expected: &Received) {
        self.expect_within(Duration::ZERO, expected);
    }

    /// Expects that `expected` arrives next. Lets time pass until something arrives, but no more than `time`.
    ///
    /// # Panics
    ///
    /// Panics if something else arrives, or nothing.
    #[track_caller]
    pub fn expect_within(&self, time: Duration, expected: &Received) {
        let came = self.next_within(time);
        if came.as_ref() != Some(expected) {
            self.fail(&expected.to_string(), came.as_ref());
        }
    }

    /// Expects that nothing arrives while time stands still.
    ///
    /// # Panics
    ///
    /// Panics if something arrives.
    #[track_caller]
    pub fn expect_nothing(&self) {
        if let Some(came) = self.next() {
            self.fail("nothing", Some(&came));
        }
    }

    #[track_caller]
    fn fail(&self, expected: &str, came: Option<&Received>) -> ! {
        let came = came.map_or("nothing".to_owned(), Received::to_string);
        let mut message = format!(
            "{} expected {expected}\n{:w$} got      {came}",
            self.name,
            "",
            w = self.name.chars().count()
        );
        let log = self.running.clock.log().lines();
        if !log.is_empty() {
            message += "\nthe log:";
        }
        for line in log.iter().skip(log.len().saturating_sub(SHOWN_LINES)) {
            // Writing to a string does not fail.
            let _ = write!(message, "\n  {line}");
        }
        panic!("{message}");
    }
}
