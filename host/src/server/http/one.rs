//! HTTP/1.1: one request for each connection, one answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use ws_host_protocol::handshake::Version;

use super::challenge::{Challenge, TakesChallenge};
use super::moving::Moving;
use crate::connection::{Connection, End};
use crate::server::routes;
use crate::server::site::Site;
use crate::server::visit::{Entrance, Visit};

/// How long an answer may take to be written. Handshakes have their own, shorter time; this is for
/// files that go to a slow reader.
pub(super) const MAX_ANSWER_TIME: Duration = Duration::from_secs(60);

/// Serves a connection up to the answer to its request; a WebSocket goes on in a task of its own, so that
/// nothing of HTTP stays in memory.
pub(in crate::server) async fn serve_one<S, M: Moving<S>>(site: &Arc<Site>, stream: S, visit: Visit)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    if !site.config().versions.contains(Version::Draft00) {
        if let Some((stream, first)) = answer(site, stream, &visit).await {
            enter::<_, M>(site, &visit, stream, first).await;
        }
        return;
    }
    let challenge = Challenge::default();
    let visit = visit.challenged_by(challenge.clone());
    let stream = TakesChallenge::new(stream, challenge, site.config().limits.max_header_size);
    if let Some((stream, first)) = answer(site, stream, &visit).await {
        enter::<_, M>(site, &visit, stream.into_inner(), first).await;
    }
}

/// Answers one request. Gives the stream, with what has been read of it, if it may be a WebSocket now.
async fn answer<S>(site: &Arc<Site>, stream: S, visit: &Visit) -> Option<(S, Vec<u8>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let peer = visit.peer.address;
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let (site, visit) = (Arc::clone(site), visit.clone());
        let request = request.map(drop);
        Box::pin(async move { Ok::<_, Infallible>(routes::answer(&site, &request, visit).await) })
    });
    let connection = http1::Builder::new()
        // So the time for a handshake has one beginning.
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(visit.deadline.saturating_duration_since(Instant::now()))
        .max_headers(site.config().limits.max_headers)
        .max_buf_size(site.config().limits.max_header_size)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(MAX_ANSWER_TIME, connection.without_shutdown()).await {
        Ok(Ok(parts)) => Some((parts.io.into_inner(), parts.read_buf.into())),
        Ok(Err(error)) => {
            tracing::debug!(%peer, "no HTTP request: {error}");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, "the answer was not taken in time");
            None
        }
    }
}

/// Serves a client, if one was let in, where its actor lives. The client's place makes a host that
/// stops wait for it.
async fn enter<S, M: Moving<S>>(site: &Site, visit: &Visit, mut stream: S, first: Vec<u8>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Some(Entrance { admitted, settings, trailer }) = visit.take_entrance() else {
        // TLS tells of the end, so that nobody takes an answer that was cut off for a whole one.
        let _ = timeout_at(visit.deadline, stream.shutdown()).await;
        return;
    };
    if !trailer.is_empty()
        && let Err(error) = write_in_time(&mut stream, &trailer, visit.deadline).await
    {
        return admitted.disconnect(&End::Lost(error)).await;
    }
    let actor = Arc::clone(admitted.actor());
    let mode = site.config().mode;
    if actor.home().is_here() {
        let connection = Connection::new(admitted, M::settle(stream), settings, mode);
        tokio::spawn(connection.serve(first));
        return;
    }
    // A socket belongs to the runtime that waits for it: it has to leave this one first.
    let moved = M::pack(stream);
    actor.home().runtime().spawn(async move {
        match moved.and_then(M::unpack) {
            Ok(stream) => {
                let stream = M::settle(stream);
                Connection::new(admitted, stream, settings, mode).serve(first).await;
            }
            Err(error) => admitted.disconnect(&End::Lost(error)).await,
        }
    });
}

/// What stands behind the head of the answer and before the first frame: draft 00 has it so.
async fn write_in_time(
    stream: &mut (impl AsyncWrite + Unpin),
    octets: &[u8],
    deadline: Instant,
) -> std::io::Result<()> {
    match timeout_at(deadline, stream.write_all(octets)).await {
        Ok(written) => written,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}
