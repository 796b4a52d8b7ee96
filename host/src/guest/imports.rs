//! What a guest may call: the interface `clients`, implemented.
//!
//! Defined by hand and not by generated traits, because only so a message is read where it lies in
//! the guest's memory and framed straight into the outbound buffer: one copy instead of two.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the linker asks for functions that take the store by value"
)]

use wasmtime::component::{Linker, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut};
use ws_host_protocol::{SendError, SharedMessage};

use super::bindings::ws_host::socket::types;
use super::state::State;
use crate::clients::{Client, ClientId, CloseError};

/// The name of the interface.
const CLIENTS: &str = "ws-host:socket/clients@0.1.0";

type Store<'a> = StoreContextMut<'a, State>;
type Sent = (Result<(), types::SendError>,);

/// Adds every function of the interface to the linker.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut clients = linker.instance(CLIENTS)?;
    clients.func_wrap("send-text", send_text)?;
    clients.func_wrap("send-binary", send_binary)?;
    clients.func_wrap("broadcast-text", broadcast_text)?;
    clients.func_wrap("broadcast-binary", broadcast_binary)?;
    clients.func_wrap("ping", ping)?;
    clients.func_wrap("pong", pong)?;
    clients.func_wrap("close", close)?;
    clients.func_wrap("abort", abort)?;
    clients.func_wrap("connected-clients", connected_clients)?;
    clients.func_wrap("buffered", buffered)?;
    clients.func_wrap("describe", describe)
}

fn send_text(store: Store<'_>, (to, message): (u64, WasmStr)) -> Result<Sent> {
    let text = message.to_str(&store)?;
    Ok(sent(for_client(&store, to, |client| client.send_text(&text))))
}

fn send_binary(store: Store<'_>, (to, message): (u64, WasmList<u8>)) -> Result<Sent> {
    let octets = message.as_le_slice(&store);
    Ok(sent(for_client(&store, to, |client| client.send_binary(octets))))
}

fn broadcast_text(store: Store<'_>, (to, message): (Vec<u64>, WasmStr)) -> Result<(u32,)> {
    let message = SharedMessage::text(&message.to_str(&store)?);
    Ok((broadcast(&store, &to, &message),))
}

fn broadcast_binary(store: Store<'_>, (to, message): (Vec<u64>, WasmList<u8>)) -> Result<(u32,)> {
    let message = SharedMessage::binary(message.as_le_slice(&store));
    Ok((broadcast(&store, &to, &message),))
}

fn ping(store: Store<'_>, (to, payload): (u64, WasmList<u8>)) -> Result<Sent> {
    let payload = payload.as_le_slice(&store);
    Ok(sent(for_client(&store, to, |client| client.ping(payload))))
}

fn pong(store: Store<'_>, (to, payload): (u64, WasmList<u8>)) -> Result<Sent> {
    let payload = payload.as_le_slice(&store);
    Ok(sent(for_client(&store, to, |client| client.pong(payload))))
}

fn close(
    store: Store<'_>,
    (client, code, reason): (u64, u16, WasmStr),
) -> Result<(Result<(), types::CloseError>,)> {
    let reason = reason.to_str(&store)?;
    let closed = for_client(&store, client, |client| Ok(client.close(code, &reason)));
    let closed = closed.unwrap_or(Err(CloseError::Closed));
    Ok((closed.map_err(types::CloseError::from),))
}

fn abort(store: Store<'_>, (client,): (u64,)) -> Result<(bool,)> {
    Ok((for_client(&store, client, Client::abort).is_ok(),))
}

fn connected_clients(store: Store<'_>, (): ()) -> Result<(Vec<u64>,)> {
    let all = store.data().clients.all();
    Ok((all.iter().filter(|client| client.is_open()).map(|client| client.id().0).collect(),))
}

fn buffered(store: Store<'_>, (client,): (u64,)) -> Result<(Option<u64>,)> {
    Ok((for_open_client(&store, client, |client| client.buffered() as u64),))
}

fn describe(store: Store<'_>, (client,): (u64,)) -> Result<(Option<types::Request>,)> {
    Ok((for_open_client(&store, client, |client| client.known().into()),))
}

/// Most sends go back to the client whose event it is: it need not be looked up.
fn for_client<T>(
    store: &Store<'_>,
    id: u64,
    act: impl FnOnce(&Client) -> Result<T, SendError>,
) -> Result<T, SendError> {
    let State { clients, current, .. } = store.data();
    match current {
        Some(current) if current.id().0 == id => act(current),
        _ => act(&*clients.find(ClientId(id)).ok_or(SendError::Closed)?),
    }
}

fn for_open_client<T>(store: &Store<'_>, id: u64, ask: impl FnOnce(&Client) -> T) -> Option<T> {
    for_client(store, id, |client| client.is_open().then(|| ask(client)).ok_or(SendError::Closed))
        .ok()
}

fn broadcast(store: &Store<'_>, to: &[u64], message: &SharedMessage) -> u32 {
    let accepts = |id: &&u64| for_client(store, **id, |client| client.send_shared(message)).is_ok();
    u32::try_from(to.iter().filter(accepts).count()).unwrap_or(u32::MAX)
}

fn sent(result: Result<(), SendError>) -> Sent {
    (result.map_err(types::SendError::from),)
}
