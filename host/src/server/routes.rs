//! Which answer a request gets.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::ext::Protocol;
use tower::ServiceExt;
use ws_host_protocol::handshake::{Rejection, server};

use super::admission;
use super::answer::{Body, rejected, text};
use super::site::Site;
use super::visit::Visit;
use crate::config::Address;

/// Where an orchestrator asks whether the server lives.
const HEALTH: &str = "/healthz";

/// How many paths are told to somebody who asks for another one.
const MAX_TOLD: usize = 8;

pub(super) async fn answer(
    site: &Arc<Site>,
    request: &Request<()>,
    visit: Visit,
) -> Response<Body> {
    let path = request.uri().path();
    let address = visit.address.clone();
    let found = site.registry.find(address.as_ref(), path);
    if server::is_upgrade(request) || is_extended_connect(request) {
        return match found {
            Some(route) => admission::admit(site, route, request, visit).await,
            None => text(
                StatusCode::NOT_FOUND,
                format!(
                    "There is no WebSocket resource at this path; there is one at {}.\n",
                    others(site, address.as_ref())
                ),
            ),
        };
    }
    if path == HEALTH {
        return health(site);
    }
    if let Some(answer) = static_file(site, request).await {
        return answer;
    }
    if found.is_some() {
        return rejected(Rejection::NoUpgrade, request, &site.config().versions);
    }
    text(
        StatusCode::NOT_FOUND,
        format!(
            "Nothing is here. A WebSocket resource is at {}.\n",
            others(site, address.as_ref())
        ),
    )
}

/// Whether it asks for another protocol over HTTP/2 (RFC 8441 §4).
fn is_extended_connect(request: &Request<()>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Protocol>().is_some()
}

/// The paths that there are at an address.
fn others(site: &Site, address: Option<&Address>) -> String {
    let all = site.registry.all();
    let paths: Vec<String> = all
        .iter()
        .filter(|served| {
            let at = served.settings().listen.clone();
            at.is_none() || at.as_ref() == address
        })
        .take(MAX_TOLD)
        .map(|served| served.settings().path.as_str().to_owned())
        .collect();
    paths.join(", ")
}

fn health(site: &Site) -> Response<Body> {
    if site.is_draining() {
        text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        text(StatusCode::OK, "ok\n")
    }
}

/// A file, or `None` if there is no folder of files or no such file in it.
async fn static_file(site: &Site, request: &Request<()>) -> Option<Response<Body>> {
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
