//! NATS credentials files. The client library reads such a file only once. After a reconnect, it would present the old
//! credentials again, which may have expired.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use async_nats::Auth;
use nkeys::KeyPair;

/// Reads a credentials file, and signs the server's nonce.
///
/// # Errors
///
/// An error if the file cannot be read, or contains no credentials.
///
/// # Cancel safety
///
/// Nothing is lost when the future is dropped.
pub(super) async fn sign_in(file: &Path, nonce: &[u8]) -> Result<Auth> {
    let content = tokio::fs::read_to_string(file).await?;
    let invalid = |why: &str| Error::new(ErrorKind::InvalidData, why.to_owned());
    let mut blocks = blocks(&content);
    let jwt = blocks.next().ok_or_else(|| invalid("the file has no user JWT"))?;
    let seed = blocks.next().ok_or_else(|| invalid("the file has no seed after the user JWT"))?;
    let invalid_seed = |_| invalid("the seed in the file is invalid");
    let signature = KeyPair::from_seed(seed).and_then(|pair| pair.sign(nonce));
    let mut auth = Auth::new();
    auth.jwt = Some(jwt.to_owned());
    auth.signature = Some(signature.map_err(invalid_seed)?);
    Ok(auth)
}

/// Returns each line that stands between two lines of dashes.
fn blocks(content: &str) -> impl Iterator<Item = &str> {
    let is_border = |line: &str| line.starts_with("---");
    let mut lines = content.lines().map(str::trim).filter(|line| !line.is_empty());
    std::iter::from_fn(move || {
        lines.find(|line| is_border(line))?;
        let block = lines.next()?;
        // The closing border is consumed here, so that it does not begin the next block.
        lines.next().filter(|line| is_border(line))?;
        Some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_are_read_anew_each_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("user.creds");
        assert!(sign_in(&file, b"").await.is_err());
        for jwt in ["first.jwt-1", "second.jwt_2"] {
            let pair = KeyPair::new_user();
            let seed = pair.seed().expect("a seed");
            let content = format!(
                "-----BEGIN NATS USER JWT-----\r\n{jwt}\r\n------END NATS USER JWT------\r\n\r\n\
                 ************************* IMPORTANT *************************\nNKEYs are secrets.\n\n\
                 -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
            );
            std::fs::write(&file, content).expect("room");
            let auth = sign_in(&file, b"nonce").await.expect("credentials");
            assert_eq!(auth.jwt.as_deref(), Some(jwt));
            pair.verify(b"nonce", &auth.signature.expect("a signature")).expect("its signature");
        }
        for garbage in ["", "---", "---\na\n---", "---\na\n---\n---\nb\n---", "\0\n---\n"] {
            std::fs::write(&file, garbage).expect("room");
            assert!(sign_in(&file, b"nonce").await.is_err(), "{garbage:?}");
        }
    }
}
