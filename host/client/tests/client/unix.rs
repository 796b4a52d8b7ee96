//! Unix sockets.

use std::error::Error;

use tempfile::TempDir;
use tokio::net::UnixListener;
use ws_host_client::{ConnectError, HttpVersion, Options, connect};

use crate::http2_server::{builder, echo, serve_stream};
use crate::peer::{Peer, header, within};

/// Listens on a socket in a temporary directory, which is deleted after the test.
fn listener() -> (UnixListener, TempDir) {
    let folder = TempDir::new().unwrap();
    (UnixListener::bind(folder.path().join("socket")).unwrap(), folder)
}

fn options(folder: &TempDir) -> Options {
    Options::new("ws://example.com/chat").unwrap().unix(folder.path().join("socket"))
}

#[tokio::test]
async fn socket_stands_for_host_and_port_and_the_url_is_asked_for() {
    let (listener, folder) = listener();
    let (client, _messages) = connect(options(&folder));
    let mut peer = Peer { stream: within(listener.accept()).await.unwrap().0 };
    let request = peer.open("").await;
    assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "host"), "example.com");
    within(client.opened()).await.unwrap();
    within(client.send_text("hello")).await.unwrap();
    peer.expect(0x81, "hello").await;
}

#[tokio::test]
async fn http2_goes_over_a_socket_too() {
    let (listener, folder) = listener();
    let (client, _messages) = connect(options(&folder).http(HttpVersion::Http2));
    let stream = within(listener.accept()).await.unwrap().0;
    tokio::spawn(async move { serve_stream(&builder(), stream, echo).await });
    within(client.opened()).await.unwrap();
    assert!(within(client.close(1000, "").unwrap()).await.clean);
}

#[tokio::test]
async fn missing_socket_is_reported_with_the_systems_reason() {
    let folder = TempDir::new().unwrap();
    let (client, _messages) = connect(options(&folder));
    let error = within(client.opened()).await.unwrap_err();
    assert!(matches!(error, ConnectError::UnixUnreachable { .. }), "{error}");
    assert!(error.to_string().contains("socket"), "{error}");
    assert!(error.source().unwrap().to_string().contains("No such file"));
}
