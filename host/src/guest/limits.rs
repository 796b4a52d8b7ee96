//! What one instance may use.

use std::time::Duration;

use wasmtime::{ResourceLimiter, UpdateDeadline};

/// How often the clock for CPU budgets ticks. A guest that computes yields to the other tasks of
/// its thread at each tick; a finer clock would cost idle machines more wake-ups.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// More tables, memories and core instances than components of real toolchains have (a Rust
/// component for WASI 0.2 has one memory and a handful of core instances).
const MAX_TABLES: usize = 32;
const MAX_MEMORIES: usize = 4;
const MAX_CORE_INSTANCES: usize = 64;

/// Elements of one table; each costs the host a pointer or two.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// The limits of an instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Octets of all linear memories together.
    pub(crate) max_memory: usize,
    /// CPU time of one event, held to a tick of 10 ms.
    pub(crate) max_cpu: Duration,
}

/// What was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitExceeded {
    #[error("the instance wants {wanted} octets of memory; --max-memory allows {limit}")]
    Memory { wanted: usize, limit: usize },
    #[error("the instance wants a table of {wanted} elements; {limit} are allowed")]
    Table { wanted: usize, limit: usize },
    #[error("the event used up its CPU time; --max-cpu allows {}", humantime::format_duration(*.0))]
    Cpu(Duration),
}

/// Counts what one instance uses.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    memory: usize,
    ticks: u64,
    ticks_left: u64,
}

impl Meter {
    pub(super) fn new(limits: Limits) -> Self {
        let ticks = limits.max_cpu.as_nanos().div_ceil(TICK.as_nanos()) as u64;
        Self { limits, memory: 0, ticks, ticks_left: 0 }
    }

    /// Gives the next call its whole CPU budget.
    pub(super) fn refill(&mut self) {
        self.ticks_left = self.ticks;
    }

    /// A tick of the clock that falls into a call.
    pub(super) fn tick(&mut self) -> Result<UpdateDeadline, LimitExceeded> {
        self.ticks_left =
            self.ticks_left.checked_sub(1).ok_or(LimitExceeded::Cpu(self.limits.max_cpu))?;
        Ok(UpdateDeadline::Yield(1))
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.memory + (desired - current);
        let limit = self.limits.max_memory;
        if wanted > limit {
            // A trap and not a refusal: what a toolchain makes of a refused growth is an abort
            // without a word, and the person who reads the log wants to know the limit.
            return Err(LimitExceeded::Memory { wanted, limit }.into());
        }
        self.memory = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > MAX_TABLE_ELEMENTS {
            let limit = MAX_TABLE_ELEMENTS;
            return Err(LimitExceeded::Table { wanted: desired, limit }.into());
        }
        Ok(true)
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
