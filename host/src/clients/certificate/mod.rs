//! The TLS certificate of a client.

mod names;
mod subject;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate in DER, as it was received. It has at most 64 KiB, because TLS accepts no more. Most connections do
/// not need its content, so it is parsed on demand.
pub(crate) struct Certificate {
    der: Box<[u8]>,
    subject: OnceLock<Option<Box<str>>>,
}

impl Certificate {
    pub(crate) fn new(der: &[u8]) -> Self {
        Self { der: der.into(), subject: OnceLock::new() }
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the SHA-256 of the certificate, as 64 hexadecimal digits in lower case.
    pub(crate) fn fingerprint(&self) -> String {
        Sha256::digest(&self.der).iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Returns the name of the subject (RFC 4514), or `None` if the certificate cannot be parsed.
    pub(crate) fn subject(&self) -> Option<&str> {
        let format = || Some(subject::format(self.parse()?.subject()).into());
        self.subject.get_or_init(format).as_deref()
    }

    /// Returns the alternative names of the subject, in the order of the certificate. Each has its kind as a prefix.
    /// Empty if there are no names, or if the certificate cannot be parsed.
    pub(crate) fn names(&self) -> Vec<String> {
        self.parse().map_or_else(Vec::new, |certificate| names::format(&certificate))
    }

    fn parse(&self) -> Option<X509Certificate<'_>> {
        X509Certificate::from_der(&self.der).ok().map(|(_, certificate)| certificate)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.subject()).finish()
    }
}
