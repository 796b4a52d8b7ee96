//! The component runtime: one engine, what guests may import, and the clock for CPU budgets.

use std::path::Path;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use super::limits::TICK;
use super::state::State;
use super::{cache, imports};

/// The stack of a guest, in octets. WebAssembly that needs more traps.
const MAX_WASM_STACK: usize = 512 << 10;

/// The stack that guest and host share during a call, in octets. Reserved, but only what is touched
/// uses memory.
const CALL_STACK: usize = 1 << 20;

/// What all components of this process share.
pub(crate) struct Runtime {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
}

/// Why the runtime cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    #[error("the component runtime does not start on this machine")]
    Engine(#[source] super::error::Cause),
    #[error("cannot start the thread that counts CPU time")]
    Clock(#[from] std::io::Error),
}

impl From<wasmtime::Error> for RuntimeError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(super::error::Cause(error))
    }
}

impl Runtime {
    /// Starts the engine. Compiled components are kept below `cache`, if there is one: it must be a
    /// folder that nobody else can write to, because what is found there is run as native code.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`]. A cache that cannot be used is only told to the log.
    pub(crate) fn start(cache: Option<&Path>) -> Result<Self, RuntimeError> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        config.max_wasm_stack(MAX_WASM_STACK);
        config.async_stack_size(CALL_STACK);
        config.cache(cache.and_then(cache::open));
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        imports::add_to_linker(&mut linker)?;
        start_clock(&engine)?;
        Ok(Self { engine, linker })
    }
}

/// Ticks until the engine is gone.
fn start_clock(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("cpu-budget".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(())
}
