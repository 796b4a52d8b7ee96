//! The interface `handshake`: the response to a client's opening handshake.

use http::{HeaderName, HeaderValue, StatusCode};
use wasmtime::Result;
use wasmtime::component::{Linker, WasmList};
use ws_host_protocol::handshake::belongs_to_handshake;

use super::text::Text;
use super::{Outcome, State, Store, check_ownership};
use crate::clients::ClientId;
use crate::guest::call_info::CallInfo;

const HANDSHAKE: &str = "ws-host:socket/handshake@0.1.0";

/// The maximum total length of the names and values of all added headers, in bytes. It is also the maximum length of a
/// body's media type.
const MAX_HEADERS: usize = 8 << 10;

/// How many bytes the body of a refusal may have.
const MAX_BODY: usize = 64 << 10;

/// The parts of the response that a guest has set while `connected` runs.
#[derive(Debug, Default)]
pub(in crate::guest) struct HandshakeResponse {
    pub(in crate::guest) subprotocol: Option<String>,
    pub(in crate::guest) headers: Vec<(HeaderName, HeaderValue)>,
    pub(in crate::guest) status: Option<StatusCode>,
    pub(in crate::guest) body: Option<(HeaderValue, Vec<u8>)>,
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut handshake = linker.instance(HANDSHAKE)?;
    handshake.func_wrap("choose-subprotocol", choose_subprotocol)?;
    handshake.func_wrap("add-header", add_header)?;
    handshake.func_wrap("set-status", set_status)?;
    handshake.func_wrap("set-body", set_body)
}

fn choose_subprotocol(mut store: Store<'_>, (client, name): (u64, Text)) -> Result<Outcome> {
    check_ownership(&store)?;
    let name = name.to_str(&store)?.into_owned();
    let current = store.data().current.as_ref().filter(|current| current.id().0 == client);
    let is_offered = current.is_some_and(|client| client.info().subprotocols.contains(&name));
    Ok(change(&mut store, client, |response| {
        if !is_offered {
            return Err("not-offered");
        }
        response.subprotocol = Some(name);
        Ok(())
    }))
}

fn add_header(mut store: Store<'_>, (client, name, value): (u64, Text, Text)) -> Result<Outcome> {
    check_ownership(&store)?;
    let header = header(&name.to_str(&store)?, &value.to_str(&store)?);
    Ok(change(&mut store, client, |response| {
        let header = header?;
        let length = |(name, value): &(HeaderName, HeaderValue)| name.as_str().len() + value.len();
        if response.headers.iter().map(length).sum::<usize>() + length(&header) > MAX_HEADERS {
            return Err("too-long");
        }
        response.headers.push(header);
        Ok(())
    }))
}

fn header(name: &str, value: &str) -> std::result::Result<(HeaderName, HeaderValue), &'static str> {
    if name.len() + value.len() > MAX_HEADERS {
        return Err("too-long");
    }
    let name = HeaderName::try_from(name).map_err(|_| "invalid-header")?;
    if belongs_to_handshake(&name) {
        return Err("reserved-header");
    }
    Ok((name, HeaderValue::try_from(value).map_err(|_| "invalid-header")?))
}

fn set_status(mut store: Store<'_>, (client, status): (u64, u16)) -> Result<Outcome> {
    check_ownership(&store)?;
    Ok(change(&mut store, client, |response| match StatusCode::from_u16(status) {
        Ok(code) if (300..600).contains(&status) => {
            response.status = Some(code);
            Ok(())
        }
        _ => Err("invalid-status"),
    }))
}

fn set_body(
    mut store: Store<'_>,
    (client, content_type, body): (u64, Text, WasmList<u8>),
) -> Result<Outcome> {
    check_ownership(&store)?;
    let content_type = media_type(&content_type.to_str(&store)?);
    let body = body.as_le_slice(&store);
    let body = (body.len() <= MAX_BODY).then(|| body.to_vec());
    Ok(change(&mut store, client, |response| {
        let Some(body) = body else { return Err("too-long") };
        response.body = Some((content_type?, body));
        Ok(())
    }))
}

fn media_type(text: &str) -> std::result::Result<HeaderValue, &'static str> {
    match text.len() {
        0 => Err("invalid-header"),
        1..=MAX_HEADERS => HeaderValue::try_from(text).map_err(|_| "invalid-header"),
        _ => Err("too-long"),
    }
}

/// Changes the response to a client, if the client's `connected` event is running.
fn change(
    store: &mut Store<'_>,
    client: u64,
    change: impl FnOnce(&mut HandshakeResponse) -> std::result::Result<(), &'static str>,
) -> Outcome {
    (match &mut store.data_mut().call {
        CallInfo::Connected(call) if call.0 == ClientId(client) => change(&mut call.1),
        _ => Err("not-connecting"),
    },)
}
