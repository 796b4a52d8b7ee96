//! The interface `requests`: what the host knows about a client, until the end of the client's `disconnected` event.

use wasmtime::Result;
use wasmtime::component::{ComponentType, Linker, LinkerInstance, Lower};
use ws_host_protocol::handshake::Scheme;

use super::text::Text;
use super::{State, Store, for_known_client};
use crate::clients::{Certificate, ClientInfo};

const REQUESTS: &str = "ws-host:socket/requests@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut requests = linker.instance(REQUESTS)?;
    let requests = &mut requests;
    add_option(requests, "resource-name", |info| Some(info.resource.to_string()))?;
    add_option(requests, "path", |info| Some(info.path.clone()))?;
    add_option(requests, "query", |info| info.query.clone())?;
    add_option(requests, "origin", |info| info.origin.clone())?;
    add_option(requests, "protocol-version", |info| Some(info.version.number()))?;
    add_option(requests, "client-address", |info| Some(info.address.to_string()))?;
    add_option(requests, "peer-address", |info| Some(info.peer.ip().to_string()))?;
    add_option(requests, "peer-port", |info| Some(info.peer.port()))?;
    add_option(requests, "local-address", |info| Some(info.local.ip().to_string()))?;
    add_option(requests, "local-port", |info| Some(info.local.port()))?;
    add_option(requests, "http-version", |info| Some(info.http_version.as_str()))?;
    add_option(requests, "subprotocol", |info| info.subprotocol().map(str::to_owned))?;
    add_option(requests, "server-name", |info| info.server_name.as_deref().map(str::to_owned))?;
    add_of_certificate(requests, "certificate", |certificate| Some(certificate.der().to_vec()))?;
    add_of_certificate(requests, "certificate-fingerprint", |certificate| {
        Some(certificate.fingerprint())
    })?;
    add_of_certificate(requests, "certificate-subject", |certificate| {
        certificate.subject().map(str::to_owned)
    })?;
    add_list(requests, "certificate-names", |info| {
        info.certificate.as_deref().map(Certificate::names).unwrap_or_default()
    })?;
    add_list(requests, "parameters", |info| info.parameters.clone())?;
    add_list(requests, "offered-subprotocols", |info| info.subprotocols.clone())?;
    add_list(requests, "headers", headers)?;
    requests.func_wrap("parameter", parameter)?;
    requests.func_wrap("header", header)?;
    requests.func_wrap("secure", |store: Store<'_>, (client,): (u64,)| {
        let is_secure = |info: &ClientInfo| info.scheme == Scheme::Https;
        Ok((read(&store, client, is_secure).unwrap_or_default(),))
    })
}

/// Adds a function that returns an `option`. It is `none` if the client is unknown.
fn add_option<T: ComponentType + Lower + Send + Sync + 'static>(
    requests: &mut LinkerInstance<'_, State>,
    name: &str,
    get: impl Fn(&ClientInfo) -> Option<T> + Send + Sync + 'static,
) -> Result<()> {
    requests.func_wrap(name, move |store: Store<'_>, (client,): (u64,)| {
        Ok((read(&store, client, &get).flatten(),))
    })
}

/// Adds a function that returns an `option`. It is `none` if the client is unknown or has no certificate.
fn add_of_certificate<T: ComponentType + Lower + Send + Sync + 'static>(
    requests: &mut LinkerInstance<'_, State>,
    name: &str,
    get: impl Fn(&Certificate) -> Option<T> + Send + Sync + 'static,
) -> Result<()> {
    add_option(requests, name, move |info| info.certificate.as_deref().and_then(&get))
}

/// Adds a function that returns a `list`. It is empty if the client is unknown.
fn add_list<T: ComponentType + Lower + Send + Sync + 'static>(
    requests: &mut LinkerInstance<'_, State>,
    name: &str,
    get: impl Fn(&ClientInfo) -> Vec<T> + Send + Sync + 'static,
) -> Result<()> {
    requests.func_wrap(name, move |store: Store<'_>, (client,): (u64,)| {
        Ok((read(&store, client, &get).unwrap_or_default(),))
    })
}

fn read<T>(store: &Store<'_>, client: u64, get: impl FnOnce(&ClientInfo) -> T) -> Option<T> {
    for_known_client(store, client, |client| get(client.info()))
}

fn headers(info: &ClientInfo) -> Vec<(String, Vec<u8>)> {
    let text = |name| String::from_utf8_lossy(name).into_owned();
    info.headers.iter().map(|(name, value)| (text(name), value.to_vec())).collect()
}

fn parameter(store: Store<'_>, (client, name): (u64, Text)) -> Result<(Option<String>,)> {
    let name = name.to_str(&store)?;
    let find = |info: &ClientInfo| info.parameter(&name).map(str::to_owned);
    Ok((read(&store, client, find).flatten(),))
}

fn header(store: Store<'_>, (client, name): (u64, Text)) -> Result<(Option<String>,)> {
    let name = name.to_str(&store)?;
    let find = |info: &ClientInfo| info.header(&name).map(str::to_owned);
    Ok((read(&store, client, find).flatten(),))
}
