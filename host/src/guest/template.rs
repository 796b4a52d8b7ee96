//! Templates: components that are compiled and checked, and can be instantiated any number of times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};
use wasmtime::{AsContextMut, Engine, Store};

use super::Runtime;
use super::bindings::RequiredExportsIndices;
use super::call_info::EventName;
use super::compile::{Cancelled, CompileError};
use super::cpu_budget::CpuBudget;
use super::denials::{Denials, Denied};
use super::error::{Fault, LoadError, WasmtimeError};
#[cfg(feature = "testing")]
use super::fault_injection::InjectedFault;
use super::footprint::Initial;
use super::grants::Grants;
use super::image::{self, Images, Separated};
use super::instance::Guest;
use super::limits::{CallLimits, Meter};
use super::log_budget::LogBudget;
use super::log_source::LogSource;
use super::optional::OptionalIndices;
use super::reexports::with_reexports;
use super::state::{self, Setup, State};
use super::time_limit::TimeLimit;
use super::{check, contract, footprint};
use crate::actor_resources::ActorResources;
use crate::grant::Grant;
use crate::keyvalue::StoreLimits;
use crate::metrics::ActorMetrics;
use crate::outgoing::HttpSettings;
use crate::timers::DurableTimers;

/// The first bytes of every WebAssembly file, and the next bytes in the file of a core module.
const MAGIC: &[u8] = b"\0asm";
const CORE_VERSION: &[u8] = &[1, 0, 0, 0];

/// How many bytes of the hash are shown. This is enough to tell two builds apart.
const HASH_LENGTH: usize = 6;

/// The file of a component, read into memory.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    bytes: Vec<u8>,
    hash: String,
}

impl Source {
    /// Reads the file of a component.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the file cannot be read, or does not look like a component.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let bytes = read(path)?;
        let hash = Sha256::digest(&bytes)
            .iter()
            .take(HASH_LENGTH)
            .fold(String::new(), |hash, byte| hash + &format!("{byte:02x}"));
        Ok(Self { path: path.into(), bytes, hash })
    }

    /// Returns the beginning of the SHA-256 hash of the content, in hexadecimal.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

/// Which component to load, and how to create its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ComponentSpec {
    /// The file of the component.
    pub(crate) component: PathBuf,
    /// The name of the resource, for the log. `None` if no resource is served.
    pub(crate) resource: Option<Arc<str>>,
    /// The environment variables that the component sees.
    pub(crate) environment: Vec<(String, String)>,
    /// What the component may use outside its sandbox.
    pub(crate) grants: Vec<Grant>,
    /// The values that the component reads through `wasi:config`.
    pub(crate) config: BTreeMap<String, String>,
    /// The limits on its HTTP requests.
    pub(crate) http: HttpSettings,
    /// How the component uses the file of the key-value store.
    pub(crate) keyvalue: StoreSettings,
    pub(crate) limits: CallLimits,
    /// How many bytes all instances together may write to the log each second.
    pub(crate) max_log: usize,
}

/// How the instances of a component use the key-value store that they are granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreSettings {
    pub(crate) limits: StoreLimits,
    /// The name under which the buckets of actors are kept. It is the name of the resource. `None` if actors have no
    /// buckets.
    pub(crate) owner: Option<String>,
}

/// A component, ready to be instantiated.
pub(crate) struct Template {
    path: PathBuf,
    hash: String,
    setup: Arc<Setup>,
    engine: Engine,
    /// Kept alive so that other templates with the same code can use it.
    _component: Arc<Component>,
    pre: InstancePre<State>,
    images: Option<Arc<Images>>,
    /// Set by [`check_start`](Self::check_start).
    initial: OnceLock<Arc<Initial>>,
    handler: RequiredExportsIndices,
    optional: OptionalIndices,
    limits: CallLimits,
}

impl Template {
    /// Compiles and checks a component. This is slow and uses all cores. It ends early if it is cancelled.
    ///
    /// # Errors
    ///
    /// [`LoadError`]. It says what is wrong with the file, and what to do.
    pub(crate) fn compile(
        runtime: &Runtime,
        source: Source,
        spec: &ComponentSpec,
        cancelled: &Cancelled,
    ) -> Result<Arc<Self>, LoadError> {
        let Source { path, bytes, hash } = source;
        let invalid = |error| LoadError::invalid(&path, error);
        runtime.compiler.check_cache()?;
        let runtime = runtime
            .for_length(bytes.len())
            .map_err(|cause| LoadError::Runtime { path: path.clone(), cause })?;
        let (component, images) =
            compile(runtime, &bytes, cancelled).map_err(|error| match error {
                CompileError::Invalid(error) => invalid(error),
                CompileError::Failed(cause) => LoadError::Uncompiled { path: path.clone(), cause },
            })?;
        contract::check_version(&runtime.engine, &component, &path)?;
        let handler = check::handler(&runtime.engine, &component, &path)?;
        let pre = runtime
            .linker
            .instantiate_pre(&component)
            .map_err(|error| check::import_error(&runtime.engine, &component, &path, error))?;
        check::functions(&runtime.engine, &component, &handler, &path)?;
        let handler = RequiredExportsIndices::new(&pre).map_err(invalid)?;
        let optional = OptionalIndices::find(&component).map_err(|error| {
            LoadError::HandlerMismatch { path: path.clone(), cause: WasmtimeError(error) }
        })?;
        let denials = Denials::default();
        // Components that are compiled for WASI 0.1 look for folders as soon as they print a line. If a component opens
        // no files, it looks for folders only for this reason. In that case, a logged denial would be misleading.
        if !check::opens_files(&runtime.engine, &component) {
            denials.silence(Denied::Files);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into();
        let source = LogSource {
            component: name,
            resource: spec.resource.clone(),
            hash: hash.as_str().into(),
        };
        let setup = Arc::new(Setup {
            source: Arc::new(source),
            environment: spec.environment.clone(),
            grants: Grants::new(spec)?,
            log: Arc::new(LogBudget::new(spec.max_log)),
            denials,
            demand: Arc::default(),
            platform: Arc::clone(&runtime.platform),
        });
        let engine = runtime.engine.clone();
        let limits = spec.limits;
        Ok(Arc::new(Self {
            path,
            hash,
            setup,
            engine,
            _component: component,
            pre,
            images,
            initial: OnceLock::new(),
            handler,
            optional,
            limits,
        }))
    }

    /// Returns the name of the component's file.
    pub(crate) fn name(&self) -> &str {
        &self.setup.source.component
    }

    /// Returns the file of durable timers, if it is granted.
    pub(crate) fn durable_timers(&self) -> Option<Arc<DurableTimers>> {
        self.setup.grants.timers().map(Arc::clone)
    }

    /// Returns the hash of the file, as [`Source::hash`] does.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// Returns whether the component passes state from one instance to the next.
    pub(crate) fn has_lifecycle(&self) -> bool {
        self.optional.has_lifecycle()
    }

    /// Returns whether the component exports `drained`.
    pub(crate) fn exports_drained(&self) -> bool {
        self.optional.exports_drained()
    }

    /// Returns whether the component exports `stopping`.
    pub(crate) fn exports_stopping(&self) -> bool {
        self.optional.exports_stopping()
    }

    /// Returns whether the component exports `expiring`.
    pub(crate) fn exports_expiring(&self) -> bool {
        self.optional.exports_expiring()
    }

    /// Makes the next event of an instance fail. Live instances must be made to [check for the injected
    /// fault](Guest::check_injected_fault).
    #[cfg(feature = "testing")]
    pub(crate) fn demand(&self, fault: InjectedFault) {
        self.setup.demand.set(fault);
    }

    /// Creates an instance that uses the given resources of its actor.
    ///
    /// # Errors
    ///
    /// The [`Fault`] if the component's start-up code traps or exceeds a limit.
    pub(crate) async fn instantiate(&self, resources: Arc<ActorResources>) -> Result<Guest, Fault> {
        let budget = Arc::new(CpuBudget::new(self.limits.max_cpu));
        let added_memories = self.images.as_ref().map_or(0, |images| images.private_memories());
        let metrics = resources.metrics.clone();
        let demand = Arc::clone(&self.setup.demand);
        let meter = Meter::new(self.limits, Arc::clone(&budget), demand, &metrics.resource)
            .with_added_memories(added_memories);
        let mut time_limit = TimeLimit::new(self.limits.max_time, budget, metrics.worker);
        let mut state = State::new(resources, meter, Arc::clone(&self.setup));
        if self.setup.grants.has_folders() {
            time_limit.wait(pin!(state.open_folders())).await?;
        }
        let mut store = Store::new(&self.engine, state);
        state::install_limits(&mut store, self.limits);
        state::begin_event(store.as_context_mut(), EventName::Start);
        let (images, initial) = (self.images.clone(), self.initial.get().cloned());
        time_limit.measure_next(EventName::Start);
        let started = time_limit
            .wait(pin!(footprint::instantiate(&self.pre, &mut store, images, initial)))
            .await;
        let (instance, footprint) = started.map_err(|fault| store.data().explain(fault))?;
        store.data_mut().set_started();
        store.data_mut().meter.check_injected_fault();
        let handler = self.handler.load(&mut store, &instance)?;
        let optional = self.optional.load(&mut store, &instance)?;
        Ok(Guest::new(time_limit, store, footprint, handler, optional))
    }

    /// Creates an instance and drops it. This shows whether the component can run at all, before an actor needs it.
    /// Keeps a copy of the instance's memories, with which those of other instances are compared.
    ///
    /// # Errors
    ///
    /// [`LoadError::Instantiate`].
    pub(crate) async fn check_start(&self) -> Result<(), LoadError> {
        let resources =
            Arc::new(ActorResources::new(Box::default(), Arc::default(), ActorMetrics::default()));
        match self.instantiate(resources).await {
            Ok(guest) => {
                self.initial.get_or_init(|| Arc::new(guest.initial()));
                Ok(())
            }
            Err(cause) => Err(LoadError::Instantiate { path: self.path.clone(), cause }),
        }
    }
}

/// Compiles a component in the form that is best for serving: without the data that its instances will share, and with
/// exports that are cheap to find. Components that differ only in their data therefore look the same to the compiler.
fn compile(
    runtime: &Runtime,
    bytes: &[u8],
    cancelled: &Cancelled,
) -> Result<(Arc<Component>, Option<Arc<Images>>), CompileError> {
    let Runtime { engine, compiler, .. } = runtime;
    let (without_data, images) = match image::separate(bytes) {
        Some(Separated { component, images }) => (Some(component), Some(images)),
        None => (None, None),
    };
    let rewritten = with_reexports(without_data.as_deref().unwrap_or(bytes)).or(without_data);
    if let Some(rewritten) = rewritten {
        match compiler.compile(engine, &rewritten, cancelled) {
            Ok(component) => return Ok((component, images)),
            Err(CompileError::Invalid(_)) => {}
            Err(error) => return Err(error),
        }
    }
    // There is no rewritten component, or it is invalid. So the original component is compiled. If that is invalid too,
    // the error names a place in the original file.
    Ok((compiler.compile(engine, bytes, cancelled)?, None))
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

/// Reads a regular file. Other kinds of files are refused, because reading from a pipe could wait forever. This
/// function does not refuse a directory. Reading a directory fails, and the error of the operating system says what is
/// wrong.
///
/// # Errors
///
/// The error of the operating system, or `InvalidInput` for another kind of file.
pub(crate) fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let found = std::fs::metadata(path)?;
    if found.is_file() || found.is_dir() {
        std::fs::read(path)
    } else {
        Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}
