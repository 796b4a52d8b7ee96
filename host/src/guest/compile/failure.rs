//! Why the compiler's process produced no code.

use std::io::Error;
use std::time::Duration;

use bytesize::ByteSize;

use crate::guest::error::Cause;

/// Why a component was not compiled although it may be valid. The messages say what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileFailure {
    #[error("compiling it takes more than {}; if it is meant to be like this, raise compile-memory", ByteSize(*.0))]
    Memory(u64),
    #[error(
        "compiling it takes longer than {0:?}; if it is meant to be like this, raise compile-timeout"
    )]
    Time(Duration),
    #[error(
        "the compiler was ended by signal {0} before it was done: if nobody did that, the machine may have too \
             little memory; load the component again"
    )]
    Killed(i32),
    #[error("the compiler failed: {0}")]
    Crashed(String),
    #[error(
        "the compiler's process does not run; if no process may be started here, give --no-compiler-process"
    )]
    Start(#[source] Error),
    #[error("compiling it was cancelled")]
    Cancelled,
    #[error(
        "the compiler made code for another engine: is the program that compiles of the same build as this one?"
    )]
    Mismatch(#[source] Cause),
}

impl CompileFailure {
    pub(super) fn mismatch(error: wasmtime::Error) -> Self {
        Self::Mismatch(Cause(error))
    }
}
