//! The machine on which a host runs: its threads, its time of day and its random numbers.
//!
//! Elapsed time is not part of this module. Every duration that a handler or a client can notice is measured with
//! tokio's clock.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use crate::clients::Ids;
use crate::worker::Workers;

/// The parts of the machine that a host uses.
pub(crate) trait Platform: Send + Sync {
    /// Starts the first of at most `max` workers.
    ///
    /// # Errors
    ///
    /// The error of the operating system if it cannot start a thread.
    fn workers(&self, max: NonZeroUsize) -> std::io::Result<Workers>;

    /// Returns the time since 1970, in UTC.
    fn time_of_day(&self) -> Duration;

    /// Returns the ids for the clients of a new host.
    fn client_ids(&self) -> Ids;

    /// Returns the seed of the random numbers for a new instance. `None`: its random numbers must be unpredictable.
    fn random_seed(&self) -> Option<u64>;

    /// Returns whether a call of a guest may block its thread while the guest reads a file.
    fn blocks_for_files(&self) -> bool;
}

/// The real machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine;

impl Platform for Machine {
    fn workers(&self, max: NonZeroUsize) -> std::io::Result<Workers> {
        Workers::start(max)
    }

    fn time_of_day(&self) -> Duration {
        // This fails only if the clock is set to a time before 1970.
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn client_ids(&self) -> Ids {
        Ids::from_random_start()
    }

    fn random_seed(&self) -> Option<u64> {
        None
    }

    fn blocks_for_files(&self) -> bool {
        false
    }
}
