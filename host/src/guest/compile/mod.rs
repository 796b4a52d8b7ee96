//! Compiling: from the bytes of a component to code that can be instantiated.
//!
//! The compiler needs an amount of memory and time that depends on the component: 140 KB of WebAssembly can take
//! gigabytes. So the program `ws-host` compiles in a separate process with limits (`child.rs` is the host's side,
//! `process.rs` the compiler's). Compiled code is kept in memory while it is in use, and in a folder (`cache.rs`).

mod cache;
mod child;
mod failure;
mod key;
mod process;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use wasmtime::Engine;
use wasmtime::component::Component;

use self::cache::Cache;
pub(crate) use self::child::{Cancelled, CompilerProcess, cancellation};
pub(crate) use self::failure::CompileFailure;
use self::key::Key;
pub use self::process::run_as_compiler;
use super::Density;
use super::error::LoadError;

/// A component of at least this many bytes, without its data, takes so long to compile that the log mentions it: about a
/// second on one core. QuickJS and the library of Go are larger, handlers in Rust, C and C++ are usually smaller.
const LARGE: usize = 512 << 10;

/// How components are compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompileOptions {
    /// The folder for compiled components. Its files are run as native code.
    pub(crate) cache: Option<PathBuf>,
    /// The process that compiles. `None`: this process compiles, without limits.
    pub(crate) process: Option<CompilerProcess>,
}

/// Compiles components for one engine.
pub(super) struct Compiler {
    density: Density,
    cache: Option<Cache>,
    process: Option<CompilerProcess>,
    /// The components in use. They are shared, so that the same code is in memory only once.
    in_use: Mutex<HashMap<Key, Weak<Component>>>,
}

/// Why a component was not compiled.
#[derive(Debug)]
pub(super) enum CompileError {
    /// The component is invalid, or uses a feature that the engine does not have.
    Invalid(wasmtime::Error),
    Failed(CompileFailure),
}

impl Compiler {
    pub(super) fn new(options: &CompileOptions, density: Density) -> Self {
        let CompileOptions { cache, process } = options;
        let cache = cache.as_deref().and_then(Cache::open);
        Self { density, cache, process: process.clone(), in_use: Mutex::default() }
    }

    /// Checks that only this user can write to the cache. Must be called before anything is compiled.
    ///
    /// # Errors
    ///
    /// [`LoadError::Cache`] if other users can write to code that this process would run.
    pub(super) fn check_cache(&self) -> Result<(), LoadError> {
        self.cache.as_ref().map_or(Ok(()), Cache::check_again)
    }

    /// Returns the compiled component. It is already in use, or comes from the cache, or is compiled now.
    ///
    /// # Errors
    ///
    /// [`CompileError`].
    pub(super) fn compile(
        &self,
        engine: &Engine,
        bytes: &[u8],
        cancelled: &Cancelled,
    ) -> Result<Arc<Component>, CompileError> {
        let key = Key::of(engine, bytes);
        if let Some(component) = self.in_use.lock().get(&key).and_then(Weak::upgrade) {
            return Ok(component);
        }
        let component = match self.read_cache(engine, &key) {
            Some(component) => component,
            None => {
                if bytes.len() >= LARGE {
                    self.announce(bytes.len());
                }
                let artifact = self.run(engine, bytes, cancelled)?;
                if let Some(cache) = &self.cache {
                    cache.write(&key, &artifact);
                }
                deserialize(engine, &artifact)
                    .map_err(|error| CompileError::Failed(CompileFailure::mismatch(error)))?
            }
        };
        let component = Arc::new(component);
        let mut in_use = self.in_use.lock();
        in_use.retain(|_, component| component.strong_count() > 0);
        in_use.insert(key, Arc::downgrade(&component));
        Ok(component)
    }

    /// Logs that the next seconds are for compiling, because nothing else is logged in this time. The length is that of
    /// the component without the data that its instances share, so most of it is code.
    fn announce(&self, length: usize) {
        let size = length as f64 / f64::from(1 << 20);
        let later = match self.cache {
            Some(_) => "; later, the result comes from the cache",
            None => "",
        };
        tracing::info!(
            "compiling {size:.1} MiB of WebAssembly for this machine, which may take some seconds{later}"
        );
    }

    fn read_cache(&self, engine: &Engine, key: &Key) -> Option<Component> {
        let cache = self.cache.as_ref()?;
        let artifact = cache.read(key)?;
        deserialize(engine, &artifact).inspect_err(|_| cache.remove(key)).ok()
    }

    fn run(
        &self,
        engine: &Engine,
        bytes: &[u8],
        cancelled: &Cancelled,
    ) -> Result<Vec<u8>, CompileError> {
        match &self.process {
            Some(process) => process.compile(bytes, self.density, cancelled),
            None => engine.precompile_component(bytes).map_err(CompileError::Invalid),
        }
    }
}

#[expect(unsafe_code, reason = "compiled code is run without being verified")]
fn deserialize(engine: &Engine, artifact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the artifact was made by `Engine::precompile_component`, either in this process, in its compiler process,
    // or earlier in a host of the same user. No other user can write to the cache, and the content of each of its files
    // has the hash that was stored with it. wasmtime refuses artifacts of other versions and settings.
    unsafe { Component::deserialize(engine, artifact) }
}
