//! The HTTP phase of a connection: one request, then a WebSocket or the end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::admission::Visit;
use super::routes;
use super::site::Site;
use crate::connection::{Admitted, Connection, End};

/// How long an answer may take to be written. Handshakes have their own, shorter time; this is for
/// files that go to a slow reader.
const MAX_ANSWER_TIME: Duration = Duration::from_secs(60);

/// Serves one TCP connection up to the answer to its request; a WebSocket goes on in a task of its
/// own, so that nothing of HTTP stays in memory.
pub(super) async fn serve(
    site: Arc<Site>,
    stream: TcpStream,
    peer: SocketAddr,
    accepted: Instant,
    permit: OwnedSemaphorePermit,
) {
    let admitted = Arc::new(Mutex::new(None));
    let visit = Visit {
        peer,
        deadline: accepted + site.config.timeouts.handshake,
        admitted: Arc::clone(&admitted),
    };
    let service = service_fn(|request| {
        let (site, visit) = (Arc::clone(&site), visit.clone());
        Box::pin(async move { Ok::<_, Infallible>(routes::answer(&site, &request, visit).await) })
    });
    let connection = http1::Builder::new()
        // One request for each connection: so the time for a handshake has one beginning.
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(site.config.timeouts.handshake)
        .max_headers(site.config.limits.max_headers)
        .max_buf_size(site.config.limits.max_header_size)
        .serve_connection(TokioIo::new(stream), service);
    let served = timeout(MAX_ANSWER_TIME, connection.without_shutdown()).await;
    drop(permit);
    let parts = match served {
        Ok(Ok(parts)) => parts,
        Ok(Err(error)) => return tracing::debug!(%peer, "no HTTP request: {error}"),
        Err(_) => return tracing::debug!(%peer, "the answer was not taken in time"),
    };
    let Some(admitted) = admitted.lock().take() else { return };
    go_home(&site, admitted, parts.io.into_inner(), parts.read_buf.into());
}

/// Serves a client where its actor lives. The client's place makes a server that stops wait for it.
fn go_home(site: &Site, admitted: Admitted, stream: TcpStream, first: Vec<u8>) {
    let actor = Arc::clone(admitted.actor());
    let (limits, timeouts) = (site.config.limits, site.config.timeouts);
    let auto_answers = Arc::clone(&site.auto_answers);
    if actor.home().is_here() {
        let connection = Connection::new(admitted, stream, &limits, &timeouts, auto_answers);
        tokio::spawn(connection.serve(first));
        return;
    }
    // A socket belongs to the runtime that waits for it: it has to leave this one first.
    let moved = stream.into_std();
    actor.home().runtime().spawn(async move {
        match moved.and_then(TcpStream::from_std) {
            Ok(stream) => {
                let connection =
                    Connection::new(admitted, stream, &limits, &timeouts, auto_answers);
                connection.serve(first).await;
            }
            Err(error) => admitted.disconnect(&End::Lost(error)).await,
        }
    });
}
