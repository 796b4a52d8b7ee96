//! Who takes the seat next: a fresh instance, one that wakes, or a successor after a reload.
//!
//! A state that is in hand stays there until an instance has taken it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep_until;

use super::code::Outcome;
use super::kept::{Edition, Kept};
use super::seat::{GIVE_UP_AFTER, Live, Seat};
use super::trial::FaultIn;
use super::turn::Turn;
use crate::guest::{Fault, Reason};

/// Who goes on after a reload.
enum Successor {
    New(Live),
    Old(Live),
    /// Without the state of the old one, which could not give it.
    Fresh(Live),
}

impl Turn<'_> {
    /// Finds an instance of the current code, whatever is in the seat. A state stays in the seat for the
    /// time of it, and if it fails.
    pub(super) async fn settle(&mut self) -> Result<Live, Fault> {
        let current = self.actor.code.current();
        self.take_back(&current);
        if let Some(old) = self.place.take_live(|_| true) {
            return self.replace(old, current).await;
        }
        if let Some(until) = self.place.failures.not_before() {
            sleep_until(until).await;
        }
        let permit = self.actor.code.permit().await?;
        // There may have been a reload meanwhile.
        let current = self.actor.code.current();
        self.take_back(&current);
        if matches!(self.place.seat, Seat::Lost)
            && let Some(kept) = &self.place.checkpoint.kept
        {
            self.place.seat = Seat::Asleep(Kept::clone(kept));
        }
        match &self.place.seat {
            Seat::Asleep(kept) => {
                let kept = kept.clone();
                let is_settled = kept.by.version == current.version;
                let by = if is_settled { kept.by.clone() } else { current };
                self.wake(kept, by, permit).await
            }
            Seat::Lost => self.restart(permit, Reason::Fault).await,
            Seat::Unused | Seat::Live(_) => self.begin(permit).await,
        }
    }

    /// After a rollback, what the old code handed over is in the seat again, in the place of whatever
    /// came of it. Answers whether it is so.
    pub(super) fn take_back(&mut self, current: &Edition) -> bool {
        let mut handed_over = self.actor.handed_over.lock();
        let Some(kept) = handed_over.take_if(|kept| kept.is_back_in(current)) else { return false };
        drop(handed_over);
        if let Some(live) = self.place.take_live(|_| true) {
            self.discard(live);
        }
        self.actor.code.count(Outcome::New(Duration::ZERO));
        self.place.checkpoint.kept = None;
        self.place.seat = Seat::Asleep(*kept);
        true
    }

    /// Lets an edition of the code take a state. If it cannot, the code that gave the state goes on. If
    /// that cannot either, the state waits for the next event.
    pub(super) async fn wake(
        &mut self,
        kept: Kept,
        by: Edition,
        permit: OwnedSemaphorePermit,
    ) -> Result<Live, Fault> {
        match kept.stale_since {
            None => metrics::counter!("ws_host_wakes_total").increment(1),
            Some(_) => metrics::counter!("ws_host_restarts_total").increment(1),
        }
        if !kept.by.is_code_of(&by) {
            let began = Instant::now();
            // That other code takes over says more than that an instance wakes.
            let reason = match kept.reason {
                Reason::Hibernation => self.actor.code.why_replaced(&kept.by),
                reason => reason,
            };
            match self.actor.succeed(&by.template, &kept, reason).await {
                Ok(Some(guest)) => {
                    self.actor.code.count(Outcome::New(began.elapsed()));
                    self.hand_over(&kept, &by);
                    return Ok(Live { guest, edition: by, permit });
                }
                Ok(None) => {}
                Err(fault) => self.blame_start(&by, &fault),
            }
            self.actor.code.count(Outcome::Old);
        }
        self.wake_as_before(kept, by.version, permit).await
    }

    /// Lets the code that gave a state take it back, in spite of any newer one.
    async fn wake_as_before(
        &mut self,
        mut kept: Kept,
        version: u64,
        permit: OwnedSemaphorePermit,
    ) -> Result<Live, Fault> {
        let blame = |_: &Fault| self.actor.code.note_fault(&kept.by.template, FaultIn::Start);
        let instantiated = self.actor.instantiate(&kept.by.template).await;
        let mut guest = instantiated.inspect_err(blame)?;
        let resumed = self.actor.resume(&mut guest, Some(&kept), kept.reason).await;
        match resumed.inspect_err(blame) {
            Ok(true) => {
                self.remember(&kept);
                let edition = Edition { version, ..kept.by };
                Ok(Live { guest, edition, permit })
            }
            // An instance that refused a state may be in any: the next one begins without.
            Ok(false) => {
                drop(guest);
                self.forget();
                self.restart(permit, kept.reason).await
            }
            Err(fault) => {
                kept.faults += 1;
                if kept.faults < GIVE_UP_AFTER {
                    self.place.seat = Seat::Asleep(kept);
                } else {
                    self.tell_given_up(&kept);
                    self.forget();
                }
                Err(fault)
            }
        }
    }

    /// An instance without anything from before it.
    async fn begin(&mut self, permit: OwnedSemaphorePermit) -> Result<Live, Fault> {
        let edition = self.actor.code.current();
        let blame = |_: &Fault| self.actor.code.note_fault(&edition.template, FaultIn::Start);
        let guest = self.actor.instantiate(&edition.template).await.inspect_err(blame)?;
        Ok(Live { guest, edition, permit })
    }

    /// An instance that knows that there was one before it.
    async fn restart(
        &mut self,
        permit: OwnedSemaphorePermit,
        reason: Reason,
    ) -> Result<Live, Fault> {
        metrics::counter!("ws_host_restarts_total").increment(1);
        let mut live = self.begin(permit).await?;
        let template = Arc::clone(&live.edition.template);
        let blame = |_: &Fault| self.actor.code.note_fault(&template, FaultIn::Start);
        self.actor.resume(&mut live.guest, None, reason).await.inspect_err(blame)?;
        Ok(live)
    }

    /// Puts an instance of an edition of the code in the place of an old one, or lets the old one go on.
    pub(super) async fn replace(&mut self, old: Live, by: Edition) -> Result<Live, Fault> {
        if old.edition.is_code_of(&by) {
            return Ok(Live { edition: by, ..old });
        }
        let began = Instant::now();
        let version = by.version;
        let (outcome, found) = match self.find_successor(old, by).await {
            Ok(Successor::New(live)) => (Outcome::New(began.elapsed()), Ok(live)),
            Ok(Successor::Old(old)) => {
                let edition = Edition { version, ..old.edition };
                (Outcome::Old, Ok(Live { edition, ..old }))
            }
            Ok(Successor::Fresh(live)) => (Outcome::Nobody, Ok(live)),
            Err(fault) => (Outcome::Nobody, Err(fault)),
        };
        self.actor.code.count(outcome);
        found
    }

    async fn find_successor(&mut self, mut old: Live, by: Edition) -> Result<Successor, Fault> {
        let reason = self.actor.code.why_replaced(&old.edition);
        let state = match self.actor.suspend(&mut old.guest, reason).await {
            Ok(state) => state,
            Err(fault) => {
                // The old code is to go anyway; what it could not hand over is lost.
                self.actor.tell_fault(None, &fault);
                let Live { permit, guest, .. } = old;
                drop(guest);
                let Some(kept) = self.place.checkpoint.kept.as_deref().cloned() else {
                    let restarted = self.restart(permit, Reason::Fault).await;
                    return restarted.map(Successor::Fresh);
                };
                self.place.seat = Seat::Asleep(kept.clone());
                return self.wake(kept, by, permit).await.map(Successor::New);
            }
        };
        let kept = Kept::new(state, old.edition.clone(), reason);
        match self.actor.succeed(&by.template, &kept, reason).await {
            Ok(Some(guest)) => {
                self.hand_over(&kept, &by);
                return Ok(Successor::New(Live { guest, edition: by, permit: old.permit }));
            }
            Ok(None) => {}
            Err(fault) => self.blame_start(&by, &fault),
        }
        // It was asked for its state and is as good as before.
        Ok(Successor::Old(old))
    }

    /// New code could not begin with a state of the old.
    fn blame_start(&self, new: &Edition, fault: &Fault) {
        self.actor.tell_fault(None, fault);
        self.actor.code.note_fault(&new.template, FaultIn::Start);
    }

    /// Other code has taken this. If that is on trial, or a fault elsewhere has ended its trial meanwhile, it is kept.
    fn hand_over(&mut self, kept: &Kept, taken_by: &Edition) {
        let code = Arc::clone(&self.actor.code);
        let may_return = code.may_return_to(&kept.by, taken_by);
        let octets = kept.state.as_ref().map_or(0, |state| state.len());
        if !may_return || !code.budget().has_room_for_state(octets) {
            return self.remember(kept);
        }
        // One state, and counted once, whatever it is kept for.
        let kept = kept.clone().counted(code.budget());
        self.remember(&kept);
        // Of this version, so that it is taken back under a later one.
        let version = code.version().min(taken_by.version);
        let by = Edition { version, ..kept.by.clone() };
        *self.actor.handed_over.lock() =
            Some(Box::new(Kept { by, ..kept.outdated(Reason::Rollback) }));
    }

    /// What was kept is of no use.
    fn forget(&mut self) {
        self.place.seat = Seat::Lost;
        self.place.checkpoint.kept = None;
    }

    fn tell_given_up(&self, kept: &Kept) {
        let octets = kept.state.as_ref().map_or(0, |state| state.len());
        tracing::error!(
            resource = self.actor.code.resource(),
            actor = &*self.actor.name,
            "given up: a state of {octets} octets is lost, as `resume` has failed {GIVE_UP_AFTER} times \
             with it in the code that gave it"
        );
    }
}
