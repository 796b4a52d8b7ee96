//! A component that was compiled and checked, ready to be instantiated any number of times.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::component::{Component, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtxBuilder;

use super::Runtime;
use super::bindings::ResourceHandlerPre;
use super::check;
use super::error::{Cause, Fault, LoadError};
use super::instance::Guest;
use super::limits::{Limits, Meter};
use super::log::{GuestLog, GuestStream};
use super::state::{self, State};
use crate::clients::Clients;

/// The first octets of WebAssembly, then the version of a core module.
const MAGIC: &[u8] = b"\0asm";
const CORE_VERSION: &[u8] = &[1, 0, 0, 0];

/// WASI resources (streams, timers) that one instance may hold at once; each costs the host memory.
const MAX_RESOURCES: usize = 10_000;

/// Octets of random numbers that one call may ask for.
const MAX_RANDOM: u64 = 1 << 20;

/// A component, ready to be instantiated.
pub(crate) struct Template {
    path: PathBuf,
    name: String,
    engine: Engine,
    pre: ResourceHandlerPre<State>,
    limits: Limits,
}

impl Template {
    /// Reads, compiles and checks a component.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with the file and what to do.
    pub(crate) fn load(runtime: &Runtime, path: &Path, limits: Limits) -> Result<Self, LoadError> {
        let octets = read(path)?;
        let invalid = |error| LoadError::Invalid { path: path.into(), cause: Cause(error) };
        let component = Component::from_binary(&runtime.engine, &octets).map_err(invalid)?;
        let handler = check::handler(&runtime.engine, &component, path)?;
        let pre = runtime
            .linker
            .instantiate_pre(&component)
            .map_err(|error| LoadError::Import { path: path.into(), cause: Cause(error) })?;
        check::functions(&runtime.engine, &component, &handler, path)?;
        let pre = ResourceHandlerPre::new(pre).map_err(invalid)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { path: path.into(), name, engine: runtime.engine.clone(), pre, limits })
    }

    /// The name of the component's file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A fresh instance that serves these clients.
    ///
    /// # Errors
    ///
    /// A [`Fault`] of the component's own start-up code, or a limit that it exceeds.
    pub(crate) async fn instantiate(&self, clients: Arc<Clients>) -> Result<Guest, Fault> {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(MAX_RESOURCES);
        let stream = |stream| GuestLog { component: self.name.clone(), stream };
        let wasi = WasiCtxBuilder::new()
            .stdout(stream(GuestStream::Stdout))
            .stderr(stream(GuestStream::Stderr))
            .max_random_size(MAX_RANDOM)
            .build();
        let state =
            State { clients, current: None, meter: Meter::new(self.limits), wasi, resources };
        let mut store = Store::new(&self.engine, state);
        state::install(&mut store, self.limits);
        state::refill(&mut store);
        let exports = self.pre.instantiate_async(&mut store).await?;
        Ok(Guest::new(store, exports))
    }

    /// A first instance, to find out at start whether the component can run at all.
    ///
    /// # Errors
    ///
    /// [`LoadError::Instantiate`].
    pub(crate) async fn try_out(&self, clients: Arc<Clients>) -> Result<Guest, LoadError> {
        let made = self.instantiate(clients).await;
        made.map_err(|cause| LoadError::Instantiate { path: self.path.clone(), cause })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let octets = std::fs::read(path).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => LoadError::NoFile(path.into()),
        _ => LoadError::Unreadable { path: path.into(), cause },
    })?;
    match octets.strip_prefix(MAGIC) {
        None => Err(LoadError::NotWasm(path.into())),
        Some(rest) if rest.starts_with(CORE_VERSION) => Err(LoadError::CoreModule(path.into())),
        Some(_) => Ok(octets),
    }
}
