//! WebSockets that a handler opens, in a test.
#![cfg(feature = "testing")]

use ws_guest::testing::TestHost;
use ws_guest::{
    Cause, Client, ConnectError, ConnectOptions, Disconnection, Error, Handler, broadcast, clients,
    connect, connect_with, connections,
};

const FEED: &str = "wss://feed.example/news?all";

/// Passes on what its server sends, and what its clients say.
#[derive(Default)]
struct Bridge;

impl Handler for Bridge {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        if client.url().is_some() {
            broadcast(clients(), &message);
            return Ok(());
        }
        let server = match connections().first() {
            Some(server) => *server,
            None => {
                let options = ConnectOptions::new().subprotocol("chat")?;
                connect_with(FEED, &options.header("authorization", "secret")?)?
            }
        };
        Ok(server.send_text(message)?)
    }

    fn disconnected(&mut self, client: Client, how: &Disconnection) {
        if let Some(url) = client.url() {
            broadcast(clients(), &format!("{url}: {}", how.cause()));
        }
    }
}

ws_guest::export!(Bridge);

#[test]
fn server_is_used_like_a_client_and_is_none() {
    let host = TestHost::new::<Bridge>();
    let client = host.connect("/");
    client.send_text("hello");
    let [server] = &host.servers()[..] else { panic!("one server") };
    server.expect_text("hello");
    assert_eq!(host.clients(), [client.client()]);
    server.send_text("news");
    client.expect_text("news");
    server.expect_nothing();
    server.close();
    client.expect_text("wss://feed.example/news?all: the client closed the connection");
    assert!(host.servers().is_empty());
}

#[test]
fn connection_that_is_not_opened_is_reported() {
    let host = TestHost::new::<Bridge>();
    let client = host.connect("/");
    client.send_text("hello");
    host.servers()[0].disconnect(Cause::NotOpened);
    client.expect_text("wss://feed.example/news?all: the connection could not be opened");
}

#[test]
fn number_of_connections_is_bounded_and_the_url_checked() {
    let host = TestHost::new::<Bridge>();
    host.with_handler(|_: &mut Bridge| {
        assert_eq!(connect("https://feed.example/"), Err(ConnectError::InvalidUrl));
        for _ in 0..16 {
            connect(FEED).expect("a connection");
        }
        assert_eq!(connect(FEED), Err(ConnectError::TooMany));
    });
    assert_eq!(host.servers().len(), 16);
}

#[test]
fn servers_get_a_close_frame_when_the_host_stops() {
    let host = TestHost::new::<Bridge>();
    let client = host.connect("/");
    client.send_text("hello");
    let server = host.servers().remove(0);
    host.stop();
    assert_eq!(server.closed().map(|closed| u16::from(closed.code)), Some(1001));
}
