//! The saved state of an actor. It is a record that the actor's owner replaces. Each write is a compare-and-swap on the
//! owner's own last write.
//!
//! A new owner first writes the record under its own token. From then on, every write of an earlier owner fails.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::content::{decode, encode};
use super::directory::Placement;
use super::foreign::RecordKind;
use super::key::Key;
use super::records::{Entry, Records, RecordsError, WriteError, within};
use crate::ownership::{Inherited, SaveError, SavedWhen};

/// The number of attempts to write. An attempt fails if another owner was faster, or if the answer to an earlier write
/// of this owner was lost.
const MAX_ATTEMPTS: usize = 4;

/// The first line of a record. It is JSON, so that operators can read it. The state follows.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// The fencing token of the owner that wrote the record.
    owner: u64,
    state: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// The owner has not saved a state yet.
    None,
    Running,
    Handover,
}

/// A record as it was read.
struct Found {
    header: Header,
    revision: u64,
    /// The header and the state.
    content: Bytes,
    state: Arc<[u8]>,
}

impl<R: Records> Placement<R> {
    /// Makes the owner of a claim the only host that can save the state of the claimed actor. Returns the revision of
    /// the record, and the state that the previous owner left behind.
    pub(crate) async fn open_state(
        &self,
        claim: &Claim,
    ) -> Result<(u64, Option<Inherited>), SaveError> {
        within(self.timing.request(), self.try_open(claim)).await
    }

    async fn try_open(&self, claim: &Claim) -> Result<(u64, Option<Inherited>), SaveError> {
        let key = Key::State(claim.actor().clone());
        for _ in 0..MAX_ATTEMPTS {
            if claim.term().is_lost() {
                return Err(SaveError::Fenced);
            }
            let found = self.find_state(&key, claim).await?;
            // The record may be missing because the broker has lost its data, as in `try_save`.
            if found.as_ref().is_none_or(Found::is_of_lost_records) && !claim.term().confirm().await
            {
                return Err(SaveError::Fenced);
            }
            let (expected, state, kind) = match &found {
                None => (0, &[][..], Kind::None),
                Some(found) if found.header.state == Kind::None => {
                    (found.revision, &[][..], Kind::None)
                }
                // The kind is `Running`, because the new owner will have events that this state does not contain.
                Some(found) => (found.revision, &found.state[..], Kind::Running),
            };
            match self.records.write(&key, content(claim, kind, state), expected).await {
                Ok(revision) => return Ok((revision, found.map(Found::into_inherited))),
                Err(WriteError::Raced) => {}
                Err(WriteError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(contended())
    }

    /// Replaces the state of an actor. `revision` is the revision of this owner's last write. Returns the new revision.
    pub(crate) async fn save_state(
        &self,
        claim: &Claim,
        state: &[u8],
        when: SavedWhen,
        revision: u64,
    ) -> Result<u64, SaveError> {
        let max = self.records.max_state();
        let kind = match when {
            SavedWhen::Running => Kind::Running,
            SavedWhen::Handover => Kind::Handover,
        };
        if state.len() > max {
            return Err(SaveError::TooLong { bytes: state.len(), max });
        }
        let content = content(claim, kind, state);
        let bytes = content.len();
        self.saving.run(bytes, self.timing.request(), self.try_save(claim, content, revision)).await
    }

    async fn try_save(
        &self,
        claim: &Claim,
        content: Bytes,
        mut revision: u64,
    ) -> Result<u64, SaveError> {
        // The save may have waited for room while its actor ended.
        if claim.is_over() {
            return Err(SaveError::Unavailable("the path has ended on this host".to_owned()));
        }
        let key = Key::State(claim.actor().clone());
        for _ in 0..MAX_ATTEMPTS {
            if claim.term().is_lost() {
                return Err(SaveError::Fenced);
            }
            match self.records.write(&key, content.clone(), revision).await {
                Ok(revision) => return Ok(revision),
                Err(WriteError::Raced) => {
                    let found = self.find_state(&key, claim).await?;
                    let is_own = found.as_ref().is_some_and(|found| {
                        found.header.owner == claim.token() && found.revision >= revision
                    });
                    // If this owner wrote the record, the answer to that write was lost. If the record is missing,
                    // older, or of another owner, there are two possibilities. Perhaps the broker has lost its data or
                    // is back with old data, in which the token of the claim means nothing. Or only the state is gone,
                    // for example because an operator has removed it. A renewal of the lease tells the two apart: it
                    // succeeds only if the broker still has the records in which the actor was claimed.
                    if !is_own && !claim.term().confirm().await {
                        return Err(SaveError::Fenced);
                    }
                    revision = found.as_ref().map_or(0, |found| found.revision);
                    // On a slow link, a state may be stored only after its time is over. It is not sent twice.
                    if found.is_some_and(|found| found.content == content) {
                        return Ok(revision);
                    }
                }
                Err(WriteError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(contended())
    }

    /// Reads the record. Fails if a later owner has written it.
    async fn find_state(&self, key: &Key, claim: &Claim) -> Result<Option<Found>, SaveError> {
        let Some(entry) = self.records.read(key).await? else { return Ok(None) };
        let foreign = || {
            self.foreign.count(RecordKind::State);
            SaveError::Foreign(claim.actor().to_string())
        };
        let end = entry.content.iter().position(|byte| *byte == b'\n').ok_or_else(foreign)?;
        let header: Header = decode(&entry.content[..end]).ok_or_else(foreign)?;
        let state = entry.content[end + 1..].into();
        let Entry { revision, content } = entry;
        let found = Found { header, revision, content, state };
        if found.header.owner > claim.token() && !found.is_of_lost_records() {
            return Err(SaveError::Fenced);
        }
        Ok(Some(found))
    }
}

impl Found {
    /// Returns whether the owner had its claim in other records, which the broker has lost. An owner claims the actor
    /// before it writes the state, so in the same records, its token is lower than the revision of the state. Such an
    /// owner fences nobody.
    fn is_of_lost_records(&self) -> bool {
        self.header.owner >= self.revision
    }

    fn into_inherited(self) -> Inherited {
        let (state, when) = match self.header.state {
            Kind::None => (None, SavedWhen::Running),
            Kind::Running => (Some(self.state), SavedWhen::Running),
            Kind::Handover => (Some(self.state), SavedWhen::Handover),
        };
        Inherited { state, when }
    }
}

impl From<RecordsError> for SaveError {
    fn from(error: RecordsError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

fn content(claim: &Claim, state: Kind, bytes: &[u8]) -> Bytes {
    let mut content = encode(&Header { owner: claim.token(), state }).to_vec();
    content.push(b'\n');
    content.extend_from_slice(bytes);
    content.into()
}

fn contended() -> SaveError {
    SaveError::Unavailable(
        "the record of the state could not be written, because it kept changing".to_owned(),
    )
}
