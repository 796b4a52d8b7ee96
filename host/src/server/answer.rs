//! Short answers over HTTP.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use ws_host_protocol::handshake::Rejection;

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A short answer for people.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    with_text(status_only(status), text)
}

/// A refused handshake, with a word on what would be right.
pub(super) fn rejected(rejection: Rejection, path: &str) -> Response<Body> {
    let advice = match rejection {
        Rejection::NoUpgrade => format!(
            "This is a WebSocket resource. In a browser's console:\n\n    \
             new WebSocket(`ws://${{location.host}}{path}`)\n\nIn a terminal:\n\n    \
             npx wscat -c ws://HOST:PORT{path}\n"
        ),
        Rejection::OriginNotAllowed => {
            "Pages of this origin may not connect. Let them in with --origin.\n".to_owned()
        }
        other => format!("{other}\n"),
    };
    with_text(rejection.response(), advice)
}

pub(super) fn switch_protocols(response: Response<()>) -> Response<Body> {
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
