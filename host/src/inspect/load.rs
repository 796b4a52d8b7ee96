//! Loads a component as a server does, and measures the cost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Cost, InspectOptions};
use crate::actor_resources::ActorResources;
use crate::blocking::try_off_the_workers;
use crate::error_chain::with_causes;
use crate::guest::{
    CallLimits, CompileOptions, CompilerProcess, ComponentSpec, Density, LoadError, Runtime,
    RuntimeError, Source, StoreSettings, Template, cancellation,
};
use crate::keyvalue::StoreLimits;
use crate::metrics::ActorMetrics;
use crate::outgoing::HttpSettings;
use crate::platform::Machine;

/// The limits of the instance that is started. They are the defaults of a server.
const MAX_CPU: Duration = Duration::from_secs(1);
const MAX_TIME: Duration = Duration::from_secs(60);

/// The limits of the compiler. They are the defaults of a server.
const COMPILE_MEMORY: usize = 2 << 30;
const COMPILE_TIMEOUT: Duration = Duration::from_secs(120);

/// The limit on the log. It is more than a component writes when it starts, so an inspection loses no lines.
const MAX_LOG: usize = 1 << 20;

/// The limits on HTTP requests. They have no effect, because nothing is granted.
const NO_HTTP: HttpSettings = HttpSettings {
    connect_timeout: MAX_TIME,
    first_byte_timeout: MAX_TIME,
    between_bytes_timeout: MAX_TIME,
    max_response: 0,
};

/// The limits on the key-value store. They have no effect, because none is granted.
const NO_STORE: StoreLimits = StoreLimits { max_size: 0, max_keys: 0 };

/// Why a component cannot be loaded.
#[derive(Debug)]
pub(super) enum Failure {
    Load(LoadError),
    Runtime(RuntimeError),
    /// The compiler or the host has panicked.
    Panic(String),
}

impl Failure {
    /// Returns the message of the error, followed by the messages of its causes.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Load(error) => with_causes(error),
            Self::Runtime(error) => with_causes(error),
            Self::Panic(message) => message.clone(),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

/// Compiles a component and starts one instance. If there is a cache, loads the component once more from the cache.
pub(super) async fn load(file: &Path, options: &InspectOptions) -> Result<Cost, Failure> {
    let max_memory = options.max_memory;
    let limits = CallLimits { max_memory, max_cpu: MAX_CPU, max_time: MAX_TIME };
    let spec = ComponentSpec {
        component: file.to_owned(),
        resource: None,
        environment: Vec::new(),
        grants: Vec::new(),
        config: BTreeMap::new(),
        http: NO_HTTP,
        keyvalue: StoreSettings { limits: NO_STORE, owner: None },
        limits,
        max_log: MAX_LOG,
    };
    let (template, first_load) = compile(options, &spec).await?;
    let cached_load = match options.cache {
        Some(_) => Some(compile(options, &spec).await?.1),
        None => None,
    };
    let resources =
        Arc::new(ActorResources::new(Box::default(), Arc::default(), ActorMetrics::default()));
    let instance = template.instantiate(resources).await;
    let path = file.to_owned();
    let instance = instance.map_err(|cause| LoadError::Instantiate { path, cause })?;
    Ok(Cost { first_load, cached_load, instance_memory: instance.memory(), max_memory })
}

/// Reads and compiles a component in a new runtime. Also returns how long reading and compiling took.
async fn compile(
    options: &InspectOptions,
    spec: &ComponentSpec,
) -> Result<(Arc<Template>, Duration), Failure> {
    let process = options.compiler.clone().map(|program| CompilerProcess {
        program,
        max_memory: COMPILE_MEMORY,
        timeout: COMPILE_TIMEOUT,
    });
    let options = CompileOptions { cache: options.cache.clone(), process };
    let runtime =
        Runtime::start(options, Density::Few, Arc::new(Machine)).map_err(Failure::Runtime)?;
    let (_cancellation, cancelled) =
        cancellation().map_err(|error| Failure::Panic(error.to_string()))?;
    let spec = spec.clone();
    let compile = move || {
        let started = Instant::now();
        let source = Source::read(&spec.component)?;
        let template = Template::compile(&runtime, source, &spec, &cancelled)?;
        Ok((template, started.elapsed()))
    };
    match try_off_the_workers(compile).await {
        Ok(compiled) => compiled,
        Err(error) => Err(Failure::Panic(error.to_string())),
    }
}
