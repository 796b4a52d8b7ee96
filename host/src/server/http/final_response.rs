//! The last response on an HTTP/1.1 connection. After it comes a WebSocket, or the connection is closed.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::encode::{BodyMode, encode};
use super::linger;
use super::upgrade::{start_relay, start_websocket};
use crate::connection::ConnectionEnd;
use crate::server::host::HostState;
use crate::server::host::request::{Destination, PendingConnection, RequestContext};
use crate::server::permits::handshake::HandshakePermit;
use crate::server::response::Body;
use crate::server::stream::Transfer;

/// The last response on a connection.
pub(super) struct FinalResponse {
    pub(super) response: Response<Body>,
    pub(super) body_mode: BodyMode,
    /// Holds the client if it was accepted.
    pub(super) context: RequestContext,
}

/// Sends the last response. Then starts the WebSocket if the client was accepted, and otherwise closes the connection.
/// `rest` holds bytes that were read after the request.
pub(super) async fn send_final_response<S, M: Transfer<S>>(
    state: &Arc<HostState>,
    mut stream: S,
    rest: Vec<u8>,
    response: FinalResponse,
    permit: HandshakePermit,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let FinalResponse { response, body_mode, context } = response;
    let (mut head, body) = response.into_parts();
    if head.status != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        head.headers.entry(CONNECTION).or_insert(close);
    }
    // The body of the last response on a connection is always in memory, never read from a file.
    let Ok(body) = body.collect().await else { return };
    let accepted = context.take_accepted();
    let bytes = match &accepted {
        // The owner has already encoded the head, so the bytes are sent unchanged.
        Some(Destination::OtherHost(client)) => client.head().to_vec(),
        Some(Destination::ThisHost(_)) | None => {
            let mut bytes = encode(&Response::from_parts(head, body.to_bytes()), body_mode);
            if let Some(Destination::ThisHost(client)) = &accepted {
                bytes.extend_from_slice(&client.trailer);
            }
            bytes
        }
    };
    // An accepted client needs no permit to linger, because it has a permit of its own. A rejected client without a
    // permit to linger gets only what fits into the socket's send buffer.
    let linger_permit = state.linger_permits.try_acquire().ok().filter(|_| accepted.is_none());
    let time_limit = match (&accepted, &linger_permit) {
        (None, None) => Duration::ZERO,
        _ => state.config().timeouts.handshake,
    };
    let written = write(&mut stream, &bytes, time_limit).await;
    match (accepted, written) {
        (Some(Destination::ThisHost(PendingConnection { admitted, .. })), Err(error)) => {
            admitted.disconnect(&ConnectionEnd::Lost(error));
        }
        (Some(Destination::ThisHost(client)), Ok(())) => {
            start_websocket::<_, M>(state, stream, rest, client);
        }
        // Dropping the client also drops its connection to the owner.
        (Some(Destination::OtherHost(_)), Err(error)) => {
            let (peer, connection) = (context.peer.address, context.connection.0);
            tracing::debug!(connection, %peer, "the client was lost before it was relayed: {error}");
        }
        (Some(Destination::OtherHost(client)), Ok(())) => start_relay::<_, M>(stream, rest, client),
        (None, Ok(())) => close_after_response(stream, linger_permit, permit).await,
        (None, Err(error)) => {
            let (peer, connection) = (context.peer.address, context.connection.0);
            tracing::debug!(connection, %peer, "the response could not be written: {error}");
        }
    }
}

async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    time_limit: Duration,
) -> std::io::Result<()> {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    match timeout(time_limit, writing).await {
        Ok(written) => written,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

/// Closes a connection after its last response.
pub(super) async fn close_after_response<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    linger_permit: Option<SemaphorePermit<'_>>,
    permit: HandshakePermit,
) {
    // Without a permit to linger, the stream is dropped, and the connection may be reset.
    if let Some(_linger_permit) = linger_permit {
        drop(permit);
        linger::close(&mut stream).await;
    }
}
