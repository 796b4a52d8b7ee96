//! A relayed client gets the same bytes as a direct one.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use ws_host_test_support::masked_frame;

use super::{Running, SOON, open, start, until};
use crate::clients::HttpVersion;

/// What a client sends: text, fragments with a ping between them, a long binary message, and a close frame.
fn conversation() -> Vec<u8> {
    let long: Vec<u8> =
        (0..1u32 << 20).map(|number| (number.wrapping_mul(number) >> 7) as u8).collect();
    [
        masked_frame(0x81, "grüße".as_bytes()),
        masked_frame(0x01, b"one, "),
        masked_frame(0x89, b"ping"),
        masked_frame(0x00, b"two, "),
        masked_frame(0x80, b"three"),
        masked_frame(0x82, &long),
        masked_frame(0x81, &[b'a'; 5000]),
        masked_frame(0x88, &[0x0f, 0xa0, b'b', b'y', b'e']),
    ]
    .concat()
}

/// Sends bytes, and at the same time reads everything that arrives, up to the end of the stream.
async fn exchange(stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = stream.into_split();
    let mut received = Vec::new();
    let exchanging = async {
        let (sent, read) = tokio::join!(writer.write_all(bytes), reader.read_to_end(&mut received));
        sent.expect("it reads");
        read.expect("no reset");
    };
    timeout(SOON, exchanging).await.expect("an end in time");
    received
}

async fn edge_and_owner(component: &str) -> (Running, Running) {
    let (edge, owner) = (start(component).await, start(component).await);
    edge.relay_to(&[&owner.peers]);
    (edge, owner)
}

#[tokio::test]
async fn relayed_client_gets_the_same_bytes_as_a_direct_one() {
    let (edge, owner) = edge_and_owner("echo").await;
    for more in [
        "",
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\nX-Other: a\r\n",
    ] {
        let mut seen = Vec::new();
        for address in [owner.address, edge.address] {
            let (stream, head) = open(address, more).await;
            assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
            assert_eq!(head.contains("permessage-deflate"), !more.is_empty(), "{head}");
            seen.push((head, exchange(stream, &conversation()).await));
        }
        assert_eq!(seen[0].0, seen[1].0);
        assert!(seen[0].1.len() > 5000, "everything was answered");
        assert!(seen[0].1 == seen[1].1, "the bytes differ, with {more:?}");
    }
    assert_eq!(edge.clients(), 0, "none was served there");
    until(|| edge.host.state.relayed.count() == 0).await;
}

#[tokio::test]
async fn owner_knows_the_client_as_the_edge_knows_it() {
    let (edge, owner) = edge_and_owner("echo").await;
    let (stream, _) = open(edge.address, "Cookie: a=b; c\r\nX-Own: 1\r\nX-Own: 2\r\n").await;
    let client = owner.client();
    let info = client.info();
    assert_eq!(info.peer, stream.local_addr().expect("an address"));
    assert_eq!((info.local, info.http_version), (edge.address, HttpVersion::Http1));
    assert_eq!((&*info.path, info.query.as_deref()), ("/a", Some("query")));
    assert_eq!(info.header("cookie"), Some("a=b; c"));
    let own: Vec<_> = info.headers.iter().filter(|(name, _)| *name == b"x-own").collect();
    assert_eq!(own, [(&b"x-own"[..], &b"1"[..]), (b"x-own", b"2")]);
    assert_eq!(info.edge.as_deref(), edge.host.state.relayed.peers().map(|peers| &*peers.host));
    assert_eq!((edge.host.state.relayed.count(), edge.clients()), (1, 0));
}

#[tokio::test]
async fn bytes_that_a_client_sends_early_are_relayed() {
    let (edge, _owner) = edge_and_owner("echo").await;
    let more = super::handshake("");
    let mut stream = TcpStream::connect(edge.address).await.expect("it listens");
    let early = [more.as_bytes(), &conversation()[..50]].concat();
    stream.write_all(&early).await.expect("it reads");
    let head = super::read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let echoed = exchange(stream, &conversation()[50..]).await;
    assert!(echoed.len() > 1 << 20);
}

#[tokio::test]
async fn client_that_does_not_read_stops_the_owner() {
    const MOST: usize = 256 << 20;
    let (edge, _owner) = edge_and_owner("echo").await;
    let (mut stream, _) = open(edge.address, "").await;
    let message = masked_frame(0x82, &[7; 60_000]);
    let mut sent = 0;
    // The client does not read the replies, so the owner eventually stops reading the client's messages. Then the
    // client's write blocks.
    let stopped = loop {
        match timeout(std::time::Duration::from_secs(2), stream.write_all(&message)).await {
            Err(_) => break true,
            Ok(written) => written.expect("it is connected"),
        }
        sent += message.len();
        if sent > MOST {
            break false;
        }
    };
    assert!(stopped, "{sent} bytes were taken from a client that does not read");
    // Each completely sent message is in some buffer, and is answered once the client reads. The reply is 4 bytes
    // shorter than the message, because it has no mask.
    let expected = sent / message.len() * (message.len() - 4);
    let mut buffer = vec![0; 1 << 20];
    let mut read = 0;
    while read < expected {
        let count = timeout(SOON, stream.read(&mut buffer)).await.expect("more in time");
        let count = count.expect("no reset");
        assert!(count > 0, "the end after {read} of {expected} bytes");
        read += count;
    }
}

#[tokio::test]
async fn end_of_a_client_reaches_the_owner_and_the_end_of_the_owner_its_client() {
    let (edge, owner) = edge_and_owner("echo").await;
    for is_reset in [false, true] {
        let (stream, _) = open(edge.address, "").await;
        assert_eq!(owner.clients(), 1);
        if is_reset {
            socket2::SockRef::from(&stream)
                .set_linger(Some(std::time::Duration::ZERO))
                .expect("an option");
        }
        drop(stream);
        until(|| owner.clients() == 0).await;
        until(|| edge.host.state.relayed.count() == 0).await;
    }
    let (stream, _) = open(edge.address, "").await;
    let aborted = owner.client().abort(crate::clients::Cause::Handler);
    aborted.expect("it is connected");
    let rest = exchange(stream, &[]).await;
    assert_eq!(rest, b"", "no close frame");
    until(|| edge.host.state.relayed.count() == 0).await;
}

#[tokio::test]
async fn client_over_http2_is_relayed_over_http1() {
    use ws_host_client::{HttpVersion as ClientHttpVersion, Options, Verify, connect};
    let (edge, owner) = (super::start_tls("echo").await, start("echo").await);
    edge.relay_to(&[&owner.peers]);
    let url = format!("wss://localhost:{}/a?query", edge.address.port());
    let options = Options::new(&url).expect("a URL").verify(Verify::Nothing);
    let (connected, _messages) = connect(options.http(ClientHttpVersion::Http2));
    connected.opened().await.expect("it is accepted");
    let client = owner.client();
    let info = client.info();
    assert_eq!(info.http_version, HttpVersion::Http2);
    assert_eq!(info.server_name.as_deref(), Some("localhost"));
    assert_eq!(info.scheme, ws_host_protocol::handshake::Scheme::Https);
    assert_eq!(info.local, edge.address);
}
