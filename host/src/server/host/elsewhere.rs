//! Clients whose actor lives on another host of the cluster.

use http::{Request, Response, StatusCode};

use super::HostState;
use super::request::RequestContext;
use crate::cluster::HostInfo;
use crate::server::response::{Body, text};

/// Answers a handshake whose actor lives on another host.
pub(super) fn answer(
    _: &HostState,
    _: &Request<()>,
    _: &RequestContext,
    owner: &HostInfo,
) -> Response<Body> {
    let HostInfo { host, address } = owner;
    text(StatusCode::SERVICE_UNAVAILABLE, format!("its owner is {host} at {address}\n"))
}
