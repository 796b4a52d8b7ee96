//! The CPU time of the processes that serve together.

use std::ops::Sub;
use std::time::Duration;

use anyhow::Result;

use crate::process::cpu_time;

/// CPU time, user and system, of two hosts and of what carries messages between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Of the host where messages begin: the publisher's, or the edge, which relays clients.
    pub(crate) near: Duration,
    /// Of the broker.
    pub(crate) broker: Duration,
    /// Of the host where they end: the subscribers', or the owner of a path.
    pub(crate) far: Duration,
}

impl Usage {
    /// Reads the counts of these processes and of their descendants.
    pub(crate) fn of(near: u32, broker: u32, far: u32) -> Result<Self> {
        Ok(Self { near: cpu_time(near)?, broker: cpu_time(broker)?, far: cpu_time(far)? })
    }

    /// Returns the sum.
    pub(crate) fn all(self) -> Duration {
        self.near + self.broker + self.far
    }

    /// Returns microseconds per message, in the order of the fields.
    pub(crate) fn micros_per(self, messages: u64) -> [f64; 3] {
        [self.near, self.broker, self.far]
            .map(|time| time.as_secs_f64() * 1e6 / messages.max(1) as f64)
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            near: self.near.saturating_sub(before.near),
            broker: self.broker.saturating_sub(before.broker),
            far: self.far.saturating_sub(before.far),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_what_was_added_and_is_divided_among_messages() {
        let milliseconds = |near, broker, far| Usage {
            near: Duration::from_millis(near),
            broker: Duration::from_millis(broker),
            far: Duration::from_millis(far),
        };
        let used = milliseconds(110, 25, 1000) - milliseconds(10, 5, 600);
        assert_eq!(used, milliseconds(100, 20, 400));
        assert_eq!(used.all(), Duration::from_millis(520));
        assert_eq!(used.micros_per(1000), [100.0, 20.0, 400.0]);
    }
}
