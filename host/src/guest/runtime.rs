//! The component runtime: an engine, and a linker with everything that guests may import.

use std::sync::{Arc, OnceLock};

use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use super::compile::{CompileOptions, Compiler};
use super::image::Mappings;
use super::memories::Memories;
use super::reserved::ReservedMemories;
use super::stacks::Stacks;
use super::state::State;
use super::{denied, http, imports, keyvalue, waits, wasi_config};
use crate::platform::Platform;
use crate::ticker::{self, Repeat};

/// If a component's file has at least this many bytes, its instances get large stacks. Such components contain an
/// interpreter, whose functions call each other for every level of recursion in the script. A Python function that
/// recurses while it sorts, prints or maps needs 2 MiB of stack before the interpreter raises an exception.
const LARGE: usize = 1 << 20;

/// What an engine is optimized for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Density {
    /// Few instances, each as fast as possible. A memory reserves 4 GiB of address space, so that accesses need no
    /// bounds checks. Initial memory is mapped and not copied. Each instance has a few kernel mappings of its own, and
    /// a process may have 65,530.
    Few,
    /// A hundred thousand instances and more. Their memories and stacks lie side by side in shared mappings. Each
    /// instance takes only the memory that it touches.
    Many {
        /// The maximum number of bytes that one memory may have.
        max_memory: usize,
    },
}

/// The sizes of the stacks for calls, in bytes. Stacks are reserved, and only pages that were touched use memory. But
/// each stack of 2 MiB also needs a page of the kernel's page tables for itself. Sixteen small stacks could share such
/// a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StackLengths {
    /// For WebAssembly. A guest traps if it needs a larger stack.
    wasm: usize,
    /// For the host's functions that WebAssembly calls.
    host: usize,
}

impl StackLengths {
    /// Returns the stack sizes for components that are not large.
    fn usual(density: Density) -> Self {
        match density {
            Density::Few => Self { wasm: 512 << 10, host: 512 << 10 },
            Density::Many { .. } => Self { wasm: 64 << 10, host: 64 << 10 },
        }
    }

    /// Returns the stack sizes for large components.
    fn long(density: Density) -> Self {
        Self { wasm: 2 << 20, ..Self::usual(density) }
    }
}

/// The engine and the linker that all components of one density share.
pub(crate) struct Runtime {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    pub(super) compiler: Compiler,
    pub(super) platform: Arc<dyn Platform>,
    options: CompileOptions,
    density: Density,
    /// The runtime for large components, with large stacks. It is started for the first such component.
    pub(super) for_large: OnceLock<Box<Runtime>>,
}

/// Why the runtime cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    #[error("the component runtime cannot start on this machine")]
    Engine(#[source] super::error::WasmtimeError),
    #[error("the operating system cannot start a thread for the component runtime")]
    System(#[from] std::io::Error),
}

impl From<wasmtime::Error> for RuntimeError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(super::error::WasmtimeError(error))
    }
}

impl Runtime {
    /// Starts the engine.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`]. An unusable cache is not an error: it is only logged.
    pub(crate) fn start(
        options: CompileOptions,
        density: Density,
        platform: Arc<dyn Platform>,
    ) -> Result<Self, RuntimeError> {
        Self::start_with(options, density, StackLengths::usual(density), platform)
    }

    /// Returns the runtime for a component of this length. This is `self`, or a runtime with larger stacks.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub(super) fn for_length(&self, length: usize) -> Result<&Self, RuntimeError> {
        if length < LARGE {
            return Ok(self);
        }
        if let Some(runtime) = self.for_large.get() {
            return Ok(runtime);
        }
        let lengths = StackLengths::long(self.density);
        let (options, platform) = (self.options.clone(), Arc::clone(&self.platform));
        let runtime = Self::start_with(options, self.density, lengths, platform)?;
        Ok(self.for_large.get_or_init(|| Box::new(runtime)))
    }

    fn start_with(
        options: CompileOptions,
        density: Density,
        stack: StackLengths,
        platform: Arc<dyn Platform>,
    ) -> Result<Self, RuntimeError> {
        let engine = Engine::new(&engine_config(density, stack))?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        waits::add_to_linker(&mut linker)?;
        denied::add_to_linker(&mut linker)?;
        http::add_to_linker(&mut linker)?;
        wasi_config::add_to_linker(&mut linker)?;
        keyvalue::add_to_linker(&mut linker)?;
        imports::add_to_linker(&mut linker)?;
        interrupt_at_ticks(&engine)?;
        let compiler = Compiler::new(&options, density);
        let for_large = OnceLock::new();
        Ok(Self { engine, linker, compiler, platform, options, density, for_large })
    }
}

/// Returns the settings of an engine.
fn engine_config(density: Density, stack: StackLengths) -> Config {
    let mut config = compiler_config(density);
    let call_stack = stack.wasm + stack.host;
    config.max_wasm_stack(stack.wasm);
    config.async_stack_size(call_stack);
    match density {
        Density::Few => {
            config.with_host_memory(Arc::new(ReservedMemories));
        }
        Density::Many { max_memory } => {
            config.with_host_stack(Arc::new(Stacks::new(call_stack)));
            config.with_host_memory(Arc::new(Memories::new(max_memory, Mappings::of_process())));
        }
    }
    config
}

/// Returns the settings that compiled code depends on. The compiler's process uses the same settings, so that the code
/// that it produces fits the engine.
pub(super) fn compiler_config(density: Density) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // Wasmtime need not share the initial data of memories, because the host does so itself.
    config.memory_init_cow(false);
    refuse_features(&mut config);
    if let Density::Many { .. } = density {
        config.memory_reservation(0);
        config.memory_reservation_for_growth(0);
        config.memory_guard_size(0);
    }
    config
}

/// At every tick, interrupts the guests that are computing. Does so until the engine is dropped. Each interruption
/// checks the CPU time of the guest.
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

/// Turns off features that no toolchain for WASI 0.2 uses, to keep the host's attack surface small. A component that
/// needs such a feature is refused, and the error names the feature. The same happens with threads, exceptions and
/// garbage collection, because this host is built without them. Modules with several memories are still allowed: tools
/// that merge modules produce such modules, and so does this host (`image/globals.rs`).
fn refuse_features(config: &mut Config) {
    // Components pass 32-bit addresses across their interfaces.
    config.wasm_memory64(false);
    config.wasm_custom_page_sizes(false);
    config.wasm_stack_switching(false);
}
