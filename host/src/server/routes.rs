//! Which answer a request gets.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::ServiceExt;
use ws_host_protocol::handshake::{Rejection, server};

use super::admission;
use super::site::Site;
use crate::connection::Admitted;

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Where an orchestrator asks whether the server lives.
const HEALTH: &str = "/healthz";

/// What a request needs to know of its connection.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) peer: SocketAddr,
    /// Until when the handshake must have been answered.
    pub(super) deadline: Instant,
    /// Where the client is left when it was let in.
    pub(super) admitted: Arc<Mutex<Option<Admitted>>>,
}

pub(super) async fn answer(
    site: &Arc<Site>,
    request: &Request<Incoming>,
    visit: Visit,
) -> Response<Body> {
    let path = request.uri().path();
    if server::is_upgrade(request) {
        return if path == site.config.path {
            admission::admit(site, request, visit).await
        } else {
            text(
                StatusCode::NOT_FOUND,
                format!(
                    "There is no WebSocket resource at this path; there is one at {}.\n",
                    site.config.path
                ),
            )
        };
    }
    if path == HEALTH {
        return health(site);
    }
    if let Some(answer) = static_file(site, request).await {
        return answer;
    }
    if path == site.config.path {
        return rejected(Rejection::NoUpgrade, &site.config.path);
    }
    text(
        StatusCode::NOT_FOUND,
        format!("Nothing is here. A WebSocket resource is at {}.\n", site.config.path),
    )
}

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

fn health(site: &Site) -> Response<Body> {
    if site.is_draining() {
        text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        text(StatusCode::OK, "ok\n")
    }
}

/// A file, or `None` if there is no folder of files or no such file in it.
async fn static_file(site: &Site, request: &Request<Incoming>) -> Option<Response<Body>> {
    let files = site.static_files.clone()?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let mut wanted = Request::new(Empty::<Bytes>::new());
    *wanted.method_mut() = request.method().clone();
    *wanted.uri_mut() = request.uri().clone();
    *wanted.headers_mut() = request.headers().clone();
    // It answers every error with a status.
    let Ok(found) = files.oneshot(wanted).await;
    (found.status() != StatusCode::NOT_FOUND).then(|| found.map(|body| body.boxed_unsync()))
}
