//! From a socket to HTTP: what a proxy says of its client, TLS, and which version of HTTP is spoken.

mod accept;
mod flash;
mod given;
mod listener;
mod moved;
mod opening;
mod proxied;
mod tls;

use std::io::{Error, ErrorKind, Result};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout_at;
use ws_host_protocol::handshake::Scheme;

pub(super) use self::accept::accept;
pub(super) use self::listener::Listener;
use self::moved::{OverTls, Plain};
use self::opening::{Opening, open};
use self::proxied::{Ends, Proxied};
pub(super) use self::tls::{Tls, TlsError};
use super::arrival::Arrival;
use super::http::{self, Moving};
use super::reread::Reread;
use super::site::Site;
use super::visit::{SpeaksFor, Visit};
use crate::config::{Address, ProxyProtocol};
use crate::log_rate::{Line, LogRate};

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
pub(super) struct Door {
    /// The address as the configuration has it; `None` if somebody else accepts the connections.
    pub(super) address: Option<Address>,
    pub(super) tls: Option<Arc<Tls>>,
    /// The scheme of those who come without TLS: that of https if it was taken off in front.
    pub(super) scheme: Scheme,
    pub(super) proxy_protocol: ProxyProtocol,
}

impl Door {
    /// Nothing: of connections that somebody else accepts.
    pub(super) const OPEN: Self =
        Self { address: None, tls: None, scheme: Scheme::Http, proxy_protocol: ProxyProtocol::Off };
}

/// Serves a connection up to the answer to its request, or to its end if there are many requests, or until it must
/// give way to another one. A WebSocket goes on in a task of its own.
pub(super) async fn enter<S, M: Moving<S>>(
    site: Arc<Site>,
    door: &Door,
    stream: S,
    visit: Visit,
    mut arrival: Arrival,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let peer = visit.peer.address;
    let must_give_way = arrival.must_give_way();
    tokio::select! {
        // In this order: the client is waited for when it has been asked, and what it has sent is read first.
        biased;
        () = serve::<S, M>(site, door, stream, visit, arrival) => {}
        () = must_give_way => tracing::debug!(%peer, "closed: it gives way to another connection"),
    }
}

async fn serve<S, M: Moving<S>>(
    site: Arc<Site>,
    door: &Door,
    stream: S,
    mut visit: Visit,
    arrival: Arrival,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    visit.address = door.address.clone();
    if door.scheme == Scheme::Https {
        visit.peer.scheme = Scheme::Https;
    }
    let opened = in_time(&visit.clone(), begin(&site, door, stream, &mut visit)).await;
    let Some((opening, mut stream)) = opened else { return };
    let Some(tls) = &door.tls else {
        return match opening {
            Opening::Http2 => http::serve_many(site, stream, visit, arrival).await,
            Opening::Flash => match &site.config().flash_policy {
                Some(policy) => {
                    let _ = in_time(&visit, flash::answer(&mut stream, policy)).await;
                }
                None => http::serve_one::<_, Plain<M>>(&site, stream, visit, arrival).await,
            },
            // Who speaks TLS here is answered with 400.
            Opening::Http1 | Opening::Tls => {
                http::serve_one::<_, Plain<M>>(&site, stream, visit, arrival).await;
            }
        };
    };
    if opening != Opening::Tls {
        // The log tells of it.
        let _ = in_time(&visit, explain(&mut stream)).await;
        return;
    }
    // In a box, so that those without TLS do not carry the room for it whenever their task is moved.
    Box::pin(serve_encrypted::<S, M>(site, tls, stream, visit, arrival)).await;
}

async fn serve_encrypted<S, M: Moving<S>>(
    site: Arc<Site>,
    tls: &Tls,
    stream: Reread<S>,
    mut visit: Visit,
    arrival: Arrival,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Some(stream) = in_time(&visit, tls.accept(stream)).await else { return };
    visit.peer.scheme = Scheme::Https;
    visit.server_name = tls::server_name(&stream);
    visit.certificate = tls::certificate(&stream);
    if tls::speaks_http2(&stream) {
        http::serve_many(site, stream, visit, arrival).await;
    } else {
        http::serve_one::<_, OverTls<M>>(&site, stream, visit, arrival).await;
    }
}

/// Everything that comes before TLS and HTTP.
async fn begin<S: AsyncRead + Unpin>(
    site: &Site,
    door: &Door,
    mut stream: S,
    visit: &mut Visit,
) -> Result<(Opening, Reread<S>)> {
    let mut first = Vec::new();
    if door.proxy_protocol == ProxyProtocol::Required {
        let peer = visit.peer.address.ip();
        if !site.trusts(peer) {
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
        let (Proxied { ends, encryption }, rest) =
            proxied::read(&mut stream).await.inspect_err(|error| without_header(peer, error))?;
        first = rest;
        match ends {
            Some(Ends { client, server }) => {
                (visit.peer.address, visit.peer.local) = (client, server);
            }
            None => visit.speaks_for = SpeaksFor::Itself,
        }
        if encryption == proxied::Encryption::Tls {
            visit.peer.scheme = Scheme::Https;
        }
    }
    open(stream, first).await
}

/// A proxy that does not speak the protocol is one that nobody has told to.
fn without_header(peer: IpAddr, error: &Error) {
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
async fn in_time<T>(visit: &Visit, work: impl Future<Output = Result<T>>) -> Option<T> {
    let peer = visit.peer.address;
    match timeout_at(visit.deadline, work).await {
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

async fn explain(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<()> {
    stream.write_all(SPEAK_TLS.as_bytes()).await?;
    http::close(stream).await;
    Err(Error::new(ErrorKind::InvalidData, "plain HTTP where TLS is spoken"))
}
