//! From a socket to HTTP: what a proxy says of its client, TLS, and which version of HTTP is spoken.

mod accept;
pub(super) mod certificates;
mod detect;
mod flash;
mod handoff;
mod listener;
mod proxy_header;
mod tls;

use std::io::{Error, ErrorKind, Result};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout_at;
use ws_host_protocol::handshake::Scheme;

pub(super) use self::accept::accept;
use self::detect::{Detected, detect};
pub(super) use self::listener::Listener;
use self::proxy_header::{Addresses, ProxyHeader};
pub(super) use self::tls::{Tls, TlsError};
use crate::config::{Address, ProxyProtocol};
use crate::log_rate::{Line, LogRate};
use crate::server::host::HostState;
use crate::server::host::request::{RequestContext, SpeaksFor};
use crate::server::http;
use crate::server::permits::handshake::HandshakePermit;
use crate::server::stream::{Prefixed, PrefixedTransfer, TlsTransfer, Transfer};

/// What somebody hears who speaks plain HTTP where TLS is spoken.
const SPEAK_TLS: &str = "\
HTTP/1.1 400 Bad Request\r\n\
Content-Type: text/plain; charset=utf-8\r\n\
Connection: close\r\n\
\r\n\
This port speaks TLS: connect to it with wss:// or https://.\n";

/// Lines on those who come where only proxies may, and are none that is trusted.
static NOT_TRUSTED: LogRate = LogRate::new();

/// Lines on proxies that do not speak the PROXY protocol.
static NO_HEADER: LogRate = LogRate::new();

/// What is spoken before HTTP with those who come this way.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The address as the configuration has it; `None` if somebody else accepts the connections.
    pub(super) address: Option<Address>,
    pub(super) tls: Option<Arc<Tls>>,
    /// The scheme of those who come without TLS: that of https if it was taken off in front.
    pub(super) scheme: Scheme,
    pub(super) proxy_protocol: ProxyProtocol,
}

impl Endpoint {
    /// Nothing: of connections that somebody else accepts.
    pub(super) const UNBOUND: Self =
        Self { address: None, tls: None, scheme: Scheme::Http, proxy_protocol: ProxyProtocol::Off };
}

/// Serves a connection up to the answer to its request, or to its end if there are many requests, or until it must
/// give way to another one. A WebSocket goes on in a task of its own.
pub(super) async fn serve_connection<S, M: Transfer<S>>(
    state: Arc<HostState>,
    endpoint: &Endpoint,
    stream: S,
    context: RequestContext,
    mut permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let peer = context.peer.address;
    let must_give_way = permit.evicted();
    tokio::select! {
        // In this order: the client is waited for when it has been asked, and what it has sent is read first.
        biased;
        () = detect_and_serve::<S, M>(state, endpoint, stream, context, permit) => {}
        () = must_give_way => tracing::debug!(%peer, "closed: it gives way to another connection"),
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
    context.address = endpoint.address.clone();
    if endpoint.scheme == Scheme::Https {
        context.peer.scheme = Scheme::Https;
    }
    let opened =
        before_deadline(&context.clone(), read_opening(&state, endpoint, stream, &mut context))
            .await;
    let Some((opening, mut stream)) = opened else { return };
    let Some(tls) = &endpoint.tls else {
        return match opening {
            Detected::Http2 => http::serve_http2(state, stream, context, permit).await,
            Detected::Flash => match &state.config().flash_policy {
                Some(policy) => {
                    let _ = before_deadline(&context, flash::answer(&mut stream, policy)).await;
                }
                None => {
                    http::serve_http1::<_, PrefixedTransfer<M>>(&state, stream, context, permit)
                        .await
                }
            },
            // Who speaks TLS here is answered with 400.
            Detected::Http1 | Detected::Tls => {
                http::serve_http1::<_, PrefixedTransfer<M>>(&state, stream, context, permit).await;
            }
        };
    };
    if opening != Detected::Tls {
        // The log tells of it.
        let _ = before_deadline(&context, explain_tls(&mut stream)).await;
        return;
    }
    // In a box, so that those without TLS do not carry the room for it whenever their task is moved.
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
    let Some(stream) = before_deadline(&context, tls.accept(stream)).await else { return };
    context.peer.scheme = Scheme::Https;
    context.server_name = tls::server_name(&stream);
    context.certificate = tls::certificate(&stream);
    if tls::speaks_http2(&stream) {
        http::serve_http2(state, stream, context, permit).await;
    } else {
        http::serve_http1::<_, TlsTransfer<M>>(&state, stream, context, permit).await;
    }
}

/// Everything that comes before TLS and HTTP.
async fn read_opening<S: AsyncRead + Unpin>(
    state: &HostState,
    endpoint: &Endpoint,
    mut stream: S,
    context: &mut RequestContext,
) -> Result<(Detected, Prefixed<S>)> {
    let mut first = Vec::new();
    if endpoint.proxy_protocol == ProxyProtocol::Required {
        let peer = context.peer.address.ip();
        if !state.trusts(peer) {
            if let Some(Line { left_out }) = NOT_TRUSTED.line(Instant::now()) {
                tracing::warn!(
                    %peer,
                    left_out,
                    "a connection was dropped: the address has proxy-protocol, and this is no trusted \
                     proxy; if it is yours, --trusted-proxy {peer} lets it speak"
                );
            }
            return Err(Error::new(ErrorKind::PermissionDenied, "no trusted proxy"));
        }
        let (ProxyHeader { ends, encryption }, rest) = proxy_header::read(&mut stream)
            .await
            .inspect_err(|error| log_missing_header(peer, error))?;
        first = rest;
        match ends {
            Some(Addresses { client, server }) => {
                (context.peer.address, context.peer.local) = (client, server);
            }
            None => context.speaks_for = SpeaksFor::Itself,
        }
        if encryption == proxy_header::Encryption::Tls {
            context.peer.scheme = Scheme::Https;
        }
    }
    detect(stream, first).await
}

/// A proxy that does not speak the protocol is one that nobody has told to.
fn log_missing_header(peer: IpAddr, error: &Error) {
    if error.kind() == ErrorKind::InvalidData
        && let Some(Line { left_out }) = NO_HEADER.line(Instant::now())
    {
        tracing::warn!(
            %peer,
            left_out,
            "a connection was dropped: the address has proxy-protocol, and it began without a header of that \
             ({error}); `send-proxy` in HAProxy, or `proxy_protocol on;` in nginx, makes the proxy send one"
        );
    }
}

/// What is done within the time of the handshake. The log tells of everything that fails.
async fn before_deadline<T>(
    context: &RequestContext,
    work: impl Future<Output = Result<T>>,
) -> Option<T> {
    let peer = context.peer.address;
    match timeout_at(context.deadline, work).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::debug!(%peer, "no HTTP request: {error}");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, "no HTTP request in time");
            None
        }
    }
}

async fn explain_tls(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<()> {
    stream.write_all(SPEAK_TLS.as_bytes()).await?;
    http::close(stream).await;
    Err(Error::new(ErrorKind::InvalidData, "plain HTTP where TLS is spoken"))
}
