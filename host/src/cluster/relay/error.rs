//! Errors of peers.

use std::path::PathBuf;

/// Why a host cannot take part in relaying.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("{0}: {1}")]
    Read(PathBuf, std::io::Error),
    #[error(
        "{0} must have a secret of 16 to 4096 bytes, such as what `openssl rand -hex 32` writes"
    )]
    Secret(PathBuf),
    #[error("{0} cannot be used: {1}")]
    Certificate(PathBuf, String),
}

/// Why the owner of a path did not take a client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    /// It cannot be reached, or the connection was lost before it answered.
    #[error("the host at {address} cannot be reached: {cause}")]
    Unreachable { address: String, cause: std::io::Error },
    /// It does not own the path any more.
    #[error("the host at {0} does not own the path")]
    Misdirected(String),
    /// It did not prove itself.
    #[error("the host at {0} has not proven itself: {1}")]
    Unproven(String, &'static str),
    /// It refused this host.
    #[error("the host at {0} refused this host: the secret or the certificate is not the same")]
    Refused(String),
    /// It answered with something other than HTTP.
    #[error("the host at {0} gave no valid answer: {1}")]
    Invalid(String, &'static str),
    /// It did not answer in time.
    #[error("the host at {0} did not answer in time")]
    Late(String),
}

impl RelayError {
    /// Returns whether another look at the directory may find another owner.
    pub(crate) fn is_worth_another_look(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Misdirected(_))
    }

    /// Returns whether somebody has to correct the settings.
    pub(crate) fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::Unproven(..) | Self::Refused(_) | Self::Invalid(..))
    }
}

/// Why a connection to the address for peers is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// It was lost, or closed too early.
    #[error("the connection was lost: {0}")]
    Lost(#[from] std::io::Error),
    /// It left after this host had proven itself.
    #[error("it left after this host had proven itself: it probably has another secret")]
    Left,
    /// Its proof is wrong.
    #[error("it does not know the secret")]
    Unproven,
    /// It does not speak the protocol.
    #[error("it is not a host of this version: {0}")]
    Invalid(&'static str),
}
