//! The interface `requests`: what is known of a client, as long as it is there.

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
    asked(requests, "resource-name", |info| Some(info.resource.to_string()))?;
    asked(requests, "path", |info| Some(info.path.clone()))?;
    asked(requests, "query", |info| info.query.clone())?;
    asked(requests, "origin", |info| info.origin.clone())?;
    asked(requests, "protocol-version", |info| Some(info.version.number()))?;
    asked(requests, "client-address", |info| Some(info.address.to_string()))?;
    asked(requests, "peer-address", |info| Some(info.peer.ip().to_string()))?;
    asked(requests, "peer-port", |info| Some(info.peer.port()))?;
    asked(requests, "local-address", |info| Some(info.local.ip().to_string()))?;
    asked(requests, "local-port", |info| Some(info.local.port()))?;
    asked(requests, "http-version", |info| Some(info.http_version.as_str()))?;
    asked(requests, "subprotocol", |info| info.subprotocol().map(str::to_owned))?;
    asked(requests, "server-name", |info| info.server_name.as_deref().map(str::to_owned))?;
    of_certificate(requests, "certificate", |certificate| Some(certificate.der().to_vec()))?;
    of_certificate(requests, "certificate-fingerprint", |certificate| {
        Some(certificate.fingerprint())
    })?;
    of_certificate(requests, "certificate-subject", |certificate| {
        certificate.subject().map(str::to_owned)
    })?;
    listed(requests, "certificate-names", |info| {
        info.certificate.as_deref().map(Certificate::names).unwrap_or_default()
    })?;
    listed(requests, "parameters", |info| info.parameters.clone())?;
    listed(requests, "offered-subprotocols", |info| info.subprotocols.clone())?;
    listed(requests, "headers", headers)?;
    requests.func_wrap("parameter", parameter)?;
    requests.func_wrap("header", header)?;
    requests.func_wrap("secure", |store: Store<'_>, (client,): (u64,)| {
        let is_secure = |info: &ClientInfo| info.scheme == Scheme::Https;
        Ok((of(&store, client, is_secure).unwrap_or_default(),))
    })
}

/// A function that answers one thing, or none.
fn asked<T: ComponentType + Lower + Send + Sync + 'static>(
    requests: &mut LinkerInstance<'_, State>,
    name: &str,
    ask: impl Fn(&ClientInfo) -> Option<T> + Send + Sync + 'static,
) -> Result<()> {
    requests.func_wrap(name, move |store: Store<'_>, (client,): (u64,)| {
        Ok((of(&store, client, &ask).flatten(),))
    })
}

/// A function that answers one thing of the client's certificate, or none.
fn of_certificate<T: ComponentType + Lower + Send + Sync + 'static>(
    requests: &mut LinkerInstance<'_, State>,
    name: &str,
    ask: impl Fn(&Certificate) -> Option<T> + Send + Sync + 'static,
) -> Result<()> {
    asked(requests, name, move |info| info.certificate.as_deref().and_then(&ask))
}

/// A function that answers many things, or nothing.
fn listed<T: ComponentType + Lower + Send + Sync + 'static>(
    requests: &mut LinkerInstance<'_, State>,
    name: &str,
    ask: impl Fn(&ClientInfo) -> Vec<T> + Send + Sync + 'static,
) -> Result<()> {
    requests.func_wrap(name, move |store: Store<'_>, (client,): (u64,)| {
        Ok((of(&store, client, &ask).unwrap_or_default(),))
    })
}

fn of<T>(store: &Store<'_>, client: u64, ask: impl FnOnce(&ClientInfo) -> T) -> Option<T> {
    for_known_client(store, client, |client| ask(client.info()))
}

fn headers(info: &ClientInfo) -> Vec<(String, Vec<u8>)> {
    let text = |name| String::from_utf8_lossy(name).into_owned();
    info.headers.iter().map(|(name, value)| (text(name), value.to_vec())).collect()
}

fn parameter(store: Store<'_>, (client, name): (u64, Text)) -> Result<(Option<String>,)> {
    let name = name.to_str(&store)?;
    let find = |info: &ClientInfo| info.parameter(&name).map(str::to_owned);
    Ok((of(&store, client, find).flatten(),))
}

fn header(store: Store<'_>, (client, name): (u64, Text)) -> Result<(Option<String>,)> {
    let name = name.to_str(&store)?;
    let find = |info: &ClientInfo| info.header(&name).map(str::to_owned);
    Ok((of(&store, client, find).flatten(),))
}
