//! The functions of a bucket.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource, ResourceType};

use super::{Access, BoxedOutcome, Store};
use crate::guest::state::State;
use crate::keyvalue::{Change, Page};

/// An open bucket: the name under which it is stored.
pub(in crate::guest) struct Bucket(pub(super) Arc<str>);

/// One page of a bucket's keys.
#[derive(ComponentType, Lower)]
#[component(record)]
struct KeyResponse {
    keys: Vec<String>,
    cursor: Option<String>,
}

pub(super) fn add_to_linker(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.resource("bucket", ResourceType::host::<Bucket>(), |mut store, bucket| {
        store.data_mut().buckets().delete(Resource::<Bucket>::new_own(bucket))?;
        Ok(())
    })?;
    linker.func_wrap_async("[method]bucket.get", get)?;
    linker.func_wrap_async("[method]bucket.set", set)?;
    linker.func_wrap_async("[method]bucket.delete", delete)?;
    linker.func_wrap_async("[method]bucket.exists", exists)?;
    linker.func_wrap_async("[method]bucket.list-keys", list_keys)
}

fn get(
    mut store: Store<'_>,
    (bucket, key): (Resource<Bucket>, String),
) -> BoxedOutcome<'_, Option<Vec<u8>>> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        Ok((access.wait(access.store.get(&access.bucket, key)).await?,))
    })
}

fn set(
    mut store: Store<'_>,
    (bucket, key, value): (Resource<Bucket>, String, Vec<u8>),
) -> BoxedOutcome<'_, ()> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        Ok((access.change(Change::Set(vec![(key, value)])).await?.map(drop),))
    })
}

fn delete(mut store: Store<'_>, (bucket, key): (Resource<Bucket>, String)) -> BoxedOutcome<'_, ()> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        Ok((access.change(Change::Delete(vec![key])).await?.map(drop),))
    })
}

fn exists(
    mut store: Store<'_>,
    (bucket, key): (Resource<Bucket>, String),
) -> BoxedOutcome<'_, bool> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        Ok((access.wait(access.store.exists(&access.bucket, key)).await?,))
    })
}

fn list_keys(
    mut store: Store<'_>,
    (bucket, cursor): (Resource<Bucket>, Option<String>),
) -> BoxedOutcome<'_, KeyResponse> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        let page = access.wait(access.store.list(&access.bucket, cursor)).await?;
        Ok((page.map(|Page { keys, cursor }| KeyResponse { keys, cursor }),))
    })
}
