//! Why a handshake is refused, each with the HTTP answer that says so.

use http::header::{ALLOW, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Response, StatusCode};

use super::{Version, Versions};

/// A refused opening handshake (RFC 6455 §4.2.2). Its `Display` tells the client what to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request is an ordinary one.
    #[error("this is a WebSocket resource: the request needs \"Upgrade: websocket\"")]
    NoUpgrade,
    /// §4.1: "The method of the request MUST be GET".
    #[error("a WebSocket handshake is a GET request")]
    MethodNotGet,
    /// §4.1: "the HTTP version MUST be at least 1.1".
    #[error("a WebSocket handshake needs HTTP/1.1")]
    HttpVersion,
    /// §4.2.1: `Connection` must have the token `Upgrade`.
    #[error("the Connection header lacks \"Upgrade\"")]
    ConnectionNotUpgrade,
    /// RFC 8441 §4: over HTTP/2 the request must be an extended CONNECT.
    #[error(
        "this is a WebSocket resource: over HTTP/2 the request needs to be a CONNECT with the \
         :protocol \"websocket\""
    )]
    NoExtendedConnect,
    /// RFC 8441 §4: an extended CONNECT for another protocol.
    #[error("no :protocol but \"websocket\" is spoken here")]
    UnknownProtocol,
    /// §4.2.1: there must be a `Host`. Over HTTP/2, an `:authority` and no `Host` that differs.
    #[error("the host is missing or malformed, or two are told that differ")]
    Host,
    /// RFC 9110 §5.3: a header of this name stands more than once, and must not. Of two, nobody knows which
    /// one counts.
    #[error("the {0} header stands more than once")]
    Repeated(&'static str),
    /// A handshake has no body; octets after it would be taken for frames.
    #[error("a WebSocket handshake has no body")]
    Body,
    /// §4.2.1: the key is missing.
    #[error("the Sec-WebSocket-Key header is missing")]
    KeyMissing,
    /// §4.2.1: the key must be 16 octets in base64; in drafts 07 and 08, a word of at most 128 octets.
    #[error("the Sec-WebSocket-Key header is not the base64 form of 16 octets")]
    KeyMalformed,
    /// §4.2.1: the version is missing.
    #[error("the Sec-WebSocket-Version header is missing")]
    VersionMissing,
    /// §4.4: the client speaks a version that is not spoken here. Those that are stand in the answer.
    #[error("this version of the WebSocket protocol is not spoken here")]
    VersionUnsupported,
    /// Draft 00, §5.1: a key is missing or not ASCII.
    #[error("Sec-WebSocket-Key1 and Sec-WebSocket-Key2 must be there, in ASCII")]
    DraftKeyMissing,
    /// Draft 00, §5.2: "If either /spaces_1/ or /spaces_2/ is zero, then abort".
    #[error("a key of this draft has spaces in it")]
    DraftKeyWithoutSpaces,
    /// Draft 00, §5.2: a key's number is a multiple of its count of spaces.
    #[error("the number in a key of this draft is a multiple of its count of spaces")]
    DraftKeyNotMultiple,
    /// Draft 00, §4.1: a key's number is at most 4,294,967,295.
    #[error("a key of this draft has a number of at most 32 bits in it")]
    DraftKeyNumber,
    /// §4.1: the offered subprotocols are tokens.
    #[error("the Sec-WebSocket-Protocol header is not a list of tokens")]
    SubprotocolsMalformed,
    /// §9.1: who gets a list of extensions that is not one must fail the connection.
    #[error("the Sec-WebSocket-Extensions header is not a list of extensions")]
    ExtensionsMalformed,
    /// §10.2: pages of this origin may not connect.
    #[error("pages of this origin may not connect to this resource")]
    OriginNotAllowed,
}

impl Rejection {
    /// The status of the answer over HTTP/1.1.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::NoUpgrade | Self::VersionUnsupported => StatusCode::UPGRADE_REQUIRED,
            Self::MethodNotGet => StatusCode::METHOD_NOT_ALLOWED,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            // RFC 9220 §3 says so for HTTP/3, and nobody for HTTP/2.
            Self::UnknownProtocol => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer over HTTP/1.1 of a server that speaks these versions, complete but for a body. The
    /// connection is closed behind it, because what follows a refused handshake cannot be trusted to
    /// be HTTP.
    #[must_use]
    pub fn response(self, versions: &Versions) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        match self {
            // RFC 9110 §15.5.22: a 426 must name the protocol in `Upgrade`. RFC 6455 §4.4: and the
            // versions that would have been accepted.
            Self::NoUpgrade | Self::VersionUnsupported | Self::VersionMissing => {
                headers.insert(CONNECTION, HeaderValue::from_static("close, upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                tell_versions(headers, versions);
            }
            Self::MethodNotGet => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            _ => {}
        }
        response
    }

    /// The answer over HTTP/2 of a server that speaks these versions, complete but for a body. There are
    /// no headers of the connection, which goes on, and hence no 426, which must have some.
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
            tell_versions(response.headers_mut(), &Versions::default());
        }
        response
    }
}

/// RFC 6455 §4.4: the versions that would have been accepted.
fn tell_versions(headers: &mut HeaderMap, versions: &Versions) {
    // Numbers are always a valid header value; a server of draft 00 alone has none.
    if let Ok(list) = HeaderValue::try_from(versions.to_string())
        && !list.is_empty()
    {
        headers.insert(SEC_WEBSOCKET_VERSION, list);
    }
}
