//! The owner's side: it authenticates a peer, and reads the peer's request.

use std::io::ErrorKind;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::error::PeerError;
use super::hex;
use super::opening::{Line, MAX_INFO, Opening};
use super::reader::Reader;
use super::secret::{Nonces, Secret, Side, nonce};

/// The first words on a connection between hosts that authenticate with a shared secret. They include the protocol
/// version.
pub(super) const HELLO: &str = "ws-host-peer 1 ";

/// The opening of a peer that has authenticated.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) opening: Opening,
    /// The bytes that were read after the opening.
    pub(crate) rest: Vec<u8>,
}

/// Reads a peer's opening. If there is a secret, exchanges nonces first, and checks that the peer knows the secret.
/// `max_head` limits the head of the client's request.
///
/// # Errors
///
/// An error if the peer is not a host of this cluster.
///
/// # Cancel safety
///
/// Not cancel safe: bytes that were read are lost with the future.
pub(crate) async fn accept_opening(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    secret: Option<&Secret>,
    max_head: usize,
) -> Result<Opened, PeerError> {
    let mut proof = None;
    let mut reader = Reader::new(stream);
    if let Some(secret) = secret {
        let edge = std::str::from_utf8(&reader.greeting(HELLO).await?)
            .ok()
            .and_then(hex::decode_exactly)
            .ok_or(PeerError::Invalid("its greeting has no valid nonce"))?;
        let nonces = Nonces { edge, owner: nonce() };
        let own = secret.prove(Side::Owner, &nonces, &[]);
        let answer = format!("{HELLO}{} {}\r\n", hex::encode(&nonces.owner), hex::encode(&own));
        reader.stream.write_all(answer.as_bytes()).await?;
        reader.stream.flush().await?;
        proof = Some((secret, nonces));
    }
    let line = match reader.line().await {
        Err(PeerError::Lost(error))
            if proof.is_some() && error.kind() == ErrorKind::UnexpectedEof =>
        {
            return Err(PeerError::Left);
        }
        line => line?,
    };
    let parsed = Line::parse(&line);
    match (&proof, &parsed) {
        (Some((secret, nonces)), Some(line)) if !line.is_proven(secret, nonces) => {
            return Err(PeerError::Unproven);
        }
        // A peer that sends something other than a proof does not know the secret.
        (Some(_), None) => return Err(PeerError::Unproven),
        _ => {}
    }
    let line = parsed.ok_or(PeerError::Invalid("its opening line is invalid"))?;
    if line.info > MAX_INFO || line.head > max_head {
        return Err(PeerError::Invalid("its opening is too long"));
    }
    let content = reader.exactly(line.info + line.head).await?;
    let opening = line
        .open(content)
        .ok_or(PeerError::Invalid("the content of its opening does not match its opening line"))?;
    Ok(Opened { opening, rest: reader.rest() })
}
