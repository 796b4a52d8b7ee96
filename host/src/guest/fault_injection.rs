//! Faults on demand. A test uses them to find out what happens when an event of a handler fails.

use parking_lot::Mutex;
use wasmtime::{Error, Trap};

use super::limits::{CallLimits, LimitExceeded};

/// How the next event of a handler fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only tests inject faults"))]
pub(crate) enum InjectedFault {
    /// The event traps.
    Trap,
    /// The event needs more memory than `max-memory` allows.
    Memory,
    /// The event uses up its CPU time.
    Cpu,
    /// The event takes longer than `max-time` allows.
    Time,
}

/// The fault that a test injects into the next event of a component. The first instance that begins an event
/// takes the fault.
#[derive(Debug, Default)]
pub(super) struct FaultInjection(Mutex<Option<InjectedFault>>);

impl FaultInjection {
    #[cfg(feature = "testing")]
    pub(super) fn set(&self, fault: InjectedFault) {
        *self.0.lock() = Some(fault);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.lock().is_some()
    }

    pub(super) fn take(&self) -> Option<InjectedFault> {
        self.0.lock().take()
    }
}

impl InjectedFault {
    /// Returns the error for this kind of failure. A real failure of this kind has the same error.
    pub(super) fn error(self, limits: &CallLimits) -> Error {
        match self {
            Self::Trap => Trap::UnreachableCodeReached.into(),
            Self::Memory => {
                let limit = limits.max_memory;
                LimitExceeded::Memory { wanted: limit.saturating_add(1), limit }.into()
            }
            Self::Cpu => LimitExceeded::Cpu(limits.max_cpu).into(),
            Self::Time => LimitExceeded::Time(limits.max_time).into(),
        }
    }
}
