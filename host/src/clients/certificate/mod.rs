//! The certificate that a client has shown.

mod names;
mod subject;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate as it came, in DER: 64 KiB at most, as TLS takes no more. What it says is read when somebody asks,
/// not for every connection.
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

    /// Its SHA-256, as 64 hexadecimal digits in lower case.
    pub(crate) fn fingerprint(&self) -> String {
        Sha256::digest(&self.der).iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a text cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The name of its subject (RFC 4514). None if the certificate cannot be read.
    pub(crate) fn subject(&self) -> Option<&str> {
        let written = || Some(subject::written(self.read()?.subject()).into());
        self.subject.get_or_init(written).as_deref()
    }

    /// The alternative names of its subject, each behind its kind, in its order. None if there are none that can be
    /// read.
    pub(crate) fn names(&self) -> Vec<String> {
        self.read().map_or_else(Vec::new, |certificate| names::written(&certificate))
    }

    fn read(&self) -> Option<X509Certificate<'_>> {
        X509Certificate::from_der(&self.der).ok().map(|(_, certificate)| certificate)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.subject()).finish()
    }
}
