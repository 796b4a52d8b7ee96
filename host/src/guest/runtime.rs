//! The component runtime: one engine, and what guests may import.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use super::error::LoadError;
use super::memories::Memories;
use super::stacks::Stacks;
use super::state::State;
use super::{cache, denied, imports};
use crate::ticker::{self, Repeat};

/// The stack of a guest, in octets. WebAssembly that needs more traps.
const MAX_WASM_STACK: usize = 512 << 10;

/// The stack that guest and host share during a call, in octets. Reserved, but only what is touched
/// uses memory.
const CALL_STACK: usize = 1 << 20;

/// The same for dense instances. Half of the call's stack is left to the host.
const DENSE_WASM_STACK: usize = 64 << 10;
const DENSE_CALL_STACK: usize = 128 << 10;

/// What an engine is best at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Density {
    /// Few instances, each as fast as can be: 4 GiB of addresses for each memory, so that bounds need
    /// no checks, and initial memory that is mapped and not copied. Each instance has some kernel
    /// mappings of its own, of which a process has 65,530.
    Few,
    /// A hundred thousand instances and more: memories and stacks that lie side by side in common
    /// mappings, and take no more than they touch.
    Many {
        /// Octets of one memory at most.
        max_memory: usize,
    },
}

/// What all components of an engine share.
pub(crate) struct Runtime {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    /// The folder of the cache, without links.
    cache: Option<PathBuf>,
}

/// Why the runtime cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    #[error("the component runtime does not start on this machine")]
    Engine(#[source] super::error::Cause),
    #[error("the system does not give the component runtime what it needs")]
    System(#[from] std::io::Error),
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
    pub(crate) fn start(cache: Option<&Path>, density: Density) -> Result<Self, RuntimeError> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        refuse_features(&mut config);
        match density {
            Density::Few => {
                config.max_wasm_stack(MAX_WASM_STACK);
                config.async_stack_size(CALL_STACK);
            }
            Density::Many { max_memory } => {
                config.max_wasm_stack(DENSE_WASM_STACK);
                config.async_stack_size(DENSE_CALL_STACK);
                config.with_host_stack(Arc::new(Stacks::new(DENSE_CALL_STACK)));
                config.with_host_memory(Arc::new(Memories::new(max_memory)));
                config.memory_init_cow(false);
                config.memory_reservation(0);
                config.memory_reservation_for_growth(0);
                config.memory_guard_size(0);
            }
        }
        let cache = cache.and_then(cache::open);
        let folder = cache.as_ref().map(|cache| cache.directory().clone());
        config.cache(cache);
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        denied::add_to_linker(&mut linker)?;
        imports::add_to_linker(&mut linker)?;
        interrupt_at_ticks(&engine)?;
        Ok(Self { engine, linker, cache: folder })
    }

    /// To be called before anything is compiled.
    ///
    /// # Errors
    ///
    /// [`LoadError::Cache`], if others can write to what would be run.
    pub(super) fn check_cache(&self) -> Result<(), LoadError> {
        let Some(folder) = &self.cache else { return Ok(()) };
        cache::check_again(folder)
            .map_err(|cause| LoadError::Cache { folder: folder.clone(), cause })
    }
}

/// Makes guests that compute stop and look at the time, until the engine is gone.
fn interrupt_at_ticks(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    ticker::on_every_tick(move || match engine.upgrade() {
        Some(engine) => {
            engine.increment_epoch();
            Repeat::Yes
        }
        None => Repeat::No,
    })
}

/// Turns off what no toolchain for WASI 0.2 makes, so that a component cannot do more to its host than those
/// do. One that needs it is refused by the feature's name, as it is for threads, exceptions and garbage
/// collection, which were left out when this host was built. Several memories in a module stay: tools that merge
/// modules make them.
fn refuse_features(config: &mut Config) {
    // The interfaces of components pass addresses of 32 bits.
    config.wasm_memory64(false);
    config.wasm_custom_page_sizes(false);
    config.wasm_stack_switching(false);
}
