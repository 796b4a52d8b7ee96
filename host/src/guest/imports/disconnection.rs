//! The interface `disconnection`.

use wasmtime::Result;
use wasmtime::component::Linker;

use super::{State, Store};
use crate::guest::Disconnection;
use crate::guest::call_info::CallInfo;

const DISCONNECTION: &str = "ws-host:socket/disconnection@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut disconnection = linker.instance(DISCONNECTION)?;
    disconnection.func_wrap("cause", |store: Store<'_>, (client,): (u64,)| {
        Ok((find(&store, client).map(|end| end.cause.as_str()),))
    })?;
    disconnection.func_wrap("code", |store: Store<'_>, (client,): (u64,)| {
        Ok((find(&store, client).map(|end| end.code),))
    })?;
    disconnection.func_wrap("reason", |store: Store<'_>, (client,): (u64,)| {
        Ok((find(&store, client).map(|end| end.reason.clone()),))
    })?;
    disconnection.func_wrap("clean", |store: Store<'_>, (client,): (u64,)| {
        Ok((find(&store, client).is_some_and(|end| end.clean),))
    })?;
    disconnection.func_wrap("sent-code", |store: Store<'_>, (client,): (u64,)| {
        Ok((find(&store, client).and_then(|end| end.sent_code),))
    })
}

/// Returns how a client's connection ended, during the client's `disconnected` event.
fn find<'a>(store: &'a Store<'_>, client: u64) -> Option<&'a Disconnection> {
    let CallInfo::Disconnected(call) = &store.data().call else { return None };
    let (disconnecting, end) = &**call;
    (disconnecting.id().0 == client).then_some(end)
}
