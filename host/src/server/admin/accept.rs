//! The connections to the admin address, and to the address for health checks.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::connections::{ConnectionSlot, Connections};
use crate::log_rate::{Line, LogRate};
use crate::server::response::Body;

/// The pause before the next accept when no file descriptors are left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Limits the log lines about connections that cannot be accepted.
static NOT_ACCEPTED: LogRate = LogRate::new();

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    pub(super) address: SocketAddr,
    pub(super) slot: &'a ConnectionSlot,
}

/// What answers the requests to an address.
pub(super) trait Service: Send + Sync + 'static {
    /// Answers a request.
    fn handle_request(
        self: &Arc<Self>,
        request: Request<Incoming>,
        from: Caller<'_>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Accepts and serves connections forever.
///
/// # Cancel safety
///
/// Dropping the future stops accepting; connections that are already accepted continue.
pub(super) async fn accept(listener: TcpListener, service: Arc<impl Service>) {
    let connections = Connections::new();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let slot = connections.add(Instant::now());
                tokio::spawn(serve(Arc::clone(&service), stream, address, slot));
            }
            Err(error) => {
                if let Some(Line { left_out }) = NOT_ACCEPTED.line(Instant::now()) {
                    let address =
                        listener.local_addr().map(|address: SocketAddr| address.to_string());
                    let address = address.unwrap_or_default();
                    tracing::warn!(left_out, address, "cannot accept a connection: {error}");
                }
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// Serves a connection until it ends, is evicted, or has been idle for too long.
async fn serve(
    service: Arc<impl Service>,
    stream: TcpStream,
    address: SocketAddr,
    slot: ConnectionSlot,
) {
    let respond = service_fn(|request| {
        let (service, slot) = (&service, &slot);
        async move {
            let response = service.handle_request(request, Caller { address, slot }).await;
            slot.set_idle(Instant::now());
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The slot's idle timeout covers reading the head as well.
        .header_read_timeout(None)
        .title_case_headers(true)
        // A client that closes its side after a request still gets the response.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), respond);
    tokio::select! {
        // There is nothing to do about an error: the connection has ended.
        _ = connection => {}
        () = slot.closed() => {}
    }
}
