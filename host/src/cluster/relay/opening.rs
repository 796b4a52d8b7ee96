//! The opening: the message that an edge sends once the owner has authenticated. Without TLS, the proof in the opening
//! authenticates the edge.
//!
//! ```text
//! PROOF DIGEST INFO-LENGTH HEAD-LENGTH CLUSTER CRLF
//!        proof and digest in hex, lengths in decimal; the proof is `-` over TLS
//! INFO   JSON, a Request
//! HEAD   the head of the client's request, in HTTP/1.1
//! ```
//!
//! The digest is the SHA-256 of info and head. The proof covers the digest, both lengths and the name of the cluster.
//! So the owner can check the proof before it allocates memory for the rest, and nobody can replace the rest.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;
use super::origin::Origin;
use super::secret::{Context, LENGTH, Nonces, Secret, Side};

/// The maximum length of INFO, in bytes. INFO may contain a certificate of up to 64 KiB, encoded in hexadecimal.
pub(super) const MAX_INFO: usize = 160 << 10;

/// The maximum length of a line, in bytes.
pub(super) const MAX_LINE: usize = 256;

/// The maximum length of a cluster's name, as the settings allow it.
const MAX_CLUSTER: usize = 64;

/// What the edge asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Accept this client, whose request follows.
    Relay(Origin),
    /// Close this edge's clients with 1001, because the edge is stopping.
    Close {
        /// The name of the edge.
        edge: String,
        /// The time over which the closes may be spread, in milliseconds. Older versions do not send it.
        #[serde(default)]
        milliseconds: u64,
    },
}

/// The content of an opening: everything that follows its first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) request: Request,
    /// The head of the client's request. It is empty if there is no client.
    pub(crate) head: Vec<u8>,
}

/// The first line of an opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    proof: Option<[u8; LENGTH]>,
    digest: [u8; LENGTH],
    pub(super) info: usize,
    pub(super) head: usize,
    /// The cluster of the edge.
    pub(super) cluster: String,
}

/// Parses the name of a cluster. Returns `None` if no cluster can have this name.
pub(super) fn parse_cluster(name: &str) -> Option<&str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    ((1..=MAX_CLUSTER).contains(&name.len()) && name.bytes().all(is_allowed)).then_some(name)
}

impl Opening {
    /// Returns the bytes that an edge in this cluster sends. Over TLS they contain no proof.
    pub(super) fn encode(&self, cluster: &str, proof: Option<(&Secret, Nonces)>) -> Vec<u8> {
        // Serializing cannot fail: neither kind of request contains anything that JSON cannot express.
        let info = serde_json::to_vec(&self.request).unwrap_or_default();
        let digest = digest(&info, &self.head);
        let (info_length, head) = (info.len(), self.head.len());
        let mut line =
            Line { proof: None, digest, info: info_length, head, cluster: cluster.to_owned() };
        line.proof = proof.map(|(secret, nonces)| {
            secret.prove(Side::Edge, &Context { nonces, cluster }, &line.content())
        });
        [line.encode().as_bytes(), &info, &self.head].concat()
    }
}

fn digest(info: &[u8], head: &[u8]) -> [u8; LENGTH] {
    Sha256::new().chain_update(info).chain_update(head).finalize().into()
}

impl Line {
    /// Returns the bytes that the proof covers.
    fn content(&self) -> [u8; LENGTH + 16] {
        let mut content = [0; LENGTH + 16];
        content[..LENGTH].copy_from_slice(&self.digest);
        content[LENGTH..LENGTH + 8].copy_from_slice(&(self.info as u64).to_be_bytes());
        content[LENGTH + 8..].copy_from_slice(&(self.head as u64).to_be_bytes());
        content
    }

    fn encode(&self) -> String {
        let proof = self.proof.map_or_else(|| "-".to_owned(), |proof| hex::encode(&proof));
        let digest = hex::encode(&self.digest);
        format!("{proof} {digest} {} {} {}\r\n", self.info, self.head, self.cluster)
    }

    /// Parses the first line of an opening, given without its line end. Returns `None` if the line is invalid.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(line).ok()?.split(' ');
        let (proof, digest, info, head) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let cluster = parse_cluster(parts.next()?)?.to_owned();
        if parts.next().is_some() {
            return None;
        }
        let proof = match proof {
            "-" => None,
            proof => Some(hex::decode_exactly(proof)?),
        };
        let digest = hex::decode_exactly(digest)?;
        Some(Self { proof, digest, info: info.parse().ok()?, head: head.parse().ok()?, cluster })
    }

    /// Returns whether the proof shows that the edge knows the secret.
    pub(super) fn is_proven(&self, secret: &Secret, nonces: Nonces) -> bool {
        let context = Context { nonces, cluster: &self.cluster };
        self.proof
            .is_some_and(|proof| secret.is_proven(Side::Edge, &context, &self.content(), &proof))
    }

    /// Parses the rest of the opening. Returns `None` if the rest does not match the line, or if this version does not
    /// support the request.
    pub(super) fn open(&self, mut content: Vec<u8>) -> Option<Opening> {
        let (info, head) = content.split_at_checked(self.info)?;
        if digest(info, head) != self.digest {
            return None;
        }
        let request = serde_json::from_slice(info).ok()?;
        let head = content.split_off(self.info);
        Some(Opening { request, head })
    }
}
