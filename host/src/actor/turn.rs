//! The right to call the guest once, while nobody else does.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ws_host_protocol::recycle;

use super::Actor;
use super::kept::Kept;
use super::seat::{Live, Place, Seat, Verdict};
use super::trial::FaultIn;
use super::waiting::Held;
use crate::clients::{ByHost, Client};
use crate::guest::{Acceptance, Answer, Burst, CustomInfo, Disconnection, Fault, Reason, Refusal};

/// From how many octets of linear memory on an instance is dropped elsewhere.
const MUCH_MEMORY: usize = 4 << 20;

/// An event of a client that is connected.
#[derive(Clone, Debug)]
pub(crate) enum Received<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Pong(Cow<'a, [u8]>),
}

impl Received<'_> {
    pub(crate) fn into_owned(self) -> Received<'static> {
        match self {
            Self::Text(text) => Received::Text(Cow::Owned(text.into_owned())),
            Self::Binary(octets) => Received::Binary(Cow::Owned(octets.into_owned())),
            Self::Pong(octets) => Received::Pong(Cow::Owned(octets.into_owned())),
        }
    }

    /// How long its message is.
    pub(crate) fn octets(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(octets) | Self::Pong(octets) => octets.len(),
        }
    }

    /// The event is over: its memory serves the next one.
    fn give_back(self) {
        match self {
            Self::Text(Cow::Owned(text)) => recycle(text.into_bytes()),
            Self::Binary(Cow::Owned(octets)) => recycle(octets),
            Self::Text(Cow::Borrowed(_)) | Self::Binary(Cow::Borrowed(_)) | Self::Pong(_) => {}
        }
    }
}

/// The right to call the guest, with as many events of one client as its slice of time has room for, or with one
/// of another kind. Dropping it lets the next one have it.
pub(crate) struct Turn<'a> {
    pub(super) actor: &'a Arc<Actor>,
    pub(super) place: Held<'a, Place>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(actor: &'a Arc<Actor>, place: Held<'a, Place>) -> Self {
        Self { actor, place }
    }

    pub(crate) async fn connected(
        mut self,
        client: &Arc<Client>,
    ) -> Result<Result<Acceptance, Refusal>, Fault> {
        let mut live = self.take().await?;
        let called = live.guest.connected(client).await;
        self.put_back(live, called)
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` would keep room for its parameters twice, and every connection carries this"
    )]
    pub(crate) fn received(
        &mut self,
        from: &Arc<Client>,
        what: Received<'_>,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async move {
            let mut live = match self.take_current() {
                Some(live) => live,
                None => Box::pin(self.find_instance()).await?,
            };
            let guest = &mut live.guest;
            let called = match &what {
                Received::Text(text) => guest.received_text(from, text).await,
                Received::Binary(octets) => guest.received_binary(from, octets).await,
                Received::Pong(payload) => guest.received_pong(from, payload).await,
            };
            what.give_back();
            self.put_back(live, called)
        }
    }

    /// A client is closed soon, unless it proves itself again. It may have done so while this turn was waited for.
    pub(crate) async fn expiring(mut self, client: &Arc<Client>) -> Result<(), Fault> {
        let code = &self.actor.code;
        let hears = match &self.place.seat {
            Seat::Live(_) => true,
            // None is woken, or made, for what it does not hear.
            Seat::Asleep(kept) => {
                kept.by.template.hears_expiring() || code.template().hears_expiring()
            }
            Seat::Unused | Seat::Lost => code.template().hears_expiring(),
        };
        if !hears {
            client.take_notice();
            return Ok(());
        }
        if !client.is_notice_due() {
            return Ok(());
        }
        let mut live = self.take().await?;
        let called = match client.take_notice() {
            true => live.guest.expiring(client).await,
            false => Ok(()),
        };
        self.put_back(live, called)
    }

    /// Whether its guest is here and takes many messages in one call.
    pub(crate) fn takes_bursts(&self) -> bool {
        match &self.place.seat {
            Seat::Live(live) => live.guest.takes_bursts(),
            Seat::Unused | Seat::Asleep(_) | Seat::Lost => false,
        }
    }

    /// Messages of one client that the guest takes from the burst one after the other. The burst is given back.
    pub(crate) async fn received_burst<B: Burst>(
        &mut self,
        from: &Arc<Client>,
        burst: Box<B>,
    ) -> (Result<(), Fault>, Box<B>) {
        let mut live = match self.take().await {
            Ok(live) => live,
            Err(fault) => return (Err(fault), burst),
        };
        let (called, burst) = live.guest.received_burst(from, burst).await;
        (self.put_back(live, called), burst)
    }

    /// The last event of a client, which is not in the table of clients any more. While the actor has
    /// no instance and may not have one yet, nobody knows the client who could be told.
    pub(crate) async fn disconnected(
        mut self,
        client: &Arc<Client>,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        if matches!(self.place.seat, Seat::Lost) && self.place.failures.not_before().is_some() {
            return Ok(());
        }
        let mut live = self.take().await?;
        let called = live.guest.disconnected(client, how).await;
        self.put_back(live, called)
    }

    /// A client that had no room for something has read on.
    pub(crate) async fn drained(mut self, client: &Arc<Client>) -> Result<(), Fault> {
        let mut live = self.take().await?;
        let called = live.guest.drained(client).await;
        self.put_back(live, called)
    }

    /// The end is near. One that has neither an instance nor clients has nothing to say. Nothing comes between what it
    /// does now and that its clients are closed.
    pub(super) async fn stopping(mut self, why: ByHost<'_>) -> Result<(), Fault> {
        if !self.has_instance() && self.actor.clients().all().is_empty() {
            return Ok(());
        }
        let mut live = self.take().await?;
        let called = live.guest.stopping().await;
        self.actor.close_clients(why);
        self.put_back(live, called)
    }

    /// Delivers the timer that is due.
    pub(super) async fn fired(mut self) -> Result<(), Fault> {
        let timers = &self.actor.belongings.timers;
        if !timers.is_due() {
            // It was taken back while this turn was waited for.
            return Ok(());
        }
        let mut live = match self.take().await {
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
        self.put_back(live, called)
    }

    /// A message from outside, whoever sent it.
    pub(crate) async fn received_custom(
        mut self,
        message: Vec<u8>,
        info: CustomInfo,
    ) -> Result<Answer, Fault> {
        let mut live = self.take().await?;
        let called = live.guest.received_custom(message, info).await;
        self.put_back(live, called)
    }

    /// Whether there is an instance in memory.
    pub(crate) fn has_instance(&self) -> bool {
        matches!(self.place.seat, Seat::Live(_))
    }

    /// Frees the instance and keeps its state, if it gives one.
    pub(crate) async fn hibernate(mut self) {
        let Some(mut live) = self.place.take_live(|_| true) else { return };
        match self.actor.suspend(&mut live.guest, Reason::Hibernation).await {
            Ok(Some(state)) => {
                let budget = self.actor.code.budget();
                if !budget.has_room_for_state(state.len()) {
                    self.place.seat = Seat::Live(live);
                    tracing::debug!(
                        actor = &*self.actor.name,
                        "not hibernated: what waits fills half of max-buffered"
                    );
                    return;
                }
                let kept = Kept::new(Some(state), live.edition.clone(), Reason::Hibernation);
                let kept = kept.counted(budget);
                self.place.seat = Seat::Asleep(kept);
                self.place.checkpoint.kept = None;
                self.discard(live);
                metrics::counter!("ws_host_hibernations_total").increment(1);
                tracing::debug!(actor = &*self.actor.name, "hibernated");
            }
            Ok(None) => {
                self.place.seat = Seat::Live(live);
                tracing::debug!(actor = &*self.actor.name, "not hibernated: it gives no state");
            }
            Err(fault) => self.lose(live, &fault),
        }
    }

    /// Lets new code take over, if there is any. Of the instances that sleep, one wakes to find out
    /// whether the new code takes their state; the others do when they wake.
    pub(crate) async fn refresh(mut self) {
        let code = &self.actor.code;
        let current = code.current();
        let was_live = matches!(self.place.seat, Seat::Live(_));
        let is_back = self.take_back(&current);
        let is_wanted = match &self.place.seat {
            Seat::Live(live) => live.edition.version != current.version,
            Seat::Asleep(_) if is_back => was_live,
            Seat::Asleep(kept) => {
                kept.by.version != current.version
                    && !kept.by.is_code_of(&current)
                    && code.count_asleep()
            }
            Seat::Unused | Seat::Lost => false,
        };
        if is_wanted {
            let found = self.find_instance().await;
            self.go_on(found);
        }
    }

    /// Lets code take over that the others do not have yet.
    pub(crate) async fn try_out(mut self) {
        let Some(candidate) = self.actor.code.candidate() else { return };
        let found = if let Some(old) = self.place.take_live(|_| true) {
            self.replace(old, candidate).await
        } else if let Seat::Asleep(kept) = &self.place.seat {
            let kept = kept.clone();
            match self.actor.code.permit().await {
                Ok(permit) => self.wake(kept, candidate, permit).await,
                Err(none) => Err(none),
            }
        } else {
            return;
        };
        self.go_on(found);
    }

    /// What comes of an instance that was made for no event.
    fn go_on(&mut self, found: Result<Live, Fault>) {
        match found {
            Ok(live) => self.place.seat = Seat::Live(live),
            // Only one that sleeps needs room.
            Err(Fault::NoInstance(_)) => self.actor.code.count_without_room(),
            Err(fault) => self.actor.tell_fault(None, &fault),
        }
    }

    /// The guest leaves its seat for the time of the call. If the call fails, or is dropped with its
    /// future, the seat stays empty and the next turn begins with a fresh instance: nobody ever calls
    /// one that was left in the middle of an event.
    async fn take(&mut self) -> Result<Live, Fault> {
        match self.take_current() {
            Some(live) => Ok(live),
            // Boxed, so that the way of every message does not carry the room for this.
            None => Box::pin(self.find_instance()).await,
        }
    }

    /// The guest, if it is there and runs the current code.
    #[inline(always)]
    fn take_current(&mut self) -> Option<Live> {
        self.actor.is_active.store(true, Ordering::Relaxed);
        self.place.take_live(|live| live.edition.version == self.actor.code.version())
    }

    /// Makes an instance of the current code of whatever is in the seat, and counts if that fails.
    async fn find_instance(&mut self) -> Result<Live, Fault> {
        let found = self.settle().await;
        match &found {
            Ok(_) => {
                self.place.seat = Seat::Lost;
                self.place.failures.forget();
            }
            Err(fault) if fault.is_of_the_handler() => self.count_failure(),
            Err(_) => {}
        }
        found
    }

    fn put_back<T>(&mut self, live: Live, called: Result<T, Fault>) -> Result<T, Fault> {
        match called {
            Ok(value) => {
                self.keep(live);
                Ok(value)
            }
            Err(fault) => {
                let fault = fault.with_last_words(live.guest.last_words());
                self.actor.code.note_fault(&live.edition.template, FaultIn::Event);
                self.discard(live);
                Err(fault)
            }
        }
    }

    /// The guest failed when it was asked for its state.
    pub(super) fn lose(&mut self, live: Live, fault: &Fault) {
        self.actor.code.note_fault(&live.edition.template, FaultIn::Event);
        self.actor.tell_fault(None, fault);
        self.discard(live);
    }

    /// To give much memory back takes the system a millisecond: not on a thread where others wait.
    /// The next instance does not wait for it.
    pub(super) fn discard(&self, live: Live) {
        let Live { guest, permit, .. } = live;
        drop(permit);
        if guest.memory() >= MUCH_MEMORY {
            self.actor.home.drop_elsewhere(guest);
        }
    }

    #[inline(always)]
    fn keep(&mut self, live: Live) {
        self.place.seat = Seat::Live(live);
        // Again: if the event took long, somebody has asked since it began.
        self.actor.is_active.store(true, Ordering::Relaxed);
        self.ask_for_checkpoint();
    }

    fn count_failure(&mut self) {
        if self.place.failures.count() == Verdict::GiveUp {
            self.actor.close_clients(ByHost::HandlerKeepsFailing);
        }
    }
}

impl Drop for Turn<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.actor.attend_to_new_timers();
    }
}
