//! The request with which a client connected.

use crate::Client;
use crate::sys::requests as host;

/// The request with which a client asked to connect. Each function calls the host, and copies only the value that the
/// function returns. The functions work until the end of `disconnected`. After that they return empty values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request(Client);

impl Request {
    pub(crate) const fn of(client: Client) -> Self {
        Self(client)
    }

    /// Returns the client that sent the request.
    pub const fn client(self) -> Client {
        self.0
    }

    /// Returns the name of the resource in the configuration.
    pub fn resource(self) -> String {
        host::resource_name(self.0.id()).unwrap_or_default()
    }

    /// Returns the path with normalized percent-encoding: `%2f` becomes `%2F`, and `%7E` becomes `~`.
    pub fn path(self) -> String {
        host::path(self.0.id()).unwrap_or_default()
    }

    /// Returns the part after the `?`, as the client wrote it. Returns `None` if there was no `?`.
    pub fn query(self) -> Option<String> {
        host::query(self.0.id())
    }

    /// Returns the value of a parameter of the resource's path pattern, such as `room` in `/rooms/{room}`.
    pub fn parameter(self, name: impl AsRef<str>) -> Option<String> {
        host::parameter(self.0.id(), name.as_ref())
    }

    /// Returns the names and values of all parameters of the resource's path pattern.
    pub fn parameters(self) -> Vec<(String, String)> {
        host::parameters(self.0.id())
    }

    /// Returns the first header of this name whose value is text. The case of the name does not matter.
    pub fn header(self, name: impl AsRef<str>) -> Option<String> {
        host::header(self.0.id(), name.as_ref())
    }

    /// Returns all headers in the order in which they arrived, with names in lower case. Several `cookie` lines are
    /// joined into one, and so are the lines of a header that is defined as a list.
    pub fn headers(self) -> Vec<(String, Vec<u8>)> {
        host::headers(self.0.id())
    }

    /// Returns the subprotocols that the client offered, in the client's order of preference.
    pub fn offered_subprotocols(self) -> Vec<String> {
        host::offered_subprotocols(self.0.id())
    }

    /// Returns the subprotocol that was agreed on. Returns `None` while `connected` runs, and if there is no
    /// subprotocol.
    pub fn subprotocol(self) -> Option<String> {
        host::subprotocol(self.0.id())
    }

    /// Returns the origin of the web page that connects, if a browser sends it.
    pub fn origin(self) -> Option<String> {
        host::origin(self.0.id())
    }

    /// Returns the version of the WebSocket protocol. It is 13, or 8, 7 or 0 for an old draft. Version 0 has neither
    /// binary messages nor pings.
    pub fn protocol_version(self) -> Option<u16> {
        host::protocol_version(self.0.id())
    }

    /// Returns the version of HTTP: `1.1` or `2`.
    pub fn http_version(self) -> Option<String> {
        host::http_version(self.0.id())
    }

    /// Returns the IP address of the client, as a trusted proxy states it. Without such a proxy, it is the same as
    /// [`peer_address`](Self::peer_address).
    pub fn client_address(self) -> String {
        host::client_address(self.0.id()).unwrap_or_default()
    }

    /// Returns the IP address of the other end of the connection.
    pub fn peer_address(self) -> String {
        host::peer_address(self.0.id()).unwrap_or_default()
    }

    /// Returns the port of the other end of the connection.
    pub fn peer_port(self) -> Option<u16> {
        host::peer_port(self.0.id())
    }

    /// Returns the IP address of the host's end of the connection.
    pub fn local_address(self) -> Option<String> {
        host::local_address(self.0.id())
    }

    /// Returns the port of the host's end of the connection.
    pub fn local_port(self) -> Option<u16> {
        host::local_port(self.0.id())
    }

    /// Returns whether the connection is encrypted, at least between the client and a trusted proxy.
    pub fn is_secure(self) -> bool {
        host::secure(self.0.id())
    }

    /// Returns the server name that the client asked for in TLS (SNI).
    pub fn server_name(self) -> Option<String> {
        host::server_name(self.0.id())
    }

    /// Returns the client's verified certificate in DER.
    pub fn certificate(self) -> Option<Vec<u8>> {
        host::certificate(self.0.id())
    }

    /// Returns the SHA-256 of the client's certificate, as 64 hexadecimal digits.
    pub fn certificate_fingerprint(self) -> Option<String> {
        host::certificate_fingerprint(self.0.id())
    }

    /// Returns the subject of the client's certificate as RFC 4514 writes it: `CN=alice,O=Example`, with `\` before
    /// special characters.
    pub fn certificate_subject(self) -> Option<String> {
        host::certificate_subject(self.0.id())
    }

    /// Returns the alternative names of the client's certificate, each with its kind as a prefix: `dns:example.com`.
    pub fn certificate_names(self) -> Vec<String> {
        host::certificate_names(self.0.id())
    }
}
