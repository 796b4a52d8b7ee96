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
    asked(requests, "resource-name", |known| Some(known.resource.to_string()))?;
    asked(requests, "path", |known| Some(known.path.clone()))?;
    asked(requests, "query", |known| known.query.clone())?;
    asked(requests, "origin", |known| known.origin.clone())?;
    asked(requests, "protocol-version", |known| Some(known.version.number()))?;
    asked(requests, "client-address", |known| Some(known.address.to_string()))?;
    asked(requests, "peer-address", |known| Some(known.peer.ip().to_string()))?;
    asked(requests, "peer-port", |known| Some(known.peer.port()))?;
    asked(requests, "local-address", |known| Some(known.local.ip().to_string()))?;
    asked(requests, "local-port", |known| Some(known.local.port()))?;
    asked(requests, "http-version", |known| Some(known.http_version.as_str()))?;
    asked(requests, "subprotocol", |known| known.subprotocol().map(str::to_owned))?;
    asked(requests, "server-name", |known| known.server_name.as_deref().map(str::to_owned))?;
    of_certificate(requests, "certificate", |certificate| Some(certificate.der().to_vec()))?;
    of_certificate(requests, "certificate-fingerprint", |certificate| {
        Some(certificate.fingerprint())
    })?;
    of_certificate(requests, "certificate-subject", |certificate| {
        certificate.subject().map(str::to_owned)
    })?;
    listed(requests, "certificate-names", |known| {
        known.certificate.as_deref().map(Certificate::names).unwrap_or_default()
    })?;
    listed(requests, "parameters", |known| known.parameters.clone())?;
    listed(requests, "offered-subprotocols", |known| known.subprotocols.clone())?;
    listed(requests, "headers", headers)?;
    requests.func_wrap("parameter", parameter)?;
    requests.func_wrap("header", header)?;
    requests.func_wrap("secure", |store: Store<'_>, (client,): (u64,)| {
        let is_secure = |known: &ClientInfo| known.scheme == Scheme::Https;
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
    asked(requests, name, move |known| known.certificate.as_deref().and_then(&ask))
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

fn headers(known: &ClientInfo) -> Vec<(String, Vec<u8>)> {
    let text = |name| String::from_utf8_lossy(name).into_owned();
    known.headers.iter().map(|(name, value)| (text(name), value.to_vec())).collect()
}

fn parameter(store: Store<'_>, (client, name): (u64, Text)) -> Result<(Option<String>,)> {
    let name = name.to_str(&store)?;
    let find = |known: &ClientInfo| known.parameter(&name).map(str::to_owned);
    Ok((of(&store, client, find).flatten(),))
}

fn header(store: Store<'_>, (client, name): (u64, Text)) -> Result<(Option<String>,)> {
    let name = name.to_str(&store)?;
    let find = |known: &ClientInfo| known.header(&name).map(str::to_owned);
    Ok((of(&store, client, find).flatten(),))
}
