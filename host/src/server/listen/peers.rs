//! The address for other hosts. Nothing that a peer sends is trusted until the peer has authenticated.

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use ws_host_protocol::handshake::Scheme;

use crate::clients::{Certificate, HostClose, HttpVersion, Pace};
use crate::cluster::relay::{Opened, Origin, PeerError, Peers, Request, Trust, accept_opening};
use crate::log_rate::{Line, LogRate};
use crate::server::host::HostState;
use crate::server::host::handshake::{ELSEWHERE, REFUSED};
use crate::server::host::request::{Edge, OnBehalfOf, RequestContext};
use crate::server::http;
use crate::server::permits::handshake::HandshakePermit;
use crate::server::stream::{Prefixed, PrefixedTransfer, TlsTransfer, Transfer};

/// The longest time over which the closing of an edge's clients is spread, even if the edge asks for a longer time.
const LONGEST_DRAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Limits the log lines about peers that are refused.
static REFUSED_PEERS: LogRate = LogRate::new();

/// Serves a connection at the address for other hosts.
pub(super) async fn serve_peer<S, M: Transfer<S>>(
    state: Arc<HostState>,
    peers: &Peers,
    stream: S,
    context: RequestContext,
    permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match &peers.trust {
        Trust::Secret(_) => open::<S, M>(state, peers, stream, context, permit).await,
        Trust::Tls(tls) => {
            let acceptor = TlsAcceptor::from(Arc::clone(&tls.server));
            let accepting = acceptor.accept(Either::Left(Prefixed::unread(stream)));
            match timeout_at(context.deadline, accepting).await {
                Ok(Ok(stream)) => {
                    open::<_, TlsTransfer<M>>(state, peers, stream, context, permit).await;
                }
                Ok(Err(error)) => log_refusal(&state, &context, &format!("TLS: {error}")),
                Err(_) => {}
            }
        }
    }
}

/// Reads the first message of a peer, and handles its request.
async fn open<S, M: Transfer<S>>(
    state: Arc<HostState>,
    peers: &Peers,
    mut stream: S,
    context: RequestContext,
    permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let max_head = state.config().limits.max_header_size + http::RELAYED_BYTES;
    let opening = accept_opening(&mut stream, &peers.cluster, peers.secret(), max_head);
    let Opened { opening, rest } = match timeout_at(context.deadline, opening).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return refuse(&state, &context, &mut stream, &error).await,
        Err(_) => {
            let (peer, connection) = (context.peer.address, context.connection.0);
            return tracing::debug!(
                connection,
                %peer,
                "closed a connection at the address for other hosts: the other side did not identify itself in time"
            );
        }
    };
    if !rest.is_empty() {
        let error = PeerError::Invalid("it sent data after its opening");
        return refuse(&state, &context, &mut stream, &error).await;
    }
    match opening.request {
        Request::Relay(origin) => {
            let stream = Prefixed::new(opening.head, stream);
            let context = apply_origin(context, origin);
            http::serve_http1::<_, PrefixedTransfer<M>>(&state, stream, context, permit).await;
        }
        Request::Close { edge, milliseconds } => {
            close_clients(&state, &edge, Duration::from_millis(milliseconds));
            respond(&context, &mut stream, StatusCode::NO_CONTENT, None).await;
        }
    }
}

/// Returns the context with the edge's description of the client in place of the description of the peer.
fn apply_origin(context: RequestContext, origin: Origin) -> RequestContext {
    let mut context = context;
    context.peer.address = origin.peer;
    context.peer.local = origin.local;
    context.peer.scheme = if origin.encrypted { Scheme::Https } else { Scheme::Http };
    context.on_behalf_of = if origin.proxied { OnBehalfOf::Client } else { OnBehalfOf::Itself };
    context.certificate = origin.certificate().map(|der| Arc::new(Certificate::new(&der)));
    context.server_name = origin.server_name.as_deref().map(Arc::from);
    let http_version = if origin.http2 { HttpVersion::Http2 } else { HttpVersion::Http1 };
    let (name, resource) = (origin.edge.into(), origin.resource);
    context.edge = Some(Arc::new(Edge { name, resource, http_version }));
    context
}

/// Closes all clients that an edge relays, because the edge is stopping. The closes are spread over at most `time`.
fn close_clients(state: &HostState, edge: &str, time: Duration) {
    let all = state.registry.all();
    let mut clients: Vec<_> = all.iter().flat_map(|served| served.resource().clients()).collect();
    clients.retain(|client| client.info().edge.as_deref() == Some(edge));
    let pace = Pace::new(clients.len(), time.min(LONGEST_DRAIN));
    tokio::spawn(async move { pace.close(clients, HostClose::Stopping).await });
}

/// Refuses a peer.
async fn refuse(
    state: &HostState,
    context: &RequestContext,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    error: &PeerError,
) {
    if let PeerError::Lost(error) = error {
        let (peer, connection) = (context.peer.address, context.connection.0);
        return tracing::debug!(
            connection,
            %peer,
            "lost a connection at the address for other hosts: {error}"
        );
    }
    log_refusal(state, context, error);
    let (status, to_peer) = match error {
        PeerError::Left => return,
        // The edge looks for the owner again.
        PeerError::OtherCluster(_) => (StatusCode::MISDIRECTED_REQUEST, ELSEWHERE),
        PeerError::Unproven => (StatusCode::FORBIDDEN, REFUSED),
        _ => (StatusCode::BAD_REQUEST, REFUSED),
    };
    respond(context, stream, status, Some(to_peer)).await;
}

fn log_refusal(state: &HostState, context: &RequestContext, why: &impl std::fmt::Display) {
    state.relayed.refused_peers.increment();
    if let Some(Line { left_out }) = REFUSED_PEERS.line(Instant::now()) {
        tracing::warn!(
            connection = context.connection.0,
            peer = %context.peer.address,
            left_out,
            "a connection to the address for other hosts (cluster listen) was refused: {why}; all hosts of a cluster \
             need the same `secret`, or certificates of the same `ca`, and the same `name`"
        );
    }
}

/// Sends a response without a body, and closes the connection.
async fn respond(
    context: &RequestContext,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    status: StatusCode,
    to_peer: Option<&str>,
) {
    let header = to_peer.map(|value| format!("Ws-Host-Peer: {value}\r\n")).unwrap_or_default();
    let length = if status == StatusCode::NO_CONTENT { "" } else { "Content-Length: 0\r\n" };
    let response = format!("HTTP/1.1 {status}\r\n{header}{length}Connection: close\r\n\r\n");
    let responding = async {
        stream.write_all(response.as_bytes()).await?;
        stream.flush().await?;
        http::close(stream).await;
        Ok::<_, std::io::Error>(())
    };
    // If the response cannot be sent, the peer has gone.
    let _ = timeout_at(context.deadline, responding).await;
}
