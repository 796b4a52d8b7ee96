//! The times of one connection, with one timer that is touched a few times a minute and never by a
//! message.
//!
//! Silence is a client's own only while it is listened to: what it says while its handler waits lies
//! unread. And while its output waits for it, it cannot answer a ping that waits behind that: then
//! what it takes is its sign of life.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::{Limits, Timeouts};

/// Into how many ticks the time is cut after which a silent client is dropped.
const TICKS: u32 = 4;

/// After how many silent ticks a ping asks whether the client is still there.
const PING_AFTER: u32 = 2;

/// Where no time is set: long enough to be never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How often it is looked at a client that must prove itself again: while the machine sleeps, timers stand still, and
/// the client's time does not.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long the output that waits when a connection ends may take in all: at 10 KB/s what waits at most by
/// default, and a place of the server is not held for hours by who takes just enough.
const LAST_OUTPUT: Duration = Duration::from_secs(5 * 60);

/// Over which time the rate is then measured at which the client takes it, if silence is allowed for ever.
const LAST_WINDOW: Duration = Duration::from_secs(60);

/// Watches whether a client lives, and whether it answers a close frame.
#[derive(Debug)]
pub(super) struct LivenessTimer {
    timer: Pin<Box<Sleep>>,
    /// Whether the timer will wake the task. It stays so until it fires or is set anew.
    is_armed: bool,
    tick: Duration,
    close_timeout: Duration,
    /// What a client has to take of the output that waits for it, in octets a second.
    min_rate: u64,
    phase: Phase,
    activity: Activity,
    /// When to look at a client that must prove itself again.
    expiry: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The last output is being written, for so many ticks at most.
    Ending(u32),
    /// All is written, and the client has to close too.
    Written,
}

/// What was seen of a client.
#[derive(Debug, Default)]
struct Activity {
    /// Since the last tick: whether it sent anything.
    has_sent: bool,
    /// Since the last tick: whether output waited for it to take some.
    has_waited: bool,
    /// Octets of output that it took since it last had taken enough.
    taken: u64,
    silent_ticks: u32,
    /// For how many ticks it has not taken enough.
    stalled_ticks: u32,
}

/// Whether what the client sends is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Awaited,
    Unread,
}

/// What it is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerEvent {
    /// Nothing came for a while: memory that a burst needed can be given back.
    Idle,
    /// Ask whether the client is still there.
    Ping,
    /// It is not.
    Silent,
    /// It does not take its output.
    Stalled,
    /// It did not answer our close frame.
    CloseTimeout,
    /// Look whether it has proved itself again.
    Expiry,
}

impl LivenessTimer {
    pub(super) fn start(limits: &Limits, timeouts: &Timeouts) -> Self {
        let tick = timeouts.idle.map_or(NEVER, |idle| idle / TICKS);
        Self {
            timer: Box::pin(sleep_until(Instant::now() + tick)),
            is_armed: false,
            tick,
            close_timeout: timeouts.close,
            min_rate: limits.min_rate as u64,
            phase: Phase::Open,
            activity: Activity::default(),
            expiry: None,
        }
    }

    /// Lets it be looked whether the client expires, after this time at the latest.
    pub(super) fn check_expiry_after(&mut self, time: Duration) {
        self.expiry = Some(Box::pin(sleep_until(Instant::now() + time.min(LOOK_AGAIN))));
        self.is_armed = false;
    }

    /// The client sent something.
    pub(super) fn note_received(&mut self) {
        self.activity.has_sent = true;
    }

    /// The client's socket took so many octets.
    pub(super) fn note_written(&mut self, bytes: usize) {
        self.activity.taken += bytes as u64;
    }

    /// The client's socket does not take more for now.
    pub(super) fn note_output_waiting(&mut self) {
        self.activity.has_waited = true;
    }

    /// No output follows what waits now: from here on only that it is taken counts.
    pub(super) fn begin_closing(&mut self) {
        if self.phase == Phase::Open {
            let window = if self.tick == NEVER { LAST_WINDOW } else { self.tick * TICKS };
            self.tick = window.max(self.close_timeout).min(LAST_OUTPUT) / TICKS;
            let ticks = LAST_OUTPUT.as_nanos() / self.tick.as_nanos().max(1);
            self.phase = Phase::Ending(u32::try_from(ticks).unwrap_or(u32::MAX));
            self.activity = Activity { has_waited: true, ..Activity::default() };
            self.set(self.tick);
        }
    }

    /// The last output has been written: from here on only that the client closes too counts.
    pub(super) fn await_close_frame(&mut self) {
        if self.phase != Phase::Written {
            self.phase = Phase::Written;
            self.set(self.close_timeout);
        }
    }

    /// What is due now; otherwise the task will be woken when something is.
    pub(super) fn poll_due(
        &mut self,
        context: &mut Context<'_>,
        input: Input,
    ) -> Option<TimerEvent> {
        // This is asked after every message; to look is much cheaper than to poll.
        if self.is_armed && !self.timer.is_elapsed() {
            return None;
        }
        // Where a client sends all the time, the task has used up what the runtime lets it do at once whenever it comes
        // here, and a timer that is polled says then that it is not time.
        if let Some(expiry) = &mut self.expiry
            && (expiry.deadline() <= Instant::now() || expiry.as_mut().poll(context).is_ready())
        {
            self.expiry = None;
            return Some(TimerEvent::Expiry);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            match &mut self.phase {
                // The answer may lie there unread: it is looked for first, and then this is asked again.
                Phase::Written if input == Input::Unread => return None,
                Phase::Written => return Some(TimerEvent::CloseTimeout),
                Phase::Ending(0) => return Some(TimerEvent::Stalled),
                Phase::Ending(ticks) => {
                    *ticks -= 1;
                    self.activity.has_sent = false;
                }
                Phase::Open => {}
            }
            self.set(self.tick);
            let least = self.min_rate.saturating_mul(self.window_millis()) / 1000;
            if let Some(due) = self.activity.tick(input, least) {
                return Some(due);
            }
        }
        // Two timers cannot be looked at with one glance.
        self.is_armed = self.expiry.is_none();
        None
    }

    fn window_millis(&self) -> u64 {
        u64::try_from((self.tick * TICKS).as_millis()).unwrap_or(u64::MAX)
    }

    fn set(&mut self, time: Duration) {
        self.timer.as_mut().reset(Instant::now() + time);
        self.is_armed = false;
    }
}

impl Activity {
    /// What a tick makes due, if the client has to take so many octets of waiting output in [`TICKS`].
    fn tick(&mut self, input: Input, least: u64) -> Option<TimerEvent> {
        let has_sent = std::mem::take(&mut self.has_sent);
        let has_waited = std::mem::take(&mut self.has_waited);
        if has_sent || !has_waited || self.taken >= least {
            (self.taken, self.stalled_ticks) = (0, 0);
        } else {
            self.stalled_ticks += 1;
        }
        if has_sent || has_waited {
            self.silent_ticks = 0;
            return (self.stalled_ticks >= TICKS).then_some(TimerEvent::Stalled);
        }
        self.silent_ticks += 1;
        match self.silent_ticks {
            PING_AFTER => Some(TimerEvent::Ping),
            TICKS.. if input == Input::Awaited => Some(TimerEvent::Silent),
            TICKS.. => {
                self.silent_ticks = 0;
                Some(TimerEvent::Idle)
            }
            _ => Some(TimerEvent::Idle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: u64 = 1000;

    /// When it is said that the client is gone, if it does so much before each tick.
    fn end(input: Input, before_each: impl Fn(&mut Activity)) -> Option<(usize, TimerEvent)> {
        let mut signs = Activity::default();
        (1..100).find_map(|tick| {
            before_each(&mut signs);
            let due = signs.tick(input, LEAST)?;
            matches!(due, TimerEvent::Silent | TimerEvent::Stalled).then_some((tick, due))
        })
    }

    fn takes(bytes: u64) -> impl Fn(&mut Activity) {
        move |signs| {
            signs.has_waited = true;
            signs.taken += bytes;
        }
    }

    #[test]
    fn client_that_says_nothing_is_asked_and_then_silent() {
        let mut signs = Activity::default();
        let due: Vec<_> = (0..4).map(|_| signs.tick(Input::Awaited, LEAST)).collect();
        let expected = [TimerEvent::Idle, TimerEvent::Ping, TimerEvent::Idle, TimerEvent::Silent];
        assert_eq!(due, expected.map(Some));
    }

    #[test]
    fn client_that_is_not_listened_to_is_asked_and_never_silent() {
        assert_eq!(end(Input::Unread, |_| ()), None);
        let mut signs = Activity::default();
        let pings =
            (0..8).filter(|_| signs.tick(Input::Unread, LEAST) == Some(TimerEvent::Ping)).count();
        assert_eq!(pings, 2, "proxies between must not take it for idle");
    }

    #[test]
    fn client_that_takes_its_output_too_slowly_stalls_whoever_is_listened_to() {
        for input in [Input::Awaited, Input::Unread] {
            assert_eq!(end(input, takes(LEAST / 4)), None);
            assert_eq!(end(input, takes(LEAST / 4 - 1)), Some((4, TimerEvent::Stalled)));
            assert_eq!(end(input, takes(0)), Some((4, TimerEvent::Stalled)));
        }
    }

    #[test]
    fn client_that_sends_is_alive() {
        assert_eq!(end(Input::Awaited, |signs| signs.has_sent = true), None);
        let sends_and_does_not_take = |signs: &mut Activity| {
            signs.has_sent = true;
            signs.has_waited = true;
        };
        assert_eq!(end(Input::Awaited, sends_and_does_not_take), None);
    }

    #[test]
    fn silence_begins_anew_when_what_waited_has_left() {
        let mut signs =
            Activity { silent_ticks: 3, has_waited: true, taken: 1, ..Activity::default() };
        assert_eq!(signs.tick(Input::Awaited, LEAST), None);
        assert_eq!(signs.tick(Input::Awaited, LEAST), Some(TimerEvent::Idle));
        assert_eq!(signs.tick(Input::Awaited, LEAST), Some(TimerEvent::Ping));
    }
}
