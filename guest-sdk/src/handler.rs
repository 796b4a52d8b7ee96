//! The handler trait, and the traits for optional exports.

use crate::{
    Client, CloseCode, CustomMessage, Disconnection, Error, Handshake, Rejection, Timer, report,
};

/// The handler of a resource. Every function has a default. Implement those that you need.
///
/// Each optional interface is a trait of its own: [`Lifecycle`], [`Timers`], [`CustomMessages`], [`Drained`],
/// [`Expiry`] and [`Stop`]. A component exports only the interfaces that are named in `export!`, as in
/// `ws_guest::export!(Chat: Lifecycle, Timers)`, so that the host knows what the component implements.
///
/// If a function other than `connected` returns an `Err`, [`failed`](Self::failed) gets it. By default, `failed` writes
/// the error and its causes to the host's log, and closes the client with 1011. A panic ends the instance. The client
/// of the event is then closed with 1011, and the next event goes to a fresh instance.
pub trait Handler: Default + 'static {
    /// Called when a client asks to connect. Messages that the handler sends to the client here are written right after
    /// the handshake.
    ///
    /// By default, the client is accepted, and the host chooses the subprotocol, if any.
    ///
    /// # Errors
    ///
    /// Returns a [`Rejection`] to refuse the client. It is the HTTP response that the client gets instead of a
    /// connection. `?` writes any other error to the log, and converts it to a rejection with status 500.
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let _ = (client, handshake);
        Ok(())
    }

    /// Called for a text message. By default, closes the client with 1003, because text is not expected.
    ///
    /// # Errors
    ///
    /// Any error goes to [`failed`](Handler::failed).
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let _ = message;
        Ok(client.close(CloseCode::InvalidType, "this resource takes no text")?)
    }

    /// Called for a binary message. By default, closes the client with 1003, because binary data is not expected.
    ///
    /// # Errors
    ///
    /// Any error goes to [`failed`](Handler::failed).
    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        let _ = message;
        Ok(client.close(CloseCode::InvalidType, "this resource takes no binary messages")?)
    }

    /// Called for a pong, whether it answers a [`ping`](Client::ping) or is unsolicited. By default, does nothing.
    ///
    /// # Errors
    ///
    /// Any error goes to [`failed`](Handler::failed).
    fn received_pong(&mut self, client: Client, payload: Vec<u8>) -> Result<(), Error> {
        let _ = (client, payload);
        Ok(())
    }

    /// Called when a function returns an error while handling an event of this client. The handler can notify the
    /// client, close it, or do nothing.
    ///
    /// By default, writes the error with its causes to the host's log, and closes the client with 1011. With
    /// `ws-host --dev`, the close reason contains the error.
    fn failed(&mut self, client: Client, error: Error) {
        report::client(client, &error);
    }

    /// Called as the last event of a client, exactly once for each client that was accepted. There are two exceptions:
    /// it is not called if the host cannot start an instance, or if starts have failed repeatedly and the client leaves
    /// while the host waits before the next attempt.
    fn disconnected(&mut self, client: Client, disconnection: &Disconnection) {
        let _ = (client, disconnection);
    }
}

/// A handler whose state outlives its instance. The state survives a hot reload and hibernation. If the configuration
/// asks for checkpoints, the state also survives a trap. A handler without this trait starts over after a reload, and
/// is never hibernated.
///
/// In both functions, [`state_reason`](crate::state_reason) says why the function is called.
pub trait Lifecycle: Handler {
    /// Returns the state as bytes. The handler that takes over gets the state in [`resume`](Self::resume). After a hot
    /// reload, that handler is an instance of the new code. After hibernation, it is a new instance of the same code,
    /// started by the next event.
    ///
    /// With checkpoints (`--checkpoint`), this function is also called after events, and the same instance continues.
    ///
    /// If this function returns `None`, the handler starts without a state after a reload, the instance is not
    /// hibernated, and the previous checkpoint is kept.
    fn suspend(&mut self) -> Option<Vec<u8>>;

    /// Takes over from an earlier instance, with its state. The state is `None` if the earlier instance returned none,
    /// or if it trapped and left no checkpoint. [`state_age`](crate::state_age) tells whether the state is up to date,
    /// and [`clients`](crate::clients) returns the connected clients. This is the first event of every instance that
    /// replaces another one. The very first instance does not get this event.
    ///
    /// # Errors
    ///
    /// Any error means that the handler cannot use the state. If other code produced the state, that code continues
    /// with it. If this handler's own code produced it, a fresh instance starts without it.
    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error>;
}

/// A handler that sets timers.
pub trait Timers: Handler {
    /// Called when a [`Timer`] is due. By the time of the call, the timer is no longer set.
    ///
    /// # Errors
    ///
    /// Any error goes to the host's log.
    fn fired(&mut self, timer: Timer) -> Result<(), Error>;
}

/// A handler that accepts custom messages. They do not come from a client. They come from the operator of the server
/// (`POST /resources/NAME/messages` at the admin address), or from the program that embeds the host.
pub trait CustomMessages: Handler {
    /// Called for a custom message. The result is the reply to the sender. `about` contains the sender and the kind
    /// of the message.
    ///
    /// # Errors
    ///
    /// Any error goes to the sender, as text.
    fn received_custom(
        &mut self,
        message: Vec<u8>,
        about: &CustomMessage,
    ) -> Result<Vec<u8>, Error>;
}

/// A handler that wants to resume sending once there is room for more output to a client.
pub trait Drained: Handler {
    /// Called when there is room again for output to a client, after a send to this client has failed with
    /// [`SendError::Full`](crate::SendError::Full). There is room when at least half of the client's outbound buffer is
    /// free, and enough of the host's `max-buffered` is free too.
    ///
    /// # Errors
    ///
    /// Any error goes to [`failed`](Handler::failed).
    fn drained(&mut self, client: Client) -> Result<(), Error>;
}

/// A handler with clients whose authorization expires.
pub trait Expiry: Handler {
    /// Called before a client expires, for example to ask the client for a new token. The client is closed unless the
    /// handler calls [`expire`](Client::expire) or [`keep`](Client::keep) for it in time.
    ///
    /// # Errors
    ///
    /// Any error goes to [`failed`](Handler::failed).
    fn expiring(&mut self, client: Client) -> Result<(), Error>;
}

/// A handler that is called when the server stops or no longer serves the resource, before the clients are closed.
pub trait Stop: Handler {
    /// Called when the server stops, or no longer serves the resource. The clients are still open. When this function
    /// returns, they are closed with 1001, or with 1012 if the resource restarts because its configuration has changed.
    ///
    /// # Errors
    ///
    /// Any error goes to the host's log.
    fn stopping(&mut self) -> Result<(), Error>;
}
