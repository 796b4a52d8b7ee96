//! What a guest may call: the imports of `wit/`, an interface in each module.
//!
//! Defined by hand and not by generated traits, because only so a message is read where it lies in
//! the guest's memory and framed straight into the outbound buffer: one copy instead of two.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the linker asks for functions that take the store by value"
)]

mod burst;
mod clients;
mod disconnection;
mod expiry;
mod handshake;
mod message;
mod options;
mod requests;
mod tags;
mod text;
mod timers;
mod to_many;
mod topics;
mod words;

use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};
use ws_host_protocol::SendError;

pub(super) use self::handshake::Reply;
pub(super) use self::options::Options;
use super::state::State;
use crate::clients::{Client, ClientId};

type Store<'a> = StoreContextMut<'a, State>;

/// What most functions answer: nothing, or the word of an error.
type Done = (std::result::Result<(), &'static str>,);

/// Adds every function of the interfaces to the linker.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    burst::add_to_linker(linker)?;
    clients::add_to_linker(linker)?;
    disconnection::add_to_linker(linker)?;
    expiry::add_to_linker(linker)?;
    handshake::add_to_linker(linker)?;
    requests::add_to_linker(linker)?;
    tags::add_to_linker(linker)?;
    timers::add_to_linker(linker)?;
    topics::add_to_linker(linker)
}

/// Most sends go back to the client whose event it is: it need not be looked up.
fn for_client<T>(
    store: &Store<'_>,
    id: u64,
    act: impl FnOnce(&Client) -> Result<T, SendError>,
) -> Result<T, SendError> {
    let State { resources, current, .. } = store.data();
    match current {
        Some(current) if current.id().0 == id => act(current),
        _ => act(&*resources.clients.find(ClientId(id)).ok_or(SendError::Closed)?),
    }
}

fn for_open_client<T>(store: &Store<'_>, id: u64, ask: impl FnOnce(&Client) -> T) -> Option<T> {
    for_client(store, id, |client| client.is_open().then(|| ask(client)).ok_or(SendError::Closed))
        .ok()
}

/// A client of this instance, also one that is closing.
fn ours(store: &Store<'_>, client: u64) -> Option<ClientId> {
    store.data().resources.clients.find(ClientId(client)).map(|client| client.id())
}

/// What is known of a client is there as long as it is, to the end of its last event.
fn for_known_client<T>(store: &Store<'_>, id: u64, ask: impl FnOnce(&Client) -> T) -> Option<T> {
    match &store.data().leaving {
        Some((leaving, _)) if leaving.id().0 == id => Some(ask(leaving)),
        _ => for_client(store, id, |client| Ok(ask(client))).ok(),
    }
}
