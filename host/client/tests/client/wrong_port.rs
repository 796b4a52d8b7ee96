//! TLS on a plain port, plain text on a TLS port, and unusual addresses.

use tokio::io::AsyncReadExt;
use ws_host_client::{ConnectError, HttpVersion, Options, Verify, connect};

use crate::peer::{Listener, within};

async fn error(options: Options) -> ConnectError {
    let (client, _messages) = connect(options);
    within(client.opened()).await.unwrap_err()
}

fn wss(listener: &Listener) -> Options {
    let url = format!("wss://{}/", listener.address());
    Options::new(&url).unwrap().verify(Verify::Nothing)
}

#[tokio::test]
async fn wss_to_a_server_without_tls_says_to_write_ws() {
    let listener = Listener::bind().await;
    let options = wss(&listener);
    tokio::spawn(async move {
        let mut peer = listener.accept().await;
        // The server answers before it has read everything.
        peer.stream.read_u8().await.unwrap();
        peer.send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
        let _ = peer.stream.read_to_end(&mut Vec::new()).await;
    });
    let error = error(options).await;
    assert!(matches!(error, ConnectError::TlsNotSpoken { .. }), "{error}");
    assert!(error.to_string().contains("use ws://"), "{error}");
}

#[tokio::test]
async fn ws_to_a_server_with_tls_says_to_write_wss() {
    for version in [HttpVersion::Http1, HttpVersion::Http2, HttpVersion::Either] {
        let listener = Listener::bind().await;
        let options = listener.options().http(version);
        tokio::spawn(async move {
            let mut peer = listener.accept().await;
            peer.stream.read_u8().await.unwrap();
            // RFC 8446 §6: the alert decode_error.
            peer.send_hex("15 03 03 00 02 02 32").await;
        });
        let error = error(options).await;
        assert!(matches!(error, ConnectError::TlsExpected), "{version}: {error}");
        assert!(error.to_string().contains("use wss://"), "{error}");
    }
}

#[tokio::test]
async fn server_that_stalls_in_tls_times_out() {
    let listener = Listener::bind().await;
    let options = wss(&listener).connect_timeout(std::time::Duration::from_millis(100));
    let error = error(options).await;
    assert!(matches!(error, ConnectError::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn ipv6_address_is_connected_to() {
    let listener = Listener::bind_to("::1").await;
    let url = format!("ws://[::1]:{}/", listener.address().port());
    let (_peer, client, _messages) = listener.open(Options::new(&url).unwrap()).await;
    within(client.opened()).await.unwrap();
}
