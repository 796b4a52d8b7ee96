//! Short HTTP responses.

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use serde::Serialize;
use ws_host_protocol::handshake::{Rejection, Versions};

/// After how many seconds a client may retry (`Retry-After`) when the server cannot serve it now.
const RETRY_AFTER_SECONDS: &str = "5";

/// The body of an HTTP response.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A response, and what may follow it on an HTTP/1.1 connection.
pub(in crate::server) enum HostResponse {
    /// More requests may follow on the connection.
    Ordinary(Response<Body>),
    /// After this response, either the WebSocket begins or the connection ends. Bytes after a rejected handshake cannot
    /// be trusted to be HTTP.
    Handshake(Response<Body>),
}

impl HostResponse {
    /// Returns the response, for callers that treat both kinds alike.
    pub(in crate::server) fn into_response(self) -> Response<Body> {
        match self {
            Self::Ordinary(response) | Self::Handshake(response) => response,
        }
    }
}

/// Returns a JSON response.
pub(in crate::server) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // This cannot fail: all map keys in these values are strings.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    let mut response = text(status, bytes);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns a plain-text response.
pub(in crate::server) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    with_text(status_only(status), text)
}

/// Returns a 503 that asks the client to retry later.
pub(in crate::server) fn unavailable(reason: impl Into<Bytes>) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, reason);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    response
}

/// Returns the response that rejects a handshake. Its text says how to connect instead.
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
            "Pages of this origin may not connect. Allow the origin with --origin, or with `origins` in the \
             configuration.\n"
                .to_owned()
        }
        Rejection::VersionUnsupported => {
            format!("{rejection}; supported Sec-WebSocket-Version: {versions}\n")
        }
        other => format!("{other}\n"),
    };
    let response = match request.version() {
        Version::HTTP_2 => rejection.http2_response(versions),
        _ => rejection.response(versions),
    };
    with_text(response, advice)
}

/// Returns the response that accepts a handshake. It has no body.
pub(in crate::server) fn switch_protocols(response: Response<()>) -> Response<Body> {
    response.map(|()| Empty::new().map_err(|never| match never {}).boxed_unsync())
}

/// Returns the response of another host.
pub(in crate::server) fn passed_on(
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Response<Body> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    let mut response = status_only(status).map(|()| body);
    *response.headers_mut() = headers;
    response
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
