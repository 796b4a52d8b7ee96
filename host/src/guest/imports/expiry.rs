//! The interface `expiry`.

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::Linker;

use super::error_names::outcome;
use super::{Outcome, State, Store, check_ownership, for_client, for_open_client};
use crate::clients::Client;

const EXPIRY: &str = "ws-host:socket/expiry@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut expiry = linker.instance(EXPIRY)?;
    expiry.func_wrap("expire", expire)?;
    expiry.func_wrap("keep", keep)?;
    expiry.func_wrap("remaining", remaining)
}

fn expire(store: Store<'_>, (client, after, notice): (u64, u64, u64)) -> Result<Outcome> {
    check_ownership(&store)?;
    let (after, notice) = (Duration::from_millis(after), Duration::from_millis(notice));
    Ok(outcome(for_client(&store, client, |client| client.set_expiry(after, notice))))
}

fn keep(store: Store<'_>, (client,): (u64,)) -> Result<(bool,)> {
    check_ownership(&store)?;
    Ok((for_open_client(&store, client, Client::clear_expiry).unwrap_or(false),))
}

fn remaining(store: Store<'_>, (client,): (u64,)) -> Result<(Option<u64>,)> {
    let remaining = for_open_client(&store, client, Client::remaining).flatten();
    Ok((remaining.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),))
}
