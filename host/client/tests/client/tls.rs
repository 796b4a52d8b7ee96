//! `wss` URLs.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use ws_host_client::{ConnectError, Options, Received, Verify, connect};

use crate::peer::within;

/// A server with its own certificate for `localhost`, which echoes; and the certificate.
async fn server() -> (SocketAddr, NamedTempFile) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // A client that does not trust us goes away.
        let Ok(stream) = acceptor.accept(stream).await else { return };
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(stream.get_ref().1.server_name(), Some("localhost"));
        let mut server = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = server.next().await {
            if message.is_text() {
                server.send(message).await.unwrap();
            }
        }
    });
    (address, file)
}

fn options(server: SocketAddr) -> Options {
    Options::new(&format!("wss://localhost:{}/", server.port())).unwrap()
}

async fn echoes(options: Options) {
    let (client, mut messages) = connect(options);
    within(client.opened()).await.unwrap();
    // Longer than the buffers of TLS.
    let text = "x".repeat(500_000);
    within(client.send_text(&text)).await.unwrap();
    assert_eq!(within(messages.next()).await, Some(Received::Text(text)));
    let end = within(client.close(1000, "").unwrap()).await;
    assert!(end.clean, "{end:?}");
}

async fn error(options: Options) -> ConnectError {
    let (client, _messages) = connect(options);
    within(client.opened()).await.unwrap_err()
}

#[tokio::test]
async fn certificate_in_the_file_is_trusted() {
    let (server, file) = server().await;
    echoes(options(server).verify(Verify::File(file.path().to_owned()))).await;
}

#[tokio::test]
async fn nothing_is_verified_if_so_wished() {
    let (server, _) = server().await;
    echoes(options(server).verify(Verify::Nothing)).await;
}

#[tokio::test]
async fn certificate_that_nobody_vouches_for_is_refused() {
    let (server, _) = server().await;
    let error = error(options(server)).await;
    assert!(matches!(error, ConnectError::Tls { .. } | ConnectError::NoSystemRoots), "{error}");
}

#[tokio::test]
async fn certificate_for_another_name_is_refused() {
    let (server, file) = server().await;
    let options = Options::new(&format!("wss://{server}/")).unwrap();
    let error = error(options.verify(Verify::File(file.path().to_owned()))).await;
    assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn file_without_certificates_is_an_error() {
    let (server, _) = server().await;
    let file = NamedTempFile::new().unwrap();
    let error = error(options(server).verify(Verify::File(file.path().to_owned()))).await;
    assert!(matches!(error, ConnectError::CaFile { .. }), "{error}");
}
