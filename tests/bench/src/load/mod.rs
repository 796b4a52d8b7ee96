//! The load generators. Each drives many connections from one thread.
//!
//! They are written directly on epoll, so that they need less CPU time than any server that they
//! measure. They have a core to themselves and never sleep: waking them would be work for the
//! server, and the slower a server is, the more often it would have to.

mod broadcasts;
mod connects;
mod echoes;
mod endpoint;
mod exchange;
mod http2;
mod outgoing;
mod poller;
mod publications;
mod tls;
mod transport;

use std::time::Duration;

use anyhow::Result;

pub(crate) use self::broadcasts::Broadcasts;
pub(crate) use self::connects::Connects;
pub(crate) use self::echoes::{Echoes, Traffic};
pub(crate) use self::endpoint::Endpoint;
pub(crate) use self::exchange::{Consumed, Messages};
pub(crate) use self::http2::Streams;
pub(crate) use self::publications::{Around, Order, Pace, Publications, Wording};

/// Connections that keep a server busy.
pub(crate) trait Load {
    /// Runs for `time`. Messages in flight at the end are counted by the next run.
    fn run(&mut self, time: Duration) -> Result<Counted>;

    /// Returns a percentile of the latencies of the last run, if known.
    fn percentile(&mut self, per_cent: usize) -> Option<Duration>;

    /// Returns the bytes of the last echo, if the server chooses the length.
    fn echo_bytes(&self) -> Option<usize> {
        None
    }
}

/// What came back in one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// Complete messages, each compared byte by byte with the one sent.
    pub(crate) messages: u64,
    /// Polls that found something ready.
    pub(crate) polls: u64,
    /// WebSockets that were ready, summed over all polls.
    pub(crate) ready: u64,
    /// WebSockets that could have been ready at each poll.
    pub(crate) connections: usize,
    /// Time spent in polls that found nothing.
    pub(crate) idle: Duration,
    /// Duration of the run.
    pub(crate) time: Duration,
}

impl Counted {
    /// Returns the share of the WebSockets that were ready whenever the generator found any.
    pub(crate) fn backlog(&self) -> f64 {
        self.ready as f64 / self.polls.max(1) as f64 / self.connections.max(1) as f64
    }

    /// Returns the share of the time in which the generator had work.
    pub(crate) fn busy(&self) -> f64 {
        1.0 - self.idle.as_secs_f64() / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backlog_and_busy_are_shares() {
        let counted = Counted {
            messages: 500,
            polls: 10,
            ready: 300,
            connections: 100,
            idle: Duration::from_millis(250),
            time: Duration::from_secs(1),
        };
        assert!((counted.backlog() - 0.3).abs() < 1e-9);
        assert!((counted.busy() - 0.75).abs() < 1e-9);
    }
}
