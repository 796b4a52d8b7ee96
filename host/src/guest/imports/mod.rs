//! The functions that a guest may import: the interfaces of `wit/`.
//!
//! The functions are defined by hand and not with generated traits, so that a message is copied only once: the host
//! frames it directly from the guest's memory into the outbound buffer. With generated traits, the host would have to
//! copy the message twice.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the linker asks for functions that take the store by value"
)]

mod burst;
mod clients;
mod connect_options;
mod disconnection;
mod error_names;
mod expiry;
mod handshake;
mod log;
mod message;
mod options_table;
mod outgoing;
mod requests;
mod send_options;
mod tags;
mod text;
mod timers;
mod to_many;
mod topics;

use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};
use ws_host_protocol::SendError;

pub(super) use self::connect_options::ConnectOptions;
pub(super) use self::handshake::HandshakeResponse;
pub(super) use self::options_table::OptionsTable;
pub(super) use self::send_options::SharedSendOptions;
use super::call_info::CallInfo;
use super::state::State;
use crate::clients::{Client, ClientId};

type Store<'a> = StoreContextMut<'a, State>;

/// The result that most functions return to the guest: nothing, or the name of an error.
type Outcome = (std::result::Result<(), &'static str>,);

/// Adds the functions of all interfaces to the linker.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    burst::add_to_linker(linker)?;
    clients::add_to_linker(linker)?;
    disconnection::add_to_linker(linker)?;
    expiry::add_to_linker(linker)?;
    handshake::add_to_linker(linker)?;
    log::add_to_linker(linker)?;
    outgoing::add_to_linker(linker)?;
    requests::add_to_linker(linker)?;
    tags::add_to_linker(linker)?;
    timers::add_to_linker(linker)?;
    topics::add_to_linker(linker)
}

/// Checks that the actor may still have side effects. An actor that is unique in the cluster must have none once this
/// host has ceased to own it. Every function begins with this check if it affects something that outlives the call:
/// clients and other connections, topics, tags, timers, stored data, or the log. Functions that only read do not make
/// the check. For an event that calls only such functions, the check is made at ticks.
///
/// # Errors
///
/// [`NotOwner`](crate::ownership::NotOwner), which traps the guest.
#[inline(always)]
fn check_ownership(store: &Store<'_>) -> Result<()> {
    Ok(store.data().resources.check_ownership()?)
}

/// Calls `act` with a client of this instance. Most sends go to the client that the event is about. That client needs
/// no lookup.
///
/// # Errors
///
/// [`SendError::Closed`] if there is no such client, or the error of `act`.
fn for_client<T>(
    store: &Store<'_>,
    id: u64,
    act: impl FnOnce(&Client) -> Result<T, SendError>,
) -> Result<T, SendError> {
    let State { resources, current, .. } = store.data();
    match current {
        Some(current) if current.id().0 == id => act(current),
        _ => act(&*resources.find(ClientId(id)).ok_or(SendError::Closed)?),
    }
}

/// Calls `act` with a client of this instance, if it is open.
fn for_open_client<T>(store: &Store<'_>, id: u64, act: impl FnOnce(&Client) -> T) -> Option<T> {
    for_client(store, id, |client| client.is_open().then(|| act(client)).ok_or(SendError::Closed))
        .ok()
}

/// Calls `act` with a client of this instance, or with the client whose `disconnected` event is running: what the host
/// knows about a client stays available until the end of that event.
fn for_known_client<T>(store: &Store<'_>, id: u64, act: impl FnOnce(&Client) -> T) -> Option<T> {
    match &store.data().call {
        CallInfo::Disconnected(end) if end.0.id().0 == id => Some(act(&end.0)),
        _ => for_client(store, id, |client| Ok(act(client))).ok(),
    }
}

/// Returns the id of a client of this instance. The client may be closing.
fn existing_id(store: &Store<'_>, client: u64) -> Option<ClientId> {
    store.data().resources.find(ClientId(client)).map(|client| client.id())
}
