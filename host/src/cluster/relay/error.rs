//! Errors of the connections between hosts.

use std::path::PathBuf;

use super::tls;
use crate::tls_files::TlsFileError;

/// Why a host cannot take part in relaying.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("{0}: {1}")]
    Read(PathBuf, std::io::Error),
    #[error(
        "{0} must contain a secret of 16 to 4096 bytes: `openssl rand -hex 32` makes a good one"
    )]
    Secret(PathBuf),
    #[error(transparent)]
    File(#[from] TlsFileError),
    #[error("{0} cannot be used: {1}")]
    Certificate(PathBuf, String),
}

/// Why the owner of a path did not accept a client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    /// The owner cannot be reached, or the connection was lost before the owner answered.
    #[error("the host at {address} cannot be reached: {cause}")]
    Unreachable { address: String, cause: std::io::Error },
    /// The host no longer owns the path.
    #[error("the host at {0} does not own the path")]
    Misdirected(String),
    /// The host is in another cluster. It has the address that a host of this cluster had, so another host may own the
    /// path soon.
    #[error("the host at {0} is in the cluster {1:?}, not in this host's cluster")]
    OtherCluster(String, String),
    /// The host did not authenticate.
    #[error("the host at {0} did not authenticate: {1}")]
    Unproven(String, &'static str),
    /// The other host refused this host.
    #[error(
        "the host at {0} refused this host: the two hosts have different secrets, or certificates \
         from different authorities"
    )]
    Refused(String),
    /// The host answered with something other than HTTP.
    #[error("the host at {0} sent an invalid response: {1}")]
    Invalid(String, &'static str),
    /// The host did not answer in time.
    #[error("the host at {0} did not answer in time")]
    Late(String),
}

impl RelayError {
    /// Converts the error that ended a connection. If the other host sent a TLS alert, it does not trust this host.
    pub(crate) fn failed(address: &str, cause: std::io::Error) -> Self {
        match tls::cause_of(&cause) {
            Some(rustls::Error::AlertReceived(_)) => Self::Refused(address.to_owned()),
            _ => Self::Unreachable { address: address.to_owned(), cause },
        }
    }

    /// The error for a host that did not authenticate.
    pub(super) fn unproven(address: &str, why: &'static str) -> Self {
        Self::Unproven(address.to_owned(), why)
    }

    /// Returns whether another lookup in the directory may find another owner.
    pub(crate) fn is_worth_another_look(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Misdirected(_) | Self::OtherCluster(..))
    }

    /// Returns whether an operator has to correct the settings.
    pub(crate) fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::Unproven(..) | Self::Refused(_) | Self::Invalid(..))
    }
}

/// Why a connection to the address for peers is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// The connection was lost, or the peer closed it too early.
    #[error("the connection was lost: {0}")]
    Lost(#[from] std::io::Error),
    /// The peer closed the connection after this host had proven that it knows the secret.
    #[error(
        "the other side closed the connection after this host had authenticated: its secret is \
         probably a different one"
    )]
    Left,
    /// The peer's proof is wrong.
    #[error("the other side does not know the secret of this host")]
    Unproven,
    /// The peer is in another cluster.
    #[error("the other side is in the cluster {0:?}, not in this host's cluster")]
    OtherCluster(String),
    /// The peer does not speak the protocol.
    #[error("the other side does not speak the same version of the protocol between hosts: {0}")]
    Invalid(&'static str),
}
