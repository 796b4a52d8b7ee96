//! The clocks that a guest can read.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use crate::platform::Platform;

/// The resolution of both clocks, in nanoseconds.
const RESOLUTION: u64 = 1;

/// The first value of the monotonic clock. It must not be 0: Go's runtime takes 0 as a sign that the clock does not
/// work, and ends the program. If the first value were 0, a handler could read it in a test, because a test's clock may
/// stand still.
const START: Duration = Duration::from_secs(1);

/// The time since an instance first asked for a clock, plus [`START`]. The host uses the same clock to end the guest's
/// waits, so a guest that waits until a certain time never wakes earlier.
#[derive(Debug)]
pub(super) struct MonotonicClock {
    started: Instant,
}

/// The time of day.
pub(super) struct WallClock(pub(super) Arc<dyn Platform>);

impl MonotonicClock {
    pub(super) fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl HostMonotonicClock for MonotonicClock {
    fn resolution(&self) -> u64 {
        RESOLUTION
    }

    fn now(&self) -> u64 {
        u64::try_from((START + self.started.elapsed()).as_nanos()).unwrap_or(u64::MAX)
    }
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(RESOLUTION)
    }

    fn now(&self) -> Duration {
        self.0.time_of_day()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_clock_does_not_begin_at_zero() {
        let clock = MonotonicClock { started: Instant::now() + Duration::from_secs(3600) };
        assert_ne!(clock.now(), 0, "although no time has passed");
    }
}
