//! The load generators: each drives many connections on one thread.
//!
//! Hand-written over epoll, so that they need less CPU time than any server that they measure. They
//! have a core to themselves and never sleep: to wake them would be work of the server, and the more of
//! it the slower the server is.

mod broadcasts;
mod connects;
mod echoes;
mod endpoint;
mod exchange;
mod http2;
mod line;
mod outgoing;
mod tls;
mod watch;

use std::time::Duration;

use anyhow::Result;

pub(crate) use self::broadcasts::Broadcasts;
pub(crate) use self::connects::Connects;
pub(crate) use self::echoes::{Echoes, Traffic};
pub(crate) use self::endpoint::Endpoint;
pub(crate) use self::exchange::{Messages, Taken};
pub(crate) use self::http2::Streams;

/// Connections that keep a server busy.
pub(crate) trait Load {
    /// Runs for so long. What is in flight at the end is counted by the next run.
    fn run(&mut self, time: Duration) -> Result<Counted>;

    /// How long so many per cent of the messages of the last run took at most, where that is known.
    fn percentile(&mut self, per_cent: usize) -> Option<Duration>;

    /// Octets of the last echo, where the server chooses how many it sends.
    fn echo_octets(&self) -> Option<usize> {
        None
    }
}

/// What came back in one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// Whole messages, each compared octet by octet with what was sent.
    pub(crate) messages: u64,
    /// How often the generator looked and found something to do.
    pub(crate) looks: u64,
    /// WebSockets that were ready, of all looks together.
    pub(crate) ready: u64,
    /// WebSockets that could have been ready at each look.
    pub(crate) connections: usize,
    /// Time spent in looks that found nothing.
    pub(crate) idle: Duration,
    /// The time of the run.
    pub(crate) time: Duration,
}

impl Counted {
    /// Share of the WebSockets that were ready when the generator found any.
    pub(crate) fn backlog(&self) -> f64 {
        self.ready as f64 / self.looks.max(1) as f64 / self.connections.max(1) as f64
    }

    /// Share of the time in which the generator had something to do.
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
            looks: 10,
            ready: 300,
            connections: 100,
            idle: Duration::from_millis(250),
            time: Duration::from_secs(1),
        };
        assert!((counted.backlog() - 0.3).abs() < 1e-9);
        assert!((counted.busy() - 0.75).abs() < 1e-9);
    }
}
