//! The owner's side: it authenticates a peer, and reads the peer's request.

use std::io::ErrorKind;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::error::PeerError;
use super::hex;
use super::opening::{Line, MAX_INFO, Opening, parse_cluster};
use super::reader::Reader;
use super::secret::{Context, Nonce, Nonces, Secret, Side, nonce};

/// The first words on a connection between hosts that authenticate with a shared secret. They include the protocol
/// version.
pub(super) const HELLO: &str = "ws-host-peer 2 ";

/// The opening message of a peer that has authenticated.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) opening: Opening,
    /// The bytes that were read after the opening message.
    pub(crate) rest: Vec<u8>,
}

/// Reads the opening message of a peer. If there is a secret, exchanges nonces first, and checks that the peer knows
/// the secret. `cluster` is the cluster of this host. `max_head` limits the head of the client's request.
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
    cluster: &str,
    secret: Option<&Secret>,
    max_head: usize,
) -> Result<Opened, PeerError> {
    let mut proof = None;
    let mut reader = Reader::new(stream);
    if let Some(secret) = secret {
        let greeting = reader.greeting(HELLO).await?;
        let (edge, its_cluster) = parse_greeting(&greeting)
            .ok_or(PeerError::Invalid("its greeting has no valid nonce and cluster"))?;
        let nonces = Nonces { edge, owner: nonce() };
        let own = secret.prove(Side::Owner, &Context { nonces, cluster }, &[]);
        let (nonce, own) = (hex::encode(&nonces.owner), hex::encode(&own));
        let answer = format!("{HELLO}{nonce} {own} {cluster}\r\n");
        reader.stream.write_all(answer.as_bytes()).await?;
        reader.stream.flush().await?;
        // A host of another cluster learns from the answer that the clusters differ, and sends no data of a client.
        if its_cluster != cluster {
            return Err(PeerError::OtherCluster(its_cluster.to_owned()));
        }
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
        (Some((secret, nonces)), Some(line)) if !line.is_proven(secret, *nonces) => {
            return Err(PeerError::Unproven);
        }
        // A peer that sends something other than a proof does not know the secret.
        (Some(_), None) => return Err(PeerError::Unproven),
        _ => {}
    }
    let line = parsed.ok_or(PeerError::Invalid("its opening line is invalid"))?;
    if line.cluster != cluster {
        return Err(PeerError::OtherCluster(line.cluster));
    }
    if line.info > MAX_INFO || line.head > max_head {
        return Err(PeerError::Invalid("its opening is too long"));
    }
    let content = reader.exactly(line.info + line.head).await?;
    let opening = line
        .open(content)
        .ok_or(PeerError::Invalid("the content of its opening does not match its opening line"))?;
    Ok(Opened { opening, rest: reader.rest() })
}

/// Parses the greeting of an edge: its nonce, and the name of its cluster.
fn parse_greeting(greeting: &[u8]) -> Option<(Nonce, &str)> {
    let (nonce, cluster) = std::str::from_utf8(greeting).ok()?.split_once(' ')?;
    Some((hex::decode_exactly(nonce)?, parse_cluster(cluster)?))
}
