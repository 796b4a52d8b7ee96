//! The handler, and what it may have beside it.

use crate::{
    Client, CloseCode, CustomMessage, Disconnection, Error, Handshake, Rejection, Timer, report,
};

/// A handler of a resource. Every function has a default; implement those that you need.
///
/// What else a handler may want is a trait of its own, and named where it is exported: the host then knows what a
/// component has. `ws_guest::export!(Chat: Lifecycle, Timers)` for [`Lifecycle`], [`Timers`], [`CustomMessages`],
/// [`Drained`], [`Expiry`] and [`Stop`].
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
    /// A [`Rejection`] is the HTTP answer that the client gets instead of a connection. `?` makes one of any error:
    /// the log gets the error, and the client 500.
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let _ = (client, handshake);
        Ok(())
    }

    /// A text message. By default the client is closed with 1003: text is not expected here.
    ///
    /// # Errors
    ///
    /// Any; see [`Handler`].
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let _ = message;
        Ok(client.close(CloseCode::InvalidType, "this resource takes no text")?)
    }

    /// A binary message. By default the client is closed with 1003: binary is not expected here.
    ///
    /// # Errors
    ///
    /// Any; see [`Handler`].
    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        let _ = message;
        Ok(client.close(CloseCode::InvalidType, "this resource takes no binary messages")?)
    }

    /// A pong, the answer to a [`ping`](Client::ping) or unasked. By default nothing happens.
    ///
    /// # Errors
    ///
    /// Any; see [`Handler`].
    fn received_pong(&mut self, client: Client, payload: Vec<u8>) -> Result<(), Error> {
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
    fn disconnected(&mut self, client: Client, disconnection: &Disconnection) {
        let _ = (client, disconnection);
    }
}

/// State that outlives its value: over a hot reload, over hibernation, and, where the configuration wants checkpoints,
/// over a trap. A handler without this begins anew after a reload and is never hibernated.
///
/// In both functions, [`state_reason`](crate::state_reason) tells why they are called.
pub trait Lifecycle: Handler {
    /// The state, as octets, for the value that takes over in [`resume`](Self::resume): in the new
    /// code after a hot reload, or when the next event wakes a hibernated instance.
    ///
    /// With checkpoints (`--checkpoint`) it is asked for after events too, and the value goes on.
    ///
    /// With `None` a reload begins anew, and the instance is not hibernated.
    fn suspend(&mut self) -> Option<Vec<u8>>;

    /// Takes over from a value that was here before: with its state, or with `None` where it gave none, or
    /// after a trap without a checkpoint. [`state_age`](crate::state_age) tells whether the state is as of
    /// now, and [`clients`](crate::clients) who is there. Not called for the very first value.
    ///
    /// # Errors
    ///
    /// Any, if it cannot take the state: the code that gave it goes on with it then. If that is this very
    /// code, a fresh value without the state goes on.
    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error>;
}

/// A handler that sets timers.
pub trait Timers: Handler {
    /// A [`Timer`] is due. It is no longer set.
    ///
    /// # Errors
    ///
    /// Any: the host's log has it.
    fn fired(&mut self, timer: Timer) -> Result<(), Error>;
}

/// A handler that takes messages from outside, and not from a client: from whoever runs the server (`POST
/// /resources/NAME/messages` at its admin address), or from the program that it is part of.
pub trait CustomMessages: Handler {
    /// What this gives is the answer; `about` tells who sent the message, and of what kind it is.
    ///
    /// # Errors
    ///
    /// Any: it is told to the sender.
    fn received_custom(
        &mut self,
        message: Vec<u8>,
        about: &CustomMessage,
    ) -> Result<Vec<u8>, Error>;
}

/// A handler that wants to go on sending when there is room.
pub trait Drained: Handler {
    /// A client to which something could not be sent, because its outbound buffer was
    /// [full](crate::SendError::Full), has read on: half of the buffer is free again.
    ///
    /// # Errors
    ///
    /// Any; see [`Handler`].
    fn drained(&mut self, client: Client) -> Result<(), Error>;
}

/// A handler whose clients must prove themselves again.
pub trait Expiry: Handler {
    /// The client is closed soon, unless [`expire`](Client::expire) or [`keep`](Client::keep) are called for it: time
    /// to ask it for a new token.
    ///
    /// # Errors
    ///
    /// Any; see [`Handler`].
    fn expiring(&mut self, client: Client) -> Result<(), Error>;
}

/// A handler that wants to say goodbye.
pub trait Stop: Handler {
    /// The server stops, or no longer serves the resource. Right after this the clients are closed with 1001.
    ///
    /// # Errors
    ///
    /// Any: the host's log has it.
    fn stopping(&mut self) -> Result<(), Error>;
}
