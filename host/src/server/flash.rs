//! The question of a Flash player, on the port where it wants to connect: a policy, and no HTTP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What it sends. No HTTP request begins with the first octet of it.
const QUESTION: &[u8] = b"<policy-file-request/>\0";

/// Answers with the policy if that is what is asked. Answers whether it was.
///
/// # Errors
///
/// It was neither that nor HTTP, or the connection was lost.
pub(super) async fn answer(stream: &mut TcpStream, policy: &[u8]) -> std::io::Result<bool> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0] != QUESTION[0] {
        return Ok(false);
    }
    let mut question = [0; QUESTION.len()];
    stream.read_exact(&mut question).await?;
    if question != QUESTION {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    stream.write_all(policy).await?;
    stream.write_all(b"\0").await?;
    stream.shutdown().await?;
    Ok(true)
}
