//! What one instance may use.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{ResourceLimiterAsync, UpdateDeadline};

use super::call_clock::CallClock;
use crate::slice;
use crate::ticker::Long;

/// More tables, memories and core instances than components of real toolchains have (a Rust
/// component for WASI 0.2 has one memory and a handful of core instances).
const MAX_TABLES: usize = 32;
const MAX_MEMORIES: usize = 4;
const MAX_CORE_INSTANCES: usize = 64;

/// Elements of one table; each costs the host a pointer or two.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// After how much new memory, in octets, an event lets others go on, and counts as one that computes for
/// long: a guest that hoards would be through before the first tick of the clock.
const GROWTH_BEFORE_YIELD: usize = 512 << 10;

/// The limits of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Octets of all linear memories together.
    pub(crate) max_memory: usize,
    /// CPU time of one event, held to a tick of 10 ms.
    pub(crate) max_cpu: Duration,
    /// Time of one event, waiting included.
    pub(crate) max_time: Duration,
}

/// What was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitExceeded {
    #[error("the instance wants {wanted} octets of memory; max-memory allows {limit}")]
    Memory { wanted: usize, limit: usize },
    #[error("the instance wants a table of {wanted} elements; {limit} are allowed")]
    Table { wanted: usize, limit: usize },
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
            Self::Table { .. } => "table",
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
    clock: Arc<CallClock>,
    /// CPU time of the call before this piece, in nanoseconds.
    used: u64,
    long: Option<Long>,
}

impl Meter {
    pub(super) fn new(limits: Limits, clock: Arc<CallClock>) -> Self {
        Self { limits, memory: 0, grown: 0, clock, used: 0, long: None }
    }

    /// Octets of all its linear memories.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Gives the call that begins its whole CPU budget.
    pub(super) fn begin(&mut self) {
        self.clock.begin();
        self.used = 0;
    }

    /// The call has ended.
    pub(super) fn end(&mut self) {
        self.long = None;
    }

    /// A tick that falls into a call: the tasks of all others go on before it does.
    pub(super) fn tick(&mut self) -> Result<UpdateDeadline, LimitExceeded> {
        self.charge()?;
        // This way of yielding lets the system be asked what it has for the others, too.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(slice::pass_on())))
    }

    /// Charges the call for what it has used since it went on. It is one that computes for long.
    pub(super) fn charge(&mut self) -> Result<(), LimitExceeded> {
        self.used += self.clock.elapsed();
        self.clock.begin();
        if u128::from(self.used) > self.limits.max_cpu.as_nanos() {
            return Err(LimitExceeded::Cpu(self.limits.max_cpu));
        }
        self.long.get_or_insert_with(Long::begin);
        Ok(())
    }
}

#[wasmtime_wasi::async_trait]
impl ResourceLimiterAsync for Meter {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let grown = desired - current;
        let wanted = self.memory + grown;
        let limit = self.limits.max_memory;
        if wanted > limit {
            // A trap and not a refusal: what a toolchain makes of a refused growth is an abort
            // without a word, and the person who reads the log wants to know the limit.
            return Err(LimitExceeded::Memory { wanted, limit }.into());
        }
        self.memory = wanted;
        self.grown += grown;
        if self.grown >= GROWTH_BEFORE_YIELD {
            self.grown = 0;
            self.charge()?;
            slice::pass_on().await;
        }
        Ok(true)
    }

    async fn table_growing(
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
