//! The interfaces `timers`, `state` and `custom`.

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::Linker;

use super::error_names::outcome;
use super::{Outcome, State, Store};
use crate::guest::call_info::Reason;

const TIMERS: &str = "ws-host:socket/timers@0.1.0";
const STATE: &str = "ws-host:socket/state@0.1.0";
const CUSTOM: &str = "ws-host:socket/custom@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut timers = linker.instance(TIMERS)?;
    timers.func_wrap("set", set)?;
    timers.func_wrap("cancel", cancel)?;
    let mut state = linker.instance(STATE)?;
    state.func_wrap("reason", |store: Store<'_>, (): ()| {
        Ok((store.data().state_reason.map(Reason::as_str),))
    })?;
    state.func_wrap("age", age)?;
    let mut custom = linker.instance(CUSTOM)?;
    custom.func_wrap("kind", |store: Store<'_>, (): ()| {
        Ok((store
            .data()
            .custom
            .as_ref()
            .and_then(|custom| custom.kind.as_deref().map(str::to_owned)),))
    })?;
    custom.func_wrap("sender", |store: Store<'_>, (): ()| {
        Ok((store
            .data()
            .custom
            .as_ref()
            .and_then(|custom| custom.sender.as_deref().map(str::to_owned)),))
    })
}

fn set(store: Store<'_>, (timer, after): (u64, u64)) -> Result<Outcome> {
    Ok(outcome(store.data().resources.timers.set(timer, Duration::from_millis(after))))
}

fn cancel(store: Store<'_>, (timer,): (u64,)) -> Result<(bool,)> {
    Ok((store.data().resources.timers.cancel(timer),))
}

fn age(store: Store<'_>, (): ()) -> Result<(Option<u64>,)> {
    let milliseconds = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    Ok((store.data().state_age.map(milliseconds),))
}
