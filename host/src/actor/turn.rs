//! The exclusive right to call an actor's instance, and the calls that deliver events.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Actor;
use super::fair_mutex::FairMutexGuard;
use super::slot::{ActorSlot, InstanceState, LiveInstance};
use super::trial::FaultSite;
use crate::clients::{Client, HostClose, Pace};
use crate::guest::{
    Burst, ClientEvent, CustomInfo, Disconnection, Fault, HandlerAcceptance, HandlerRejection,
    HandlerReply,
};
use crate::ownership::Ownership;
use crate::timers::{DueTimer, SavedTimer};

/// An instance with at least this many bytes of linear memory is dropped on another thread.
const BACKGROUND_DROP_MIN_BYTES: usize = 4 << 20;

/// The exclusive right to call an actor's instance, either for events of one client within a time slice, or for one
/// event of another kind. Dropping the turn lets the next task have its turn.
pub(crate) struct Turn<'a> {
    pub(super) actor: &'a Arc<Actor>,
    pub(super) slot: FairMutexGuard<'a, ActorSlot>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(actor: &'a Arc<Actor>, slot: FairMutexGuard<'a, ActorSlot>) -> Self {
        Self { actor, slot }
    }

    pub(crate) async fn call_connected(
        mut self,
        client: &Arc<Client>,
    ) -> Result<Result<HandlerAcceptance, HandlerRejection>, Fault> {
        let mut live = self.take_instance().await?;
        let result = live.guest.connected(client).await;
        self.finish_call(live, result)
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` would store its parameters twice, and so make each connection's future longer"
    )]
    pub(crate) fn call_received(
        &mut self,
        from: &Arc<Client>,
        event: ClientEvent<'_>,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async move {
            self.actor.resources.check_ownership()?;
            let mut live = match self.take_current() {
                Some(live) => live,
                None => Box::pin(self.make_instance()).await?,
            };
            let result = live.guest.received(from, &event).await;
            event.recycle_memory();
            self.finish_call(live, result)
        }
    }

    /// Warns the handler that a client is about to expire. Does nothing if the client got more time while this turn was
    /// queued.
    pub(crate) async fn call_expiring(mut self, client: &Arc<Client>) -> Result<(), Fault> {
        let code = &self.actor.code;
        let is_wanted = match &self.slot.instance {
            InstanceState::Live(_) => true,
            // An event that the component does not handle must not wake or create an instance.
            InstanceState::Hibernated(saved) => {
                saved.code.template.exports_expiring() || code.template().exports_expiring()
            }
            InstanceState::Unused | InstanceState::Absent => code.template().exports_expiring(),
        };
        if !is_wanted {
            client.take_due_notice();
            return Ok(());
        }
        if !client.is_notice_due() {
            return Ok(());
        }
        let mut live = self.take_instance().await?;
        let result = match client.take_due_notice() {
            true => live.guest.expiring(client).await,
            false => Ok(()),
        };
        self.finish_call(live, result)
    }

    /// Makes an idle instance release memory that it needs only while it handles an event.
    pub(crate) fn rest(&mut self) {
        if let InstanceState::Live(live) = &mut self.slot.instance {
            live.guest.rest();
        }
    }

    /// Packs the instance, unless it has become active again.
    pub(crate) fn pack(&mut self) {
        if let InstanceState::Live(live) = &mut self.slot.instance
            && !self.actor.is_active.load(Ordering::Relaxed)
        {
            live.guest.pack();
        }
    }

    /// Returns whether there is an instance that can take several messages in one call.
    pub(crate) fn takes_bursts(&self) -> bool {
        match &self.slot.instance {
            InstanceState::Live(live) => live.guest.takes_bursts(),
            InstanceState::Unused | InstanceState::Hibernated(_) | InstanceState::Absent => false,
        }
    }

    /// Delivers messages of one client in one call, in which the guest takes them from the burst one by one. Returns
    /// the burst along with the result.
    pub(crate) async fn call_received_burst<B: Burst>(
        &mut self,
        from: &Arc<Client>,
        burst: Box<B>,
    ) -> (Result<(), Fault>, Box<B>) {
        let mut live = match self.take_instance().await {
            Ok(live) => live,
            Err(fault) => return (Err(fault), burst),
        };
        let (result, burst) = live.guest.received_burst(from, burst).await;
        (self.finish_call(live, result), burst)
    }

    /// Delivers the last event of a client. The client is no longer in the table of clients. Does nothing if the actor
    /// has lost its instance and is backing off, because no instance knows the client any more. Also does nothing if
    /// the actor is unique in the cluster and may not run here.
    pub(crate) async fn call_disconnected(
        mut self,
        client: &Arc<Client>,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        if matches!(self.slot.instance, InstanceState::Absent)
            && self.slot.failures.not_before().is_some()
        {
            return Ok(());
        }
        // The actor has ended on this host, or is about to end.
        if self.actor.resources.check_ownership().is_err() {
            return Ok(());
        }
        let mut live = self.take_instance().await?;
        let result = live.guest.disconnected(client, how).await;
        self.finish_call(live, result)
    }

    /// Reports that a client's outbound buffer, which was full, has room again.
    pub(crate) async fn call_drained(mut self, client: &Arc<Client>) -> Result<(), Fault> {
        let mut live = self.take_instance().await?;
        let result = live.guest.drained(client).await;
        self.finish_call(live, result)
    }

    /// Calls `stopping`. If no time is left for closing the clients one by one, closes all of them in the same turn, so
    /// that no event comes in between. Does nothing if the actor has neither an instance nor clients.
    pub(super) async fn call_stopping(
        mut self,
        why: HostClose<'_>,
        pace: &Pace,
    ) -> Result<(), Fault> {
        if !self.has_instance() && self.actor.connection_count() == 0 {
            return Ok(());
        }
        let mut live = self.take_instance().await?;
        let result = live.guest.stopping().await;
        if pace.is_over() {
            self.actor.close_clients(why);
        }
        self.finish_call(live, result)
    }

    /// Delivers the timer that is due. Does nothing if it was cancelled while this turn was queued.
    pub(super) async fn call_fired(mut self) -> Result<(), Fault> {
        let timers = &self.actor.resources.timers;
        if !timers.is_due() {
            return Ok(());
        }
        let mut live = match self.take_instance().await {
            Ok(live) => live,
            // The timer stays due until there is room for an instance and the actor may run here.
            Err(fault @ (Fault::NoInstance(_) | Fault::NotOwner(_))) => return Err(fault),
            Err(fault) => {
                timers.discard_due();
                return Err(fault);
            }
        };
        let Some(DueTimer { id, record }) = timers.take_due() else {
            return self.finish_call(live, Ok(()));
        };
        let result = live.guest.fired(id).await;
        let result = self.finish_call(live, result);
        // The record is removed only now, so that a crash in the middle of the event does not lose the timer.
        if let Some(record) = record
            && timers.is_over(id, &record)
        {
            record.remove().await;
        }
        result
    }

    /// Sets the durable timers that an earlier run of the host left behind, except those that have been set again or
    /// cancelled since. No event runs during this call, so the file that stores the timers does not change.
    pub(super) async fn restore_timers(self, saved: Vec<SavedTimer>) {
        let timers = &self.actor.resources.timers;
        for SavedTimer { id, record, .. } in saved {
            if timers.is_set(id) {
                continue;
            }
            match record.remaining().await {
                Ok(Some(remaining)) => {
                    // The actor had room for this timer before. If it has none now, the record stays for the next
                    // restart.
                    let _ = timers.set(id, remaining, Some(record));
                }
                Ok(None) => {}
                Err(error) => record.log(&error),
            }
        }
    }

    /// Delivers a custom message, which does not come from a WebSocket client, and returns the handler's reply.
    pub(crate) async fn call_received_custom(
        mut self,
        message: Vec<u8>,
        info: CustomInfo,
    ) -> Result<HandlerReply, Fault> {
        let mut live = self.take_instance().await?;
        let result = live.guest.received_custom(message, info).await;
        self.finish_call(live, result)
    }

    /// Makes the next event of the instance fail if a test has injected a fault.
    #[cfg(feature = "testing")]
    pub(crate) fn check_injected_fault(&mut self) {
        if let InstanceState::Live(live) = &mut self.slot.instance {
            live.guest.check_injected_fault();
        }
    }

    /// Returns the right to run the actor, if the actor is unique in the cluster.
    pub(crate) fn ownership(&self) -> Option<&Arc<dyn Ownership>> {
        self.actor.ownership()
    }

    /// Returns whether there is an instance in memory.
    pub(crate) fn has_instance(&self) -> bool {
        matches!(self.slot.instance, InstanceState::Live(_))
    }

    /// Takes the instance out of its slot for the duration of a call. If the call fails, or is dropped with its future,
    /// the slot stays `Absent`, and the next turn creates another instance. So an instance that was left in the middle
    /// of an event is never called again.
    async fn take_instance(&mut self) -> Result<LiveInstance, Fault> {
        self.actor.resources.check_ownership()?;
        match self.take_current() {
            Some(live) => Ok(live),
            // Boxed to keep the future of each message small.
            None => Box::pin(self.make_instance()).await,
        }
    }

    /// Takes the instance out of its slot, if there is one that runs the current code.
    #[inline(always)]
    fn take_current(&mut self) -> Option<LiveInstance> {
        self.actor.is_active.store(true, Ordering::Relaxed);
        self.slot.take_live(|live| live.code.version == self.actor.code.version())
    }

    /// Puts the instance back after a successful call, or drops it after a fault. The event is not retried. The caller
    /// gets the fault, and closes the client if the event was about a client (`close_for` in `connection/mod.rs`). The
    /// slot stays `Absent` until the next event creates another instance, from the last checkpoint or anew
    /// (`transition_to_live` in `transitions.rs`).
    fn finish_call<T>(&mut self, live: LiveInstance, result: Result<T, Fault>) -> Result<T, Fault> {
        match result {
            Ok(value) => {
                self.put_instance(live);
                Ok(value)
            }
            Err(fault) => {
                let fault = live.guest.explain(fault);
                if fault.is_caused_by_handler() {
                    self.actor.code.note_fault(&live.code.template, FaultSite::Event);
                }
                self.drop_instance(live);
                Err(fault)
            }
        }
    }

    /// Drops an instance. Returning a lot of memory to the kernel takes about a millisecond, so a large instance is
    /// dropped on another thread. The next instance does not wait for the drop.
    pub(super) fn drop_instance(&self, live: LiveInstance) {
        let LiveInstance { guest, permit, .. } = live;
        drop(permit);
        if guest.memory() >= BACKGROUND_DROP_MIN_BYTES {
            self.actor.worker.drop_in_background(guest);
        }
    }

    #[inline(always)]
    fn put_instance(&mut self, live: LiveInstance) {
        self.slot.instance = InstanceState::Live(live);
        // This flag was already set at the beginning of the event. It is set again at the end, because a sweep may have
        // cleared it during a long event.
        self.actor.is_active.store(true, Ordering::Relaxed);
        self.schedule_checkpoint();
    }
}

impl Drop for Turn<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.actor.start_timers();
    }
}
