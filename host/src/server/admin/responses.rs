//! Responses of the admin address.

use http::header::{ALLOW, HeaderValue};
use http::{Response, StatusCode};

use crate::reload::{ReloadError, ReloadOutcome, Replaced};
use crate::server::host::{Configured, CustomError, CustomReply, TaggedError};
use crate::server::reload_config::{ConfigReload, ConfigReloadError};
use crate::server::response::{Body, text};

/// Returns the response to a request whose path is known but whose method is not allowed there (RFC 9110 §15.5.6).
pub(super) fn method_not_allowed(allowed: &[&str], usage: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, usage);
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

pub(super) fn reloaded(reload: Result<ConfigReload, ConfigReloadError>) -> Response<Body> {
    let ConfigReload { configured, needs_restart, reloads } = match reload {
        Ok(reload) => reload,
        Err(error) => return text(StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")),
    };
    let mut status = StatusCode::OK;
    let mut lines = configured.map(|configured| changes(&configured)).unwrap_or_default();
    if !needs_restart.is_empty() {
        lines += &format!("not changed until a restart: {}\n", needs_restart.join(", "));
    }
    for (name, reload) in reloads {
        lines += &match reload {
            Ok(ReloadOutcome::Unchanged { hash }) => format!("{name}: unchanged {hash}\n"),
            Ok(ReloadOutcome::Replaced(replaced)) => {
                format!("{name}: {}", replacement(&replaced))
            }
            Err(error @ (ReloadError::Component(_) | ReloadError::RolledBack { .. })) => {
                status = StatusCode::UNPROCESSABLE_ENTITY;
                format!("{name}: {error}\n")
            }
            Err(error) => {
                status = StatusCode::SERVICE_UNAVAILABLE;
                format!("{name}: {error}\n")
            }
        };
    }
    text(status, lines)
}

fn changes(configured: &Configured) -> String {
    let Configured { added, removed, changed, restarted, unchanged: _ } = configured;
    let lists =
        [("added", added), ("removed", removed), ("changed", changed), ("restarted", restarted)];
    let changed = lists.iter().filter(|(_, names)| !names.is_empty());
    changed.map(|(verb, names)| format!("{verb} {}\n", names.join(", "))).collect()
}

fn replacement(replaced: &Replaced) -> String {
    let Replaced { old, new, longest_pause, took, waiting, trial, .. } = replaced;
    let trial = match trial {
        None => String::new(),
        Some(time) if *waiting > 0 => {
            format!(", on trial for {time:?}; after the trial, {waiting} more instances follow")
        }
        Some(time) => format!(", on trial for {time:?}"),
    };
    format!(
        "replaced {old} with {new}: {}, longest pause {longest_pause:?}, took {took:?}{trial}\n",
        instances(replaced)
    )
}

fn instances(replaced: &Replaced) -> String {
    let Replaced { swapped, kept, lost, hibernated, .. } = replaced;
    format!("{swapped} instances swapped, {kept} kept, {lost} lost, {hibernated} hibernated")
}

/// Lists the outcomes of a rollback. Resources without a trial are omitted. If no resource has a trial, the response is
/// a 409.
pub(super) fn rolled_back(
    outcomes: Vec<(String, Result<Replaced, ReloadError>)>,
) -> Response<Body> {
    let mut lines = String::new();
    for (name, outcome) in outcomes {
        match outcome {
            Ok(replaced) => {
                let Replaced { old, new, .. } = &replaced;
                let instances = instances(&replaced);
                lines += &format!("{name}: rolled back from {old} to {new}: {instances}\n");
            }
            Err(ReloadError::NoTrial) => {}
            Err(error) => lines += &format!("{name}: {error}\n"),
        }
    }
    match lines.is_empty() {
        true => text(StatusCode::CONFLICT, format!("{}\n", ReloadError::NoTrial)),
        false => text(StatusCode::OK, lines),
    }
}

/// Returns the response to a request that sends a message. If one instance got the message, the response is its reply,
/// unchanged. If several did, the response is the number of instances that accepted the message.
pub(super) fn sent(replies: Result<Vec<CustomReply>, CustomError>) -> Response<Body> {
    let mut replies = match replies {
        Ok(replies) => replies,
        Err(error @ (CustomError::NoResource(_) | CustomError::NoClient)) => {
            return text(StatusCode::NOT_FOUND, format!("{error}\n"));
        }
        Err(
            error @ (CustomError::NotPerPath
            | CustomError::KindTooLong
            | CustomError::SenderTooLong),
        ) => {
            return text(StatusCode::BAD_REQUEST, format!("{error}\n"));
        }
        Err(error) => return text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    };
    match (replies.len(), replies.pop()) {
        (1, Some(CustomReply::Given(answer))) => text(StatusCode::OK, answer),
        (1, Some(CustomReply::Refused(why))) => {
            text(StatusCode::UNPROCESSABLE_ENTITY, format!("{why}\n"))
        }
        (_, Some(CustomReply::NoListener)) => text(
            StatusCode::NOT_IMPLEMENTED,
            "The component does not export ws-host:socket/custom-listener.\n",
        ),
        (1, Some(CustomReply::Failed)) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
        (all, last) => {
            let is_given = |reply: &CustomReply| matches!(reply, CustomReply::Given(_));
            let accepted = replies.iter().chain(&last).filter(|reply| is_given(reply)).count();
            text(StatusCode::OK, format!("accepted by {accepted} of {all} instances\n"))
        }
    }
}

/// Returns the error response to a request about the clients with a tag.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(super) fn tagged_error(error: TaggedError) -> Response<Body> {
    let status = match error {
        TaggedError::NoResource(_) => StatusCode::NOT_FOUND,
        TaggedError::InvalidTag | TaggedError::Close(_) => StatusCode::BAD_REQUEST,
    };
    text(status, format!("{error}\n"))
}
