//! Proofs that a host knows a shared secret.
//!
//! Each side chooses a random nonce for each connection. A proof is an HMAC-SHA256 over a label of its side, both
//! nonces, the name of the cluster, and the content that the proof covers. So a recorded proof is useless on any other
//! connection, and a proof of one side is never valid for the other side. The secret itself is never sent.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rand::Rng;
use ring::hmac;

use super::error::SetupError;

/// The length of a nonce and of a proof, in bytes.
pub(super) const LENGTH: usize = 32;

/// The minimum length of a secret, in bytes. A secret must be random. Anyone who can reach the address for peers can
/// get a proof about a nonce of their own choice, and then try out secrets until one matches.
pub(super) const MIN_SECRET: usize = 16;

/// The maximum length of a secret, in bytes. A longer file is probably not a secret.
const MAX_SECRET: usize = 4096;

pub(super) type Nonce = [u8; LENGTH];

/// The secret that the hosts of a cluster share.
#[derive(Clone)]
pub(crate) struct Secret(Arc<hmac::Key>);

/// The side that makes a proof.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Edge,
    Owner,
}

/// The nonces of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nonces {
    pub(super) edge: Nonce,
    pub(super) owner: Nonce,
}

/// What a proof is bound to, in addition to the content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) nonces: Nonces,
    /// The cluster of the side that makes the proof.
    pub(super) cluster: &'a str,
}

/// Returns a nonce that has never been used.
pub(super) fn nonce() -> Nonce {
    let mut nonce = Nonce::default();
    rand::rng().fill_bytes(&mut nonce);
    nonce
}

impl Secret {
    /// Reads the secret from a file. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// An error if the file cannot be read, or if its content cannot be a secret.
    pub(crate) fn read(file: &Path) -> Result<Self, SetupError> {
        let content =
            std::fs::read(file).map_err(|cause| SetupError::Read(file.to_owned(), cause))?;
        Self::new(content.trim_ascii()).ok_or_else(|| SetupError::Secret(file.to_owned()))
    }

    /// Creates a secret of 16 to 4096 bytes.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let is_possible = (MIN_SECRET..=MAX_SECRET).contains(&secret.len());
        is_possible.then(|| Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret))))
    }

    /// Returns the proof of one side for `content`. On each side, the content has a fixed length.
    pub(super) fn prove(&self, side: Side, context: &Context<'_>, content: &[u8]) -> [u8; LENGTH] {
        let tag = hmac::sign(&self.0, &message(side, context, content));
        let mut proof = [0; LENGTH];
        proof.copy_from_slice(tag.as_ref());
        proof
    }

    /// Checks a proof. The time that this takes does not depend on where the proof differs.
    pub(super) fn is_proven(
        &self,
        side: Side,
        context: &Context<'_>,
        content: &[u8],
        proof: &[u8],
    ) -> bool {
        hmac::verify(&self.0, &message(side, context, content), proof).is_ok()
    }
}

fn message(side: Side, context: &Context<'_>, content: &[u8]) -> Vec<u8> {
    let label: &[u8] = match side {
        Side::Edge => b"ws-host peer 2 edge \0",
        Side::Owner => b"ws-host peer 2 owner\0",
    };
    let Context { nonces, cluster } = context;
    // For each side, only the name of the cluster varies in length, and it contains no zero byte.
    [label, &nonces.edge, &nonces.owner, cluster.as_bytes(), b"\0", content].concat()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proof_holds_for_its_side_its_nonces_its_cluster_its_content_and_its_secret_only() {
        let secret = Secret::new(&[1; MIN_SECRET]).expect("long enough");
        let nonces = Nonces { edge: nonce(), owner: nonce() };
        let context = Context { nonces, cluster: "one" };
        let proof = secret.prove(Side::Edge, &context, b"content");
        assert!(secret.is_proven(Side::Edge, &context, b"content", &proof));
        assert!(!secret.is_proven(Side::Owner, &context, b"content", &proof));
        assert!(!secret.is_proven(Side::Edge, &context, b"contents", &proof));
        let other = Context { nonces: Nonces { owner: nonce(), ..nonces }, ..context };
        assert!(!secret.is_proven(Side::Edge, &other, b"content", &proof));
        let other = Context { nonces: Nonces { edge: nonce(), ..nonces }, ..context };
        assert!(!secret.is_proven(Side::Edge, &other, b"content", &proof));
        let other = Context { cluster: "two", ..context };
        assert!(!secret.is_proven(Side::Edge, &other, b"content", &proof));
        let other = Secret::new(&[2; MIN_SECRET]).expect("long enough");
        assert!(!other.is_proven(Side::Edge, &context, b"content", &proof));
        assert!(!secret.is_proven(Side::Edge, &context, b"content", &proof[..31]));
    }

    #[test]
    fn secret_is_read_without_the_newline_and_a_short_one_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        let nonces = Nonces { edge: nonce(), owner: nonce() };
        std::fs::write(&file, [&[b'a'; MIN_SECRET][..], b"\n"].concat()).expect("room");
        let read = Secret::read(&file).expect("a secret");
        let same = Secret::new(&[b'a'; MIN_SECRET]).expect("long enough");
        let context = Context { nonces, cluster: "one" };
        let proof = read.prove(Side::Owner, &context, b"");
        assert!(same.is_proven(Side::Owner, &context, b"", &proof));
        std::fs::write(&file, "short\n").expect("room");
        let error = Secret::read(&file).expect_err("too short").to_string();
        assert!(error.contains("openssl rand -hex 32"), "{error}");
        let error = Secret::read(&folder.path().join("none")).expect_err("no file").to_string();
        assert!(error.contains("none: "), "{error}");
    }
}
