//! The timeouts of one connection.
//!
//! Messages never reset the main timer. It is reset only a few times a minute. There is a second timer only for clients
//! that expire.
//!
//! A client can count as silent only while its input is read. While its handler is busy, input stays unread, so silence
//! proves nothing. A client that does not read its output cannot answer a ping either, because the ping is queued after
//! that output. Such a client counts as alive as long as it reads some of the output.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::{ResourceLimits, Timeouts};

/// The number of periods in the idle timeout. A client that was silent for all of them is dropped.
const IDLE_PERIODS: u32 = 4;

/// The number of silent periods after which a client is pinged.
const PING_AFTER: u32 = 2;

/// Stands for a timeout that is turned off. It is so long that it never expires.
pub(crate) const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How often to check whether a client has expired. Regular checks are needed because tokio's timers stop while the
/// machine is suspended, but the client's deadline still approaches.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The longest time for writing the output that is waiting when a connection ends. At 10 KB/s, this is enough for the
/// longest output that can wait by default. Without the limit, a client that reads only just fast enough could hold a
/// permit for hours.
const MAX_FLUSH_TIME: Duration = Duration::from_secs(5 * 60);

/// The window in which a client's reading rate is measured while its connection ends. It applies only if the idle
/// timeout is off.
const DEFAULT_FLUSH_WINDOW: Duration = Duration::from_secs(60);

/// Checks whether a client is alive, and whether it answers a close frame.
#[derive(Debug)]
pub(super) struct LivenessTimer {
    timer: Pin<Box<Sleep>>,
    /// Whether the timer will wake the task. This stays set until the timer fires or is reset.
    is_armed: bool,
    /// The idle timeout divided by [`IDLE_PERIODS`]. While the last output is being written, the period may be shorter
    /// or longer.
    period: Duration,
    close_timeout: Duration,
    /// The rate at which a client must read waiting output, in bytes per second.
    min_rate: u64,
    phase: Phase,
    activity: Activity,
    /// The timer for the next check of a client that expires.
    expiry: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The last output is being written. The number is how many periods may still follow the current one.
    Flushing(u32),
    /// All output has been written, and the client has to close its side.
    AwaitingClose,
}

/// The recent activity of a client.
#[derive(Debug, Default)]
struct Activity {
    /// Whether the client has sent anything in the current period.
    has_sent: bool,
    /// Whether output has been waiting for the client in the current period.
    output_waited: bool,
    /// How many bytes of output the socket has taken since the client last met the rate.
    taken_bytes: u64,
    silent_periods: u32,
    /// The number of periods in which the client has been below the rate.
    stalled_periods: u32,
}

/// Whether the client's input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InputState {
    Reading,
    Paused,
}

/// An event of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerEvent {
    /// The client has sent nothing for a while, so memory that a burst needed can be freed.
    Idle,
    /// The client must be pinged.
    Ping,
    /// The client has not answered the ping.
    Silent,
    /// The client does not read its output.
    Stalled,
    /// The client has not answered the host's close frame.
    CloseTimeout,
    /// The host must check whether the client has expired.
    Expiry,
}

impl LivenessTimer {
    pub(super) fn start(limits: &ResourceLimits, timeouts: &Timeouts) -> Self {
        let period = timeouts.idle.map_or(NEVER, |idle| idle / IDLE_PERIODS);
        Self {
            timer: Box::pin(sleep_until(Instant::now() + period)),
            is_armed: false,
            period,
            close_timeout: timeouts.close,
            min_rate: limits.min_rate as u64,
            phase: Phase::Open,
            activity: Activity::default(),
            expiry: None,
        }
    }

    /// Makes [`TimerEvent::Expiry`] due after at most `time`.
    pub(super) fn check_expiry_after(&mut self, time: Duration) {
        self.expiry = Some(Box::pin(sleep_until(Instant::now() + time.min(EXPIRY_CHECK_INTERVAL))));
        self.is_armed = false;
    }

    /// Records that the client sent something.
    pub(super) fn note_received(&mut self) {
        self.activity.has_sent = true;
    }

    /// Records that the client's socket took output.
    pub(super) fn note_written(&mut self, bytes: usize) {
        self.activity.taken_bytes += bytes as u64;
    }

    /// Records that the client's socket takes no more output for now.
    pub(super) fn note_output_waiting(&mut self) {
        self.activity.output_waited = true;
    }

    /// Begins the last phase of output. From now on, only the client's reading rate matters.
    pub(super) fn begin_flushing(&mut self) {
        if self.phase == Phase::Open {
            let window = if self.period == NEVER {
                DEFAULT_FLUSH_WINDOW
            } else {
                self.period * IDLE_PERIODS
            };
            self.period = window.max(self.close_timeout).min(MAX_FLUSH_TIME) / IDLE_PERIODS;
            let periods = MAX_FLUSH_TIME.as_nanos() / self.period.as_nanos().max(1);
            self.phase = Phase::Flushing(u32::try_from(periods).unwrap_or(u32::MAX));
            self.activity = Activity { output_waited: true, ..Activity::default() };
            self.set(self.period);
        }
    }

    /// Begins the wait for the client's close frame, after the last output has been written.
    pub(super) fn await_close_frame(&mut self) {
        if self.phase != Phase::AwaitingClose {
            self.phase = Phase::AwaitingClose;
            self.set(self.close_timeout);
        }
    }

    /// Returns what is due now. If nothing is due, registers the task to be woken when something becomes due.
    pub(super) fn poll_due(
        &mut self,
        context: &mut Context<'_>,
        input: InputState,
    ) -> Option<TimerEvent> {
        // This runs after every message. The check here is much cheaper than polling a timer.
        if self.is_armed && !self.timer.is_elapsed() {
            return None;
        }
        // The deadline is checked before the timer is polled. If a client sends all the time, the task always arrives
        // here with its cooperative budget used up. In that state, tokio reports every timer as pending.
        if let Some(expiry) = &mut self.expiry
            && (expiry.deadline() <= Instant::now() || expiry.as_mut().poll(context).is_ready())
        {
            self.expiry = None;
            return Some(TimerEvent::Expiry);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            match &mut self.phase {
                // The client's close frame may still be unread. The caller reads the input first, and then calls this
                // again.
                Phase::AwaitingClose if input == InputState::Paused => return None,
                Phase::AwaitingClose => return Some(TimerEvent::CloseTimeout),
                Phase::Flushing(0) => return Some(TimerEvent::Stalled),
                Phase::Flushing(periods) => {
                    *periods -= 1;
                    self.activity.has_sent = false;
                }
                Phase::Open => {}
            }
            self.set(self.period);
            let min_bytes = self.min_rate.saturating_mul(self.window_millis()) / 1000;
            if let Some(due) = self.activity.end_period(input, min_bytes) {
                return Some(due);
            }
        }
        // If there are two timers, the check at the top of this function cannot be used, because it checks only one.
        self.is_armed = self.expiry.is_none();
        None
    }

    fn window_millis(&self) -> u64 {
        u64::try_from((self.period * IDLE_PERIODS).as_millis()).unwrap_or(u64::MAX)
    }

    fn set(&mut self, time: Duration) {
        self.timer.as_mut().reset(Instant::now() + time);
        self.is_armed = false;
    }
}

impl Activity {
    /// Ends a period and returns what is due. In [`IDLE_PERIODS`] periods, the client must read `min_bytes` of waiting
    /// output.
    fn end_period(&mut self, input: InputState, min_bytes: u64) -> Option<TimerEvent> {
        let has_sent = std::mem::take(&mut self.has_sent);
        let output_waited = std::mem::take(&mut self.output_waited);
        if has_sent || !output_waited || self.taken_bytes >= min_bytes {
            (self.taken_bytes, self.stalled_periods) = (0, 0);
        } else {
            self.stalled_periods += 1;
        }
        if has_sent || output_waited {
            self.silent_periods = 0;
            return (self.stalled_periods >= IDLE_PERIODS).then_some(TimerEvent::Stalled);
        }
        self.silent_periods += 1;
        match self.silent_periods {
            PING_AFTER => Some(TimerEvent::Ping),
            IDLE_PERIODS.. if input == InputState::Reading => Some(TimerEvent::Silent),
            IDLE_PERIODS.. => {
                self.silent_periods = 0;
                Some(TimerEvent::Idle)
            }
            _ => Some(TimerEvent::Idle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN_BYTES: u64 = 1000;

    /// Calls `before_each` before the end of every period. Returns the first period in which the client counts as gone,
    /// and the reason.
    fn end(input: InputState, before_each: impl Fn(&mut Activity)) -> Option<(usize, TimerEvent)> {
        let mut activity = Activity::default();
        (1..100).find_map(|period| {
            before_each(&mut activity);
            let due = activity.end_period(input, MIN_BYTES)?;
            matches!(due, TimerEvent::Silent | TimerEvent::Stalled).then_some((period, due))
        })
    }

    fn takes(bytes: u64) -> impl Fn(&mut Activity) {
        move |activity| {
            activity.output_waited = true;
            activity.taken_bytes += bytes;
        }
    }

    #[test]
    fn client_that_sends_nothing_gets_a_ping_and_is_then_silent() {
        let mut activity = Activity::default();
        let due: Vec<_> =
            (0..4).map(|_| activity.end_period(InputState::Reading, MIN_BYTES)).collect();
        let expected = [TimerEvent::Idle, TimerEvent::Ping, TimerEvent::Idle, TimerEvent::Silent];
        assert_eq!(due, expected.map(Some));
    }

    #[test]
    fn client_that_is_not_read_gets_pings_and_is_never_silent() {
        assert_eq!(end(InputState::Paused, |_| ()), None);
        let mut activity = Activity::default();
        let pings = (0..8)
            .filter(|_| {
                activity.end_period(InputState::Paused, MIN_BYTES) == Some(TimerEvent::Ping)
            })
            .count();
        assert_eq!(pings, 2, "proxies in between must not take the connection for idle");
    }

    #[test]
    fn client_that_takes_its_output_too_slowly_is_stalled_whether_it_is_read_or_not() {
        for input in [InputState::Reading, InputState::Paused] {
            assert_eq!(end(input, takes(MIN_BYTES / 4)), None);
            assert_eq!(end(input, takes(MIN_BYTES / 4 - 1)), Some((4, TimerEvent::Stalled)));
            assert_eq!(end(input, takes(0)), Some((4, TimerEvent::Stalled)));
        }
    }

    #[test]
    fn client_that_sends_is_alive() {
        assert_eq!(end(InputState::Reading, |activity| activity.has_sent = true), None);
        let sends_and_does_not_take = |activity: &mut Activity| {
            activity.has_sent = true;
            activity.output_waited = true;
        };
        assert_eq!(end(InputState::Reading, sends_and_does_not_take), None);
    }

    #[test]
    fn silence_is_measured_anew_after_waiting_output_was_written() {
        let mut activity = Activity {
            silent_periods: 3,
            output_waited: true,
            taken_bytes: 1,
            ..Activity::default()
        };
        assert_eq!(activity.end_period(InputState::Reading, MIN_BYTES), None);
        assert_eq!(activity.end_period(InputState::Reading, MIN_BYTES), Some(TimerEvent::Idle));
        assert_eq!(activity.end_period(InputState::Reading, MIN_BYTES), Some(TimerEvent::Ping));
    }
}
