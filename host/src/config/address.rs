//! Addresses on which a server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The prefix of a unix socket's path.
const UNIX: &str = "unix:";

/// The name for the sockets that systemd passes.
const SYSTEMD: &str = "systemd";

/// An address on which a server listens, written as `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/ws-host.sock` or
/// `systemd`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP address. With port 0, the operating system chooses the port.
    Tcp(SocketAddr),
    /// The path of a unix socket. Its clients have the address 127.0.0.1 and port 0.
    Unix(PathBuf),
    /// The sockets that systemd, or another supervisor with the same protocol, has opened for the program.
    Systemd,
}

/// The error for a string that is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} must be systemd, or an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/ws-host.sock"
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
    fn error_for_an_invalid_address_names_a_valid_one() {
        for text in ["", "localhost", "127.0.0.1", "::1:8080", "unix:", "fd:3", "localhost:80"] {
            let error = text.parse::<Address>().expect_err("not an address");
            assert!(error.to_string().contains("unix:/run/ws-host.sock"), "{error}");
        }
    }
}
