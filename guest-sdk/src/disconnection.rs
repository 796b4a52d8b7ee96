//! The end of a connection.

use crate::sys::disconnection as host;
use crate::words::words;
use crate::{Client, CloseCode};

/// Describes how a connection has ended. Usable only while `disconnected` runs.
#[derive(Debug)]
pub struct Disconnection(Client);

impl Disconnection {
    pub(crate) fn of(client: Client) -> Self {
        Self(client)
    }

    /// Returns what ended the connection.
    pub fn cause(&self) -> Cause {
        host::cause(self.0.id()).map_or(Cause::Unknown, |word| Cause::of(&word))
    }

    /// Returns the code of the client's close frame. 1005 if the frame has no code, 1006 if no close frame arrived.
    pub fn code(&self) -> CloseCode {
        host::code(self.0.id()).unwrap_or(ABNORMAL).into()
    }

    /// Returns the reason of the client's close frame. If no close frame arrived, returns the host's description of
    /// what ended the connection. The description is for people and not for programs.
    pub fn reason(&self) -> String {
        host::reason(self.0.id()).unwrap_or_default()
    }

    /// Returns whether the closing handshake was completed, which means that a close frame went each way.
    pub fn is_clean(&self) -> bool {
        host::clean(self.0.id())
    }

    /// Returns the code of the close frame that was sent to the client.
    pub fn sent_code(&self) -> Option<CloseCode> {
        host::sent_code(self.0.id()).map(CloseCode::from)
    }
}

/// No close frame came (RFC 6455 §7.4.1).
const ABNORMAL: u16 = 1006;

words! {
    /// What ended a connection.
    Cause {
        /// The client closed the connection.
        Client = "client", "the client closed the connection";
        /// The handler closed or aborted the connection.
        Handler = "handler", "the handler closed the connection";
        /// The operator of the server closed the connection.
        Operator = "operator", "the operator closed the connection";
        /// The connection broke, or the client left without a close frame.
        Lost = "lost", "the connection was lost";
        /// The handler tried to open this WebSocket with [`connect`](crate::connect), but it could not be opened.
        NotOpened = "not-opened", "the connection could not be opened";
        /// The client sent nothing for too long, and did not even answer a ping.
        Silent = "silent", "nothing came from the client for too long";
        /// The client read its output too slowly.
        Slow = "slow", "the client read its output too slowly";
        /// The client violated the protocol, or sent text that is not valid UTF-8.
        ProtocolError = "protocol-error", "the client violated the protocol";
        /// The client sent a message that is longer than allowed.
        TooLong = "too-long", "the client sent a message that is too long";
        /// The handler trapped, exceeded a limit, or had no instance.
        HandlerFailed = "handler-failed", "the handler failed";
        /// The host had no memory left for data that waits for its clients.
        NoRoom = "no-room", "the host had no memory left for data that waits for clients";
        /// The client reached the time limit that [`expire`](Client::expire) set.
        Expired = "expired", "the client's authorization expired";
        /// Another host of the cluster takes over the client's path, or may do so.
        Moved = "moved", "another host takes over the path";
        /// The server stops, or no longer serves the resource.
        Stopping = "stopping", "the server is stopping";
    }
}
