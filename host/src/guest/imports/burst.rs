//! The interface `burst`.

use wasmtime::Result;
use wasmtime::component::Linker;

use super::{State, Store};
use crate::guest::burst::Message;
use crate::guest::call_info::EventName;
use crate::guest::state;

const BURST: &str = "ws-host:socket/burst@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.instance(BURST)?.func_wrap("next", next)
}

/// Returns the next message. Each message is an event of its own, and has a whole CPU budget.
fn next(mut store: Store<'_>, (): ()) -> Result<(Option<Message>,)> {
    let State { burst, current, .. } = store.data_mut();
    let message = match (burst, current) {
        (Some(burst), Some(client)) => burst.next(client),
        _ => None,
    };
    let event = match &message {
        Some(Message::Text(_)) => EventName::ReceivedText,
        Some(Message::Binary(_)) => EventName::ReceivedBinary,
        None => return Ok((None,)),
    };
    state::begin_event(store, event);
    Ok((message,))
}
