//! Which answer a request gets.

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::ext::Protocol;
use ws_host_protocol::handshake::{Rejection, server};

use super::request::RequestContext;
use super::{HostState, admission};
use crate::config::Address;
use crate::server::response::{Answer, rejected, text};

/// Where an orchestrator asks whether the server lives.
const HEALTH: &str = "/healthz";

/// How many paths are told to somebody who asks for another one.
const MAX_TOLD: usize = 8;

pub(in crate::server) async fn answer(
    state: &Arc<HostState>,
    request: &Request<()>,
    context: RequestContext,
) -> Answer {
    let path = request.uri().path();
    let address = context.address.clone();
    let found = state.registry.find(address.as_ref(), path);
    if server::is_upgrade(request) || is_extended_connect(request) {
        return Answer::OfHandshake(match found {
            Some(route) => admission::admit(state, route, request, context).await,
            None => text(
                StatusCode::NOT_FOUND,
                format!(
                    "There is no WebSocket resource at this path; there is one at {}.\n",
                    others(state, address.as_ref())
                ),
            ),
        });
    }
    if path == HEALTH {
        return Answer::Ordinary(state.health());
    }
    if let Some(files) = &state.static_files
        && let Some(answer) = files.answer(request).await
    {
        return Answer::Ordinary(answer);
    }
    if found.is_some() {
        let versions = &state.config().versions;
        return Answer::OfHandshake(rejected(Rejection::NoUpgrade, request, versions));
    }
    Answer::Ordinary(text(
        StatusCode::NOT_FOUND,
        format!(
            "Nothing is here. A WebSocket resource is at {}.\n",
            others(state, address.as_ref())
        ),
    ))
}

/// Whether it asks for another protocol over HTTP/2 (RFC 8441 §4).
fn is_extended_connect(request: &Request<()>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Protocol>().is_some()
}

/// The paths that there are at an address.
fn others(state: &HostState, address: Option<&Address>) -> String {
    let all = state.registry.all();
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
