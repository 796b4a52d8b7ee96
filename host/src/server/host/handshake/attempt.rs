//! An attempt to become a client. It is counted when it ends. It is also logged, unless this host has accepted the
//! client.

use http::{Request, StatusCode};
use tokio::time::Instant;
use ws_host_protocol::handshake::Scheme;

use crate::access_log::{self, Refused};
use crate::clients::ClientId;
use crate::config::AccessLog;
use crate::metrics::Pending;
use crate::server::host::HostState;
use crate::server::host::request::RequestContext;
use crate::server::host::resources::ServedResource;
use crate::traces::{HandshakeEnd, HandshakeSpan};

/// A handshake that is being answered. When it is dropped, its outcome is counted and its span ends. If this host has
/// not accepted the client, a line with the outcome is also written to the access log. An accepted client gets its line
/// when its connection ends.
pub(super) struct Attempt<'a> {
    pub(super) state: &'a HostState,
    pub(super) request: &'a Request<()>,
    pub(super) context: &'a RequestContext,
    pub(super) served: &'a ServedResource,
    /// The scheme that the client uses. If there are trusted proxies, they report it.
    pub(super) scheme: Scheme,
    /// The id that the client was given.
    pub(super) client: Option<ClientId>,
    /// The status of the response, once there is one.
    pub(super) status: Option<StatusCode>,
    pub(super) outcome: Pending<'a>,
    pub(super) began: Instant,
    /// The span, if the handshake is sampled.
    pub(super) span: Option<HandshakeSpan>,
}

impl Attempt<'_> {
    /// Sets the outcome.
    pub(super) fn end(&mut self, outcome: &'static str) {
        self.outcome.end(outcome);
    }

    fn end_span(&self, span: HandshakeSpan) {
        let settings = self.served.settings();
        let template = self.served.resource().code().template();
        span.end(&HandshakeEnd {
            method: self.request.method().as_str(),
            route: settings.path.as_str(),
            scheme: match self.scheme {
                Scheme::Http => "http",
                Scheme::Https => "https",
            },
            version: self.context.http_version(self.request).as_str(),
            resource: &settings.name,
            component: template.name(),
            hash: template.hash(),
            connection: self.context.connection.0,
            client: self.client.map(|ClientId(id)| id),
            status: self.status.map(|status| status.as_u16()),
            outcome: self.outcome.outcome(),
        });
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            self.end_span(span);
        }
        let outcome = self.outcome.outcome();
        if outcome != "accepted" && self.state.config().access_log == AccessLog::On {
            log_refused(self.state, self.request, self.context, Some(self), outcome);
        }
    }
}

/// Logs a handshake for a path without a resource.
pub(in crate::server) fn log_unknown_path(
    state: &HostState,
    request: &Request<()>,
    context: &RequestContext,
) {
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
        resource: attempt.map(|attempt| attempt.served.name()),
        peer: context.peer.address,
        address: context.forwarded(state, request).address,
        request,
        outcome,
        status: attempt.map_or(Some(StatusCode::NOT_FOUND), |attempt| attempt.status),
        duration: attempt.map(|attempt| attempt.began.elapsed()).unwrap_or_default(),
    });
}
