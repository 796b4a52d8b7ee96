//! The handler, and what it is told.

use crate::bindings::ws_host::socket::types;
use crate::{Client, CloseCode, Error, Result, Timer, report};

/// A handler of a resource. Every function has a default; implement those that you need.
///
/// An `Err` goes to [`failed`](Self::failed), which tells the host's log its causes and closes the
/// client with 1011, unless you define it. A panic ends the instance: the client whose event it was is
/// closed with 1011, and the next event meets a fresh one.
pub trait Handler: Default + 'static {
    /// A client asks to connect. What is sent to it from here follows right after the handshake.
    ///
    /// By default it is let in, without a subprotocol.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] is the HTTP answer that the client gets instead of a connection.
    fn connected(
        &mut self,
        client: Client,
        request: &Request,
    ) -> std::result::Result<Acceptance, Rejection> {
        let _ = (client, request);
        Ok(Acceptance::default())
    }

    /// A text message. By default the client is closed with 1003: text is not expected here.
    ///
    /// # Errors
    ///
    /// Any; see [`Handler`].
    fn received_text(&mut self, client: Client, message: String) -> Result {
        let _ = message;
        Ok(client.close(CloseCode::InvalidType, "this resource takes no text")?)
    }

    /// A binary message. By default the client is closed with 1003: binary is not expected here.
    ///
    /// # Errors
    ///
    /// Any; see [`Handler`].
    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result {
        let _ = message;
        Ok(client.close(CloseCode::InvalidType, "this resource takes no binary messages")?)
    }

    /// A pong, the answer to a [`ping`](Client::ping) or unasked. By default nothing happens.
    ///
    /// # Errors
    ///
    /// Any; see [`Handler`].
    fn received_pong(&mut self, client: Client, payload: Vec<u8>) -> Result {
        let _ = (client, payload);
        Ok(())
    }

    /// An event of this client came to an error. Here it can be told, closed, or left as it is.
    ///
    /// By default the host's log gets the error with its causes, and the client is closed with 1011.
    /// With `ws-host --dev` the close reason says why.
    fn failed(&mut self, client: Client, error: Error) {
        report::client(client, &error);
    }

    /// The last event of a client: exactly once for each that was let in.
    fn disconnected(&mut self, client: Client, how: Disconnection) {
        let _ = (client, how);
    }

    /// The state, as octets, for the value that takes over in [`resume`](Self::resume): in the new
    /// code after a hot reload, or when the next event wakes a hibernated instance.
    ///
    /// With checkpoints (`--checkpoint`) it is asked for after events too, and the value goes on.
    ///
    /// By default `None`: a reload begins anew, and the instance is never hibernated.
    fn suspend(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Takes over from a value that was here before: with its state, or with `None` where it gave none, or
    /// after a trap without a checkpoint. [`state_age`](crate::state_age) tells whether the state is as of
    /// now. `clients` are those that are open. Not called for the very first value.
    ///
    /// By default nothing happens: the handler begins anew, and its clients stay connected.
    ///
    /// # Errors
    ///
    /// Any, if it cannot take the state: the code that gave it goes on with it then. If that is this very
    /// code, a fresh value without the state goes on.
    fn resume(&mut self, state: Option<Vec<u8>>, clients: Vec<Client>) -> Result {
        let _ = (state, clients);
        Ok(())
    }

    /// A [`Timer`] is due. It is no longer set.
    ///
    /// # Errors
    ///
    /// Any: the host's log has it.
    fn fired(&mut self, timer: Timer) -> Result {
        let _ = timer;
        Ok(())
    }

    /// A message from outside, and not from a client: from whoever runs the server (`POST
    /// /resources/NAME/messages` at its admin address), or from the program that it is part of. What
    /// this gives is the answer.
    ///
    /// # Errors
    ///
    /// Any: it is told to the sender. By default all messages are refused.
    fn received_custom(&mut self, message: Vec<u8>) -> Result<Vec<u8>> {
        let _ = message;
        Err(Error::msg("this handler takes no messages from outside"))
    }
}

/// The request with which a client asks to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The name of the resource in the configuration.
    pub resource: String,
    /// The path, with its percent-encoding in one form: `%2f` is `%2F`, and `%7E` is `~`.
    pub path: String,
    /// What stood behind the `?`, without it.
    pub query: Option<String>,
    /// Parameters of the resource's path pattern.
    pub parameters: Vec<(String, String)>,
    /// All headers in the order in which they came, names in lower case. A cookie that came in pieces is one,
    /// and so are the lines of a header that is a list by its definition.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The subprotocols that the client offers, its favourite first.
    pub subprotocols: Vec<String>,
    /// From which web page, if a browser asks.
    pub origin: Option<String>,
    /// The version of the protocol: 13, or an old draft's, 8, 7 or 0, which has neither binary messages
    /// nor pings.
    pub version: u16,
    /// The IP address of the client: what a trusted proxy says, or else `peer_address`.
    pub client_address: String,
    /// The IP address of the other end.
    pub peer_address: String,
    /// The port of the other end.
    pub peer_port: u16,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// The subject of the certificate that the client has shown, as RFC 4514 writes it:
    /// `CN=alice,O=Example`, with `\` before what has a meaning there.
    pub client_certificate: Option<String>,
}

impl Request {
    /// The first header of this name that is text, in any case of letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |(found, _): &&(String, Vec<u8>)| found.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).find_map(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// How a client is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// One of the subprotocols that were offered. `None`: the host chooses from those of the
    /// configuration, if there are any.
    pub subprotocol: Option<String>,
    /// Headers to add to the answer.
    pub headers: Vec<(String, String)>,
}

/// How a client is turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// An HTTP status from 300 to 599.
    pub status: u16,
    /// A word for the client.
    pub body: String,
}

impl Rejection {
    /// A refusal with an HTTP status and a word for the client.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into() }
    }
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnection {
    /// The code of the client's close frame; 1005 if that carried none; 1006 if no close frame came.
    pub code: CloseCode,
    /// The reason of the client's close frame; where none came, the host's own words.
    pub reason: String,
    /// Whether a close frame went each way.
    pub clean: bool,
    /// The code of the close frame that went to the client.
    pub sent: Option<CloseCode>,
}

impl From<types::Request> for Request {
    fn from(request: types::Request) -> Self {
        Self {
            resource: request.resource,
            path: request.path,
            query: request.query,
            parameters: request.parameters,
            headers: request.headers,
            subprotocols: request.subprotocols,
            origin: request.origin,
            version: request.version,
            client_address: request.client_address,
            peer_address: request.peer_address,
            peer_port: request.peer_port,
            secure: request.secure,
            client_certificate: request.client_certificate,
        }
    }
}

impl From<Acceptance> for types::Acceptance {
    fn from(acceptance: Acceptance) -> Self {
        let octets = |(name, value): (String, String)| (name, value.into_bytes());
        Self {
            subprotocol: acceptance.subprotocol,
            headers: acceptance.headers.into_iter().map(octets).collect(),
        }
    }
}

impl From<Rejection> for types::Rejection {
    fn from(rejection: Rejection) -> Self {
        Self { status: rejection.status, body: rejection.body }
    }
}

impl From<types::Disconnection> for Disconnection {
    fn from(how: types::Disconnection) -> Self {
        Self {
            code: how.code.into(),
            reason: how.reason,
            clean: how.clean,
            sent: how.sent.map(CloseCode::from),
        }
    }
}
