//! How a connection ended.

use crate::bindings::ws_host::socket::disconnection as host;
use crate::words::words;
use crate::{Client, CloseCode};

/// How a connection ended, to be asked while `disconnected` runs.
#[derive(Debug)]
pub struct Disconnection(Client);

impl Disconnection {
    pub(crate) fn of(client: Client) -> Self {
        Self(client)
    }

    /// What ended it.
    pub fn cause(&self) -> Cause {
        host::cause(self.0.id()).map_or(Cause::Unknown, |word| Cause::of(&word))
    }

    /// The code of the client's close frame; 1005 if that carried none; 1006 if no close frame came.
    pub fn code(&self) -> CloseCode {
        host::code(self.0.id()).unwrap_or(ABNORMAL).into()
    }

    /// The reason of the client's close frame; where none came, the host's own words, for people.
    pub fn reason(&self) -> String {
        host::reason(self.0.id()).unwrap_or_default()
    }

    /// Whether a close frame went each way.
    pub fn is_clean(&self) -> bool {
        host::clean(self.0.id())
    }

    /// The code of the close frame that went to the client.
    pub fn sent_code(&self) -> Option<CloseCode> {
        host::sent_code(self.0.id()).map(CloseCode::from)
    }
}

/// No close frame came (RFC 6455 §7.4.1).
const ABNORMAL: u16 = 1006;

words! {
    /// What ended a connection.
    Cause {
        /// The client closed.
        Client = "client", "the client closed";
        /// The handler closed or aborted it.
        Handler = "handler", "the handler closed";
        /// Whoever runs the server closed it.
        Operator = "operator", "whoever runs the server closed";
        /// The connection broke, or the client left without a close frame.
        Lost = "lost", "the connection was lost";
        /// Nothing came from the client for too long, not even an answer to a ping.
        Silent = "silent", "nothing came from the client for too long";
        /// The client took its output too slowly.
        Slow = "slow", "the client took its output too slowly";
        /// The client broke the protocol, or sent text that is none.
        ProtocolError = "protocol-error", "the client broke the protocol";
        /// The client sent a message that is longer than allowed.
        TooLong = "too-long", "the client sent too long a message";
        /// The handler trapped, exceeded a limit, or had no instance.
        HandlerFailed = "handler-failed", "the handler failed";
        /// The host had no memory left for what waits for its clients.
        NoRoom = "no-room", "the host had no room";
        /// The client did not prove itself again in time.
        Expired = "expired", "the client did not prove itself again in time";
        /// The server stops, or no longer serves the resource.
        Stopping = "stopping", "the server stops";
    }
}
