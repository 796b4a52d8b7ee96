//! The reasons why an actor cannot be located.

use std::time::Duration;

use super::records::RecordsError;

/// Why an actor could not be located. Except for [`Foreign`](Self::Foreign) and [`Refused`](Self::Refused), these
/// problems disappear without an operator's action.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum PlacementError {
    #[error("this host has no valid lease: the broker has not confirmed one in time")]
    NoLease,
    #[error(
        "the broker's records are new and may lack the lease of a host that still owns the actor: \
         this host claims no actors for the next {0:?}"
    )]
    ClaimWait(Duration),
    #[error("{0}")]
    Unavailable(String),
    #[error("this host could not claim the actor, because other hosts kept changing its record")]
    Contended,
    #[error(
        "the record of {0} was not written by a host: remove it, and check who may publish to its subject"
    )]
    Foreign(String),
    #[error("{0}")]
    Refused(String),
}

impl PlacementError {
    /// Returns whether a retry may succeed without an operator's action.
    pub(crate) fn is_temporary(&self) -> bool {
        !matches!(self, Self::Foreign(_) | Self::Refused(_))
    }
}

impl From<RecordsError> for PlacementError {
    fn from(error: RecordsError) -> Self {
        match error {
            RecordsError::Refused(why) => Self::Refused(why),
            RecordsError::Unavailable(_) | RecordsError::Missing => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}
