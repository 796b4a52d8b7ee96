//! The times of one connection, with one timer that is touched a few times a minute and never by a
//! message.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Timeouts;

/// Into how many ticks the time is cut after which a silent client is dropped.
const TICKS: u32 = 4;

/// After how many silent ticks a ping asks whether the client is still there.
const PING_AFTER: u32 = 2;

/// Where no time is set: long enough to be never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Watches whether a client lives, and whether it answers a close frame.
#[derive(Debug)]
pub(super) struct Clock {
    timer: Pin<Box<Sleep>>,
    /// Whether the timer will wake the task. It stays so until it fires or is set anew.
    is_armed: bool,
    tick: Duration,
    close_timeout: Duration,
    is_closing: bool,
    is_active: bool,
    silent_ticks: u32,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing came for a while: memory that a burst needed can be given back.
    Rest,
    /// Ask whether the client is still there.
    Ping,
    /// It is not.
    Silent,
    /// It did not answer our close frame.
    CloseTimeout,
}

impl Clock {
    pub(super) fn start(timeouts: &Timeouts) -> Self {
        let tick = timeouts.idle.map_or(NEVER, |idle| idle / TICKS);
        Self {
            timer: Box::pin(sleep_until(Instant::now() + tick)),
            is_armed: false,
            tick,
            close_timeout: timeouts.close,
            is_closing: false,
            is_active: false,
            silent_ticks: 0,
        }
    }

    /// A sign of life.
    pub(super) fn alive(&mut self) {
        self.is_active = true;
    }

    /// Our close frame was queued: from now on only the answer to it counts.
    pub(super) fn closing(&mut self) {
        if !self.is_closing {
            self.is_closing = true;
            self.set(self.close_timeout);
        }
    }

    /// What is due now; otherwise the task will be woken when something is.
    pub(super) fn poll_due(&mut self, context: &mut Context<'_>) -> Option<Due> {
        // This is asked after every message; to look is much cheaper than to poll.
        if self.is_armed && !self.timer.is_elapsed() {
            return None;
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if self.is_closing {
                return Some(Due::CloseTimeout);
            }
            self.set(self.tick);
            if std::mem::take(&mut self.is_active) {
                self.silent_ticks = 0;
                continue;
            }
            self.silent_ticks += 1;
            return Some(match self.silent_ticks {
                PING_AFTER => Due::Ping,
                TICKS.. => Due::Silent,
                _ => Due::Rest,
            });
        }
        self.is_armed = true;
        None
    }

    fn set(&mut self, time: Duration) {
        self.timer.as_mut().reset(Instant::now() + time);
        self.is_armed = false;
    }
}
