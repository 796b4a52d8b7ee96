//! Closing a connection such that its client can read the answer.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::time::timeout;

/// How long the client may take to close too. Who waits for the end of the answer has seen it by then.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// How many bytes are read and forgotten meanwhile: more than a request has, and the beginning of a body that was not
/// wanted.
const MAX_UNREAD: u64 = 1 << 20;

/// Says that this was all, and reads on until the client closes too: bytes that are left unread would reset the
/// connection, and could take the answer from the client (RFC 9112 §9.6). TLS tells of the end, so that nobody takes
/// an answer that was cut off for a whole one.
pub(in crate::server) async fn close(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let closing = async {
        stream.shutdown().await?;
        copy(&mut stream.take(MAX_UNREAD), &mut sink()).await
    };
    // Neither an error nor the end of the time leaves anything more to do.
    let _ = timeout(LINGER, closing).await;
}
