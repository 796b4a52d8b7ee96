//! `wasi:config/store`: values from the configuration of the resource.
//!
//! The functions are defined here and not by `wasmtime-wasi-config`, because the functions of that crate cannot fail.
//! Here a handler without the capability gets an error. All instances share the values.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the linker asks for functions that take the store by value"
)]

use std::collections::BTreeMap;

use wasmtime::component::{ComponentType, Linker, Lower};
use wasmtime::{Result, StoreContextMut};

use super::denials::Denied;
use super::state::State;

/// The interface, in the only version that has been released.
const STORE: &str = "wasi:config/store@0.2.0-rc.1";

/// The error message for a handler without the capability.
const NOT_GRANTED: &str = "not granted: add \"config\" to the resource's `grant`";

type Store<'a> = StoreContextMut<'a, State>;

/// The error type of `get` and `get-all`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum StoreError {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    #[expect(dead_code, reason = "the values are in memory")]
    Io(String),
}

type StoreResult<T> = Result<(std::result::Result<T, StoreError>,)>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut store = linker.instance(STORE)?;
    store.func_wrap("get", get)?;
    store.func_wrap("get-all", get_all)
}

fn get(store: Store<'_>, (key,): (String,)) -> StoreResult<Option<String>> {
    Ok((values(&store).map(|values| values.get(&key).cloned()),))
}

fn get_all(store: Store<'_>, (): ()) -> StoreResult<Vec<(String, String)>> {
    let pair = |(key, value): (&String, &String)| (key.clone(), value.clone());
    Ok((values(&store).map(|values| values.iter().map(pair).collect()),))
}

fn values<'a>(
    store: &'a Store<'_>,
) -> std::result::Result<&'a BTreeMap<String, String>, StoreError> {
    let state = store.data();
    state.grants().config().ok_or_else(|| {
        state.log_denied(Denied::Config);
        StoreError::Upstream(NOT_GRANTED.to_owned())
    })
}
