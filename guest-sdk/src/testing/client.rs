//! A client of a test.

use std::rc::Rc;

use super::fake_client::FakeClient;
use super::received::{Closed, Received};
use super::shared::Shared;
use crate::{Cause, Client, CloseCode};

/// A client that is connected to a [`TestHost`](super::TestHost). Everything that the handler sends waits here until
/// the test takes it.
#[derive(Clone)]
pub struct TestClient {
    host: Rc<Shared>,
    client: Client,
}

impl TestClient {
    pub(super) fn new(host: Rc<Shared>, client: Client) -> Self {
        Self { host, client }
    }

    /// Returns the client as the handler knows it.
    pub fn client(&self) -> Client {
        self.client
    }

    /// Sends a text message.
    ///
    /// # Panics
    ///
    /// Panics if the client is closed.
    #[track_caller]
    pub fn send_text(&self, message: impl Into<String>) {
        self.assert_open();
        let client = self.client;
        self.host.run_for(client, |handler| handler.received_text(client, message.into()));
    }

    /// Sends a binary message.
    ///
    /// # Panics
    ///
    /// Panics if the client is closed.
    #[track_caller]
    pub fn send_binary(&self, message: impl Into<Vec<u8>>) {
        self.assert_open();
        let client = self.client;
        self.host.run_for(client, |handler| handler.received_binary(client, message.into()));
    }

    /// Sends a pong. A client of a test does not answer pings automatically.
    ///
    /// # Panics
    ///
    /// Panics if the client is closed.
    #[track_caller]
    pub fn send_pong(&self, payload: impl Into<Vec<u8>>) {
        self.assert_open();
        let client = self.client;
        self.host.run_for(client, |handler| handler.received_pong(client, payload.into()));
    }

    /// Sends a value as a text message in JSON.
    ///
    /// # Panics
    ///
    /// Panics if the client is closed, or the value cannot be written as JSON.
    #[cfg(feature = "json")]
    #[track_caller]
    pub fn send_json(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string(value).expect("the value cannot be written as JSON");
        self.send_text(text);
    }

    /// Returns the next message, ping or pong that the client received, if there is one.
    pub fn receive(&self) -> Option<Received> {
        self.with(|client| client.inbox.pop_front())
    }

    /// Returns the number of messages, pings and pongs that the client received and that the test has not taken yet.
    pub fn waiting(&self) -> usize {
        self.with(|client| client.inbox.len())
    }

    /// Returns all text messages that the client received.
    ///
    /// # Panics
    ///
    /// Panics if the client received something else.
    #[track_caller]
    pub fn receive_texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(received) = self.receive() {
            match received {
                Received::Text(text) => texts.push(text),
                other => panic!("{} got {other}, but a text message was expected", self.client),
            }
        }
        texts
    }

    /// Returns the next message, which must be text in JSON.
    ///
    /// # Panics
    ///
    /// Panics if the client received nothing, something else, or JSON of another type.
    #[cfg(feature = "json")]
    #[track_caller]
    pub fn receive_json<T: serde::de::DeserializeOwned>(&self) -> T {
        match self.receive() {
            Some(Received::Text(text)) => match crate::from_json(&text) {
                Ok(value) => value,
                Err(error) => panic!("{} got {text}: {error}", self.client),
            },
            other => self.unexpected(other, "JSON"),
        }
    }

    /// Checks that the next thing that the client received is this text.
    ///
    /// # Panics
    ///
    /// Panics if the client received something else, or nothing.
    #[track_caller]
    pub fn expect_text(&self, expected: impl AsRef<str>) {
        self.expect(&Received::Text(expected.as_ref().to_owned()));
    }

    /// Checks that the next thing that the client received is this binary message.
    ///
    /// # Panics
    ///
    /// Panics if the client received something else, or nothing.
    #[track_caller]
    pub fn expect_binary(&self, expected: impl AsRef<[u8]>) {
        self.expect(&Received::Binary(expected.as_ref().to_vec()));
    }

    /// Checks that the next thing that the client received is this ping.
    ///
    /// # Panics
    ///
    /// Panics if the client received something else, or nothing.
    #[track_caller]
    pub fn expect_ping(&self, expected: impl AsRef<[u8]>) {
        self.expect(&Received::Ping(expected.as_ref().to_vec()));
    }

    /// Checks that the test has taken everything that the client received, and that the client is not closed.
    ///
    /// # Panics
    ///
    /// Panics if the client received anything that the test has not taken, or if the client is closed.
    #[track_caller]
    pub fn expect_nothing(&self) {
        let (next, closed) = self.with(|client| (client.inbox.pop_front(), client.closed.clone()));
        match (next, closed) {
            (Some(next), _) => panic!("{} got {next}, but nothing was expected", self.client),
            (None, Some(closed)) => panic!("{} was {closed}", self.client),
            (None, None) => {}
        }
    }

    /// Checks that the test has taken everything that the client received, and that the client was closed with this
    /// code and this reason.
    ///
    /// # Panics
    ///
    /// Panics if the client is not closed, or was closed in another way.
    #[track_caller]
    pub fn expect_closed(&self, code: CloseCode, reason: &str) {
        if let Some(next) = self.receive() {
            panic!("{} got {next}, but the end of the connection was expected", self.client);
        }
        let expected = Closed { code, reason: reason.to_owned() };
        match self.closed() {
            Some(closed) if closed == expected => {}
            Some(closed) => panic!("{} was {closed}; expected: {expected}", self.client),
            None => panic!("{} is open; expected: {expected}", self.client),
        }
    }

    /// Returns how the connection ended, if it has ended.
    pub fn closed(&self) -> Option<Closed> {
        self.with(|client| client.closed.clone())
    }

    /// Returns the subprotocol that was agreed on.
    pub fn subprotocol(&self) -> Option<String> {
        self.with(|client| client.subprotocol.clone())
    }

    /// Returns the headers that the handler has added to the response of the handshake, with names in lower case.
    pub fn response_headers(&self) -> Vec<(String, String)> {
        self.with(|client| client.response_headers.clone())
    }

    /// Returns the attachment that the handler has stored for the client.
    pub fn attachment(&self) -> Option<Vec<u8>> {
        self.with(|client| client.attachment.clone())
    }

    /// Returns the client's tags, in alphabetical order.
    pub fn tags(&self) -> Vec<String> {
        self.with(|client| sorted(&client.tags))
    }

    /// Returns the topics to which the client is subscribed, in alphabetical order.
    pub fn topics(&self) -> Vec<String> {
        self.with(|client| sorted(&client.topics))
    }

    /// Stops reading. Messages of the handler then wait in the host. Once they reach `max-outbound`, sends fail with
    /// `full`.
    pub fn stop_reading(&self) {
        self.with(|client| client.is_reading = false);
    }

    /// Reads everything that is waiting, and everything that follows. If a send was refused, `drained` is called.
    pub fn read_again(&self) {
        self.with(|client| client.is_reading = true);
        self.host.run_until_quiet();
    }

    /// Closes the connection with 1000. Calls `disconnected`.
    pub fn close(&self) {
        self.close_with(CloseCode::Normal, "");
    }

    /// Closes the connection with a code and a reason.
    pub fn close_with(&self, code: CloseCode, reason: &str) {
        self.host.close_by_client(self.client, code, reason);
    }

    /// Ends the connection for this cause, such as [`Cause::Lost`]. Calls `disconnected`.
    pub fn disconnect(&self, cause: Cause) {
        self.host.end_for(self.client, cause);
    }

    #[track_caller]
    fn expect(&self, expected: &Received) {
        match self.receive() {
            Some(received) if received == *expected => {}
            other => self.unexpected(other, &expected.to_string()),
        }
    }

    #[track_caller]
    fn unexpected(&self, received: Option<Received>, expected: &str) -> ! {
        let client = self.client;
        match (received, self.closed()) {
            (Some(received), _) => panic!("{client} got {received}; expected: {expected}"),
            (None, Some(closed)) => panic!("{client} was {closed}; expected: {expected}"),
            (None, None) => panic!("{client} got nothing; expected: {expected}"),
        }
    }

    #[track_caller]
    fn assert_open(&self) {
        if let Some(closed) = self.closed() {
            panic!("{} cannot send: it was {closed}", self.client);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut FakeClient) -> T) -> T {
        let mut fake = self.host.fake.borrow_mut();
        act(fake.clients.get_mut(&self.client.id()).expect("clients are never removed"))
    }
}

impl std::fmt::Debug for TestClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TestClient").field(&self.client.id()).finish()
    }
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}
