//! `wss` URLs.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tempfile::NamedTempFile;
use ws_host_client::{ConnectError, Options, Received, Verify, connect};

use crate::peer::{Listener, within};
use crate::tls_server::{Certificate, Clients, file};

/// Starts an echo server with a self-signed certificate for `localhost`. Returns its address and the certificate.
async fn server() -> (SocketAddr, NamedTempFile) {
    let certificate = Certificate::new("localhost");
    let server = serve(&certificate, &Clients::Anybody, "127.0.0.1").await;
    (server, certificate.file)
}

/// Starts a server for one connection.
async fn serve(certificate: &Certificate, clients: &Clients<'_>, host: &str) -> SocketAddr {
    let acceptor = certificate.acceptor(&["h2", "http/1.1"], clients);
    let listener = Listener::bind_to(host).await;
    let address = listener.address();
    tokio::spawn(async move {
        // The handshake fails if either side does not trust the other.
        let Ok(stream) = acceptor.accept(listener.accept_whenever().await).await else { return };
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let name = stream.get_ref().1.server_name();
        assert!(matches!(name, None | Some("localhost")), "addresses are no names");
        let mut server = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = server.next().await {
            if message.is_text() {
                server.send(message).await.unwrap();
            }
        }
    });
    address
}

fn options(server: SocketAddr) -> Options {
    Options::new(&format!("wss://localhost:{}/", server.port())).unwrap()
}

async fn echoes(options: Options) {
    let (client, mut messages) = connect(options);
    within(client.opened()).await.unwrap();
    // Longer than the TLS buffers.
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
async fn nothing_is_verified_if_verification_is_off() {
    let (server, _) = server().await;
    echoes(options(server).verify(Verify::Nothing)).await;
}

#[tokio::test]
async fn certificate_of_an_unknown_issuer_is_refused() {
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
    let file = file("");
    let error = error(options(server).verify(Verify::File(file.path().to_owned()))).await;
    assert!(matches!(error, ConnectError::CaFile { .. }), "{error}");
}

#[tokio::test]
async fn certificate_for_an_ipv6_address_is_trusted_for_that_address() {
    let certificate = Certificate::new("::1");
    let server = serve(&certificate, &Clients::Anybody, "::1").await;
    let options = Options::new(&format!("wss://[::1]:{}/", server.port())).unwrap();
    echoes(options.verify(Verify::File(certificate.file.path().to_owned()))).await;
}

/// Starts a server that accepts only one client certificate. Returns options and that certificate.
async fn choosy_server() -> (Options, Certificate) {
    let client = Certificate::new("a client");
    let server = Certificate::new("localhost");
    let address = serve(&server, &Clients::Only(&client), "127.0.0.1").await;
    (options(address).verify(Verify::Nothing), client)
}

#[tokio::test]
async fn certificate_of_the_client_is_shown() {
    let (options, client) = choosy_server().await;
    echoes(options.client_certificate(client.file.path(), client.key_file.path())).await;
}

#[tokio::test]
async fn missing_client_certificate_is_reported() {
    let (options, _) = choosy_server().await;
    let error = error(options).await;
    let ConnectError::ClientNotTrusted { source, .. } = error else { panic!("{error}") };
    assert!(source.to_string().contains("CertificateRequired"), "{source}");
}

#[tokio::test]
async fn certificate_of_another_client_is_refused() {
    let (options, _) = choosy_server().await;
    let other = Certificate::new("a client");
    let error = error(options.client_certificate(other.file.path(), other.key_file.path())).await;
    assert!(matches!(error, ConnectError::ClientNotTrusted { .. }), "{error}");
}

#[tokio::test]
async fn files_without_a_certificate_or_key_are_reported_by_name() {
    let (own, other) = (Certificate::new("a client"), Certificate::new("a client"));
    let (certificate, key) = (own.file.path(), own.key_file.path());
    let (empty, none) = (file(""), file("-----BEGIN CERTIFICATE-----\n%\n"));
    let nowhere = std::path::Path::new("/nowhere");
    for wrong in [nowhere, empty.path(), none.path(), key] {
        let (server, _) = server().await;
        let options = options(server).verify(Verify::Nothing);
        let error = error(options.client_certificate(wrong, key)).await;
        let ConnectError::ClientCertificate { path, .. } = error else { panic!("{error}") };
        assert_eq!(path, wrong);
    }
    // The key of another certificate.
    for wrong in [nowhere, empty.path(), none.path(), certificate, other.key_file.path()] {
        let (server, _) = server().await;
        let options = options(server).verify(Verify::Nothing);
        let error = error(options.client_certificate(certificate, wrong)).await;
        let ConnectError::ClientKey { path, .. } = error else { panic!("{error}") };
        assert_eq!(path, wrong);
    }
}
