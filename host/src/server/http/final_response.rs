//! The last answer of a connection of HTTP/1.1, and what follows it: a WebSocket, or the end.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::encode::{self, BodyMode};
use super::linger;
use crate::connection::{Connection, ConnectionEnd};
use crate::server::host::HostState;
use crate::server::host::request::{AcceptedClient, RequestContext};
use crate::server::permits::handshake::HandshakePermit;
use crate::server::response::Body;
use crate::server::stream::Transfer;

/// The answer behind which there is no more HTTP.
pub(super) struct FinalResponse {
    pub(super) response: Response<Body>,
    pub(super) show: BodyMode,
    /// Holds the client, if that is let in.
    pub(super) context: RequestContext,
}

/// Writes the last answer, and serves the client if it was let in.
pub(super) async fn send_final_response<S, M: Transfer<S>>(
    state: &Arc<HostState>,
    mut stream: S,
    rest: Vec<u8>,
    last: FinalResponse,
    permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let FinalResponse { response, show, context } = last;
    let (mut head, body) = response.into_parts();
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        head.headers.entry(CONNECTION).or_insert(close);
    }
    // It is here whole: nothing of it comes from a file.
    let Ok(body) = body.collect().await else { return };
    let mut bytes = encode::bytes(&Response::from_parts(head, body.to_bytes()), show);
    let accepted = context.take_accepted();
    if let Some(accepted) = &accepted {
        bytes.extend_from_slice(&accepted.trailer);
    }
    // A client has its place. Of others only so many are waited for: without a place, what the system takes at once
    // is all that they get.
    let leaving = state.linger_permits.try_acquire().ok().filter(|_| accepted.is_none());
    let patience = match (&accepted, &leaving) {
        (None, None) => Duration::ZERO,
        _ => state.config().timeouts.handshake,
    };
    let written = write(&mut stream, &bytes, patience).await;
    match (accepted, written) {
        (Some(AcceptedClient { admitted, .. }), Err(error)) => {
            admitted.disconnect(&ConnectionEnd::Lost(error));
        }
        (Some(accepted), Ok(())) => start_websocket::<_, M>(state, stream, rest, accepted),
        (None, Ok(())) => close_behind_response(stream, leaving, permit).await,
        (None, Err(error)) => {
            tracing::debug!(peer = %context.peer.address, "the answer was not taken: {error}");
        }
    }
}

async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    patience: Duration,
) -> std::io::Result<()> {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    match timeout(patience, writing).await {
        Ok(written) => written,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

/// Closes behind an answer.
pub(super) async fn close_behind_response<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    leaving: Option<SemaphorePermit<'_>>,
    permit: HandshakePermit,
) {
    // Without a place the stream is dropped, and may be reset.
    if let Some(_place) = leaving {
        drop(permit);
        linger::close(&mut stream).await;
    }
}

/// Serves a client where its actor lives. The client's place makes a host that stops wait for it.
fn start_websocket<S, M: Transfer<S>>(
    state: &HostState,
    stream: S,
    first: Vec<u8>,
    accepted: AcceptedClient,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let AcceptedClient { admitted, settings, trailer: _ } = accepted;
    let actor = Arc::clone(admitted.actor());
    let mode = state.config().mode;
    if actor.worker().is_here() {
        let connection = Connection::new(admitted, M::finish(stream), settings, mode);
        actor.worker().run(connection.serve(first));
        return;
    }
    // A socket belongs to the runtime that waits for it: it has to leave this one first.
    let moved = M::detach(stream);
    actor.worker().run(async move {
        match moved.and_then(M::attach) {
            Ok(stream) => {
                let stream = M::finish(stream);
                Connection::new(admitted, stream, settings, mode).serve(first).await;
            }
            Err(error) => drop(admitted.disconnect(&ConnectionEnd::Lost(error))),
        }
    });
}
