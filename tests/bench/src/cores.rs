//! Assigns one core to the servers and another one to the load generator.

use anyhow::{Result, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Two of the cores that this process may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// The core of the measured server.
    pub(crate) server: usize,
    /// The core of the load generator.
    pub(crate) load: usize,
}

impl Cores {
    /// Chooses the first and the last core. Adjacent ones may be two threads of one physical core.
    pub(crate) fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let (Some(server), Some(load)) = (cores.next(), cores.next_back()) else {
            bail!("the benchmarks need two cores: one for the server, one for the load generator");
        };
        Ok(Self { server, load })
    }
}

/// Pins this thread, and the processes that it starts, to one core until dropped.
#[derive(Debug)]
pub(crate) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// Pins this thread to a core.
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
        // These cores were allowed before. If they no longer are, the thread stays on its one core.
        let _ = sched_setaffinity(None, &self.before);
    }
}
