//! The interface `clients`.

use wasmtime::Result;
use wasmtime::component::{Linker, WasmList};

use super::error_names::outcome;
use super::message::Message;
use super::send_options::{self, SendOptionsHandle, resolve};
use super::text::Text;
use super::to_many::{connected_clients, send_to_clients};
use super::{
    Outcome, State, Store, check_ownership, for_client, for_known_client, for_open_client,
};
use crate::clients::{Cause, Client, CloseError};

const CLIENTS: &str = "ws-host:socket/clients@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut clients = linker.instance(CLIENTS)?;
    clients.func_wrap("send-text", send_text)?;
    clients.func_wrap("send-binary", send_binary)?;
    clients.func_wrap("send", send)?;
    clients.func_wrap_async("broadcast", |store, call| Box::new(broadcast(store, call)))?;
    send_options::add_to_interface(&mut clients)?;
    clients.func_wrap("ping", ping)?;
    clients.func_wrap("pong", pong)?;
    clients.func_wrap("close", close)?;
    clients.func_wrap("abort", abort)?;
    clients.func_wrap_async("connected-clients", |store, ()| Box::new(connected_clients(store)))?;
    clients.func_wrap("buffered", buffered)?;
    clients.func_wrap("attach", attach)?;
    clients.func_wrap("attachment", attachment)
}

fn send_text(store: Store<'_>, (to, message): (u64, Text)) -> Result<Outcome> {
    check_ownership(&store)?;
    let text = message.to_str(&store)?;
    Ok(outcome(for_client(&store, to, |client| client.send_text(&text))))
}

fn send_binary(store: Store<'_>, (to, message): (u64, WasmList<u8>)) -> Result<Outcome> {
    check_ownership(&store)?;
    let bytes = message.as_le_slice(&store);
    Ok(outcome(for_client(&store, to, |client| client.send_binary(bytes))))
}

fn send(
    store: Store<'_>,
    (to, message, options): (u64, Message, Option<SendOptionsHandle>),
) -> Result<Outcome> {
    check_ownership(&store)?;
    let options = match resolve(&store, options.as_ref()) {
        Ok(options) => options,
        Err(error_name) => return Ok((Err(error_name),)),
    };
    let sent = for_client(&store, to, |client| Ok(message.send(&store, client, options.form)));
    Ok(match sent {
        Ok(sent) => outcome(sent?),
        Err(error) => outcome(Err(error)),
    })
}

async fn broadcast(
    store: Store<'_>,
    (to, message, options): (WasmList<u64>, Message, Option<SendOptionsHandle>),
) -> Result<(Vec<u64>,)> {
    check_ownership(&store)?;
    match resolve(&store, options.as_ref()) {
        Ok(options) => Ok((send_to_clients(store, &to, &message, &options).await?,)),
        Err(_) => Ok((to.as_le_slice(&store).iter().copied().map(u64::from_le).collect(),)),
    }
}

fn ping(store: Store<'_>, (to, payload): (u64, WasmList<u8>)) -> Result<Outcome> {
    check_ownership(&store)?;
    let payload = payload.as_le_slice(&store);
    Ok(outcome(for_client(&store, to, |client| client.ping(payload))))
}

fn pong(store: Store<'_>, (to, payload): (u64, WasmList<u8>)) -> Result<Outcome> {
    check_ownership(&store)?;
    let payload = payload.as_le_slice(&store);
    Ok(outcome(for_client(&store, to, |client| client.pong(payload))))
}

fn close(store: Store<'_>, (client, code, reason): (u64, u16, Text)) -> Result<Outcome> {
    check_ownership(&store)?;
    let reason = reason.to_str(&store)?;
    let closed = for_client(&store, client, |client| Ok(client.close(code, &reason)));
    Ok(outcome(closed.unwrap_or(Err(CloseError::Closed))))
}

fn abort(store: Store<'_>, (client,): (u64,)) -> Result<(bool,)> {
    check_ownership(&store)?;
    Ok((for_client(&store, client, |client| client.abort(Cause::Handler)).is_ok(),))
}

fn buffered(store: Store<'_>, (client,): (u64,)) -> Result<(Option<u64>,)> {
    Ok((for_open_client(&store, client, |client| client.buffered() as u64),))
}

fn attach(store: Store<'_>, (client, attachment): (u64, WasmList<u8>)) -> Result<Outcome> {
    check_ownership(&store)?;
    let bytes = attachment.as_le_slice(&store);
    Ok(match for_open_client(&store, client, |client| client.attach(bytes)) {
        Some(attached) => outcome(attached),
        None => (Err("closed"),),
    })
}

fn attachment(store: Store<'_>, (client,): (u64,)) -> Result<(Option<Vec<u8>>,)> {
    Ok((for_known_client(&store, client, Client::attachment).flatten(),))
}
