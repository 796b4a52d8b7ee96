//! Refusals of clients: because the host has no room for them, or because no host owns the actor of their path.

use http::Response;
use tokio::time::Instant;

use super::attempt::Attempt;
use crate::cluster::Unavailable;
use crate::log_rate::{Line, LogRate};
use crate::server::host::resources::ServedResource;
use crate::server::response::{Body, unavailable};

/// Limits the log lines about clients that were refused because a limit was reached.
static FULL: LogRate = LogRate::new();

/// Limits the log lines about clients that were refused because no host owns their actor.
static NO_OWNER: LogRate = LogRate::new();

/// Refuses a client because a limit is reached: logs and counts the refusal, and returns the response.
pub(super) fn full(
    served: &ServedResource,
    attempt: &mut Attempt<'_>,
    limit: &'static str,
) -> Response<Body> {
    attempt.end("full");
    let (resource, connection) = (served.name(), attempt.context.connection.0);
    if let Some(Line { left_out }) = FULL.line(Instant::now()) {
        tracing::warn!(
            connection,
            resource,
            left_out,
            "a client was refused: the limit on {limit} is reached"
        );
    }
    served.resource().code().metrics().refused.count(limit);
    unavailable("The server has no room for another client.\n")
}

/// Refuses a client because no host owns the actor of its path.
pub(super) fn no_owner(
    served: &ServedResource,
    attempt: &mut Attempt<'_>,
    why: &Unavailable,
) -> Response<Body> {
    attempt.end("no-owner");
    if let Some(Line { left_out }) = NO_OWNER.line(Instant::now()) {
        tracing::warn!(
            connection = attempt.context.connection.0,
            resource = served.name(),
            left_out,
            "a client was refused, because no host of the cluster serves its path: {why}"
        );
    }
    unavailable("No host of the cluster serves this path at the moment.\n")
}
