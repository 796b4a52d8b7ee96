//! The edge's statements about a client.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::hex;

/// What the edge saw of a client. The owner treats it as if the owner itself had seen it, and applies its own rules to
/// the client, for example those about trusted proxies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Origin {
    /// The name of the edge.
    pub(crate) edge: String,
    /// The name of the resource. The owner and the edge may serve the resource at different addresses.
    pub(crate) resource: String,
    /// The two ends of the client's connection: first the client's (or a proxy's), then the edge's.
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// Whether the client's connection is encrypted.
    #[serde(default)]
    pub(crate) encrypted: bool,
    /// Whether headers that describe the client may be believed when they come from a trusted proxy.
    #[serde(default)]
    pub(crate) proxied: bool,
    /// Whether the client's connection is an HTTP/2 stream.
    #[serde(default)]
    pub(crate) http2: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server_name: Option<String>,
    /// The client's certificate, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl Origin {
    /// Creates the origin of a client without TLS. Nothing else is known about the client.
    pub(crate) fn new(edge: &str, resource: &str, peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            edge: edge.to_owned(),
            resource: resource.to_owned(),
            peer,
            local,
            encrypted: false,
            proxied: false,
            http2: false,
            server_name: None,
            certificate: None,
        }
    }

    /// Adds the client's certificate, in DER.
    pub(crate) fn with_certificate(self, der: Option<&[u8]>) -> Self {
        Self { certificate: der.map(hex::encode), ..self }
    }

    /// Returns the client's certificate, in DER.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        hex::decode(self.certificate.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_read_as_it_was_written() {
        let address = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let mut origin = Origin::new("edge", "chat", address(1), address(2));
        for certificate in [None, Some(&b"\x30\xff"[..])] {
            origin = origin.with_certificate(certificate);
            (origin.encrypted, origin.proxied) = (certificate.is_some(), certificate.is_none());
            (origin.http2, origin.server_name) = (true, certificate.map(|_| "name".to_owned()));
            let text = serde_json::to_vec(&origin).expect("JSON");
            let read: Origin = serde_json::from_slice(&text).expect("the same");
            assert_eq!(read, origin);
            assert_eq!(read.certificate().as_deref(), certificate);
        }
    }
}
