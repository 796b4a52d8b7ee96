//! What is known of a client from its handshake.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ws_host_protocol::PerMessageDeflate;
use ws_host_protocol::handshake::{Scheme, Version};

/// The request of a client, as handlers see it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The name of the resource.
    pub(crate) resource: Arc<str>,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// What the parameters of the resource's pattern stand for in the path.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) headers: Headers,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) origin: Option<String>,
    pub(crate) version: Version,
    /// What was agreed on compression.
    pub(crate) deflate: Option<PerMessageDeflate>,
    /// Of the client itself, as a trusted proxy may tell it.
    pub(crate) address: IpAddr,
    pub(crate) scheme: Scheme,
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// The subject of the certificate that it has shown.
    pub(crate) certificate: Option<Arc<str>>,
}

/// All headers, names in lower case, in the order in which they came, as
/// [`fields`](ws_host_protocol::handshake::fields()) tells them.
///
/// In one piece, as they stand on the wire: they are kept as long as the connection, and looked at
/// rarely.
#[derive(Clone)]
pub(crate) struct Headers(Box<[u8]>);

/// What is between a name and its value. A name holds no colon (RFC 9110 §5.1).
const COLON: u8 = b':';

/// What is behind a value, which cannot hold it (RFC 9110 §5.5).
const END: u8 = b'\n';

impl<'a, V: AsRef<[u8]>> FromIterator<(&'a str, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'a str, V)>>(headers: T) -> Self {
        let mut octets = Vec::new();
        for (name, value) in headers {
            octets.extend_from_slice(name.as_bytes());
            octets.push(COLON);
            octets.extend_from_slice(value.as_ref());
            octets.push(END);
        }
        Self(octets.into())
    }
}

impl Headers {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.split(|octet| *octet == END).filter_map(|line| {
            let colon = line.iter().position(|octet| *octet == COLON)?;
            Some((&line[..colon], &line[colon + 1..]))
        })
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |octets| String::from_utf8_lossy(octets);
        f.debug_map().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_out_as_they_went_in() {
        let all: [(&str, &[u8]); 4] =
            [("host", b"a:80"), ("empty", b""), ("cookie", b"a=b; c=:d"), ("cookie", b"\xff\x09")];
        let headers: Headers = all.into_iter().collect();
        let expected = all.map(|(name, value)| (name.as_bytes(), value));
        assert!(headers.iter().eq(expected), "{headers:?}");
        assert_eq!(Headers::from_iter([("", b""); 0]).iter().count(), 0);
    }
}
