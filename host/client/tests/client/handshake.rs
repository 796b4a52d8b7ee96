//! RFC 6455 §4.1: the client's request, and the responses that it accepts.

use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use ws_host_client::{ConnectError, HandshakeError, Options, Received, State, connect};

use crate::peer::{Listener, header, right_headers, within};

/// Returns the error of a client whose server sends this response. `{right}` stands for the correct headers.
async fn refused_by(response: &str) -> ConnectError {
    let listener = Listener::bind().await;
    let (client, mut messages) = connect(listener.options().subprotocol("offered").unwrap());
    let sending = client.send_text("never sent");
    let mut peer = listener.accept().await;
    let request = peer.request().await;
    let response = response.replace('\n', "\r\n").replace("{right}", &right_headers(&request));
    peer.send(response).await;
    let error = within(client.opened()).await.unwrap_err();
    peer.expect_end().await;
    assert!(within(sending).await.is_err());
    assert_eq!(within(messages.next()).await, None);
    let end = within(client.ended()).await;
    assert_eq!((end.code, end.clean, end.sent), (1006, false, None));
    assert_eq!(client.state(), State::Closed);
    error
}

/// Returns the check that the server's response fails.
async fn failed_check(response: &str) -> HandshakeError {
    match refused_by(response).await {
        ConnectError::Handshake(error) => error,
        error => panic!("no check failed, but {error}"),
    }
}

#[tokio::test]
async fn request_has_what_was_asked_for() {
    let listener = Listener::bind().await;
    let url = format!("ws://{}/chat?room=1", listener.address());
    let options = Options::new(&url).unwrap();
    let options = options.subprotocol("a").unwrap().subprotocol("b").unwrap();
    let options = options.header("X-Token", "t").unwrap().origin("https://example.com").unwrap();
    let (client, _messages) = connect(options);
    assert_eq!(client.state(), State::Connecting);
    let mut peer = listener.accept().await;
    let request = peer.open("Sec-WebSocket-Protocol: b\r\nX-Server: s\r\n").await;
    assert!(request.starts_with("GET /chat?room=1 HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "host"), listener.address().to_string());
    assert_eq!(header(&request, "sec-websocket-version"), "13");
    assert_eq!(header(&request, "sec-websocket-protocol"), "a, b");
    assert_eq!(header(&request, "x-token"), "t");
    assert_eq!(header(&request, "origin"), "https://example.com");
    let opened = within(client.opened()).await.unwrap();
    assert_eq!(opened.subprotocol.as_deref(), Some("b"));
    assert_eq!(opened.headers["x-server"], "s");
    assert_eq!((client.state(), client.version()), (State::Open, 13));
}

#[tokio::test]
async fn user_and_password_of_the_url_are_sent_as_basic_authentication() {
    let listener = Listener::bind().await;
    let url = format!("ws://me:p%40ss@{}/", listener.address());
    let (_client, _messages) = connect(Options::new(&url).unwrap());
    let request = listener.accept().await.request().await;
    assert_eq!(header(&request, "authorization"), "Basic bWU6cEBzcw==");
    assert_eq!(header(&request, "host"), listener.address().to_string());
}

#[tokio::test]
async fn host_that_is_set_replaces_that_of_the_url() {
    let listener = Listener::bind().await;
    let options = listener.options().header("host", "first.example").unwrap();
    let (_client, _messages) = connect(options.header("Host", "other.example:81").unwrap());
    let request = listener.accept().await.request().await.to_lowercase();
    assert_eq!(request.matches("\r\nhost: ").count(), 1, "{request}");
    assert_eq!(header(&request, "host"), "other.example:81");
}

#[tokio::test]
async fn every_connection_has_its_own_key() {
    let listener = Listener::bind().await;
    let mut keys = HashSet::new();
    for _ in 0..8 {
        let _handles = connect(listener.options());
        let request = listener.accept().await.request().await;
        keys.insert(header(&request, "sec-websocket-key").to_owned());
    }
    assert_eq!(keys.len(), 8);
}

#[tokio::test]
async fn upgrade_may_be_one_of_several_tokens_in_any_case() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options());
    let mut peer = listener.accept().await;
    let headers = right_headers(&peer.request().await)
        .replace("Connection: Upgrade", "Connection: keep-alive, upgrade")
        .replace("websocket", "WebSocket");
    peer.send(format!("HTTP/1.1 101 OK\r\n{headers}\r\n")).await;
    within(client.opened()).await.unwrap();
}

#[tokio::test]
async fn frames_right_behind_the_response_are_received() {
    let listener = Listener::bind().await;
    let (_client, mut messages) = connect(listener.options());
    let mut peer = listener.accept().await;
    let headers = right_headers(&peer.request().await);
    peer.send(format!("HTTP/1.1 101 OK\r\n{headers}\r\n\u{1}\u{2}he")).await;
    peer.send_hex("80 03 6c 6c 6f").await;
    assert_eq!(within(messages.next()).await, Some(Received::Text("hello".into())));
}

#[tokio::test]
async fn wrong_accept_key_fails() {
    let response = "HTTP/1.1 101 OK\nUpgrade: websocket\nConnection: Upgrade\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n";
    assert_eq!(failed_check(response).await, HandshakeError::AcceptMismatch);
}

#[tokio::test]
async fn response_without_upgrade_fails() {
    let response = "HTTP/1.1 101 OK\nConnection: Upgrade\n\n";
    assert_eq!(failed_check(response).await, HandshakeError::UpgradeMissing);
}

#[tokio::test]
async fn response_without_connection_fails() {
    let response = "HTTP/1.1 101 OK\nUpgrade: websocket\n\n";
    assert_eq!(failed_check(response).await, HandshakeError::ConnectionMissing);
}

#[tokio::test]
async fn response_without_accept_key_fails() {
    let response = "HTTP/1.1 101 OK\nUpgrade: websocket\nConnection: Upgrade\n\n";
    assert_eq!(failed_check(response).await, HandshakeError::AcceptMismatch);
}

#[tokio::test]
async fn subprotocol_that_was_not_offered_fails() {
    let response = "HTTP/1.1 101 OK\n{right}Sec-WebSocket-Protocol: other\n\n";
    assert_eq!(failed_check(response).await, HandshakeError::SubprotocolNotOffered);
}

#[tokio::test]
async fn extension_that_was_not_offered_fails() {
    let response = "HTTP/1.1 101 OK\n{right}Sec-WebSocket-Extensions: permessage-bzip2\n\n";
    assert_eq!(failed_check(response).await, HandshakeError::ExtensionNotOffered);
}

#[tokio::test]
async fn refusal_has_its_status_and_text() {
    let error = refused_by("HTTP/1.1 404 Not Found\nContent-Length: 8\n\nnot here").await;
    let ConnectError::Refused { status, body } = error else { panic!("{error}") };
    assert_eq!((status.as_u16(), &*body), (404, "not here"));
}

#[tokio::test]
async fn text_of_a_refusal_is_bounded() {
    let text = "x".repeat(100_000);
    let error = refused_by(&format!("HTTP/1.1 500 No\nContent-Length: 100000\n\n{text}")).await;
    let ConnectError::Refused { body, .. } = error else { panic!("{error}") };
    assert_eq!(body.len(), 64 * 1024);
}

#[tokio::test(start_paused = true)]
async fn refusal_whose_text_never_ends_has_its_status() {
    let error = refused_by("HTTP/1.1 403 Forbidden\nContent-Length: 100\n\npart").await;
    let ConnectError::Refused { status, .. } = error else { panic!("{error}") };
    assert_eq!(status.as_u16(), 403);
}

#[tokio::test]
async fn redirect_is_reported_and_not_followed() {
    let error = refused_by("HTTP/1.1 302 Found\nLocation: wss://h/\nContent-Length: 0\n\n").await;
    let ConnectError::Redirected { status, location } = error else { panic!("{error}") };
    assert_eq!((status.as_u16(), location.as_deref()), (302, Some("wss://h/")));
}

#[tokio::test]
async fn response_that_is_not_http_fails() {
    let error = refused_by("SSH-2.0-OpenSSH_9.6\n\n").await;
    assert!(matches!(error, ConnectError::Http(_)), "{error}");
}

#[tokio::test]
async fn server_that_leaves_without_a_response_fails() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options());
    listener.accept().await.request().await;
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Http(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn server_that_never_answers_times_out() {
    let listener = Listener::bind().await;
    let (client, _messages) = connect(listener.options());
    let error = within(client.opened()).await.unwrap_err();
    assert_eq!(error.to_string(), "the connection did not open within 10s");
}

#[tokio::test]
async fn refused_connection_is_reported_with_the_systems_reason() {
    let listener = Listener::bind().await;
    let options = listener.options().connect_timeout(Duration::from_secs(20));
    drop(listener);
    let (client, _messages) = connect(options);
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.source().unwrap().to_string().contains("refused"));
}

#[tokio::test]
async fn attempt_without_handles_is_cancelled() {
    let listener = Listener::bind().await;
    // Longer than the test may take.
    let options = listener.options().connect_timeout(Duration::from_secs(600));
    let (client, messages) = connect(options);
    let mut peer = listener.accept().await;
    peer.request().await;
    let opened = client.clone();
    drop((client, messages, opened));
    peer.expect_end().await;
}
