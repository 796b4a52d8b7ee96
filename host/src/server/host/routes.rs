//! Routing: finding what responds to a request.

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::ext::Protocol;
use ws_host_protocol::handshake::{Rejection, server};

use super::HostState;
use super::handshake;
use super::request::RequestContext;
use crate::config::Address;
use crate::server::response::{HostResponse, rejected, text};

/// The path of the health check.
const HEALTH: &str = "/healthz";

/// The path of the readiness check.
const READINESS: &str = "/readyz";

/// How many resource paths a 404 response lists.
const MAX_LISTED_PATHS: usize = 8;

/// The response to a relayed request that opens no WebSocket.
const NO_HANDSHAKE: &str = "Hosts relay only WebSocket handshakes to each other.\n";

pub(in crate::server) async fn handle_request(
    state: &Arc<HostState>,
    request: &Request<()>,
    context: RequestContext,
) -> HostResponse {
    let path = request.uri().path();
    let address = context.address.clone();
    let found = match &context.edge {
        Some(edge) => state.registry.find_named(&edge.resource, path),
        None => state.registry.find(address.as_ref(), path),
    };
    if server::is_upgrade(request) || is_extended_connect(request) {
        return HostResponse::Handshake(match found {
            Some(route) => handshake::admit(state, route, request, context).await,
            None => {
                state.context.metrics.unknown_paths.increment();
                handshake::log_unknown_path(state, request, &context);
                text(
                    StatusCode::NOT_FOUND,
                    format!(
                        "There is no WebSocket resource at this path. There is one at {}.\n",
                        list_paths(state, address.as_ref())
                    ),
                )
            }
        });
    }
    if context.edge.is_some() {
        return HostResponse::Handshake(text(StatusCode::BAD_REQUEST, NO_HANDSHAKE));
    }
    if path == HEALTH {
        return HostResponse::Ordinary(state.health());
    }
    if path == READINESS {
        return HostResponse::Ordinary(state.readiness());
    }
    if let Some(files) = &state.static_files
        && let Some(response) = files.serve(request).await
    {
        return HostResponse::Ordinary(response);
    }
    if found.is_some() {
        let versions = &state.config().versions;
        return HostResponse::Handshake(rejected(Rejection::NoUpgrade, request, versions));
    }
    HostResponse::Ordinary(text(
        StatusCode::NOT_FOUND,
        format!(
            "There is nothing at this path. There is a WebSocket resource at {}.\n",
            list_paths(state, address.as_ref())
        ),
    ))
}

/// Returns whether a request asks for another protocol over HTTP/2 (RFC 8441 §4).
fn is_extended_connect(request: &Request<()>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Protocol>().is_some()
}

/// Lists paths of the resources that are served at an address.
fn list_paths(state: &HostState, address: Option<&Address>) -> String {
    let all = state.registry.all();
    let paths: Vec<String> = all
        .iter()
        .filter(|served| {
            let at = served.settings().listen.clone();
            at.is_none() || at.as_ref() == address
        })
        .take(MAX_LISTED_PATHS)
        .map(|served| served.settings().path.as_str().to_owned())
        .collect();
    paths.join(", ")
}
