//! An attempt to become a client: counted and logged when it ends, however it ends.

use http::{Request, StatusCode};
use tokio::time::Instant;

use super::HostState;
use super::admission::forwarded;
use super::request::RequestContext;
use crate::access_log::{self, Refused};
use crate::clients::ClientId;
use crate::config::AccessLog;
use crate::metrics::Pending;

/// A handshake that is being answered. When it is dropped, its outcome is counted, and it gets a line in the access log
/// unless the client was accepted: the end of that client's connection gets one.
pub(super) struct Attempt<'a> {
    pub(super) state: &'a HostState,
    pub(super) request: &'a Request<()>,
    pub(super) context: &'a RequestContext,
    /// The name of the resource.
    pub(super) resource: &'a str,
    /// The id that the client has got.
    pub(super) client: Option<ClientId>,
    /// The status of the response, once there is one.
    pub(super) status: Option<StatusCode>,
    pub(super) outcome: Pending<'a>,
    pub(super) began: Instant,
}

impl Attempt<'_> {
    /// Sets the outcome.
    pub(super) fn end(&mut self, outcome: &'static str) {
        self.outcome.end(outcome);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let outcome = self.outcome.outcome();
        if outcome != "accepted" && self.state.config().access_log == AccessLog::On {
            log_refused(self.state, self.request, self.context, Some(self), outcome);
        }
    }
}

/// Logs a handshake for a path without a resource.
pub(super) fn log_unknown_path(state: &HostState, request: &Request<()>, context: &RequestContext) {
    if state.config().access_log == AccessLog::On {
        log_refused(state, request, context, None, "unknown-path");
    }
}

fn log_refused(
    state: &HostState,
    request: &Request<()>,
    context: &RequestContext,
    attempt: Option<&Attempt<'_>>,
    outcome: &'static str,
) {
    access_log::refused(&Refused {
        connection: context.connection,
        client: attempt.and_then(|attempt| attempt.client),
        resource: attempt.map(|attempt| attempt.resource),
        peer: context.peer.address,
        address: forwarded(state, request, context).address,
        request,
        outcome,
        status: attempt.map_or(Some(StatusCode::NOT_FOUND), |attempt| attempt.status),
        duration: attempt.map(|attempt| attempt.began.elapsed()).unwrap_or_default(),
    });
}
