//! The saved state of an actor that this host owns: the state that the host took over, and the state that it wrote
//! last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::nats::NatsRecords;
use super::placement::{Claim, Placement};
use crate::ownership::{Inherited, SaveError, SavedWhen};

/// The state of an actor at the broker. It must be opened before it can be written.
#[derive(Debug)]
pub(super) struct KeptState {
    placement: Arc<Placement<NatsRecords>>,
    is_open: AtomicBool,
    inherited: Mutex<Option<Inherited>>,
    /// The result of the last write. The lock is held during a write, so that there is only one write at a time.
    written: tokio::sync::Mutex<Written>,
    /// Cancelled when the final state is due. A save of an earlier state then ends, so that it takes no room on the link.
    is_closing: CancellationToken,
}

#[derive(Clone, Copy, Debug)]
enum Written {
    Nothing,
    Revision(u64),
    /// The actor has had its last event, and its final state was written. No other state may replace that state.
    Last,
}

impl KeptState {
    pub(super) fn new(placement: Arc<Placement<NatsRecords>>) -> Self {
        Self {
            placement,
            is_open: AtomicBool::new(false),
            inherited: Mutex::default(),
            written: tokio::sync::Mutex::new(Written::Nothing),
            is_closing: CancellationToken::new(),
        }
    }

    /// Fences the earlier owners, and takes over their last state. Does nothing if this has been done before.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, earlier owners may already be fenced. The next call does the rest.
    pub(super) async fn open(&self, claim: &Claim) -> Result<(), SaveError> {
        // This check does not take the lock, because a save may hold the lock while it waits for the broker.
        if self.is_open() {
            return Ok(());
        }
        let mut written = self.written.lock().await;
        if let Written::Nothing = *written {
            let (revision, inherited) = self.placement.open_state(claim).await?;
            *self.inherited.lock() = inherited;
            *written = Written::Revision(revision);
            self.is_open.store(true, Ordering::Release);
        }
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(super) fn take_inherited(&self) -> Option<Inherited> {
        self.inherited.lock().take()
    }

    /// Saves a state. Does nothing if the final state was saved, or is due and this is another one.
    pub(super) async fn save(
        &self,
        claim: &Claim,
        state: &[u8],
        when: SavedWhen,
    ) -> Result<(), SaveError> {
        if let SavedWhen::Handover = when {
            self.is_closing.cancel();
        }
        let mut written = self.written.lock().await;
        let Written::Revision(before) = *written else { return Ok(()) };
        let saving = self.placement.save_state(claim, state, when, before);
        *written = match when {
            SavedWhen::Running => match self.is_closing.run_until_cancelled(saving).await {
                Some(saved) => Written::Revision(saved?),
                None => return Ok(()),
            },
            SavedWhen::Handover => {
                saving.await?;
                Written::Last
            }
        };
        Ok(())
    }
}
