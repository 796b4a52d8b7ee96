//! Tunnels through a proxy (RFC 9110 §9.3.6): inside, everything is the same as without a proxy.

use std::error::Error;
use std::time::Duration;

use ws_host_client::{ConnectError, HttpVersion, Options, Received, Verify, connect};

use crate::http2_server::{builder, echo, serve_stream};
use crate::peer::{Listener, Peer, header, within};
use crate::tls_server::{Certificate, Clients};

/// Returns options for a server whose name only the proxy can resolve.
fn options(proxy: &Listener, url: &str) -> Options {
    Options::new(url).unwrap().proxy(&format!("http://{}", proxy.address())).unwrap()
}

/// Returns the proxy's end of a connection after the client has asked for a tunnel to this server.
async fn asked_for(proxy: &Listener, server: &str) -> Peer {
    let mut peer = proxy.accept().await;
    let request = peer.request().await;
    assert!(request.starts_with(&format!("CONNECT {server} HTTP/1.1\r\n")), "{request}");
    assert_eq!(header(&request, "host"), server);
    assert!(!request.to_lowercase().contains("authorization"), "{request}");
    peer
}

#[tokio::test]
async fn websocket_goes_through_the_tunnel_of_a_proxy() {
    // Proxies with HTTP/1.0 and HTTP/1.1.
    for response in
        ["HTTP/1.1 200 OK\r\nVia: p\r\n\r\n", "HTTP/1.0 200 Connection established\r\n\r\n"]
    {
        let proxy = Listener::bind().await;
        let (client, mut messages) = connect(options(&proxy, "ws://server.invalid/chat"));
        let mut peer = asked_for(&proxy, "server.invalid:80").await;
        peer.send(response).await;
        let request = peer.open("").await;
        assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "{request}");
        assert_eq!(header(&request, "host"), "server.invalid");
        within(client.opened()).await.unwrap();
        within(client.send_text("hello")).await.unwrap();
        peer.expect(0x81, "hello").await;
        peer.send_hex("81 02 68 69").await;
        assert_eq!(within(messages.next()).await, Some(Received::Text("hi".into())));
        peer.close(1000).await;
        assert!(within(client.ended()).await.clean);
    }
}

#[tokio::test]
async fn tls_is_between_client_and_server_not_proxy() {
    let (proxy, certificate) = (Listener::bind().await, Certificate::new("server.invalid"));
    let options = options(&proxy, "wss://server.invalid/");
    let (client, _messages) =
        connect(options.verify(Verify::File(certificate.file.path().to_owned())));
    let mut peer = asked_for(&proxy, "server.invalid:443").await;
    peer.send("HTTP/1.1 200 OK\r\n\r\n").await;
    let acceptor = certificate.acceptor(&["http/1.1"], &Clients::Anybody);
    let mut peer = Peer { stream: within(acceptor.accept(peer.stream)).await.unwrap() };
    peer.open("").await;
    within(client.opened()).await.unwrap();
}

#[tokio::test]
async fn http2_goes_through_the_tunnel() {
    let proxy = Listener::bind().await;
    let options = options(&proxy, "ws://[2001:db8::1]:8080/").http(HttpVersion::Http2);
    let (client, _messages) = connect(options);
    let mut peer = asked_for(&proxy, "[2001:db8::1]:8080").await;
    peer.send("HTTP/1.1 200 OK\r\n\r\n").await;
    tokio::spawn(async move { serve_stream(&builder(), peer.stream, echo).await });
    within(client.opened()).await.unwrap();
    assert!(within(client.close(1000, "").unwrap()).await.clean);
}

#[tokio::test]
async fn first_bytes_of_the_server_arrive_through_the_proxy() {
    let proxy = Listener::bind().await;
    let (client, _messages) = connect(options(&proxy, "ws://server.invalid:443/"));
    let mut peer = asked_for(&proxy, "server.invalid:443").await;
    // In one write with the proxy's response: the alert decode_error (RFC 8446 §6).
    peer.send(&b"HTTP/1.1 200 OK\r\n\r\n\x15\x03\x03\x00\x02\x02\x32"[..]).await;
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::TlsExpected), "{error}");
}

#[tokio::test]
async fn credentials_of_the_proxy_are_sent_only_to_the_proxy() {
    let proxy = Listener::bind().await;
    let options = Options::new("ws://server.invalid/").unwrap();
    let url = format!("me:p%40ss@{}", proxy.address());
    let (_client, _messages) = connect(options.proxy(&url).unwrap());
    let mut peer = proxy.accept().await;
    let request = peer.request().await;
    assert_eq!(header(&request, "proxy-authorization"), "Basic bWU6cEBzcw==");
    peer.send("HTTP/1.1 200 OK\r\n\r\n").await;
    let request = peer.open("").await;
    assert!(!request.to_lowercase().contains("authorization"), "{request}");
}

#[tokio::test]
async fn refusal_of_the_proxy_is_not_taken_for_one_of_the_server() {
    let proxy = Listener::bind().await;
    let (client, _messages) = connect(options(&proxy, "ws://me:secret@server.invalid/"));
    let mut peer = asked_for(&proxy, "server.invalid:80").await;
    peer.send("HTTP/1.1 407 Who are you?\r\nContent-Length: 4\r\n\r\nwho?").await;
    let error = within(client.opened()).await.unwrap_err();
    let ConnectError::ProxyRefused { status, body } = error else { panic!("{error}") };
    assert_eq!((status.as_u16(), &*body), (407, "who?"));
}

#[tokio::test]
async fn proxy_that_does_not_speak_http_is_reported() {
    let proxy = Listener::bind().await;
    let (client, _messages) = connect(options(&proxy, "ws://server.invalid/"));
    asked_for(&proxy, "server.invalid:80").await.send("SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::ProxyHttp(_)), "{error}");
}

#[tokio::test]
async fn unreachable_proxy_is_reported_with_the_systems_reason() {
    let proxy = Listener::bind().await;
    let options = options(&proxy, "ws://server.invalid/");
    drop(proxy);
    let (client, _messages) = connect(options);
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::ProxyUnreachable { .. }), "{error}");
    assert!(error.source().unwrap().to_string().contains("refused"));
}

#[tokio::test(start_paused = true)]
async fn tunnel_is_a_part_of_the_time_to_connect() {
    let proxy = Listener::bind().await;
    let options = options(&proxy, "ws://server.invalid/").connect_timeout(Duration::from_secs(3));
    let (client, _messages) = connect(options);
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(_)), "{error}");
}
