//! Lingering close: a connection is closed in such a way that its client can still read the response.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::time::timeout;

/// How long the client may take to close its side. This is enough for a client that closes when it has read the
/// response.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// The maximum number of bytes that are read and discarded while waiting for the client. The default limit for the head
/// of a request is much lower, so there is also room for the first part of a body that the host did not read.
const MAX_UNREAD: u64 = 1 << 20;

/// Shuts down the write side, and discards input until the client closes its side. If bytes were left unread, the
/// connection would be reset, and the client could lose the response (RFC 9112 §9.6). Over TLS, the shutdown sends a
/// `close_notify`, so that a client can tell a complete response from a truncated one.
pub(in crate::server) async fn close(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let closing = async {
        stream.shutdown().await?;
        copy(&mut stream.take(MAX_UNREAD), &mut sink()).await
    };
    // After an error or a timeout, there is nothing more to do.
    let _ = timeout(LINGER, closing).await;
}
