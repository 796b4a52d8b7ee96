//! The right to call the guest once, while nobody else does.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ws_host_protocol::recycle;

use super::Actor;
use super::fair_mutex::FairMutexGuard;
use super::saved_state::SavedState;
use super::slot::{ActorSlot, InstanceState, LiveInstance, Restart};
use super::trial::FaultIn;
use crate::clients::{Client, HostClose};
use crate::guest::{
    Acceptance, Burst, CustomInfo, CustomReply, Disconnection, Fault, Reason, Refusal,
};

/// From how many octets of linear memory on an instance is dropped elsewhere.
const MUCH_MEMORY: usize = 4 << 20;

/// An event of a client that is connected.
#[derive(Clone, Debug)]
pub(crate) enum ClientEvent<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Pong(Cow<'a, [u8]>),
}

impl ClientEvent<'_> {
    pub(crate) fn into_owned(self) -> ClientEvent<'static> {
        match self {
            Self::Text(text) => ClientEvent::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => ClientEvent::Binary(Cow::Owned(bytes.into_owned())),
            Self::Pong(bytes) => ClientEvent::Pong(Cow::Owned(bytes.into_owned())),
        }
    }

    /// How long its message is.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Pong(bytes) => bytes.len(),
        }
    }

    /// The event is over: its memory serves the next one.
    fn recycle_memory(self) {
        match self {
            Self::Text(Cow::Owned(text)) => recycle(text.into_bytes()),
            Self::Binary(Cow::Owned(bytes)) => recycle(bytes),
            Self::Text(Cow::Borrowed(_)) | Self::Binary(Cow::Borrowed(_)) | Self::Pong(_) => {}
        }
    }
}

/// The right to call the guest, with as many events of one client as its slice of time has room for, or with one
/// of another kind. Dropping it lets the next one have it.
pub(crate) struct Turn<'a> {
    pub(super) actor: &'a Arc<Actor>,
    pub(super) slot: FairMutexGuard<'a, ActorSlot>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(actor: &'a Arc<Actor>, place: FairMutexGuard<'a, ActorSlot>) -> Self {
        Self { actor, slot: place }
    }

    pub(crate) async fn connected(
        mut self,
        client: &Arc<Client>,
    ) -> Result<Result<Acceptance, Refusal>, Fault> {
        let mut live = self.take_instance().await?;
        let called = live.guest.connected(client).await;
        self.finish_call(live, called)
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` would keep room for its parameters twice, and every connection carries this"
    )]
    pub(crate) fn received(
        &mut self,
        from: &Arc<Client>,
        what: ClientEvent<'_>,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async move {
            let mut live = match self.take_current() {
                Some(live) => live,
                None => Box::pin(self.make_instance()).await?,
            };
            let guest = &mut live.guest;
            let called = match &what {
                ClientEvent::Text(text) => guest.received_text(from, text).await,
                ClientEvent::Binary(bytes) => guest.received_binary(from, bytes).await,
                ClientEvent::Pong(payload) => guest.received_pong(from, payload).await,
            };
            what.recycle_memory();
            self.finish_call(live, called)
        }
    }

    /// A client is closed soon, unless it proves itself again. It may have done so while this turn was waited for.
    pub(crate) async fn expiring(mut self, client: &Arc<Client>) -> Result<(), Fault> {
        let code = &self.actor.code;
        let hears = match &self.slot.instance {
            InstanceState::Live(_) => true,
            // None is woken, or made, for what it does not hear.
            InstanceState::Asleep(saved) => {
                saved.code.template.wants_expiring() || code.template().wants_expiring()
            }
            InstanceState::Unused | InstanceState::Lost => code.template().wants_expiring(),
        };
        if !hears {
            client.take_notice();
            return Ok(());
        }
        if !client.is_notice_due() {
            return Ok(());
        }
        let mut live = self.take_instance().await?;
        let called = match client.take_notice() {
            true => live.guest.expiring(client).await,
            false => Ok(()),
        };
        self.finish_call(live, called)
    }

    /// Whether its guest is here and takes many messages in one call.
    pub(crate) fn takes_bursts(&self) -> bool {
        match &self.slot.instance {
            InstanceState::Live(live) => live.guest.takes_bursts(),
            InstanceState::Unused | InstanceState::Asleep(_) | InstanceState::Lost => false,
        }
    }

    /// Messages of one client that the guest takes from the burst one after the other. The burst is given back.
    pub(crate) async fn received_burst<B: Burst>(
        &mut self,
        from: &Arc<Client>,
        burst: Box<B>,
    ) -> (Result<(), Fault>, Box<B>) {
        let mut live = match self.take_instance().await {
            Ok(live) => live,
            Err(fault) => return (Err(fault), burst),
        };
        let (called, burst) = live.guest.received_burst(from, burst).await;
        (self.finish_call(live, called), burst)
    }

    /// The last event of a client, which is not in the table of clients any more. While the actor has
    /// no instance and may not have one yet, nobody knows the client who could be told.
    pub(crate) async fn disconnected(
        mut self,
        client: &Arc<Client>,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        if matches!(self.slot.instance, InstanceState::Lost)
            && self.slot.failures.not_before().is_some()
        {
            return Ok(());
        }
        let mut live = self.take_instance().await?;
        let called = live.guest.disconnected(client, how).await;
        self.finish_call(live, called)
    }

    /// A client that had no room for something has read on.
    pub(crate) async fn drained(mut self, client: &Arc<Client>) -> Result<(), Fault> {
        let mut live = self.take_instance().await?;
        let called = live.guest.drained(client).await;
        self.finish_call(live, called)
    }

    /// The end is near. One that has neither an instance nor clients has nothing to say. Nothing comes between what it
    /// does now and that its clients are closed.
    pub(super) async fn stopping(mut self, why: HostClose<'_>) -> Result<(), Fault> {
        if !self.has_instance() && self.actor.clients().all().is_empty() {
            return Ok(());
        }
        let mut live = self.take_instance().await?;
        let called = live.guest.stopping().await;
        self.actor.close_clients(why);
        self.finish_call(live, called)
    }

    /// Delivers the timer that is due.
    pub(super) async fn fired(mut self) -> Result<(), Fault> {
        let timers = &self.actor.resources.timers;
        if !timers.is_due() {
            // It was taken back while this turn was waited for.
            return Ok(());
        }
        let mut live = match self.take_instance().await {
            Ok(live) => live,
            // It stays due until there is room.
            Err(none @ Fault::NoInstance(_)) => return Err(none),
            Err(fault) => {
                timers.take_due();
                return Err(fault);
            }
        };
        let called = match timers.take_due() {
            Some(timer) => live.guest.fired(timer).await,
            None => Ok(()),
        };
        self.finish_call(live, called)
    }

    /// A message from outside, whoever sent it.
    pub(crate) async fn received_custom(
        mut self,
        message: Vec<u8>,
        info: CustomInfo,
    ) -> Result<CustomReply, Fault> {
        let mut live = self.take_instance().await?;
        let called = live.guest.received_custom(message, info).await;
        self.finish_call(live, called)
    }

    /// Whether there is an instance in memory.
    pub(crate) fn has_instance(&self) -> bool {
        matches!(self.slot.instance, InstanceState::Live(_))
    }

    /// Frees the instance and keeps its state, if it gives one.
    pub(crate) async fn hibernate(mut self) {
        let Some(mut live) = self.slot.take_live(|_| true) else { return };
        match self.actor.suspend(&mut live.guest, Reason::Hibernation).await {
            Ok(Some(state)) => {
                let budget = self.actor.code.budget();
                if !budget.has_room_for_state(state.len()) {
                    self.slot.instance = InstanceState::Live(live);
                    tracing::debug!(
                        actor = &*self.actor.name,
                        "not hibernated: what waits fills half of max-buffered"
                    );
                    return;
                }
                let saved = SavedState::new(Some(state), live.code.clone(), Reason::Hibernation);
                let saved = saved.counted_in(budget);
                self.slot.instance = InstanceState::Asleep(saved);
                self.slot.checkpoint.saved = None;
                self.drop_instance(live);
                metrics::counter!("ws_host_hibernations_total").increment(1);
                tracing::debug!(actor = &*self.actor.name, "hibernated");
            }
            Ok(None) => {
                self.slot.instance = InstanceState::Live(live);
                tracing::debug!(actor = &*self.actor.name, "not hibernated: it gives no state");
            }
            Err(fault) => self.lose_instance(live, &fault),
        }
    }

    /// Lets new code take over, if there is any. Of the instances that sleep, one wakes to find out
    /// whether the new code takes their state; the others do when they wake.
    pub(crate) async fn apply_reload(mut self) {
        let code = &self.actor.code;
        let current = code.current();
        let was_live = matches!(self.slot.instance, InstanceState::Live(_));
        let is_back = self.restore_after_rollback(&current);
        let is_wanted = match &self.slot.instance {
            InstanceState::Live(live) => live.code.version != current.version,
            InstanceState::Asleep(_) if is_back => was_live,
            InstanceState::Asleep(saved) => {
                saved.code.version != current.version
                    && !saved.code.is_same_code(&current)
                    && code.count_asleep()
            }
            InstanceState::Unused | InstanceState::Lost => false,
        };
        if is_wanted {
            let found = self.make_instance().await;
            self.keep_or_report(found);
        }
    }

    /// Lets code take over that the others do not have yet.
    pub(crate) async fn try_out(mut self) {
        let Some(candidate) = self.actor.code.candidate() else { return };
        let found = if let Some(old) = self.slot.take_live(|_| true) {
            self.replace_instance(old, candidate).await
        } else if let InstanceState::Asleep(saved) = &self.slot.instance {
            let saved = saved.clone();
            match self.actor.code.permit().await {
                Ok(permit) => self.wake(saved, candidate, permit).await,
                Err(none) => Err(none),
            }
        } else {
            return;
        };
        self.keep_or_report(found);
    }

    /// What comes of an instance that was made for no event.
    fn keep_or_report(&mut self, found: Result<LiveInstance, Fault>) {
        match found {
            Ok(live) => self.slot.instance = InstanceState::Live(live),
            // Only one that sleeps needs room.
            Err(Fault::NoInstance(_)) => self.actor.code.count_without_room(),
            Err(fault) => self.actor.report_fault(None, &fault),
        }
    }

    /// The guest leaves its seat for the time of the call. If the call fails, or is dropped with its
    /// future, the seat stays empty and the next turn begins with a fresh instance: nobody ever calls
    /// one that was left in the middle of an event.
    async fn take_instance(&mut self) -> Result<LiveInstance, Fault> {
        match self.take_current() {
            Some(live) => Ok(live),
            // Boxed, so that the way of every message does not carry the room for this.
            None => Box::pin(self.make_instance()).await,
        }
    }

    /// The guest, if it is there and runs the current code.
    #[inline(always)]
    fn take_current(&mut self) -> Option<LiveInstance> {
        self.actor.is_active.store(true, Ordering::Relaxed);
        self.slot.take_live(|live| live.code.version == self.actor.code.version())
    }

    /// Makes an instance of the current code of whatever is in the seat, and counts if that fails.
    async fn make_instance(&mut self) -> Result<LiveInstance, Fault> {
        let found = self.find_or_start().await;
        match &found {
            Ok(_) => {
                self.slot.instance = InstanceState::Lost;
                self.slot.failures.forget();
            }
            Err(fault) if fault.is_of_the_handler() => self.count_failure(),
            Err(_) => {}
        }
        found
    }

    fn finish_call<T>(&mut self, live: LiveInstance, called: Result<T, Fault>) -> Result<T, Fault> {
        match called {
            Ok(value) => {
                self.put_instance(live);
                Ok(value)
            }
            Err(fault) => {
                let fault = fault.with_stderr(live.guest.recent_stderr());
                self.actor.code.note_fault(&live.code.template, FaultIn::Event);
                self.drop_instance(live);
                Err(fault)
            }
        }
    }

    /// The guest failed when it was asked for its state.
    pub(super) fn lose_instance(&mut self, live: LiveInstance, fault: &Fault) {
        self.actor.code.note_fault(&live.code.template, FaultIn::Event);
        self.actor.report_fault(None, fault);
        self.drop_instance(live);
    }

    /// To give much memory back takes the system a millisecond: not on a thread where others wait.
    /// The next instance does not wait for it.
    pub(super) fn drop_instance(&self, live: LiveInstance) {
        let LiveInstance { guest, permit, .. } = live;
        drop(permit);
        if guest.memory() >= MUCH_MEMORY {
            self.actor.worker.drop_in_background(guest);
        }
    }

    #[inline(always)]
    fn put_instance(&mut self, live: LiveInstance) {
        self.slot.instance = InstanceState::Live(live);
        // Again: if the event took long, somebody has asked since it began.
        self.actor.is_active.store(true, Ordering::Relaxed);
        self.ask_for_checkpoint();
    }

    fn count_failure(&mut self) {
        if self.slot.failures.count() == Restart::GiveUp {
            self.actor.close_clients(HostClose::HandlerKeepsFailing);
        }
    }
}

impl Drop for Turn<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.actor.start_timers();
    }
}
