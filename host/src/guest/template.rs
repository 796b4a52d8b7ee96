//! A component that was compiled and checked, ready to be instantiated any number of times.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};
use wasmtime::{AsContextMut, Engine, Store};

use super::Runtime;
use super::bindings::CalledIndices;
use super::cpu_clock::CpuClock;
use super::denials::Denials;
use super::error::{Cause, Fault, LoadError};
use super::instance::Guest;
use super::limits::{Limits, Meter};
use super::log_budget::LogBudget;
use super::optional::OptionalIndices;
use super::state::{self, Setup, State};
use super::time_limit::with_time_limit;
use super::{check, contract, stacks};
use crate::actor_resources::ActorResources;

/// The first octets of WebAssembly, then the version of a core module.
const MAGIC: &[u8] = b"\0asm";
const CORE_VERSION: &[u8] = &[1, 0, 0, 0];

/// Octets of the hash that are told: enough to tell two builds apart.
const HASH: usize = 6;

/// The file of a component, as it was read.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    bytes: Vec<u8>,
    hash: String,
}

impl Source {
    /// # Errors
    ///
    /// [`LoadError`], if there is no such file or it is not a component at all.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let bytes = read(path)?;
        let hash = Sha256::digest(&bytes)
            .iter()
            .take(HASH)
            .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
        Ok(Self { path: path.into(), bytes, hash })
    }

    /// The beginning of the SHA-256 of its content, in hexadecimal.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

/// How instances of a component are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ComponentSpec {
    /// The file of the component.
    pub(crate) component: PathBuf,
    /// What it sees as its environment.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) limits: Limits,
    /// Octets that all instances together may write to the log in a second.
    pub(crate) max_log: usize,
}

/// A component, ready to be instantiated.
pub(crate) struct Template {
    path: PathBuf,
    hash: String,
    setup: Arc<Setup>,
    engine: Engine,
    pre: InstancePre<State>,
    handler: CalledIndices,
    optional: OptionalIndices,
    limits: Limits,
}

impl Template {
    /// Compiles and checks a component. This takes long and needs all cores.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with the file and what to do.
    pub(crate) fn compile(
        runtime: &Runtime,
        source: Source,
        recipe: &ComponentSpec,
    ) -> Result<Arc<Self>, LoadError> {
        let Source { path, bytes, hash } = source;
        let invalid = |error| LoadError::invalid(&path, error);
        runtime.check_cache()?;
        let component = Component::from_binary(&runtime.engine, &bytes).map_err(invalid)?;
        contract::check_version(&runtime.engine, &component, &path)?;
        let handler = check::handler(&runtime.engine, &component, &path)?;
        let pre = runtime
            .linker
            .instantiate_pre(&component)
            .map_err(|error| check::import(&runtime.engine, &component, &path, error))?;
        check::functions(&runtime.engine, &component, &handler, &path)?;
        let handler = CalledIndices::new(&pre).map_err(invalid)?;
        let optional = OptionalIndices::find(&component).map_err(|error| {
            LoadError::HandlerMismatch { path: path.clone(), cause: Cause(error) }
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into();
        let (environment, log) = (recipe.environment.clone(), LogBudget::new(recipe.max_log));
        let (log, denials) = (Arc::new(log), Denials::default());
        let setup = Arc::new(Setup { component: name, environment, log, denials });
        let engine = runtime.engine.clone();
        let limits = recipe.limits;
        Ok(Arc::new(Self { path, hash, setup, engine, pre, handler, optional, limits }))
    }

    /// The name of the component's file.
    pub(crate) fn name(&self) -> &str {
        &self.setup.component
    }

    /// The hash of its content.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether it carries state from one instance to the next.
    pub(crate) fn has_lifecycle(&self) -> bool {
        self.optional.has_lifecycle()
    }

    /// Whether it wants to hear of clients that have read on.
    pub(crate) fn wants_drained(&self) -> bool {
        self.optional.wants_drained()
    }

    /// Whether it wants to hear that the end is near.
    pub(crate) fn wants_stopping(&self) -> bool {
        self.optional.wants_stopping()
    }

    /// Whether it wants to hear of clients whose time is nearly over.
    pub(crate) fn wants_expiring(&self) -> bool {
        self.optional.wants_expiring()
    }

    /// A fresh instance that has these belongings.
    ///
    /// # Errors
    ///
    /// A [`Fault`] of the component's own start-up code, or a limit that it exceeds.
    pub(crate) async fn instantiate(&self, resources: Arc<ActorResources>) -> Result<Guest, Fault> {
        let clock = Arc::new(CpuClock::new());
        let meter = Meter::new(self.limits, Arc::clone(&clock));
        let state = State::new(resources, meter, Arc::clone(&self.setup));
        let mut store = Store::new(&self.engine, state);
        state::install(&mut store, self.limits);
        state::begin(store.as_context_mut());
        let max_time = self.limits.max_time;
        let instance =
            with_time_limit(pin!(stacks::instantiate(&self.pre, &mut store)), max_time, &clock)
                .await?;
        store.data_mut().set_made();
        let handler = self.handler.load(&mut store, &instance)?;
        let optional = self.optional.load(&mut store, &instance)?;
        Ok(Guest::new(max_time, clock, store, handler, optional))
    }

    /// Makes an instance and drops it, to find out before anybody needs one whether the component can
    /// run at all.
    ///
    /// # Errors
    ///
    /// [`LoadError::Instantiate`].
    pub(crate) async fn try_out(&self) -> Result<(), LoadError> {
        let resources = Arc::new(ActorResources::new(Arc::default()));
        match self.instantiate(resources).await {
            Ok(_) => Ok(()),
            Err(cause) => Err(LoadError::Instantiate { path: self.path.clone(), cause }),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let bytes = read_file(path).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::NotFound => LoadError::NoFile(path.into()),
        _ => LoadError::Unreadable { path: path.into(), cause },
    })?;
    match bytes.strip_prefix(MAGIC) {
        None => Err(LoadError::NotWasm(path.into())),
        Some(rest) if rest.starts_with(CORE_VERSION) => Err(LoadError::CoreModule(path.into())),
        Some(_) => Ok(bytes),
    }
}

/// A pipe in the place of the file would be waited for, for ever. What is wrong with a folder the system says.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let found = std::fs::metadata(path)?;
    if found.is_file() || found.is_dir() {
        std::fs::read(path)
    } else {
        Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}
