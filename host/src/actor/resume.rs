//! Creating instances, and moving the state from one instance to the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::Actor;
use super::durable::MissingState;
use super::saved_state::SavedState;
use crate::guest::{Fault, Guest, Reason, Template};
use crate::log_rate::{Line, LogRate, Quoted};

/// Limits the log lines about states that are too long.
static TOO_LONG: LogRate = LogRate::new();

/// Limits the log lines about states that were refused.
static REFUSED: LogRate = LogRate::new();

impl Actor {
    /// Creates an instance that resumes from a saved state. Returns `None` if the instance refuses the state.
    pub(super) async fn instantiate_with_state(
        &self,
        template: &Arc<Template>,
        saved: &SavedState,
        reason: Reason,
    ) -> Result<Option<Box<Guest>>, Fault> {
        let mut guest = self.instantiate(template).await?;
        Ok(self.resume(&mut guest, Some(saved), reason).await?.then_some(guest))
    }

    /// Asks the guest for its state. Returns `None` if the guest has no state, or if the state is longer than
    /// `max-state`.
    pub(super) async fn suspend(
        &self,
        guest: &mut Guest,
        reason: Reason,
    ) -> Result<Option<Arc<[u8]>>, Fault> {
        tracing::trace!(actor = self.name(), reason = reason.as_str(), "suspend");
        let limits = self.code.limits();
        let suspended = guest.suspend(reason).await;
        let suspended = suspended.map_err(|fault| guest.explain(fault));
        let suspended = suspended.inspect_err(|fault| {
            if fault.is_caused_by_handler() {
                self.count_missing_state(reason, MissingState::Fault);
            }
        });
        let Some(state) = suspended? else {
            return Ok(None);
        };
        if state.len() <= limits.max_state {
            return Ok(Some(state.into()));
        }
        self.count_missing_state(reason, MissingState::TooLong);
        if let Some(Line { left_out }) = TOO_LONG.line(Instant::now()) {
            tracing::warn!(
                resource = self.code.resource(),
                actor = self.name(),
                left_out,
                "a state was not kept: it has {} bytes, and max-state allows {}",
                state.len(),
                limits.max_state,
            );
        }
        Ok(None)
    }

    /// Calls `resume`, with or without a state. Returns false if the guest refuses to resume.
    pub(super) async fn resume(
        &self,
        guest: &mut Guest,
        saved: Option<&SavedState>,
        reason: Reason,
    ) -> Result<bool, Fault> {
        tracing::trace!(actor = self.name(), reason = reason.as_str(), "resume");
        let state = saved.and_then(|saved| saved.state.clone());
        let resumed = guest.resume(state, reason, saved.and_then(SavedState::age)).await;
        let Err(why) = resumed.map_err(|fault| guest.explain(fault))? else {
            return Ok(true);
        };
        if let Some(Line { left_out }) = REFUSED.line(Instant::now()) {
            let (resource, actor) = (self.code.resource(), self.name());
            let (component, hash) = guest.component();
            let why = Quoted(why.as_bytes());
            tracing::error!(
                component,
                hash,
                resource,
                actor,
                left_out,
                "the state was refused: {why}"
            );
        }
        Ok(false)
    }

    pub(super) async fn instantiate(&self, template: &Arc<Template>) -> Result<Box<Guest>, Fault> {
        let guest = Box::new(template.instantiate(Arc::clone(&self.resources)).await?);
        self.exports_drained.fetch_or(template.exports_drained(), Ordering::Relaxed);
        self.exports_stopping.fetch_or(template.exports_stopping(), Ordering::Relaxed);
        Ok(guest)
    }
}
