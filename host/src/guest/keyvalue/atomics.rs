//! `wasi:keyvalue/atomics`: increments of numbers, and values that are set only if nobody else has changed them.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource, ResourceType};

use super::bucket::Bucket;
use super::{Access, BoxedOutcome, Error, Store, keep};
use crate::guest::state::State;
use crate::keyvalue::{Change, Outcome, Version};

/// A handle for a compare-and-swap, with the version of the value that the handler saw last.
struct Cas {
    bucket: Arc<str>,
    key: String,
    version: Version,
}

/// The error of `swap`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum CasError {
    #[component(name = "store-error")]
    Store(Error),
    #[component(name = "cas-failed")]
    Failed(Resource<Cas>),
}

type Swapped = Result<(std::result::Result<(), CasError>,)>;

pub(super) fn add_to_linker(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.resource("cas", ResourceType::host::<Cas>(), |mut store, cas| {
        store.data_mut().buckets().delete(Resource::<Cas>::new_own(cas))?;
        Ok(())
    })?;
    linker.func_wrap_async("[static]cas.new", new)?;
    linker.func_wrap_async("[method]cas.current", current)?;
    linker.func_wrap_async("increment", increment)?;
    linker.func_wrap_async("swap", swap)
}

fn new(
    mut store: Store<'_>,
    (bucket, key): (Resource<Bucket>, String),
) -> BoxedOutcome<'_, Resource<Cas>> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        let value = access.wait(access.store.get(&access.bucket, key.clone())).await?;
        let version = match value {
            Ok(value) => Version::of(value.as_deref()),
            Err(error) => return Ok((Err(error),)),
        };
        Ok((keep(store.data_mut(), Cas { bucket: access.bucket, key, version }),))
    })
}

/// Reads the value again, so that the host need not keep a copy. A later `swap` replaces the value that was read here.
fn current(mut store: Store<'_>, (cas,): (Resource<Cas>,)) -> BoxedOutcome<'_, Option<Vec<u8>>> {
    Box::new(async move {
        let Cas { bucket, key, .. } = store.data_mut().buckets().get(&cas)?;
        let (bucket, key) = (Arc::clone(bucket), key.clone());
        let access = Access::to(&mut store, bucket)?;
        let value = access.wait(access.store.get(&access.bucket, key)).await?;
        if let Ok(value) = &value {
            store.data_mut().buckets().get_mut(&cas)?.version = Version::of(value.as_deref());
        }
        Ok((value,))
    })
}

fn increment(
    mut store: Store<'_>,
    (bucket, key, delta): (Resource<Bucket>, String, i64),
) -> BoxedOutcome<'_, i64> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        let sum = |outcome| match outcome {
            Outcome::Number(sum) => sum,
            // An increment has no other outcome.
            Outcome::Done | Outcome::Stale(_) => delta,
        };
        Ok((access.change(Change::Increment(key, delta)).await?.map(sum),))
    })
}

fn swap(
    mut store: Store<'_>,
    (cas, value): (Resource<Cas>, Vec<u8>),
) -> Box<dyn Future<Output = Swapped> + Send + '_> {
    Box::new(async move {
        let Cas { bucket, key, version } = store.data_mut().buckets().delete(cas)?;
        let access = Access::to(&mut store, bucket)?;
        let changed = access.change(Change::Swap(key.clone(), version, value)).await?;
        let failed = match changed {
            Ok(Outcome::Stale(version)) => {
                let again = Cas { bucket: access.bucket, key, version };
                keep(store.data_mut(), again).map_or_else(CasError::Store, CasError::Failed)
            }
            Ok(Outcome::Done | Outcome::Number(_)) => return Ok((Ok(()),)),
            Err(error) => CasError::Store(error),
        };
        Ok((Err(failed),))
    })
}
