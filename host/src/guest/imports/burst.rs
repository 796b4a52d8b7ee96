//! The interface `burst`. Each of its functions begins an event, and so checks that this host still owns the actor.

use wasmtime::Result;
use wasmtime::component::Linker;

use super::{State, Store, check_ownership};
use crate::clients::Client;
use crate::guest::burst::{Burst, Message, MessageKind, Messages};
use crate::guest::call_info::EventName;
use crate::guest::state;

const BURST: &str = "ws-host:socket/burst@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut burst = linker.instance(BURST)?;
    burst.func_wrap("next", next)?;
    burst.func_wrap("next-many", next_many)?;
    burst.func_wrap("advance", advance)
}

/// Returns the next message.
fn next(mut store: Store<'_>, (): ()) -> Result<(Option<Message>,)> {
    check_ownership(&store)?;
    let message = current_burst(&mut store).and_then(|(burst, client)| burst.next(client));
    if let Some(message) = &message {
        begin_message(store, message.kind());
    }
    Ok((message,))
}

/// Returns the next message, with copies of messages that follow it.
fn next_many(mut store: Store<'_>, (): ()) -> Result<(Option<Messages>,)> {
    check_ownership(&store)?;
    let messages = current_burst(&mut store).and_then(|(burst, client)| burst.next_many(client));
    if let Some(messages) = &messages {
        begin_message(store, messages.kind());
    }
    Ok((messages,))
}

/// Moves on to the next message that `next-many` has copied, and begins the event for this message.
fn advance(mut store: Store<'_>, (): ()) -> Result<(bool,)> {
    check_ownership(&store)?;
    let kind = current_burst(&mut store).and_then(|(burst, client)| burst.advance(client));
    if let Some(kind) = kind {
        begin_message(store, kind);
    }
    Ok((kind.is_some(),))
}

/// Returns the burst whose messages the guest may take now, and the client that sent them.
fn current_burst<'a>(store: &'a mut Store<'_>) -> Option<(&'a mut dyn Burst, &'a Client)> {
    let State { burst, current, .. } = store.data_mut();
    Some((burst.as_deref_mut()?, current.as_deref()?))
}

/// Begins the event for a message. Each message of a burst is an event of its own, with a full CPU budget.
fn begin_message(store: Store<'_>, kind: MessageKind) {
    let event = match kind {
        MessageKind::Text => EventName::ReceivedText,
        MessageKind::Binary => EventName::ReceivedBinary,
    };
    state::begin_event(store, event);
}
