//! `wasi:keyvalue`: the key-value store in the file that the resource is granted.
//!
//! The functions are defined here and not by `wasmtime-wasi-keyvalue`. That crate only has an in-memory store, and it
//! supports another version of the interface. Without the capability, `open` returns an error, so a handler has no
//! bucket to use.

mod atomics;
mod batch;
mod bucket;

use std::sync::Arc;

use wasmtime::component::{ComponentType, Linker, Lower, Resource};
use wasmtime::{Result, StoreContextMut};

use self::bucket::Bucket;
use super::cpu_budget::CpuBudget;
use super::denials::Denied;
use super::state::{Setup, State};
use super::waits::in_time;
use crate::keyvalue::{self, Change, Outcome, StoreError, StoreLimits};

/// The interfaces, in the only version that this host supports.
const STORE: &str = "wasi:keyvalue/store@0.2.0-draft2";
const ATOMICS: &str = "wasi:keyvalue/atomics@0.2.0-draft2";
const BATCH: &str = "wasi:keyvalue/batch@0.2.0-draft2";

/// The maximum length of a bucket name, in bytes.
const MAX_NAME: usize = 255;

/// The prefixes of stored bucket names: one for the buckets that handlers name, and one for the actors' own buckets.
const NAMED: &str = "n:";
const OWN: &str = "a:";

type Store<'a> = StoreContextMut<'a, State>;
type Outcomes<T> = Result<(std::result::Result<T, Error>,)>;
type BoxedOutcome<'a, T> = Box<dyn Future<Output = Outcomes<T>> + Send + 'a>;

/// The error type of every function except `swap`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "no-such-store")]
    #[expect(dead_code, reason = "every name is a valid name of a bucket")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

/// The store that a resource is granted.
pub(super) struct GrantedStore {
    pub(super) store: Arc<keyvalue::Store>,
    pub(super) limits: StoreLimits,
    /// The name of the resource. `None` if its actors have no buckets of their own.
    pub(super) owner: Option<String>,
}

/// The context in which a function accesses a bucket and waits for the result.
struct Access {
    setup: Arc<Setup>,
    store: Arc<keyvalue::Store>,
    limits: StoreLimits,
    bucket: Arc<str>,
    budget: Arc<CpuBudget>,
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut store = linker.instance(STORE)?;
    store.func_wrap("open", open)?;
    bucket::add_to_linker(&mut store)?;
    atomics::add_to_linker(&mut linker.instance(ATOMICS)?)?;
    batch::add_to_linker(&mut linker.instance(BATCH)?)
}

fn open(mut store: Store<'_>, (name,): (String,)) -> Outcomes<Resource<Bucket>> {
    let state = store.data_mut();
    let Some(GrantedStore { owner, .. }) = state.grants().store() else {
        state.log_denied(Denied::Keyvalue);
        return Ok((Err(Error::AccessDenied),));
    };
    let id = match (&*name, owner) {
        ("", None) => {
            let why = "no-own-bucket: with instance-per = \"client\", an instance ends with its client, and so \
                       has no bucket of its own; open a bucket with a name";
            return Ok((Err(Error::Other(why.to_owned())),));
        }
        ("", Some(resource)) => format!("{OWN}{resource}:{}", state.resources.name),
        (name, _) if name.len() > MAX_NAME => {
            let why = "too-long: the name of a bucket must have at most 255 bytes";
            return Ok((Err(Error::Other(why.to_owned())),));
        }
        (name, _) => format!("{NAMED}{name}"),
    };
    Ok((keep(state, Bucket(id.into())),))
}

/// Adds a value, for example a bucket, to the resources of the instance.
fn keep<T: Send + 'static>(state: &mut State, value: T) -> std::result::Result<Resource<T>, Error> {
    let full = |_| Error::Other("too-many: the instance has too many open buckets".to_owned());
    state.buckets().push(value).map_err(full)
}

impl Access {
    fn new(store: &mut Store<'_>, bucket: &Resource<Bucket>) -> Result<Self> {
        let Bucket(id) = store.data_mut().buckets().get(bucket)?;
        let id = Arc::clone(id);
        Self::to(store, id)
    }

    fn to(store: &mut Store<'_>, bucket: Arc<str>) -> Result<Self> {
        store.data().resources.check_ownership()?;
        let setup = Arc::clone(store.data().setup());
        let Some(granted) = setup.grants.store() else {
            wasmtime::bail!(
                "the resource has no store, so it has no buckets: add \"keyvalue:FILE\" to its `grant`"
            );
        };
        let budget = Arc::clone(store.data().meter.budget());
        let (store, limits) = (Arc::clone(&granted.store), granted.limits);
        Ok(Self { setup, store, limits, bucket, budget })
    }

    async fn change(&self, change: Change) -> Result<std::result::Result<Outcome, Error>> {
        self.wait(self.store.change(&self.bucket, change, self.limits)).await
    }

    /// Waits for the store. Logs an error that concerns the operator. Returns the error in the form that the handler
    /// gets.
    ///
    /// # Errors
    ///
    /// The guest traps if the event's time is up.
    async fn wait<T>(
        &self,
        work: impl Future<Output = std::result::Result<T, StoreError>>,
    ) -> Result<std::result::Result<T, Error>> {
        Ok(in_time(&self.budget, work).await?.map_err(|error| {
            if error.concerns_the_operator() {
                self.setup.grants.log_store(&self.setup.source, &error);
            }
            Error::Other(error.to_string())
        }))
    }
}
