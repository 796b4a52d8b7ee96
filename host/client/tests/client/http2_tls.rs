//! Negotiation of the HTTP version over TLS (RFC 7301).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::Version;
use hyper_util::rt::TokioExecutor;
use ws_host_client::{ConnectError, Http2Connection, HttpVersion, Options, Verify, connect};

use crate::http2_server::{builder, echo, serve_stream};
use crate::peer::{Listener, Peer, within};
use crate::tls_server::{Certificate, Clients};

/// Starts a server that offers these ALPN names. It speaks HTTP/1.1, and HTTP/2 as this builder configures it. Returns
/// options for connecting to it, and the count of its connections.
async fn serve(
    alpn: &[&str],
    http2: hyper::server::conn::http2::Builder<TokioExecutor>,
) -> (Options, Arc<AtomicUsize>) {
    serve_to(&Clients::Anybody, alpn, http2).await
}

async fn serve_to(
    clients: &Clients<'_>,
    alpn: &[&str],
    http2: hyper::server::conn::http2::Builder<TokioExecutor>,
) -> (Options, Arc<AtomicUsize>) {
    let acceptor = Certificate::new("localhost").acceptor(alpn, clients);
    let listener = Listener::bind().await;
    let url = format!("wss://localhost:{}/", listener.address().port());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        loop {
            let socket = listener.accept_whenever().await;
            counted.fetch_add(1, Ordering::SeqCst);
            let Ok(stream) = acceptor.accept(socket).await else { continue };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                serve_stream(&http2, stream, echo).await;
            } else {
                let mut peer = Peer { stream };
                peer.open("").await;
                peer.close(1000).await;
            }
        }
    });
    (Options::new(&url).unwrap().verify(Verify::Nothing), count)
}

async fn opened_over(options: Options) -> Version {
    let (client, _messages) = connect(options);
    let version = within(client.opened()).await.unwrap().http_version;
    // It does not matter which side closes first.
    let _ = client.close(1000, "");
    assert!(within(client.ended()).await.clean);
    version
}

async fn error(options: Options) -> ConnectError {
    let (client, _messages) = connect(options);
    within(client.opened()).await.unwrap_err()
}

#[tokio::test]
async fn either_takes_what_the_server_likes_best() {
    let (options, count) = serve(&["h2", "http/1.1"], builder()).await;
    assert_eq!(opened_over(options.http(HttpVersion::Either)).await, Version::HTTP_2);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    for names in [&["http/1.1"][..], &["http/1.1", "h2"], &[]] {
        let (options, _) = serve(names, builder()).await;
        let version = opened_over(options.http(HttpVersion::Either)).await;
        assert_eq!(version, Version::HTTP_11, "{names:?}");
    }
}

#[tokio::test]
async fn only_the_version_that_was_asked_for_is_offered() {
    for (version, opened) in
        [(HttpVersion::Http1, Version::HTTP_11), (HttpVersion::Http2, Version::HTTP_2)]
    {
        let (options, _) = serve(&["h2", "http/1.1"], builder()).await;
        assert_eq!(opened_over(options.http(version)).await, opened);
        let (options, _) = serve(&["http/1.1", "h2"], builder()).await;
        assert_eq!(opened_over(options.http(version)).await, opened);
    }
}

#[tokio::test]
async fn many_websockets_share_a_connection_over_tls() {
    let (options, count) = serve(&["h2"], builder()).await;
    let connection = within(Http2Connection::connect(&options)).await.unwrap();
    let both = [connection.open(options.clone()), connection.open(options)];
    for (client, _) in &both {
        assert_eq!(within(client.opened()).await.unwrap().http_version, Version::HTTP_2);
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn http2_without_websockets_costs_either_a_second_connection() {
    let without = || hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let (options, count) = serve(&["h2", "http/1.1"], without()).await;
    assert_eq!(opened_over(options.http(HttpVersion::Either)).await, Version::HTTP_11);
    assert_eq!(count.load(Ordering::SeqCst), 2);
    let (options, _) = serve(&["h2", "http/1.1"], without()).await;
    let error = error(options.http(HttpVersion::Http2)).await;
    assert!(matches!(error, ConnectError::NoExtendedConnect), "{error}");
}

#[tokio::test]
async fn server_that_does_not_speak_the_version_is_reported() {
    // No ALPN, another version, and no version in common.
    for names in [&[][..], &["http/1.1"], &["spdy/3"]] {
        let (options, _) = serve(names, builder()).await;
        let error = error(options.http(HttpVersion::Http2)).await;
        assert_eq!(error.to_string(), "the server does not speak HTTP/2 on this port", "{names:?}");
    }
    let (options, _) = serve(&["h2"], builder()).await;
    let error = error(options).await;
    assert_eq!(error.to_string(), "the server does not speak HTTP/1.1 on this port");
}

#[tokio::test]
async fn missing_client_certificate_is_reported() {
    let known = Certificate::new("a client");
    let (options, _) = serve_to(&Clients::Only(&known), &["h2"], builder()).await;
    let error = error(options.http(HttpVersion::Http2)).await;
    assert!(matches!(error, ConnectError::ClientNotTrusted { .. }), "{error}");
}
