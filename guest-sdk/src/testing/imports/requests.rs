//! The interface `requests`.

use crate::testing::current::with;
use crate::testing::fake_client::FakeClient;

/// The host's end of the connection.
const LOCAL: (&str, u16) = ("127.0.0.1", 8080);

/// The lowest port at a client's end of the connection.
const FIRST_PORT: u64 = 49152;

pub(crate) fn resource_name(client: u64) -> Option<String> {
    with(|fake| {
        let name = fake.settings.resource.clone();
        fake.known(client).map(|_| name)
    })
}

pub(crate) fn path(client: u64) -> Option<String> {
    read(client, |client| client.request.path.clone())
}

pub(crate) fn query(client: u64) -> Option<String> {
    read(client, |client| client.request.query.clone()).flatten()
}

pub(crate) fn parameter(client: u64, name: &str) -> Option<String> {
    let named = |(own, _): &(String, String)| own == name;
    parameters(client).into_iter().find(named).map(|(_, value)| value)
}

pub(crate) fn parameters(client: u64) -> Vec<(String, String)> {
    read(client, |client| client.parameters.clone()).unwrap_or_default()
}

pub(crate) fn header(client: u64, name: &str) -> Option<String> {
    read(client, |client| client.request.text_header(name).map(str::to_owned)).flatten()
}

pub(crate) fn headers(client: u64) -> Vec<(String, Vec<u8>)> {
    read(client, |client| client.request.headers.clone()).unwrap_or_default()
}

pub(crate) fn offered_subprotocols(client: u64) -> Vec<String> {
    read(client, |client| client.request.subprotocols.clone()).unwrap_or_default()
}

pub(crate) fn subprotocol(client: u64) -> Option<String> {
    read(client, |client| client.subprotocol.clone()).flatten()
}

pub(crate) fn origin(client: u64) -> Option<String> {
    header(client, "origin")
}

pub(crate) fn protocol_version(client: u64) -> Option<u16> {
    read(client, |_| 13)
}

pub(crate) fn http_version(client: u64) -> Option<String> {
    read(client, |_| "1.1".to_owned())
}

pub(crate) fn client_address(client: u64) -> Option<String> {
    read(client, |client| client.request.client_address.clone())
}

pub(crate) fn peer_address(client: u64) -> Option<String> {
    client_address(client)
}

pub(crate) fn peer_port(client: u64) -> Option<u16> {
    let port = FIRST_PORT + client % (u64::from(u16::MAX) - FIRST_PORT);
    read(client, |_| u16::try_from(port).unwrap_or(u16::MAX))
}

pub(crate) fn local_address(client: u64) -> Option<String> {
    read(client, |_| LOCAL.0.to_owned())
}

pub(crate) fn local_port(client: u64) -> Option<u16> {
    read(client, |_| LOCAL.1)
}

pub(crate) fn secure(client: u64) -> bool {
    read(client, |client| client.request.is_secure).unwrap_or(false)
}

pub(crate) fn server_name(_: u64) -> Option<String> {
    None
}

pub(crate) fn certificate(_: u64) -> Option<Vec<u8>> {
    None
}

pub(crate) fn certificate_fingerprint(_: u64) -> Option<String> {
    None
}

pub(crate) fn certificate_subject(_: u64) -> Option<String> {
    None
}

pub(crate) fn certificate_names(_: u64) -> Vec<String> {
    Vec::new()
}

fn read<T>(client: u64, read: impl FnOnce(&FakeClient) -> T) -> Option<T> {
    with(|fake| fake.known(client).map(|client| read(client)))
}
