//! Where a server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What stands before the path of a unix socket.
const UNIX: &str = "unix:";

/// The sockets of whoever started the program.
const SYSTEMD: &str = "systemd";

/// Where a server listens, written as `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/ws-host.sock` or
/// `systemd`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP port; 0 lets the system choose.
    Tcp(SocketAddr),
    /// A unix socket, of which this is the file. Clients there have the address 127.0.0.1 and the port 0.
    Unix(PathBuf),
    /// The sockets that whoever started the program has opened for it, as systemd does.
    Systemd,
}

/// Nobody can listen there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} must be an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/ws-host.sock, or systemd"
)]
pub struct InvalidAddress(pub String);

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == SYSTEMD {
            return Ok(Self::Systemd);
        }
        if let Some(path) = text.strip_prefix(UNIX).filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        text.parse().map(Self::Tcp).map_err(|_| InvalidAddress(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
            Self::Systemd => f.write_str(SYSTEMD),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in ["127.0.0.1:0", "[::1]:8080", "unix:/run/a b.sock", "unix:here", "systemd"] {
            let address: Address = text.parse().expect("an address");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_told_with_what_would_be_one() {
        for text in ["", "localhost", "127.0.0.1", "::1:8080", "unix:", "fd:3", "localhost:80"] {
            let error = text.parse::<Address>().expect_err("not an address");
            assert!(error.to_string().contains("unix:/run/ws-host.sock"), "{error}");
        }
    }
}
