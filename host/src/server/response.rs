//! Short answers over HTTP.

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use serde::Serialize;
use ws_host_protocol::handshake::{Rejection, Versions};

/// After how many seconds a client that found no place may try again.
const RETRY_SECONDS: &str = "5";

/// The body of an answer over HTTP.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// An answer, and what may follow it on a connection of HTTP/1.1.
pub(in crate::server) enum Answer {
    /// More requests may follow.
    Ordinary(Response<Body>),
    /// The WebSocket follows, or nothing: what comes behind a refused handshake cannot be trusted to be HTTP.
    OfHandshake(Response<Body>),
}

impl Answer {
    /// Where it makes no difference.
    pub(in crate::server) fn into_response(self) -> Response<Body> {
        match self {
            Self::Ordinary(response) | Self::OfHandshake(response) => response,
        }
    }
}

/// A short answer for programs.
pub(in crate::server) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // What is answered here is made of maps with text as keys: it can always be written.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    let mut response = text(status, bytes);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A short answer for people.
pub(in crate::server) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    with_text(status_only(status), text)
}

/// An answer to who may try again later.
pub(in crate::server) fn unavailable(why: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    response
}

/// A refused handshake, with a word on what would be right.
pub(in crate::server) fn rejected(
    rejection: Rejection,
    request: &Request<()>,
    versions: &Versions,
) -> Response<Body> {
    let path = request.uri().path();
    let advice = match rejection {
        Rejection::NoUpgrade => format!(
            "This is a WebSocket resource. In a browser's console:\n\n    \
             new WebSocket(`ws://${{location.host}}{path}`)\n\nIn a terminal:\n\n    \
             ws-host connect ws://HOST:PORT{path}\n"
        ),
        Rejection::OriginNotAllowed => {
            "Pages of this origin may not connect. Let them in with --origin, or with `origins` in the configuration.\n".to_owned()
        }
        Rejection::VersionUnsupported => {
            format!("{rejection}; there is Sec-WebSocket-Version {versions}\n")
        }
        other => format!("{other}\n"),
    };
    let response = match request.version() {
        Version::HTTP_2 => rejection.http2_response(versions),
        _ => rejection.response(versions),
    };
    with_text(response, advice)
}

pub(in crate::server) fn switch_protocols(response: Response<()>) -> Response<Body> {
    response.map(|()| Empty::new().map_err(|never| match never {}).boxed_unsync())
}

fn status_only(status: StatusCode) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    response
}

fn with_text(response: Response<()>, text: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(text.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = response.map(|()| body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
