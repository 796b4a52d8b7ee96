//! The reasons why an outgoing request has no complete response.

use std::error::Error;
use std::io;
use std::net::IpAddr;

use rustls::Error as TlsError;

use crate::error_chain::last_cause;

/// Why an outgoing request has no response, or only an incomplete one.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("the server's name has no address: {0}")]
    NoAddress(String),
    #[error(
        "the server's name has the address {0}, which is not public: grant the address itself, or add the word \
         `private` to the grant"
    )]
    Prohibited(IpAddr),
    #[error("no connection within http.connect-timeout")]
    ConnectTimeout,
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("the server's certificate is not valid: {0}")]
    Certificate(String),
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    #[error("no response within http.first-byte-timeout")]
    FirstByteTimeout,
    #[error("the response stalled for longer than http.between-bytes-timeout")]
    BetweenBytesTimeout,
    #[error("the response is longer than http.max-response")]
    TooLong,
    #[error("the instance has too many requests at once")]
    TooMany,
    #[error("the connection ended before the response was complete: {0}")]
    Incomplete(String),
    #[error("the server did not open a WebSocket: {0}")]
    Refused(String),
    #[error("the server does not speak HTTP: {0}")]
    Protocol(String),
}

impl RequestError {
    /// Returns the error for a failed attempt to connect.
    pub(super) fn connecting(error: &(dyn Error + 'static)) -> Self {
        if let Some(known) = find::<Self>(error) {
            return known.clone();
        }
        match find::<io::Error>(error) {
            Some(error) if error.kind() == io::ErrorKind::TimedOut => Self::ConnectTimeout,
            Some(error) => Self::Connect(error.to_string()),
            None => Self::Connect(last_cause(error)),
        }
    }

    /// Returns the error for a failed TLS handshake.
    pub(super) fn tls(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|error| error.downcast_ref::<TlsError>());
        match tls {
            Some(TlsError::InvalidCertificate(_) | TlsError::NoCertificatesPresented) => {
                Self::Certificate(error.to_string())
            }
            _ => Self::Tls(error.to_string()),
        }
    }

    /// Returns the error for a connection that failed after it was established.
    pub(super) fn connected(error: &(dyn Error + 'static)) -> Self {
        match find::<hyper::Error>(error) {
            Some(hyper) if hyper.is_parse() || hyper.is_parse_too_large() => {
                Self::Protocol(last_cause(error))
            }
            _ => Self::Incomplete(last_cause(error)),
        }
    }
}

/// Returns the first error of this type in a chain of causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
