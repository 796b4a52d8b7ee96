//! Why a handshake is refused, each with the HTTP answer that says so.

use http::header::{ALLOW, CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Response, StatusCode};

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
    /// §4.2.1: there must be one `Host`.
    #[error("the Host header is missing, malformed or repeated")]
    Host,
    /// A handshake has no body; octets after it would be taken for frames.
    #[error("a WebSocket handshake has no body")]
    Body,
    /// §4.2.1: the key is missing.
    #[error("the Sec-WebSocket-Key header is missing")]
    KeyMissing,
    /// §4.2.1: the key must be 16 octets in base64, once.
    #[error("the Sec-WebSocket-Key header is not the base64 form of 16 octets, once")]
    KeyMalformed,
    /// §4.2.1: the version is missing.
    #[error("the Sec-WebSocket-Version header is missing")]
    VersionMissing,
    /// §4.4: the client speaks a version that is not offered here.
    #[error("this server speaks Sec-WebSocket-Version 13")]
    VersionUnsupported,
    /// §4.1: the offered subprotocols are tokens, each once.
    #[error("the Sec-WebSocket-Protocol header is not a list of different tokens")]
    SubprotocolsMalformed,
    /// §4.1: an origin is one line of visible ASCII.
    #[error("the Origin header is malformed or repeated")]
    OriginMalformed,
    /// §10.2: pages of this origin may not connect.
    #[error("pages of this origin may not connect to this resource")]
    OriginNotAllowed,
}

impl Rejection {
    /// The status of the HTTP answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NoUpgrade | Self::VersionUnsupported => StatusCode::UPGRADE_REQUIRED,
            Self::MethodNotGet => StatusCode::METHOD_NOT_ALLOWED,
            Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The HTTP answer, complete but for a body. The connection is closed behind it, because what
    /// follows a refused handshake cannot be trusted to be HTTP.
    pub fn response(self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let mut tell =
            |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
        match self {
            // RFC 9110 §15.5.22: a 426 must name the protocol in `Upgrade`. RFC 6455 §4.4: and the
            // versions that would have been accepted.
            Self::NoUpgrade | Self::VersionUnsupported | Self::VersionMissing => {
                tell(CONNECTION, "close, upgrade");
                tell(UPGRADE, "websocket");
                tell(SEC_WEBSOCKET_VERSION, "13");
            }
            Self::MethodNotGet => {
                tell(ALLOW, "GET");
            }
            _ => {}
        }
        response
    }
}
