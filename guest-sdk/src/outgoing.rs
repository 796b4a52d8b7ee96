//! WebSockets that the handler opens.

use crate::Client;
use crate::sys::outgoing as host;
use crate::words::errors;

/// Begins to open a WebSocket to a server that the configuration grants (`wss://` or `ws://`). Returns the WebSocket's
/// number at once. The WebSocket is used like a client: messages of the server arrive in
/// [`received_text`](crate::Handler::received_text) and [`received_binary`](crate::Handler::received_binary), and
/// [`disconnected`](crate::Handler::disconnected) is its last event. Messages that are sent before the WebSocket is
/// open wait until it is open.
///
/// If the WebSocket cannot be opened, `disconnected` is called with [`Cause::NotOpened`](crate::Cause::NotOpened) and
/// the reason.
///
/// # Errors
///
/// Returns [`ConnectError`] if the host refuses to open the WebSocket.
pub fn connect(url: impl AsRef<str>) -> Result<Client, ConnectError> {
    connect_with(url, &[], &[])
}

/// Does the same as [`connect`], with subprotocols and headers. The server may choose one of the offered subprotocols
/// ([`Request::subprotocol`](crate::Request::subprotocol)). The headers, such as `authorization`, are added to the
/// request.
///
/// # Errors
///
/// Returns [`ConnectError`] if the host refuses to open the WebSocket.
pub fn connect_with(
    url: impl AsRef<str>,
    subprotocols: &[&str],
    headers: &[(&str, &str)],
) -> Result<Client, ConnectError> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    Ok(host::connect(url.as_ref(), subprotocols, &headers).map(Client::from_id)?)
}

/// Returns the WebSockets that this instance has opened or is opening with [`connect`]. [`clients`](crate::clients)
/// does not return them.
pub fn connections() -> Vec<Client> {
    host::connections().into_iter().map(Client::from_id).collect()
}

impl Client {
    /// Returns the URL, if this is a WebSocket that the handler has [opened](connect). Returns `None` for a client of
    /// this server.
    pub fn url(self) -> Option<String> {
        host::url(self.id())
    }
}

errors! {
    /// Why the host refused to open a WebSocket.
    ConnectError {
        /// The configuration does not grant this server. The log says which grant is missing.
        NotGranted = "not-granted", "the configuration does not grant this server";
        /// The URL is not valid, or begins with neither `wss://` nor `ws://`.
        InvalidUrl = "invalid-url", "the URL is not a WebSocket URL: it must begin with wss:// or \
                                     ws://";
        /// A subprotocol is not a valid name.
        InvalidSubprotocol = "invalid-subprotocol", "the name of a subprotocol is not valid";
        /// A header is not valid, or only the host may set it.
        InvalidHeader = "invalid-header", "a header is not valid, or only the host may set it";
        /// The URL has more than 4 KiB, or the headers and subprotocols have more than 16 KiB.
        TooLong = "too-long", "the URL, or the headers and subprotocols, are too long";
        /// The instance has 16 connections, or all instances of the resource together have 1,024.
        TooMany = "too-many", "the instance or the resource has too many connections";
        /// The resource is no longer served.
        Stopping = "stopping", "the resource is no longer served";
    }
}
