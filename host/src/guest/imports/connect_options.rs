//! The resource `connect-options`, which says how a WebSocket is opened.

use http::{HeaderName, HeaderValue};
use wasmtime::Result;
use wasmtime::component::{LinkerInstance, Resource, WasmList};
use ws_host_protocol::handshake::belongs_to_handshake;

use super::options_table::{Options, OptionsTable, add_resource};
use super::text::Text;
use super::{Outcome, Store};
use crate::guest::state::State;

/// The maximum total length of all subprotocols, header names and header values, in bytes.
const MAX_BYTES: usize = 16 << 10;

/// How many subprotocols, and how many headers, one set of options may have.
const MAX_NUMBER: usize = 100;

/// The headers that apply to a single connection between two machines. Only the host may set them (RFC 9110 §7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "http2-settings",
];

/// What the opening handshake of a WebSocket asks for.
#[derive(Clone, Debug, Default)]
pub(in crate::guest) struct ConnectOptions {
    pub(super) subprotocols: Vec<String>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// The guest's handle to options.
pub(super) type ConnectOptionsHandle = Resource<ConnectOptions>;

impl Options for ConnectOptions {
    const NAME: &str = "connect-options";
    // The same as the maximum number of outgoing connections of an instance.
    const MAX: usize = 16;

    fn table(state: &mut State) -> &mut OptionsTable<Self> {
        &mut state.connect_options
    }
}

impl ConnectOptions {
    fn add_subprotocol(&mut self, name: &str) -> Result<(), &'static str> {
        // RFC 6455 §4.1: a token that is offered only once. A header name is a token, too (RFC 9110 §5.1).
        if HeaderName::try_from(name).is_err() || self.subprotocols.iter().any(|it| it == name) {
            return Err("invalid-subprotocol");
        }
        if self.subprotocols.len() == MAX_NUMBER || self.bytes() + name.len() > MAX_BYTES {
            return Err("too-long");
        }
        self.subprotocols.push(name.to_owned());
        Ok(())
    }

    fn add_header(&mut self, name: &str, value: &[u8]) -> Result<(), &'static str> {
        if self.headers.len() == MAX_NUMBER || self.bytes() + name.len() + value.len() > MAX_BYTES {
            return Err("too-long");
        }
        let name = HeaderName::try_from(name).map_err(|_| "invalid-header")?;
        let value = HeaderValue::try_from(value).map_err(|_| "invalid-header")?;
        if belongs_to_handshake(&name) || HOP_BY_HOP.contains(&name.as_str()) {
            return Err("invalid-header");
        }
        self.headers.push((name, value));
        Ok(())
    }

    fn bytes(&self) -> usize {
        let subprotocols = self.subprotocols.iter().map(String::len);
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        subprotocols.chain(headers).sum()
    }
}

/// Adds the resource to the interface `outgoing`.
pub(super) fn add_to_interface(outgoing: &mut LinkerInstance<'_, State>) -> Result<()> {
    add_resource::<ConnectOptions>(outgoing)?;
    outgoing.func_wrap("[method]connect-options.add-subprotocol", add_subprotocol)?;
    outgoing.func_wrap("[method]connect-options.add-header", add_header)
}

fn add_subprotocol(
    mut store: Store<'_>,
    (options, name): (ConnectOptionsHandle, Text),
) -> Result<Outcome> {
    let name = bounded(&name.to_str(&store)?);
    Ok(change(&mut store, &options, |options| options.add_subprotocol(&name?)))
}

fn add_header(
    mut store: Store<'_>,
    (options, name, value): (ConnectOptionsHandle, Text, WasmList<u8>),
) -> Result<Outcome> {
    let name = bounded(&name.to_str(&store)?);
    let value = value.as_le_slice(&store);
    let value = if value.len() > MAX_BYTES { Err("too-long") } else { Ok(value.to_vec()) };
    Ok(change(&mut store, &options, |options| options.add_header(&name?, &value?)))
}

/// Copies a text out of the guest's memory, unless it is too long for any options.
fn bounded(text: &str) -> Result<String, &'static str> {
    if text.len() > MAX_BYTES { Err("too-long") } else { Ok(text.to_owned()) }
}

fn change(
    store: &mut Store<'_>,
    options: &ConnectOptionsHandle,
    change: impl FnOnce(&mut ConnectOptions) -> Result<(), &'static str>,
) -> Outcome {
    (store.data_mut().connect_options.get_mut(options).map_or(Ok(()), change),)
}
