//! Which core is the servers' and which the load generator's.

use anyhow::{Result, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Two cores of those that this process may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// For the server that is measured.
    pub(crate) server: usize,
    /// For the load generator.
    pub(crate) load: usize,
}

impl Cores {
    /// The first and the last core: neighbours may be two threads of one real core.
    pub(crate) fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let (Some(server), Some(load)) = (cores.next(), cores.next_back()) else {
            bail!("two cores are needed, one of them for the server alone");
        };
        Ok(Self { server, load })
    }
}

/// Keeps this thread, and what it starts, on one core for as long as it lives.
#[derive(Debug)]
pub(crate) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Moves to a core.
    pub(crate) fn to(core: usize) -> Result<Self> {
        let before = sched_getaffinity(None)?;
        let mut only = CpuSet::new();
        only.set(core);
        sched_setaffinity(None, &only)?;
        Ok(Self { before })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // These cores were allowed before; if they no longer are, staying on one is all that is left.
        let _ = sched_setaffinity(None, &self.before);
    }
}
