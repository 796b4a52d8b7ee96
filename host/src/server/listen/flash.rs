//! The question of a Flash player, on the port where it wants to connect: a policy, and no HTTP.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::detect::FLASH;

/// Answers with the policy. What is asked is known, and not read yet.
///
/// # Errors
///
/// The connection was lost.
pub(super) async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    policy: &[u8],
) -> std::io::Result<()> {
    // Left unread, it would reset the connection before the answer is read.
    stream.read_exact(&mut [0; FLASH.len()]).await?;
    stream.write_all(policy).await?;
    stream.write_all(b"\0").await?;
    stream.shutdown().await
}
