//! The reasons to reject a handshake, each with its HTTP response.

use http::header::{ALLOW, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Response, StatusCode};

use super::{Version, Versions};

/// A rejected opening handshake (RFC 6455 §4.2.2). Its `Display` tells the client what to fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request is an ordinary HTTP request.
    #[error("this is a WebSocket resource: the request needs \"Upgrade: websocket\"")]
    NoUpgrade,
    /// §4.1: "The method of the request MUST be GET".
    #[error("a WebSocket handshake must be a GET request")]
    MethodNotGet,
    /// §4.1: "the HTTP version MUST be at least 1.1".
    #[error("a WebSocket handshake needs HTTP/1.1 or later")]
    HttpVersion,
    /// §4.2.1: `Connection` must have the token `Upgrade`.
    #[error("the Connection header lacks \"Upgrade\"")]
    ConnectionNotUpgrade,
    /// RFC 8441 §4: over HTTP/2 the request must be an extended CONNECT.
    #[error(
        "this is a WebSocket resource: over HTTP/2 the request must be a CONNECT with the \
         :protocol \"websocket\""
    )]
    NoExtendedConnect,
    /// RFC 8441 §4: an extended CONNECT for another protocol.
    #[error("the only supported :protocol is \"websocket\"")]
    UnknownProtocol,
    /// §4.2.1: there must be a `Host`. Over HTTP/2, there must be an `:authority`, and `Host`, if present, must
    /// not differ from `:authority`.
    #[error("the host is missing or malformed, or the request names two different hosts")]
    Host,
    /// RFC 9110 §5.3: the header with this name is repeated. That is not allowed, because it would be unclear which
    /// value counts.
    #[error("the {0} header is repeated")]
    Repeated(&'static str),
    /// A handshake must not have a body, because the bytes after the head of the request are read as frames.
    #[error("a WebSocket handshake request must not have a body")]
    Body,
    /// §4.2.1: the key is missing.
    #[error("the Sec-WebSocket-Key header is missing")]
    KeyMissing,
    /// §4.2.1: the key must be 16 bytes in base64. In drafts 07 and 08 it may be any word of at most 128 bytes.
    #[error("the Sec-WebSocket-Key header is not the base64 form of 16 bytes")]
    KeyMalformed,
    /// §4.2.1: the version is missing.
    #[error("the Sec-WebSocket-Version header is missing")]
    VersionMissing,
    /// §4.4: the server does not support the client's version. The response lists the supported versions.
    #[error("this version of the WebSocket protocol is not supported")]
    VersionUnsupported,
    /// Draft 00, §5.1: a key is missing or not ASCII.
    #[error("Sec-WebSocket-Key1 or Sec-WebSocket-Key2 is missing or not ASCII")]
    DraftKeyMissing,
    /// Draft 00, §5.2: "If either /spaces_1/ or /spaces_2/ is zero, then abort".
    #[error("Sec-WebSocket-Key1 and Sec-WebSocket-Key2 must each contain a space")]
    DraftKeyWithoutSpaces,
    /// Draft 00, §5.2: the number in a key must be divisible by the count of spaces in the key.
    #[error(
        "in each of Sec-WebSocket-Key1 and Sec-WebSocket-Key2, the number must be a multiple of the \
         count of spaces in the same header"
    )]
    DraftKeyNotMultiple,
    /// Draft 00, §4.1: the number in a key must be at most 4,294,967,295.
    #[error(
        "Sec-WebSocket-Key1 and Sec-WebSocket-Key2 must each contain a number of at most 32 bits"
    )]
    DraftKeyNumber,
    /// §4.1: the offered subprotocols must be tokens.
    #[error("the Sec-WebSocket-Protocol header is not a list of tokens")]
    SubprotocolsMalformed,
    /// §9.1: a malformed list of extensions must fail the connection.
    #[error("the Sec-WebSocket-Extensions header is not a list of extensions")]
    ExtensionsMalformed,
    /// §10.2: pages of this origin may not connect.
    #[error("pages of this origin may not connect to this resource")]
    OriginNotAllowed,
}

impl Rejection {
    /// Returns the status of the response over HTTP/1.1.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NoUpgrade | Self::VersionUnsupported => StatusCode::UPGRADE_REQUIRED,
            Self::MethodNotGet => StatusCode::METHOD_NOT_ALLOWED,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            // RFC 9220 §3 specifies this status for HTTP/3. No RFC specifies one for HTTP/2.
            Self::UnknownProtocol => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the HTTP/1.1 response of a server that supports these versions. The response has no body. It closes the
    /// connection, because the bytes after a rejected handshake cannot be trusted to be HTTP.
    #[must_use]
    pub fn response(self, versions: &Versions) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        match self {
            // RFC 9110 §15.5.22: a 426 must name the protocol in `Upgrade`. RFC 6455 §4.4: it also lists the versions
            // that would have been accepted.
            Self::NoUpgrade | Self::VersionUnsupported | Self::VersionMissing => {
                headers.insert(CONNECTION, HeaderValue::from_static("close, upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                insert_versions(headers, versions);
            }
            Self::MethodNotGet => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            _ => {}
        }
        response
    }

    /// Returns the HTTP/2 response of a server that supports these versions. The response has no body. The connection
    /// stays open, so there are no connection headers. The status is therefore never 426, which requires such headers.
    #[must_use]
    pub fn http2_response(self, versions: &Versions) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = match self.status() {
            StatusCode::UPGRADE_REQUIRED => StatusCode::BAD_REQUEST,
            status => status,
        };
        if matches!(self, Self::VersionUnsupported | Self::VersionMissing)
            && versions.contains(Version::Rfc6455)
        {
            insert_versions(response.headers_mut(), &Versions::default());
        }
        response
    }
}

/// Inserts the versions that would have been accepted (RFC 6455 §4.4).
fn insert_versions(headers: &mut HeaderMap, versions: &Versions) {
    // A list of version numbers is always a valid header value. The list is empty if the server supports only draft 00,
    // which has no number.
    if let Ok(list) = HeaderValue::try_from(versions.to_string())
        && !list.is_empty()
    {
        headers.insert(SEC_WEBSOCKET_VERSION, list);
    }
}
