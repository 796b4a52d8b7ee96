//! Clients whose request or stream is dropped, and what ends them all.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use ws_host::{Host, Peer, Stopped};

use crate::scene::{DEADLINE, Outcome, give_up_after, host, record, resource};

const HANDSHAKE: [(&str, &str); 5] = [
    ("Host", "localhost"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Ways of the handler to let a client in.
const WAYS: [&str; 3] = ["", "sleep+20", "spin+20"];

pub(crate) fn peer() -> Peer {
    Peer::plain(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))
}

/// A handshake on its way, and the client's end of the stream.
pub(crate) async fn handshake(query: &str) -> (DuplexStream, DuplexStream) {
    let (mut far, near) = duplex(1 << 16);
    let mut request = format!("GET /?{query} HTTP/1.1\r\n");
    for (name, value) in HANDSHAKE {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    far.write_all(request.as_bytes()).await.expect("room");
    (far, near)
}

/// Waits until nobody is there any more. Whoever was let in was told of the end, and once.
async fn everybody_leaves(host: &Host, when: &str) {
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

#[tokio::test]
async fn client_of_a_stream_that_is_dropped_is_told_as_gone() {
    let host = host(resource("/", "")).await;
    for way in WAYS {
        for polls in 0.. {
            let (far, near) = handshake(way).await;
            let outcome = give_up_after(polls, host.serve_stream(near, peer())).await;
            drop(far);
            everybody_leaves(&host, &format!("{way:?} after {polls} polls")).await;
            if outcome == Outcome::Done {
                break;
            }
        }
    }
}

/// The answer is not taken: the last event is delivered by whoever serves the stream.
#[tokio::test]
async fn last_event_goes_on_when_the_stream_is_dropped() {
    let host = host(resource("/", "")).await;
    for way in WAYS {
        for polls in 0.. {
            let (far, near) = handshake(way).await;
            drop(far);
            let outcome = give_up_after(polls, host.serve_stream(near, peer())).await;
            everybody_leaves(&host, &format!("{way:?} after {polls} polls")).await;
            if outcome == Outcome::Done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn client_of_a_request_that_is_dropped_is_told_as_gone() {
    let host = host(resource("/", "")).await;
    for way in WAYS {
        for polls in 0.. {
            let mut request = Request::get(format!("/?{way}"));
            for (name, value) in HANDSHAKE {
                request = request.header(name, value);
            }
            let request = request.body(()).expect("a request");
            let outcome = give_up_after(polls, host.answer(request, peer())).await;
            everybody_leaves(&host, &format!("{way:?} after {polls} polls")).await;
            if outcome == Outcome::Done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn client_is_sent_away_once_whoever_gives_up_waiting_for_that() {
    for polls in 0.. {
        let host = host(resource("/", "")).await;
        let (mut far, near) = handshake("").await;
        host.serve_stream(near, peer()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(far.read_u8().await.expect("an answer"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        let leaving = async {
            let mut frame = [0; 4];
            far.read_exact(&mut frame).await.expect("a close frame");
            assert_eq!((frame[0], &frame[2..]), (0x88, &1001_u16.to_be_bytes()[..]));
            drop(far);
        };
        if polls == 0 {
            assert_eq!(give_up_after(0, host.drain()).await, Outcome::GivenUp);
            assert_eq!(record(&host, None).await, ["connected"]);
            continue;
        }
        let (outcome, ()) = tokio::join!(give_up_after(polls, host.drain()), leaving);
        assert_eq!(host.drain().await, Stopped::Drained);
        assert_eq!(record(&host, None).await, ["connected", "disconnected"], "{polls} polls");
        if outcome == Outcome::Done {
            break;
        }
    }
}
