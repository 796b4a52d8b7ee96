//! The ways in which a connection ends without the handler ending it.

use super::fake_client::{End, FakeClient};
use super::received::Closed;
use super::shared::{HANDLER_FAILED, Shared};
use crate::{Cause, Client, CloseCode};

impl Shared {
    /// Ends a connection as if the client had closed it. The host answers with the same code and reason.
    pub(super) fn close_by_client(&self, client: Client, code: CloseCode, reason: &str) {
        self.end(client, |client| {
            let number = code.into();
            let cause = *client.cause.get_or_insert(Cause::Client);
            let (reason, sent_code) = (reason.to_owned(), Some(number));
            client.closed = Some(Closed { code, reason: reason.clone() });
            client.ending = Some(End { cause, code: number, reason, is_clean: true, sent_code });
        });
    }

    /// Ends the connection for this cause.
    pub(super) fn end_for(&self, client: Client, cause: Cause) {
        let by_host = |code, reason| {
            self.close(client, code, reason, cause);
            self.run_until_quiet();
        };
        let dropped = |reason| {
            self.end(client, |client| {
                client.abort(cause, reason);
            });
        };
        match cause {
            Cause::Client => self.close_by_client(client, CloseCode::Normal, ""),
            Cause::Handler => by_host(1000, ""),
            Cause::Operator => by_host(1001, "closed by the operator"),
            Cause::Lost | Cause::Unknown => dropped("the client left without a close frame"),
            Cause::NotOpened => dropped("the connection was not opened"),
            Cause::Silent => dropped("nothing came from the client for too long"),
            Cause::Slow => dropped("the client read more slowly than min-rate for too long"),
            Cause::ProtocolError => self.fail(client, CloseCode::ProtocolError, cause),
            Cause::TooLong => self.fail(client, CloseCode::Oversize, cause),
            Cause::HandlerFailed => by_host(1011, HANDLER_FAILED),
            Cause::NoRoom => by_host(1013, "the server is full"),
            Cause::Expired => by_host(1008, "expired"),
            Cause::Moved => by_host(1012, "another host takes over"),
            Cause::Stopping => by_host(1001, "the server is stopping"),
        }
    }

    /// Fails the connection (RFC 6455 §7.1.7). The host sends a close frame and does not wait for an answer.
    fn fail(&self, client: Client, code: CloseCode, cause: Cause) {
        self.end(client, |client| {
            client.closed = Some(Closed { code, reason: String::new() });
            let (cause, sent_code) = (*client.cause.get_or_insert(cause), Some(code.into()));
            let reason = cause.to_string();
            client.ending = Some(End { cause, code: 1006, reason, is_clean: false, sent_code });
        });
    }

    /// Ends a connection that has not ended yet. Everything that the client has not read is lost.
    fn end(&self, client: Client, end: impl FnOnce(&mut FakeClient)) {
        if let Some(client) = self.fake.borrow_mut().existing(client.id())
            && client.closed.is_none()
        {
            end(client);
            client.phase = super::fake_client::Phase::Closing;
            client.outbound.clear();
            client.buffered = 0;
        }
        self.run_until_quiet();
    }
}
