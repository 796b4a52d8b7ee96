//! The Flash socket policy. A Flash player requests it, without HTTP, on the port to which the player wants to connect.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::detect::FLASH;

/// Sends the policy. The request has been recognized, but not consumed.
///
/// # Errors
///
/// Returns an error if the connection is lost.
pub(super) async fn send_policy(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    policy: &[u8],
) -> std::io::Result<()> {
    // An unread request would reset the connection, and the client might lose the policy.
    stream.read_exact(&mut [0; FLASH.len()]).await?;
    stream.write_all(policy).await?;
    stream.write_all(b"\0").await?;
    stream.shutdown().await
}
