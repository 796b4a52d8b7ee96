//! The limits of an instance, and the meter that measures its use and enforces the limits.
//!
//! # The CPU budget (`max-cpu`)
//!
//! [`CpuBudget`] enforces this limit. An event is charged:
//!
//! - at ticks, from its second tick on ([`Meter::interrupt`], called by the callback that [`install_limits`] sets)
//! - each time memory has grown by 512 KiB ([`Meter::memory_growing`])
//! - in imports that loop over clients for longer than a slice (`charge_and_yield` in `imports/to_many.rs`)
//! - whenever its call waits or yields, except the first time ([`TimeLimit::wait`], which allows 20 ms more)
//!
//! If a limit is exceeded, the call fails at the next tick or in the import in which it waits (`waits.rs`), so that the
//! error says where the guest was.
//!
//! The time during which a call waits is not charged.
//!
//! [`Meter::reset_cpu_budget`] has one caller: [`state::begin_event`]. It is called for each event, including `suspend`
//! and `resume` (`Guest::begin_call` in `instance.rs`), for each message of a burst (`imports/burst.rs`), and for the
//! start of an instance ([`Template::instantiate`]).
//!
//! [`install_limits`]: super::state::install_limits
//! [`state::begin_event`]: super::state::begin_event
//! [`Template::instantiate`]: super::Template::instantiate
//! [`TimeLimit::wait`]: super::time_limit::TimeLimit::wait

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{ResourceLimiterAsync, UpdateDeadline};

use super::cpu_budget::CpuBudget;
use super::fault_injection::FaultInjection;
use super::image::WASM_PAGE;
use crate::metrics::{MemoryShare, ResourceMetrics};
use crate::slice;
use crate::ticker;

/// Limits on what a component instance may contain: tables, memories and core instances. Components of real toolchains
/// stay below them. A Rust component for WASI 0.2 has one memory and a handful of core instances. The host adds at most
/// one core instance to the component, and at most one to each component nested in it (`reexports/`).
const MAX_TABLES: usize = 32;
const MAX_MEMORIES: usize = 4;
const MAX_CORE_INSTANCES: usize = 64 + 8;

/// The number of bytes that are charged for a table element: two pointers. An element takes one pointer, but a growing
/// table reserves up to twice its size.
const TABLE_ELEMENT: usize = 2 * size_of::<usize>();

/// How much the memory of an instance may grow before the current event yields and counts as a long computation. Growth
/// in earlier events counts as well. Ticks do not detect an event that only grows memory, because such an event ends
/// before the first tick.
const GROWTH_BEFORE_YIELD: usize = 512 << 10;

/// After how many ticks a call yields for the first time. With a value of 1, even a short call would yield if a tick
/// happened to fall into it. Everything that waits for the call would then wait longer.
const FIRST_YIELD: u64 = 2;

/// The limits of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallLimits {
    /// The total size of all linear memories and tables, in bytes.
    pub(crate) max_memory: usize,
    /// The CPU time of one event. The comment at the top of this file says when it is enforced.
    pub(crate) max_cpu: Duration,
    /// The time of one event, including the time that it waits.
    pub(crate) max_time: Duration,
}

/// The limit that an instance exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitExceeded {
    #[error("the instance needs {} of memory; max-memory allows {}", size_above(*.wanted), exact_size(*.limit))]
    Memory { wanted: usize, limit: usize },
    #[error("the event used up its CPU time; max-cpu allows {}", humantime::format_duration(*.0))]
    Cpu(Duration),
    #[error("the event took too long; max-time allows {}", humantime::format_duration(*.0))]
    Time(Duration),
}

impl LimitExceeded {
    /// Returns the name of the limit, for metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory { .. } => "memory",
            Self::Cpu(_) => "cpu",
            Self::Time(_) => "time",
        }
    }
}

/// Returns a size that exceeds a limit. It is rounded up to KiB, so it is never printed like the limit.
fn size_above(bytes: usize) -> String {
    exact_size(bytes.checked_next_multiple_of(1 << 10).unwrap_or(bytes))
}

/// Returns a size as a user writes it in a configuration, in the largest unit that divides it.
fn exact_size(bytes: usize) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

/// The kind of call into an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    /// An event.
    Event,
    /// `suspend` or `resume`.
    StateTransfer,
}

/// Measures the resources that one instance uses.
#[derive(Debug)]
pub(super) struct Meter {
    limits: CallLimits,
    /// The memory in use, which is also this instance's share of the resource's memory metric.
    memory: MemoryShare,
    /// The number of memories that the host has added to the component.
    added_memories: usize,
    /// The total size of the added memories that have not been created yet, in bytes.
    uncharged: usize,
    /// The number of bytes by which memory has grown since the guest last had to yield because of growth.
    grown: usize,
    budget: Arc<CpuBudget>,
    /// The number of ticks after which an event is interrupted for the first time.
    first_tick: u64,
    demand: Arc<FaultInjection>,
}

impl Meter {
    pub(super) fn new(
        limits: CallLimits,
        budget: Arc<CpuBudget>,
        demand: Arc<FaultInjection>,
        metrics: &Arc<ResourceMetrics>,
    ) -> Self {
        Self {
            limits,
            memory: MemoryShare::new(metrics),
            added_memories: 0,
            uncharged: 0,
            grown: 0,
            budget,
            first_tick: FIRST_YIELD,
            demand,
        }
    }

    /// Returns a meter that does not charge for the memories that the host adds to the component. Each of these
    /// memories has one page, and is created with the instance.
    pub(super) fn with_added_memories(self, added_memories: usize) -> Self {
        Self { added_memories, uncharged: added_memories * WASM_PAGE, ..self }
    }

    /// Returns the number of ticks after which an event is interrupted for the first time.
    pub(super) fn first_tick(&self) -> u64 {
        self.first_tick
    }

    /// If a test has injected a fault, interrupts the next event at its very start.
    pub(super) fn check_injected_fault(&mut self) {
        if self.demand.is_set() {
            self.first_tick = 0;
        }
    }

    /// Handles a tick. Also handles the interruption that [`check_injected_fault`](Self::check_injected_fault) has
    /// requested for the start of an event.
    ///
    /// # Errors
    ///
    /// The injected fault, or [`LimitExceeded::Cpu`].
    pub(super) fn interrupt(&mut self, call: CallKind) -> wasmtime::Result<UpdateDeadline> {
        if self.first_tick > 0 {
            return Ok(self.tick()?);
        }
        self.first_tick = FIRST_YIELD;
        match call {
            CallKind::Event if let Some(fault) = self.demand.take() => {
                Err(fault.error(&self.limits))
            }
            CallKind::Event | CallKind::StateTransfer => Ok(UpdateDeadline::Continue(FIRST_YIELD)),
        }
    }

    /// Returns the total size of all linear memories and tables, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.memory.bytes()
    }

    /// Returns the CPU budget of the current event.
    pub(super) fn budget(&self) -> &Arc<CpuBudget> {
        &self.budget
    }

    /// Gives a new event its full CPU budget. Called by `state::begin_event` only.
    pub(super) fn reset_cpu_budget(&mut self) {
        self.budget.reset();
    }

    /// Adds `bytes` to the memory in use.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded::Memory`], which traps the guest. WebAssembly could refuse the growth instead, but toolchains
    /// turn a refusal into an abort without a message. The log of a trap names the limit.
    fn claim(&mut self, bytes: usize) -> Result<(), LimitExceeded> {
        // It does not matter which memory uses up `uncharged`, because all added memories are created before any
        // function of the component is called.
        let uncharged = bytes.min(self.uncharged);
        self.uncharged -= uncharged;
        let wanted = self.memory.bytes().saturating_add(bytes - uncharged);
        let limit = self.limits.max_memory;
        if wanted > limit {
            return Err(LimitExceeded::Memory { wanted, limit });
        }
        self.memory.grow_to(wanted);
        Ok(())
    }

    /// Handles a tick during a call: all other tasks of the worker run before the call continues.
    fn tick(&mut self) -> Result<UpdateDeadline, LimitExceeded> {
        self.charge()?;
        if !slice::has_end() {
            return Ok(UpdateDeadline::Continue(1));
        }
        // Unlike wasmtime's own way of yielding, this way also lets the runtime poll for I/O.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(slice::yield_now())))
    }

    /// Charges the event for the CPU time since it was last charged or resumed, and marks it as a long computation.
    ///
    /// # Errors
    ///
    /// [`LimitExceeded::Cpu`], or [`LimitExceeded::Time`] if the event's time is up.
    pub(super) fn charge(&mut self) -> Result<(), LimitExceeded> {
        self.budget.charge()?;
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

    /// Ends the instance, because it is unknown whether this growth was charged: wasmtime may report a failed growth
    /// even if it did not call `memory_growing` for it. The bounds have been checked before, so this failure means that
    /// the operating system has no more memory.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error.context("a memory of the guest cannot grow"))
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

    /// Ends the instance, for the same reasons as `memory_grow_failed`.
    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error.context("a table of the guest cannot grow"))
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES + self.added_memories
    }
}

/// Returns whether a size exceeds the bound that the component itself declares, or the largest size that WebAssembly
/// allows. WebAssembly then refuses the growth, so nothing is charged.
fn exceeds(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn meter() -> Meter {
        let time = Duration::from_secs(1);
        let limits = CallLimits { max_memory: 4 * MIB, max_cpu: time, max_time: time };
        Meter::new(limits, Arc::new(CpuBudget::new(time)), Arc::default(), &Arc::default())
    }

    #[test]
    fn sizes_are_printed_exactly_and_in_the_units_of_the_configuration() {
        for (bytes, text) in [
            (4 * MIB, "4 MiB"),
            (1 << 30, "1 GiB"),
            (64 * MIB + WASM_PAGE, "65600 KiB"),
            (MIB + 16, "1048592 B"),
            (0, "0 B"),
        ] {
            assert_eq!(exact_size(bytes), text);
        }
        let message = LimitExceeded::Memory { wanted: 4 * MIB + 16, limit: 4 * MIB }.to_string();
        assert_eq!(message, "the instance needs 4097 KiB of memory; max-memory allows 4 MiB");
        let most = LimitExceeded::Memory { wanted: usize::MAX, limit: 1 }.to_string();
        assert!(most.ends_with("max-memory allows 1 B"), "{most}");
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
    async fn memories_that_the_host_adds_are_not_counted() {
        let mut meter = meter().with_added_memories(2);
        assert_eq!(meter.memories(), MAX_MEMORIES + 2);
        assert!(meter.memory_growing(0, 4 * MIB, None).await.expect("room"));
        for _ in 0..2 {
            assert!(meter.memory_growing(0, WASM_PAGE, Some(WASM_PAGE)).await.expect("room"));
        }
        assert_eq!(meter.memory(), 4 * MIB);
        assert!(meter.memory_growing(0, WASM_PAGE, None).await.is_err());
    }

    #[tokio::test]
    async fn growth_beyond_the_components_own_bound_is_refused_and_not_charged() {
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
