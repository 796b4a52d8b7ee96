//! What one instance may use.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{ResourceLimiterAsync, UpdateDeadline};

use super::cpu_clock::CpuClock;
use crate::slice;
use crate::ticker;

/// More tables, memories and core instances than components of real toolchains have (a Rust
/// component for WASI 0.2 has one memory and a handful of core instances).
const MAX_TABLES: usize = 32;
const MAX_MEMORIES: usize = 4;
const MAX_CORE_INSTANCES: usize = 64;

/// What an element of a table counts as memory, in octets: a pointer, and one more because a table that grows
/// reserves up to as much again.
const TABLE_ELEMENT: usize = 2 * size_of::<usize>();

/// After how much new memory, in octets, an event lets others go on, and counts as one that computes for
/// long: a guest that hoards would be through before the first tick of the clock.
const GROWTH_BEFORE_YIELD: usize = 512 << 10;

/// The limits of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Octets of all linear memories and tables together.
    pub(crate) max_memory: usize,
    /// CPU time of one event, held to a [tick](ticker).
    pub(crate) max_cpu: Duration,
    /// Time of one event, waiting included.
    pub(crate) max_time: Duration,
}

/// What was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitExceeded {
    #[error("the instance wants {wanted} octets of memory; max-memory allows {limit}")]
    Memory { wanted: usize, limit: usize },
    #[error("the event used up its CPU time; max-cpu allows {}", humantime::format_duration(*.0))]
    Cpu(Duration),
    #[error("the event took too long; max-time allows {}", humantime::format_duration(*.0))]
    Time(Duration),
}

impl LimitExceeded {
    /// The limit's name, for counting.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory { .. } => "memory",
            Self::Cpu(_) => "cpu",
            Self::Time(_) => "time",
        }
    }
}

/// Counts what one instance uses.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    memory: usize,
    /// How much of it is new since the guest let others go on.
    grown: usize,
    clock: Arc<CpuClock>,
    /// CPU time of the call before this piece, in nanoseconds.
    used: u64,
}

impl Meter {
    pub(super) fn new(limits: Limits, clock: Arc<CpuClock>) -> Self {
        Self { limits, memory: 0, grown: 0, clock, used: 0 }
    }

    /// Octets of all its linear memories and tables.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Gives the call that begins its whole CPU budget.
    pub(super) fn begin(&mut self) {
        self.clock.begin();
        self.used = 0;
    }

    /// Takes so many octets more.
    ///
    /// A trap and not a refusal: what a toolchain makes of a refused growth is an abort without a word, and the
    /// person who reads the log wants to know the limit.
    fn claim(&mut self, bytes: usize) -> Result<(), LimitExceeded> {
        let wanted = self.memory.saturating_add(bytes);
        let limit = self.limits.max_memory;
        if wanted > limit {
            return Err(LimitExceeded::Memory { wanted, limit });
        }
        self.memory = wanted;
        Ok(())
    }

    /// A tick that falls into a call: the tasks of all others go on before it does.
    pub(super) fn tick(&mut self) -> Result<UpdateDeadline, LimitExceeded> {
        self.charge()?;
        // This way of yielding lets the system be asked what it has for the others, too.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(slice::yield_now())))
    }

    /// Charges the call for what it has used since it went on. It is one that computes for long.
    pub(super) fn charge(&mut self) -> Result<(), LimitExceeded> {
        self.used += self.clock.elapsed();
        self.clock.begin();
        if u128::from(self.used) > self.limits.max_cpu.as_nanos() {
            return Err(LimitExceeded::Cpu(self.limits.max_cpu));
        }
        ticker::request_fine_ticks();
        Ok(())
    }
}

#[wasmtime_wasi::async_trait]
impl ResourceLimiterAsync for Meter {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if exceeds(desired, maximum) {
            return Ok(false);
        }
        let grown = desired.saturating_sub(current);
        self.claim(grown)?;
        self.grown = self.grown.saturating_add(grown);
        if self.grown >= GROWTH_BEFORE_YIELD {
            self.grown = 0;
            self.charge()?;
            slice::yield_now().await;
        }
        Ok(true)
    }

    /// What was charged is not given back: the runtime may also report growth here that it never asked about, and
    /// that was never charged. So it ends the instance. Bounds were looked at before: it is the system that has
    /// no memory.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error.context("a memory cannot grow"))
    }

    async fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if exceeds(desired, maximum) {
            return Ok(false);
        }
        self.claim(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT))?;
        Ok(true)
    }

    /// As for memories.
    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error.context("a table cannot grow"))
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

/// Whether it is more than the component itself allows, or than any memory can have: WebAssembly has the code refused
/// then, and nothing is charged.
fn exceeds(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn meter() -> Meter {
        let time = Duration::from_secs(1);
        let limits = Limits { max_memory: 4 * MIB, max_cpu: time, max_time: time };
        Meter::new(limits, Arc::new(CpuClock::new()))
    }

    #[tokio::test]
    async fn growth_that_overflows_is_too_much() {
        let mut meter = meter();
        assert!(meter.memory_growing(0, MIB, None).await.expect("room"));
        assert!(meter.memory_growing(MIB, usize::MAX - 0xffff, None).await.is_err());
        assert!(meter.table_growing(0, usize::MAX, None).await.is_err());
        assert_eq!(meter.memory(), MIB);
    }

    #[tokio::test]
    async fn growth_over_the_components_own_bound_is_refused_and_not_charged() {
        let mut meter = meter();
        for _ in 0..10 {
            assert!(!meter.memory_growing(0, MIB, Some(MIB - 1)).await.expect("refused"));
            assert!(!meter.table_growing(0, 10, Some(9)).await.expect("refused"));
        }
        assert_eq!(meter.memory(), 0);
        assert!(meter.memory_growing(0, 4 * MIB, Some(4 * MIB)).await.expect("room"));
    }

    #[tokio::test]
    async fn growth_that_fails_ends_the_instance_and_frees_nothing() {
        let mut meter = meter();
        assert!(meter.memory_growing(0, MIB, None).await.expect("room"));
        assert!(meter.memory_grow_failed(wasmtime::Error::msg("no memory")).is_err());
        assert_eq!(meter.memory(), MIB);
    }

    #[tokio::test]
    async fn tables_are_memory() {
        let mut meter = meter();
        assert!(meter.table_growing(0, 100_000, None).await.expect("room"));
        assert_eq!(meter.memory(), 100_000 * TABLE_ELEMENT);
        assert!(meter.table_growing(100_000, 300_000, None).await.is_err());
    }
}
