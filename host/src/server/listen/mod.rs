//! From a listening socket to HTTP: accepting, the PROXY protocol, TLS, and detecting the HTTP version.
//!
//! # From a socket to the worker of an actor
//!
//! 1. [`accept()`] accepts on the first worker and gives the connection to the worker with the least load
//!    (`handoff.rs`), or to the main thread if that worker is too busy. While the first worker is too busy to accept, the
//!    main thread accepts in its place. [`serve_connection`] serves the connection on the chosen thread.
//! 2. [`read_preamble`] reads the PROXY protocol header and detects the protocol. [`serve_tls`] performs the TLS
//!    handshake. Then [`http::serve_http1`] reads the request.
//! 3. [`host::handle_request`] (`host/routes.rs`) finds the resource of the path and calls `admit`
//!    (`host/handshake/admission.rs`). `admit` takes a lease of the actor ([`Resource::lease`]), and calls the
//!    handler's `connected` on the actor's worker.
//! 4. `send_final_response` (`http/final_response.rs`) writes the 101 response, still on the thread of step 1, and then
//!    calls `start_websocket` (`http/upgrade.rs`). If the actor lives on this worker, `start_websocket` starts the
//!    client's task here, which runs [`Connection::serve`].
//! 5. If the actor lives on another worker, `start_websocket` calls [`Transfer::transfer`] (`stream/transfer.rs`).
//!    [`TlsTransfer`] takes the socket out of the TLS stream (`detach`), because a socket must leave its runtime before
//!    another runtime can register it. The TLS stream and its keys move to the other worker along with the socket.
//! 6. Then `start_websocket_when_ready` (same file) starts the client's task on the actor's worker. The task registers
//!    the socket with that worker's runtime, puts it back into the TLS stream (`attach`), and runs
//!    [`Connection::serve`].
//!
//! A connection over HTTP/2 carries several streams, so it stays on its first worker, where hyper reads and writes the
//! socket. [`respond_with_upgrade`] takes the place of steps 4 to 6. The client's task still runs on the actor's
//! worker, and uses the client's stream from there.
//!
//! [`host::handle_request`]: crate::server::host::handle_request
//! [`Resource::lease`]: crate::resource::Resource::lease
//! [`respond_with_upgrade`]: http::respond_with_upgrade
//! [`Connection::serve`]: crate::connection::Connection::serve

mod accept;
mod accepted;
pub(super) mod certificates;
mod detect;
mod flash;
mod handoff;
mod listener;
pub(super) mod passed;
mod peers;
mod proxy_header;
mod tls;

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use ws_host_protocol::handshake::Scheme;

pub(super) use self::accept::accept;
use self::detect::{Protocol, detect};
pub(super) use self::listener::{Binding, Listener};
use self::proxy_header::{Addresses, ProxyHeader};
pub(super) use self::tls::{Tls, TlsError};
use crate::access_log;
use crate::cluster::relay::Peers;
use crate::config::{AccessLog, Address, ProxyProtocol};
use crate::log_rate::{Line, LogRate};
use crate::metrics::Pending;
use crate::server::host::HostState;
use crate::server::host::request::{OnBehalfOf, RequestContext};
use crate::server::http;
use crate::server::permits::handshake::HandshakePermit;
use crate::server::stream::{Prefixed, PrefixedTransfer, TlsTransfer, Transfer};

/// The response to plain HTTP on a port with TLS.
const TLS_REQUIRED: &str = "\
HTTP/1.1 400 Bad Request\r\n\
Content-Type: text/plain; charset=utf-8\r\n\
Connection: close\r\n\
\r\n\
This port speaks TLS: connect to it with wss:// or https://.\n";

/// Limits the log lines about peers that connect to an address for proxies but are not trusted proxies.
static UNTRUSTED_PEERS: LogRate = LogRate::new();

/// Limits the log lines about proxies that do not send a PROXY protocol header.
static MISSING_HEADERS: LogRate = LogRate::new();

/// An address in the configuration, and what precedes HTTP on its connections.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The address as configured. `None` if another program accepts the connections.
    pub(super) address: Option<Address>,
    pub(super) tls: Option<Arc<Tls>>,
    /// The scheme of connections without TLS. It is https if a proxy in front terminates TLS.
    pub(super) scheme: Scheme,
    pub(super) proxy_protocol: ProxyProtocol,
    /// How other hosts authenticate. `None` unless this endpoint is for connections from other hosts.
    pub(super) peers: Option<Arc<Peers>>,
}

impl Endpoint {
    /// The endpoint of connections that another program accepts. Neither TLS nor a PROXY header comes before HTTP.
    pub(super) const UNBOUND: Self = Self {
        address: None,
        tls: None,
        scheme: Scheme::Http,
        proxy_protocol: ProxyProtocol::Off,
        peers: None,
    };

    /// The endpoint of connections from other hosts.
    pub(super) fn of_peers(peers: Arc<Peers>) -> Self {
        Self { peers: Some(peers), ..Self::UNBOUND }
    }
}

/// Serves a connection until its last response is sent, or until it is evicted to make room for another connection. If
/// the connection becomes a WebSocket, a task of its own serves the WebSocket.
pub(super) async fn serve_connection<S, M: Transfer<S>>(
    state: Arc<HostState>,
    endpoint: &Endpoint,
    stream: S,
    context: RequestContext,
    mut permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (peer, connection) = (context.peer.address, context.connection.0);
    let evicted = permit.evicted();
    tokio::select! {
        // The connection is polled before `evicted`. So input that has arrived is read before `evicted` marks the
        // connection as idle or evicts it.
        biased;
        () = detect_and_serve::<S, M>(state, endpoint, stream, context, permit) => {}
        () = evicted => {
            tracing::debug!(connection, %peer, "closed: evicted to make room for another connection");
        }
    }
}

async fn detect_and_serve<S, M: Transfer<S>>(
    state: Arc<HostState>,
    endpoint: &Endpoint,
    stream: S,
    mut context: RequestContext,
    permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    if let Some(peers) = &endpoint.peers {
        // Boxed, because otherwise the task of every connection would need as much memory as the task of a peer.
        return Box::pin(peers::serve_peer::<S, M>(state, peers, stream, context, permit)).await;
    }
    context.address = endpoint.address.clone();
    if endpoint.scheme == Scheme::Https {
        context.peer.scheme = Scheme::Https;
    }
    let detected =
        before_deadline(&context.clone(), read_preamble(&state, endpoint, stream, &mut context))
            .await;
    let Some((protocol, mut stream)) = detected else { return };
    let Some(tls) = &endpoint.tls else {
        return match protocol {
            Protocol::Http2 => http::serve_http2(state, stream, context, permit).await,
            Protocol::Flash => match &state.config().flash_policy {
                Some(policy) => {
                    let _ =
                        before_deadline(&context, flash::send_policy(&mut stream, policy)).await;
                }
                None => {
                    http::serve_http1::<_, PrefixedTransfer<M>>(&state, stream, context, permit)
                        .await
                }
            },
            // A TLS client gets a 400 here.
            Protocol::Http1 | Protocol::Tls => {
                http::serve_http1::<_, PrefixedTransfer<M>>(&state, stream, context, permit).await;
            }
        };
    };
    if protocol != Protocol::Tls {
        // If there is an error, `before_deadline` logs it.
        let _ = before_deadline(&context, explain_tls(&mut stream)).await;
        return;
    }
    // Boxed, because otherwise the task of every connection would need as much memory as one with TLS.
    Box::pin(serve_tls::<S, M>(state, tls, stream, context, permit)).await;
}

async fn serve_tls<S, M: Transfer<S>>(
    state: Arc<HostState>,
    tls: &Tls,
    stream: Prefixed<S>,
    mut context: RequestContext,
    permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let metrics = Arc::clone(&state.context.metrics);
    let mut failure = None;
    let handshake = async {
        let mut outcome = Pending::new(&metrics.tls_handshakes);
        let accepted = tls.accept(stream).await;
        outcome.end(if accepted.is_ok() { "accepted" } else { "failed" });
        failure = accepted.as_ref().err().map(Error::to_string);
        accepted
    };
    let Some(stream) = before_deadline(&context, handshake).await else {
        if state.config().access_log == AccessLog::On {
            let why = failure.as_deref().unwrap_or("the client was too slow");
            access_log::tls_failed(context.connection, context.peer.address, why);
        }
        return;
    };
    context.peer.scheme = Scheme::Https;
    context.server_name = tls::server_name(&stream);
    context.certificate = tls::client_certificate(&stream);
    if tls::is_http2(&stream) {
        http::serve_http2(state, stream, context, permit).await;
    } else {
        http::serve_http1::<_, TlsTransfer<M>>(&state, stream, context, permit).await;
    }
}

/// Reads the PROXY protocol header, if the endpoint requires one, and detects the protocol.
async fn read_preamble<S: AsyncRead + Unpin>(
    state: &HostState,
    endpoint: &Endpoint,
    mut stream: S,
    context: &mut RequestContext,
) -> Result<(Protocol, Prefixed<S>)> {
    let mut first = Vec::new();
    if endpoint.proxy_protocol == ProxyProtocol::Required {
        let peer = context.peer.address.ip();
        if !state.trusts(peer) {
            if let Some(Line { left_out }) = UNTRUSTED_PEERS.line(Instant::now()) {
                tracing::warn!(
                    connection = context.connection.0,
                    %peer,
                    left_out,
                    "a connection was dropped: this address is for proxies (proxy-protocol), and the peer is not a \
                     trusted proxy; if it is one of yours, trust it with --trusted-proxy {peer}"
                );
            }
            return Err(Error::new(ErrorKind::PermissionDenied, "the peer is not a trusted proxy"));
        }
        let (ProxyHeader { addresses, encryption }, rest) =
            proxy_header::read(&mut stream)
                .await
                .inspect_err(|error| log_missing_header(context, error))?;
        first = rest;
        match addresses {
            Some(Addresses { client, server }) => {
                (context.peer.address, context.peer.local) = (client, server);
            }
            None => context.on_behalf_of = OnBehalfOf::Itself,
        }
        if encryption == proxy_header::Encryption::Tls {
            context.peer.scheme = Scheme::Https;
        }
    }
    detect(stream, first).await
}

/// Logs that a proxy has not sent a PROXY protocol header, and how to configure the proxy.
fn log_missing_header(context: &RequestContext, error: &Error) {
    if error.kind() == ErrorKind::InvalidData
        && let Some(Line { left_out }) = MISSING_HEADERS.line(Instant::now())
    {
        tracing::warn!(
            connection = context.connection.0,
            peer = %context.peer.address.ip(),
            left_out,
            "a connection was dropped: this address is for proxies (proxy-protocol), and the connection began without \
             a valid PROXY protocol header ({error}); `send-proxy` in HAProxy, or `proxy_protocol on;` in nginx, makes \
             the proxy send one"
        );
    }
}

/// Runs `work` until the deadline of the handshake. After an error or a timeout, logs it and returns `None`.
async fn before_deadline<T>(
    context: &RequestContext,
    work: impl Future<Output = Result<T>>,
) -> Option<T> {
    let (peer, connection) = (context.peer.address, context.connection.0);
    match timeout_at(context.deadline, work).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::debug!(connection, %peer, "received no valid HTTP request: {error}");
            None
        }
        Err(_) => {
            tracing::debug!(connection, %peer, "received no HTTP request in time");
            None
        }
    }
}

async fn explain_tls(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<()> {
    stream.write_all(TLS_REQUIRED.as_bytes()).await?;
    http::close(stream).await;
    Err(Error::new(ErrorKind::InvalidData, "the client sent plain HTTP to a port with TLS"))
}
