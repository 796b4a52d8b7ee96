//! The Flash socket policy: a Flash player asks for it, without HTTP, on the port that it wants to connect to.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::detect::FLASH;

/// Sends the policy. The request is known, but still unread.
///
/// # Errors
///
/// Returns an error if the connection is lost.
pub(super) async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    policy: &[u8],
) -> std::io::Result<()> {
    // An unread request would reset the connection, and the client might lose the policy.
    stream.read_exact(&mut [0; FLASH.len()]).await?;
    stream.write_all(policy).await?;
    stream.write_all(b"\0").await?;
    stream.shutdown().await
}
