//! The request with which a client has connected.

use crate::Client;
use crate::bindings::ws_host::socket::requests as host;

/// The request with which a client asked to connect. Each function asks the host for what it gives, and copies nothing
/// else. Good for the client's whole life, to the end of `disconnected`; afterwards everything is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request(Client);

impl Request {
    pub(crate) const fn of(client: Client) -> Self {
        Self(client)
    }

    /// The client whose request it is.
    pub const fn client(self) -> Client {
        self.0
    }

    /// The name of the resource in the configuration.
    pub fn resource(self) -> String {
        host::resource_name(self.0.id()).unwrap_or_default()
    }

    /// The path, with its percent-encoding in one form: `%2f` is `%2F`, and `%7E` is `~`.
    pub fn path(self) -> String {
        host::path(self.0.id()).unwrap_or_default()
    }

    /// What stood behind the `?`, without it.
    pub fn query(self) -> Option<String> {
        host::query(self.0.id())
    }

    /// A parameter of the resource's path pattern: `room` of `/rooms/{room}`.
    pub fn parameter(self, name: impl AsRef<str>) -> Option<String> {
        host::parameter(self.0.id(), name.as_ref())
    }

    /// All parameters of the resource's path pattern.
    pub fn parameters(self) -> Vec<(String, String)> {
        host::parameters(self.0.id())
    }

    /// The first header of this name that is text, in any case of letters.
    pub fn header(self, name: impl AsRef<str>) -> Option<String> {
        host::header(self.0.id(), name.as_ref())
    }

    /// All headers in the order in which they came, names in lower case. A cookie that came in pieces is one,
    /// and so are the lines of a header that is a list by its definition.
    pub fn headers(self) -> Vec<(String, Vec<u8>)> {
        host::headers(self.0.id())
    }

    /// The subprotocols that the client offered, its favourite first.
    pub fn offered_subprotocols(self) -> Vec<String> {
        host::offered_subprotocols(self.0.id())
    }

    /// The subprotocol that was agreed; `None` while `connected` runs.
    pub fn subprotocol(self) -> Option<String> {
        host::subprotocol(self.0.id())
    }

    /// From which web page, if a browser asks.
    pub fn origin(self) -> Option<String> {
        host::origin(self.0.id())
    }

    /// The version of the WebSocket protocol: 13, or an old draft's, 8, 7 or 0, which has neither binary messages
    /// nor pings.
    pub fn protocol_version(self) -> Option<u16> {
        host::protocol_version(self.0.id())
    }

    /// The version of HTTP: `1.1` or `2`.
    pub fn http_version(self) -> Option<String> {
        host::http_version(self.0.id())
    }

    /// The IP address of the client: what a trusted proxy says, or else [`peer_address`](Self::peer_address).
    pub fn client_address(self) -> String {
        host::client_address(self.0.id()).unwrap_or_default()
    }

    /// The IP address of the other end.
    pub fn peer_address(self) -> String {
        host::peer_address(self.0.id()).unwrap_or_default()
    }

    /// The port of the other end.
    pub fn peer_port(self) -> Option<u16> {
        host::peer_port(self.0.id())
    }

    /// The IP address of our end.
    pub fn local_address(self) -> Option<String> {
        host::local_address(self.0.id())
    }

    /// The port of our end.
    pub fn local_port(self) -> Option<u16> {
        host::local_port(self.0.id())
    }

    /// Whether the connection is encrypted, between the client and a trusted proxy at least.
    pub fn is_secure(self) -> bool {
        host::secure(self.0.id())
    }

    /// The name of the server for which the client asked in TLS (SNI).
    pub fn server_name(self) -> Option<String> {
        host::server_name(self.0.id())
    }

    /// The certificate that the client has shown, in DER.
    pub fn certificate(self) -> Option<Vec<u8>> {
        host::certificate(self.0.id())
    }

    /// The SHA-256 of the client's certificate, as 64 hexadecimal digits.
    pub fn certificate_fingerprint(self) -> Option<String> {
        host::certificate_fingerprint(self.0.id())
    }

    /// The subject of the certificate that the client has shown, as RFC 4514 writes it:
    /// `CN=alice,O=Example`, with `\` before what has a meaning there.
    pub fn certificate_subject(self) -> Option<String> {
        host::certificate_subject(self.0.id())
    }

    /// The alternative names of the client's certificate, each behind its kind: `dns:example.com`.
    pub fn certificate_names(self) -> Vec<String> {
        host::certificate_names(self.0.id())
    }
}
