//! RFC 8441: WebSockets over HTTP/2.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use ws_host_client::deflate::Deflate;
use ws_host_client::{
    Client, ConnectError, Http2Connection, HttpVersion, Messages, Options, Received, connect,
};

use crate::frames::{DATA, END_STREAM, EXTENDED_CONNECT, Http2Peer, WINDOW_UPDATE, http2};
use crate::http2_server::{Count, FullResponse, accepted, builder, echo, serve};
use crate::peer::{Listener, Peer, within};

async fn echoes(client: &Client, messages: &mut Messages, text: &str) {
    within(client.send_text(text)).await.unwrap();
    assert_eq!(within(messages.next()).await, Some(Received::Text(text.to_owned())));
}

/// Returns the client's end of a WebSocket over hyper's HTTP/2.
async fn open(change: impl FnOnce(Options) -> Options) -> (Client, Messages) {
    let (options, _) = serve(builder(), echo).await;
    let (client, messages) = connect(change(options));
    within(client.opened()).await.unwrap();
    (client, messages)
}

/// Waits until this many connections have ended.
async fn ended(count: &Count, connections: usize) {
    within(async {
        while count.ended.load(Ordering::SeqCst) < connections {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn messages_go_both_ways() {
    let (client, mut messages) = open(|options| options).await;
    assert_eq!(client.opened().await.unwrap().http_version, Version::HTTP_2);
    echoes(&client, &mut messages, "hello").await;
    // Each is longer than an HTTP/2 frame, and together they exceed every window.
    let long = "x".repeat(1_000_000);
    for _ in 0..5 {
        echoes(&client, &mut messages, &long).await;
    }
    within(client.ping(b"there?")).await.unwrap();
    let end = within(client.close(4000, "bye").unwrap()).await;
    assert_eq!((end.code, end.clean, end.sent), (4000, true, Some(4000)));
    assert_eq!(within(messages.next()).await, None);
}

#[tokio::test]
async fn request_is_an_extended_connect_with_what_was_asked_for() {
    /// Describes the request in the body of the response.
    fn mirror(request: Request<Incoming>) -> FullResponse {
        let (head, _) = request.into_parts();
        let protocol = head.extensions.get::<Protocol>().map(Protocol::as_str);
        let text = format!("{} {} {protocol:?} {:#?}", head.method, head.uri, head.headers);
        Response::builder().status(404).body(Full::new(text.into())).unwrap()
    }
    let (options, _) = serve(builder(), mirror).await;
    let options = options.subprotocol("a").unwrap().subprotocol("b").unwrap();
    let options = options.header("X-Token", "t").unwrap().origin("https://example.com").unwrap();
    let (client, _messages) = connect(options);
    let error = within(client.opened()).await.unwrap_err();
    let ConnectError::Refused { body, .. } = error else { panic!("{error}") };
    assert!(body.starts_with("CONNECT http://127.0.0.1:"), "{body}");
    for there in [
        "/ Some(\"websocket\") {",
        "\"sec-websocket-version\": \"13\"",
        "\"sec-websocket-protocol\": \"a, b\"",
        "\"x-token\": \"t\"",
        "\"origin\": \"https://example.com\"",
    ] {
        assert!(body.contains(there), "{there} is not in {body}");
    }
    for not_there in ["-key\"", "\"host\"", "\"connection\"", "\"upgrade\""] {
        assert!(!body.contains(not_there), "{not_there} is in {body}");
    }
}

#[tokio::test]
async fn host_that_is_set_and_the_user_of_the_url_are_sent_to_the_server() {
    fn mirror(request: Request<Incoming>) -> FullResponse {
        let (head, _) = request.into_parts();
        let authorization = head.headers["authorization"].to_str().unwrap();
        let text = format!("{} {authorization}", head.uri);
        Response::builder().status(404).body(Full::new(text.into())).unwrap()
    }
    let (options, _) = serve(builder(), mirror).await;
    let url = format!("ws://me:secret@127.0.0.1:{}/x", options.port());
    let options = Options::new(&url).unwrap().http(HttpVersion::Http2);
    let (client, _messages) = connect(options.header("Host", "other.example").unwrap());
    let error = within(client.opened()).await.unwrap_err();
    let ConnectError::Refused { body, .. } = error else { panic!("{error}") };
    assert_eq!(body, "http://other.example/x Basic bWU6c2VjcmV0");
}

#[tokio::test]
async fn subprotocol_is_agreed_on() {
    let (client, _messages) = open(|options| options.subprotocol("chat").unwrap()).await;
    assert_eq!(client.opened().await.unwrap().subprotocol.as_deref(), Some("chat"));
}

#[tokio::test]
async fn messages_go_compressed() {
    /// Expects a compressed message and sends one.
    fn compressing(mut request: Request<Incoming>) -> FullResponse {
        let mut response = accepted(&request);
        let agreed = "permessage-deflate".parse().unwrap();
        response.headers_mut().insert("sec-websocket-extensions", agreed);
        tokio::spawn(async move {
            let stream = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
            let mut peer = Peer { stream };
            assert_eq!(peer.frame().await.first, 0xc1);
            peer.send_hex("c1 07 f2 48 cd c9 c9 07 00").await;
            peer.close(1000).await;
        });
        response
    }
    let (options, _) = serve(builder(), compressing).await;
    let mut eager = Deflate::with_context_takeover();
    eager.threshold = 0;
    let (client, mut messages) = connect(options.compression(Some(eager)));
    assert!(within(client.opened()).await.unwrap().compression.is_some());
    within(client.send_text("aaaaaaaa")).await.unwrap();
    assert_eq!(within(messages.next()).await, Some(Received::Text("Hello".into())));
    assert!(within(client.ended()).await.clean);
}

#[tokio::test]
async fn many_websockets_share_one_connection() {
    let (options, count) = serve(builder(), echo).await;
    let connection = within(Http2Connection::connect(&options)).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(connection.open(options.clone()));
    }
    for (number, (client, messages)) in open.iter_mut().enumerate() {
        echoes(client, messages, &format!("message {number}")).await;
    }
    for (client, _) in &open {
        assert!(within(client.close(1000, "").unwrap()).await.clean);
    }
    // A stream that ended makes room for another.
    let (client, mut messages) = connection.open(options);
    echoes(&client, &mut messages, "one more").await;
    assert_eq!(count.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn connection_is_closed_when_it_is_no_longer_used() {
    let (options, count) = serve(builder(), echo).await;
    let connection = within(Http2Connection::connect(&options)).await.unwrap();
    let (client, mut messages) = connection.open(options.clone());
    within(client.opened()).await.unwrap();
    drop(connection);
    // The WebSocket keeps the connection open.
    echoes(&client, &mut messages, "still here").await;
    assert_eq!(count.ended.load(Ordering::SeqCst), 0);
    assert!(within(client.close(1000, "").unwrap()).await.clean);
    ended(&count, 1).await;
    // A connection without any WebSocket, and a connection for only one WebSocket.
    drop(within(Http2Connection::connect(&options)).await.unwrap());
    ended(&count, 2).await;
    let (client, mut messages) = connect(options);
    within(client.opened()).await.unwrap();
    // The WebSocket keeps its own connection open for longer than the second in which an unused one is closed.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    echoes(&client, &mut messages, "still here").await;
    drop((client, messages));
    ended(&count, 3).await;
}

#[tokio::test]
async fn websocket_that_nobody_reads_does_not_hold_up_the_others() {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    const MESSAGE: usize = 100_000;

    /// Sends messages without end.
    fn flood(mut request: Request<Incoming>) -> FullResponse {
        if !request.headers().contains_key("x-flood") {
            return echo(request);
        }
        let response = accepted(&request);
        tokio::spawn(async move {
            let mut stream = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
            let frame = [&[0x82, 127][..], &MESSAGE.to_be_bytes(), &[0; MESSAGE]].concat();
            while stream.write_all(&frame).await.is_ok() {
                SENT.fetch_add(1, Ordering::SeqCst);
            }
        });
        response
    }
    let (options, _) = serve(builder(), flood).await;
    let connection = within(Http2Connection::connect(&options)).await.unwrap();
    let mut stuck = Vec::new();
    for _ in 0..20 {
        let (client, messages) = connection.open(options.clone().header("x-flood", "1").unwrap());
        within(client.opened()).await.unwrap();
        stuck.push((client, messages));
    }
    let (client, mut messages) = connection.open(options);
    for number in 0..100 {
        echoes(&client, &mut messages, &format!("{number}")).await;
    }
    // Each WebSocket buffers 16 messages that are not taken, 1 MiB in HTTP/2, and the buffers of hyper's server.
    let most = stuck.len() * (16 * MESSAGE + (1 << 20) + (1 << 20)) / MESSAGE;
    assert!(SENT.load(Ordering::SeqCst) <= most, "{SENT:?} of at most {most}");
}

#[tokio::test]
async fn message_is_sent_when_the_servers_window_has_taken_it() {
    const LENGTH: usize = 1_000_000;

    async fn receive(peer: &mut Http2Peer, received: &mut usize, until: usize) {
        while *received < until {
            *received += peer.expect(DATA).await.payload.len();
        }
    }
    let (mut peer, client, _messages) = Http2Peer::open().await;
    let mut sending = client.send_binary(&[0; LENGTH]);
    let mut received = 0;
    // RFC 9113 §6.9.2: the initial window, before the server enlarges it.
    receive(&mut peer, &mut received, 65_535).await;
    assert_eq!((received, (&mut sending).now_or_never()), (65_535, None));
    for stream in [0, 1] {
        peer.send(WINDOW_UPDATE, 0, stream, &(1_u32 << 20).to_be_bytes()).await;
    }
    receive(&mut peer, &mut received, LENGTH + 14).await;
    within(sending).await.unwrap();
}

#[tokio::test]
async fn stream_beyond_the_servers_limit_waits() {
    let mut one = builder();
    one.max_concurrent_streams(1);
    let (options, _) = serve(one, echo).await;
    let connection = within(Http2Connection::connect(&options)).await.unwrap();
    let (first, _messages) = connection.open(options.clone());
    within(first.opened()).await.unwrap();
    let (second, mut messages) = connection.open(options.clone());
    let waiting = second.send_text("waited");
    assert!(within(first.close(1000, "").unwrap()).await.clean);
    within(waiting).await.unwrap();
    assert_eq!(within(messages.next()).await, Some(Received::Text("waited".into())));
}

#[tokio::test]
async fn url_of_another_server_is_not_opened() {
    let (options, _) = serve(builder(), echo).await;
    let connection = within(Http2Connection::connect(&options)).await.unwrap();
    for url in ["ws://localhost:1/", "wss://127.0.0.1/"] {
        let (client, _messages) = connection.open(Options::new(url).unwrap());
        let error = within(client.opened()).await.unwrap_err();
        assert!(matches!(error, ConnectError::AnotherServer), "{error}");
    }
}

#[tokio::test]
async fn server_that_closes_is_answered_and_the_stream_ends() {
    let (mut peer, client, mut messages) = Http2Peer::open().await;
    peer.send(DATA, 0, 1, b"\x88\x02\x0f\xa1").await;
    let answer = peer.expect(DATA).await;
    assert_eq!((answer.stream, &answer.payload[..2]), (1, &[0x88, 0x82][..]));
    peer.send(DATA, END_STREAM, 1, &[]).await;
    let end = within(client.ended()).await;
    assert_eq!((end.code, end.clean, end.sent), (4001, true, Some(4001)));
    assert_eq!(within(messages.next()).await, None);
    assert_eq!(peer.expect(DATA).await.flags & END_STREAM, END_STREAM);
}

#[tokio::test]
async fn dropping_every_handle_closes_with_1001() {
    let (mut peer, client, messages) = Http2Peer::open().await;
    drop((client, messages));
    let close = peer.expect(DATA).await;
    assert_eq!(close.payload[..2], [0x88, 0x82]);
    let [first, second] =
        [close.payload[6] ^ close.payload[2], close.payload[7] ^ close.payload[3]];
    assert_eq!(u16::from_be_bytes([first, second]), 1001);
}

#[tokio::test]
async fn bytes_may_be_split_over_frames_in_any_way() {
    let (mut peer, _client, mut messages) = Http2Peer::open().await;
    for byte in b"\x81\x05hello" {
        peer.send(DATA, 0, 1, &[]).await;
        peer.send(DATA, 0, 1, &[*byte]).await;
    }
    assert_eq!(within(messages.next()).await, Some(Received::Text("hello".into())));
}

#[tokio::test]
async fn informational_responses_are_skipped() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(http2(&listener));
    let mut peer = Http2Peer::accept(&listener, &EXTENDED_CONNECT).await;
    assert_eq!(peer.request().await, 1);
    peer.respond(1, "103", &[]).await;
    peer.respond(1, "200", &[]).await;
    within(client.opened()).await.unwrap();
}
