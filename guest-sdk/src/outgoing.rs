//! WebSockets that the handler opens.

use crate::Client;
use crate::sys::{ConnectOptions as HostOptions, outgoing as host};
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
    Ok(host::connect(url.as_ref(), None).map(Client::from_id)?)
}

/// Does the same as [`connect`], with options.
///
/// # Errors
///
/// Returns [`ConnectError`] if the host refuses to open the WebSocket.
pub fn connect_with(
    url: impl AsRef<str>,
    options: &ConnectOptions,
) -> Result<Client, ConnectError> {
    Ok(host::connect(url.as_ref(), Some(&options.0)).map(Client::from_id)?)
}

/// What the opening handshake of a WebSocket asks for. The same options can be used for any number of connections:
///
/// ```no_run
/// # fn f() -> Result<(), ws_guest::Error> {
/// use ws_guest::{ConnectOptions, connect_with};
///
/// let options = ConnectOptions::new().subprotocol("chat")?.header("authorization", "secret")?;
/// let server = connect_with("wss://api.example.com/feed", &options)?;
/// server.send_text("subscribe")?;
/// # Ok(())
/// # }
/// ```
///
/// An instance can have 16 `ConnectOptions` at a time. [`connect_with`] returns `TooManyOptions` for options beyond
/// this limit.
#[derive(Debug)]
pub struct ConnectOptions(HostOptions);

impl ConnectOptions {
    /// Creates options that offer no subprotocol and add no header.
    pub fn new() -> Self {
        Self(HostOptions::new())
    }

    /// Offers a subprotocol, in addition to those that were offered before. The server may choose one of them
    /// ([`Request::subprotocol`](crate::Request::subprotocol)). The first one is preferred.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectOptionError`] if the name is not valid or already offered, or if the options get too long.
    pub fn subprotocol(self, name: impl AsRef<str>) -> Result<Self, ConnectOptionError> {
        self.0.add_subprotocol(name.as_ref())?;
        Ok(self)
    }

    /// Adds a header to the request, such as `authorization`. A header that is added twice is sent twice.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectOptionError`] if the header is not valid, if only the host may set it, or if the options get
    /// too long.
    pub fn header(
        self,
        name: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<Self, ConnectOptionError> {
        self.0.add_header(name.as_ref(), value.as_ref())?;
        Ok(self)
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
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
        /// The URL is longer than 4 KiB.
        TooLong = "too-long", "the URL is longer than 4 KiB";
        /// The instance has 16 connections, or all instances of the resource together have 1,024.
        TooMany = "too-many", "the instance or the resource has too many connections";
        /// There are more than 16 [`ConnectOptions`].
        TooManyOptions = "too-many-options", "there are more than 16 connect options";
        /// The resource is no longer served.
        Stopping = "stopping", "the resource is no longer served";
    }
}

errors! {
    /// Why a subprotocol or a header was not added to the options.
    ConnectOptionError {
        /// The subprotocol is not a valid name, or is already offered.
        InvalidSubprotocol = "invalid-subprotocol", "the name of the subprotocol is not valid, or is already offered";
        /// The header is not valid, or only the host may set it.
        InvalidHeader = "invalid-header", "the header is not valid, or only the host may set it";
        /// There are more than 100 subprotocols, more than 100 headers, or more than 16 KiB of both together.
        TooLong = "too-long", "there are more than 100 subprotocols, 100 headers, or 16 KiB of both";
    }
}
