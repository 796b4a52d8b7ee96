//! `wasi:keyvalue/batch`: several keys in one call. In this host, a call changes either all of its keys or none. The
//! interface does not require this.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, Resource};

use super::bucket::Bucket;
use super::{Access, BoxedOutcome, Store};
use crate::guest::state::State;
use crate::keyvalue::Change;

type Pair = (String, Vec<u8>);

pub(super) fn add_to_linker(linker: &mut LinkerInstance<'_, State>) -> Result<()> {
    linker.func_wrap_async("get-many", get_many)?;
    linker.func_wrap_async("set-many", set_many)?;
    linker.func_wrap_async("delete-many", delete_many)
}

fn get_many(
    mut store: Store<'_>,
    (bucket, keys): (Resource<Bucket>, Vec<String>),
) -> BoxedOutcome<'_, Vec<Option<Pair>>> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        Ok((access.wait(access.store.get_many(&access.bucket, keys)).await?,))
    })
}

fn set_many(
    mut store: Store<'_>,
    (bucket, pairs): (Resource<Bucket>, Vec<Pair>),
) -> BoxedOutcome<'_, ()> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        Ok((access.change(Change::Set(pairs)).await?.map(drop),))
    })
}

fn delete_many(
    mut store: Store<'_>,
    (bucket, keys): (Resource<Bucket>, Vec<String>),
) -> BoxedOutcome<'_, ()> {
    Box::new(async move {
        let access = Access::new(&mut store, &bucket)?;
        Ok((access.change(Change::Delete(keys)).await?.map(drop),))
    })
}
