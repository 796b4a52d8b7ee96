//! What a guest may call: the interfaces `clients`, `state`, `timers` and `topics`, implemented.
//!
//! Defined by hand and not by generated traits, because only so a message is read where it lies in
//! the guest's memory and framed straight into the outbound buffer: one copy instead of two.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the linker asks for functions that take the store by value"
)]

use std::time::Duration;

use wasmtime::component::{Linker, WasmList};
use wasmtime::{Result, StoreContextMut};
use ws_host_protocol::{Form, SendError};

use super::bindings::ws_host::socket::types;
use super::state::State;
use super::text::Text;
use super::to_many::{broadcast, connected_clients, publish};
use crate::clients::{Client, ClientId, CloseError};
use crate::topics::SubscribeError;

/// The names of the interfaces.
const CLIENTS: &str = "ws-host:socket/clients@0.1.0";
const STATE: &str = "ws-host:socket/state@0.1.0";
const TIMERS: &str = "ws-host:socket/timers@0.1.0";
const TOPICS: &str = "ws-host:socket/topics@0.1.0";

type Store<'a> = StoreContextMut<'a, State>;
type Sent = (Result<(), types::SendError>,);

/// Adds every function of the interfaces to the linker.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut clients = linker.instance(CLIENTS)?;
    clients.func_wrap("send-text", send_text)?;
    clients.func_wrap("send-binary", send_binary)?;
    clients.func_wrap("send-text-with", send_text_with)?;
    clients.func_wrap("send-binary-with", send_binary_with)?;
    clients
        .func_wrap_async("broadcast-text", |store, call| Box::new(broadcast_text(store, call)))?;
    clients.func_wrap_async("broadcast-binary", |store, call| {
        Box::new(broadcast_binary(store, call))
    })?;
    clients.func_wrap_async("broadcast-text-with", |store, call| {
        Box::new(broadcast_text_with(store, call))
    })?;
    clients.func_wrap_async("broadcast-binary-with", |store, call| {
        Box::new(broadcast_binary_with(store, call))
    })?;
    clients.func_wrap("ping", ping)?;
    clients.func_wrap("pong", pong)?;
    clients.func_wrap("close", close)?;
    clients.func_wrap("abort", abort)?;
    clients.func_wrap_async("connected-clients", |store, ()| Box::new(connected_clients(store)))?;
    clients.func_wrap("buffered", buffered)?;
    clients.func_wrap("describe", describe)?;
    clients.func_wrap("attach", attach)?;
    clients.func_wrap("attachment", attachment)?;
    linker.instance(STATE)?.func_wrap("age", age)?;
    let mut timers = linker.instance(TIMERS)?;
    timers.func_wrap("set", set_timer)?;
    timers.func_wrap("cancel", cancel_timer)?;
    let mut topics = linker.instance(TOPICS)?;
    topics.func_wrap("subscribe", subscribe)?;
    topics.func_wrap("unsubscribe", unsubscribe)?;
    topics.func_wrap_async("publish-text", |store, call| Box::new(publish_text(store, call)))?;
    topics
        .func_wrap_async("publish-binary", |store, call| Box::new(publish_binary(store, call)))?;
    topics.func_wrap_async("publish-text-with", |store, call| {
        Box::new(publish_text_with(store, call))
    })?;
    topics.func_wrap_async("publish-binary-with", |store, call| {
        Box::new(publish_binary_with(store, call))
    })
}

fn send_text(store: Store<'_>, (to, message): (u64, Text)) -> Result<Sent> {
    let text = message.to_str(&store)?;
    Ok(sent(for_client(&store, to, |client| client.send_text(&text))))
}

fn send_binary(store: Store<'_>, (to, message): (u64, WasmList<u8>)) -> Result<Sent> {
    let octets = message.as_le_slice(&store);
    Ok(sent(for_client(&store, to, |client| client.send_binary(octets))))
}

fn send_text_with(store: Store<'_>, (to, message, form): (u64, Text, types::Form)) -> Result<Sent> {
    let form = match Form::try_from(form) {
        Ok(form) => form,
        Err(error) => return Ok((Err(error),)),
    };
    let text = message.to_str(&store)?;
    Ok(sent(for_client(&store, to, |client| client.send_text_with(&text, form))))
}

fn send_binary_with(
    store: Store<'_>,
    (to, message, form): (u64, WasmList<u8>, types::Form),
) -> Result<Sent> {
    let form = match Form::try_from(form) {
        Ok(form) => form,
        Err(error) => return Ok((Err(error),)),
    };
    let octets = message.as_le_slice(&store);
    Ok(sent(for_client(&store, to, |client| client.send_binary_with(octets, form))))
}

async fn broadcast_text(store: Store<'_>, (to, message): (WasmList<u64>, Text)) -> Result<(u32,)> {
    broadcast(store, &to, &message, Form::default()).await
}

async fn broadcast_binary(
    store: Store<'_>,
    (to, message): (WasmList<u64>, WasmList<u8>),
) -> Result<(u32,)> {
    broadcast(store, &to, &message, Form::default()).await
}

async fn broadcast_text_with(
    store: Store<'_>,
    (to, message, form): (WasmList<u64>, Text, types::Form),
) -> Result<(u32,)> {
    let Ok(form) = Form::try_from(form) else { return Ok((0,)) };
    broadcast(store, &to, &message, form).await
}

async fn broadcast_binary_with(
    store: Store<'_>,
    (to, message, form): (WasmList<u64>, WasmList<u8>, types::Form),
) -> Result<(u32,)> {
    let Ok(form) = Form::try_from(form) else { return Ok((0,)) };
    broadcast(store, &to, &message, form).await
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
    (client, code, reason): (u64, u16, Text),
) -> Result<(Result<(), types::CloseError>,)> {
    let reason = reason.to_str(&store)?;
    let closed = for_client(&store, client, |client| Ok(client.close(code, &reason)));
    let closed = closed.unwrap_or(Err(CloseError::Closed));
    Ok((closed.map_err(types::CloseError::from),))
}

fn abort(store: Store<'_>, (client,): (u64,)) -> Result<(bool,)> {
    Ok((for_client(&store, client, Client::abort).is_ok(),))
}

fn buffered(store: Store<'_>, (client,): (u64,)) -> Result<(Option<u64>,)> {
    Ok((for_open_client(&store, client, |client| client.buffered() as u64),))
}

fn describe(store: Store<'_>, (client,): (u64,)) -> Result<(Option<types::Request>,)> {
    Ok((for_open_client(&store, client, |client| client.known().into()),))
}

fn attach(
    store: Store<'_>,
    (client, attachment): (u64, WasmList<u8>),
) -> Result<(Result<(), types::AttachmentError>,)> {
    let octets = attachment.as_le_slice(&store);
    let attached = for_open_client(&store, client, |client| client.attach(octets));
    Ok((match attached {
        Some(attached) => attached.map_err(types::AttachmentError::from),
        None => Err(types::AttachmentError::Closed),
    },))
}

fn attachment(store: Store<'_>, (client,): (u64,)) -> Result<(Option<Vec<u8>>,)> {
    Ok((for_open_client(&store, client, Client::attachment).flatten(),))
}

fn age(store: Store<'_>, (): ()) -> Result<(Option<u64>,)> {
    let milliseconds = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    Ok((store.data().state_age.map(milliseconds),))
}

fn set_timer(
    store: Store<'_>,
    (timer, after): (u64, u64),
) -> Result<(Result<(), types::TimerError>,)> {
    let set = store.data().belongings.timers.set(timer, Duration::from_millis(after));
    Ok((set.map_err(types::TimerError::from),))
}

fn cancel_timer(store: Store<'_>, (timer,): (u64,)) -> Result<(bool,)> {
    Ok((store.data().belongings.timers.cancel(timer),))
}

fn subscribe(
    store: Store<'_>,
    (client, topic): (u64, Text),
) -> Result<(Result<(), types::SubscribeError>,)> {
    let topic = topic.to_str(&store)?;
    let belongings = &store.data().belongings;
    let subscribed = match belongings.clients.find(ClientId(client)) {
        Some(client) => belongings.topics.subscribe(&client, &topic),
        None => Err(SubscribeError::Closed),
    };
    Ok((subscribed.map_err(types::SubscribeError::from),))
}

fn unsubscribe(store: Store<'_>, (client, topic): (u64, Text)) -> Result<(bool,)> {
    let topic = topic.to_str(&store)?;
    let belongings = &store.data().belongings;
    let is_ours = belongings.clients.find(ClientId(client)).is_some();
    Ok((is_ours && belongings.topics.unsubscribe(ClientId(client), &topic),))
}

async fn publish_text(
    store: Store<'_>,
    (topic, message, apart_from): (Text, Text, Option<u64>),
) -> Result<(u32,)> {
    publish(store, &topic, &message, apart_from, Form::default()).await
}

async fn publish_binary(
    store: Store<'_>,
    (topic, message, apart_from): (Text, WasmList<u8>, Option<u64>),
) -> Result<(u32,)> {
    publish(store, &topic, &message, apart_from, Form::default()).await
}

async fn publish_text_with(
    store: Store<'_>,
    (topic, message, apart_from, form): (Text, Text, Option<u64>, types::Form),
) -> Result<(u32,)> {
    let Ok(form) = Form::try_from(form) else { return Ok((0,)) };
    publish(store, &topic, &message, apart_from, form).await
}

async fn publish_binary_with(
    store: Store<'_>,
    (topic, message, apart_from, form): (Text, WasmList<u8>, Option<u64>, types::Form),
) -> Result<(u32,)> {
    let Ok(form) = Form::try_from(form) else { return Ok((0,)) };
    publish(store, &topic, &message, apart_from, form).await
}

/// Most sends go back to the client whose event it is: it need not be looked up.
fn for_client<T>(
    store: &Store<'_>,
    id: u64,
    act: impl FnOnce(&Client) -> Result<T, SendError>,
) -> Result<T, SendError> {
    let State { belongings, current, .. } = store.data();
    match current {
        Some(current) if current.id().0 == id => act(current),
        _ => act(&*belongings.clients.find(ClientId(id)).ok_or(SendError::Closed)?),
    }
}

fn for_open_client<T>(store: &Store<'_>, id: u64, ask: impl FnOnce(&Client) -> T) -> Option<T> {
    for_client(store, id, |client| client.is_open().then(|| ask(client)).ok_or(SendError::Closed))
        .ok()
}

fn sent(result: Result<(), SendError>) -> Sent {
    (result.map_err(types::SendError::from),)
}
