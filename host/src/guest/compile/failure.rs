//! Why the compiler's process produced no code.

use std::io::Error;
use std::time::Duration;

use bytesize::ByteSize;

use crate::guest::error::WasmtimeError;

/// Why a component that may be valid was not compiled. The messages say what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileFailure {
    #[error("compiling it takes more memory than {}; if that is expected, raise compile-memory", ByteSize(*.0))]
    Memory(u64),
    #[error("compiling it takes longer than {0:?}; if that is expected, raise compile-timeout")]
    Time(Duration),
    #[error(
        "the compiler was killed by signal {0}: if nobody sent this signal, the machine may be short of memory; load \
         the component again"
    )]
    Killed(i32),
    #[error("the compiler failed: {0}")]
    Crashed(String),
    #[error(
        "the compiler's process cannot run; if ws-host may not start other processes here, pass \
         --no-compiler-process"
    )]
    Start(#[source] Error),
    #[error("the compilation was canceled")]
    Cancelled,
    #[error(
        "the compiler is a different build of ws-host, so this host cannot use its code: the compiler and this host \
         must be the same build"
    )]
    Mismatch(#[source] WasmtimeError),
}

impl CompileFailure {
    pub(super) fn mismatch(error: wasmtime::Error) -> Self {
        Self::Mismatch(WasmtimeError(error))
    }
}
