//! What whoever asked is told of it.

use http::{Response, StatusCode};

use crate::reload::{ReloadError, ReloadOutcome, Replaced};
use crate::server::host::{Configured, CustomAnswer, CustomError, TaggedError};
use crate::server::reload_config::{ConfigReload, ConfigReloadError};
use crate::server::response::{Body, text};

pub(super) fn reloaded(reload: Result<ConfigReload, ConfigReloadError>) -> Response<Body> {
    let ConfigReload { configured, reloads } = match reload {
        Ok(reload) => reload,
        Err(error) => return text(StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")),
    };
    let mut status = StatusCode::OK;
    let mut lines = configured.map(|configured| changes(&configured)).unwrap_or_default();
    for (name, reload) in reloads {
        lines += &match reload {
            Ok(ReloadOutcome::Unchanged { hash }) => format!("{name}: unchanged {hash}\n"),
            Ok(ReloadOutcome::Replaced(replaced)) => format!("{name}: {}", swaps(&replaced)),
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
    let told = lists.iter().filter(|(_, names)| !names.is_empty());
    told.map(|(what, names)| format!("{what} {}\n", names.join(", "))).collect()
}

fn swaps(replaced: &Replaced) -> String {
    let Replaced { old, new, longest_pause, took, waiting, trial, .. } = replaced;
    let trial = match trial {
        None => String::new(),
        Some(time) if *waiting > 0 => {
            format!(", on trial for {time:?}, {waiting} wait for its end")
        }
        Some(time) => format!(", on trial for {time:?}"),
    };
    format!(
        "replaced {old} by {new}: {}, longest pause {longest_pause:?}, took {took:?}{trial}\n",
        instances(replaced)
    )
}

fn instances(replaced: &Replaced) -> String {
    let Replaced { swapped, kept, lost, asleep, .. } = replaced;
    format!("{swapped} instances swapped, {kept} kept, {lost} lost, {asleep} asleep")
}

/// Those that have nothing to roll back are not named, unless that is so of all.
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

/// The answer of a single instance is given as it is; of several, how many there were.
pub(super) fn sent(answers: Result<Vec<CustomAnswer>, CustomError>) -> Response<Body> {
    let mut answers = match answers {
        Ok(answers) => answers,
        Err(error @ (CustomError::NoResource(_) | CustomError::NoClient)) => {
            return text(StatusCode::NOT_FOUND, format!("{error}\n"));
        }
        Err(error @ (CustomError::NotPerPath | CustomError::KindTooLong)) => {
            return text(StatusCode::BAD_REQUEST, format!("{error}\n"));
        }
        Err(error) => return text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    };
    match (answers.len(), answers.pop()) {
        (1, Some(CustomAnswer::Given(answer))) => text(StatusCode::OK, answer),
        (1, Some(CustomAnswer::Refused(why))) => {
            text(StatusCode::UNPROCESSABLE_ENTITY, format!("{why}\n"))
        }
        (_, Some(CustomAnswer::NoListener)) => text(
            StatusCode::NOT_IMPLEMENTED,
            "The component does not export ws-host:socket/custom-listener.\n",
        ),
        (1, Some(CustomAnswer::Failed)) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
        (all, last) => {
            let is_given = |answer: &CustomAnswer| matches!(answer, CustomAnswer::Given(_));
            let taken = answers.iter().chain(&last).filter(|answer| is_given(answer)).count();
            text(StatusCode::OK, format!("taken by {taken} of {all} instances\n"))
        }
    }
}

/// Why nothing was done with the clients that have a tag.
#[expect(clippy::needless_pass_by_value, reason = "what an error becomes")]
pub(super) fn not_done(error: TaggedError) -> Response<Body> {
    let status = match error {
        TaggedError::NoResource(_) => StatusCode::NOT_FOUND,
        TaggedError::InvalidTag | TaggedError::Close(_) => StatusCode::BAD_REQUEST,
    };
    text(status, format!("{error}\n"))
}
