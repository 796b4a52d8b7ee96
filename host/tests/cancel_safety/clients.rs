//! Clients whose request or stream is dropped, and the drain that closes all clients.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use ws_host::{Host, Peer, Stopped};

use crate::support::{DEADLINE, Outcome, drop_after, for_each_poll_count, host, record, resource};

const HANDSHAKE: [(&str, &str); 5] = [
    ("Host", "localhost"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Queries that make the handler accept a client at once, after waiting, and after computing.
const QUERIES: [&str; 3] = ["", "sleep+20", "spin+20"];

pub(crate) fn peer() -> Peer {
    Peer::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))
}

/// Returns both ends of a stream, the client's first. The client has sent its handshake.
async fn handshake(query: &str) -> (DuplexStream, DuplexStream) {
    let (mut client, server) = duplex(1 << 16);
    let mut request = format!("GET /?{query} HTTP/1.1\r\n");
    for (name, value) in HANDSHAKE {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    client.write_all(request.as_bytes()).await.expect("room");
    (client, server)
}

/// Connects a client, and reads the response to its handshake.
pub(crate) async fn connect(host: &Host) -> DuplexStream {
    let (mut client, server) = handshake("").await;
    host.serve_stream(server, peer()).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("a response"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    client
}

/// Waits until no client is left. Each client that was accepted must be reported as disconnected once.
async fn expect_no_clients(host: &Host, when: &str) {
    let begin = Instant::now();
    loop {
        let record = record(host, None).await;
        let count = |what: &str| record.iter().filter(|event| *event == what).count();
        let (connected, disconnected) = (count("connected"), count("disconnected"));
        assert!(disconnected <= connected, "{when}: {record:?}");
        assert_eq!(count("lost everything"), 0, "{when}: {record:?}");
        if connected == disconnected && host.clients().is_empty() {
            return;
        }
        assert!(begin.elapsed() < DEADLINE, "{when}: {record:?}, {:?}", host.clients());
        tokio::task::yield_now().await;
    }
}

/// Serves a client with each query and after each number of polls. Afterwards no client may be left.
async fn for_each_query(mut serve: impl AsyncFnMut(&Host, &str, usize) -> Outcome) {
    let host = host(resource("/", "")).await;
    for query in QUERIES {
        for_each_poll_count(async |polls| {
            let outcome = serve(&host, query, polls).await;
            expect_no_clients(&host, &format!("{query:?} after {polls} polls")).await;
            outcome
        })
        .await;
    }
}

#[tokio::test]
async fn client_disconnects_when_its_stream_is_dropped() {
    for_each_query(async |host, query, polls| {
        let (client, server) = handshake(query).await;
        let outcome = drop_after(polls, host.serve_stream(server, peer())).await;
        drop(client);
        outcome
    })
    .await;
}

/// The client is gone before it can read the response, so the future that serves its stream delivers the last event.
#[tokio::test]
async fn last_event_completes_when_the_future_is_dropped() {
    for_each_query(async |host, query, polls| {
        let (client, server) = handshake(query).await;
        drop(client);
        drop_after(polls, host.serve_stream(server, peer())).await
    })
    .await;
}

#[tokio::test]
async fn client_disconnects_when_its_request_is_dropped() {
    for_each_query(async |host, query, polls| {
        let mut request = Request::get(format!("/?{query}"));
        for (name, value) in HANDSHAKE {
            request = request.header(name, value);
        }
        let request = request.body(()).expect("a request");
        drop_after(polls, host.respond(request, peer())).await
    })
    .await;
}

#[tokio::test]
async fn drain_completes_when_its_future_is_dropped() {
    for_each_poll_count(async |polls| {
        let host = host(resource("/", "")).await;
        let mut client = connect(&host).await;
        if polls == 0 {
            assert_eq!(drop_after(0, host.drain()).await, Outcome::Dropped);
            assert_eq!(record(&host, None).await, ["connected"]);
            return Outcome::Dropped;
        }
        let closing = async {
            let mut frame = [0; 4];
            client.read_exact(&mut frame).await.expect("a close frame");
            assert_eq!((frame[0], &frame[2..]), (0x88, &1001_u16.to_be_bytes()[..]));
            drop(client);
        };
        let (outcome, ()) = tokio::join!(drop_after(polls, host.drain()), closing);
        assert_eq!(host.drain().await, Stopped::Drained);
        assert_eq!(record(&host, None).await, ["connected", "disconnected"], "{polls} polls");
        outcome
    })
    .await;
}
