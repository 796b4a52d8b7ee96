//! The interfaces `timers`, `state` and `custom`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wasmtime::Result;
use wasmtime::component::Linker;

use super::error_names::ErrorName;
use super::{Outcome, State, Store, check_ownership};
use crate::guest::call_info::{CallInfo, CustomInfo};
use crate::guest::denials::Denied;
use crate::guest::waits::in_time;
use crate::timers::clamp;

const TIMERS: &str = "ws-host:socket/timers@0.1.0";
const STATE: &str = "ws-host:socket/state@0.1.0";
const CUSTOM: &str = "ws-host:socket/custom@0.1.0";

/// The result of a function for timers. It is a future because the functions for durable timers wait for the disk.
type BoxedOutcome<'a, T> = Box<dyn Future<Output = Result<T>> + Send + 'a>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut timers = linker.instance(TIMERS)?;
    timers.func_wrap_async("set", set)?;
    timers.func_wrap_async("set-durable", set_durable)?;
    timers.func_wrap_async("cancel", cancel)?;
    let mut state = linker.instance(STATE)?;
    state.func_wrap("reason", |store: Store<'_>, (): ()| {
        Ok((match store.data().call {
            CallInfo::StateTransfer { reason, .. } => Some(reason.as_str()),
            _ => None,
        },))
    })?;
    state.func_wrap("age", age)?;
    let mut custom = linker.instance(CUSTOM)?;
    custom.func_wrap("kind", |store: Store<'_>, (): ()| {
        Ok((custom_info(&store).and_then(|custom| custom.kind.as_deref().map(str::to_owned)),))
    })?;
    custom.func_wrap("sender", |store: Store<'_>, (): ()| {
        Ok((custom_info(&store).and_then(|custom| custom.sender.as_deref().map(str::to_owned)),))
    })
}

fn set(store: Store<'_>, (timer, after): (u64, u64)) -> BoxedOutcome<'_, Outcome> {
    Box::new(async move {
        check_ownership(&store)?;
        let timers = &store.data().resources.timers;
        match timers.set(timer, Duration::from_millis(after), None) {
            Ok(Some(replaced)) => in_time(store.data().meter.budget(), replaced.remove()).await?,
            Ok(None) => {}
            Err(error) => return Ok((Err(error.as_str()),)),
        }
        Ok((Ok(()),))
    })
}

/// Sets a durable timer. Its record is written before the timer is set, so that nothing has changed if the write fails.
fn set_durable(store: Store<'_>, (timer, after): (u64, u64)) -> BoxedOutcome<'_, Outcome> {
    Box::new(async move {
        check_ownership(&store)?;
        let (after, state) = (Duration::from_millis(after), store.data());
        let Some(file) = state.grants().timers() else {
            state.log_denied(Denied::Timers);
            return Ok((Err("not-granted"),));
        };
        let (file, resources) = (Arc::clone(file), Arc::clone(&state.resources));
        let timers = &resources.timers;
        if let Err(error) = timers.check_room(timer) {
            return Ok((Err(error.as_str()),));
        }
        let record = file.record(&resources.name, timer);
        let due = SystemTime::now() + clamp(after);
        let budget = Arc::clone(store.data().meter.budget());
        if let Err(error) = in_time(&budget, record.write(due)).await? {
            return Ok((Err(error.as_str()),));
        }
        match timers.set(timer, after, Some(record.clone())) {
            Ok(Some(replaced)) if !replaced.is_same(&record) => {
                in_time(&budget, replaced.remove()).await?;
            }
            Ok(_) => {}
            Err(error) => return Ok((Err(error.as_str()),)),
        }
        Ok((Ok(()),))
    })
}

fn cancel(store: Store<'_>, (timer,): (u64,)) -> BoxedOutcome<'_, (bool,)> {
    Box::new(async move {
        check_ownership(&store)?;
        let cancelled = store.data().resources.timers.cancel(timer);
        if let Some(Some(record)) = &cancelled {
            in_time(store.data().meter.budget(), record.remove()).await?;
        }
        Ok((cancelled.is_some(),))
    })
}

fn age(store: Store<'_>, (): ()) -> Result<(Option<u64>,)> {
    let milliseconds = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    Ok((match store.data().call {
        CallInfo::StateTransfer { age, .. } => age.map(milliseconds),
        _ => None,
    },))
}

/// Returns what is known about the custom message, while `received-custom` runs.
fn custom_info<'a>(store: &'a Store<'_>) -> Option<&'a CustomInfo> {
    match &store.data().call {
        CallInfo::ReceivedCustom(info) => Some(info),
        _ => None,
    }
}
