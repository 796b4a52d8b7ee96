//! The right to call the guest once, while nobody else does.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep_until;
use ws_host_protocol::{CloseCode, spare};

use super::Actor;
use super::code::Room;
use super::seat::{Live, Place, Seat, State, Verdict};
use super::waiting::Held;
use crate::clients::{Client, ClientId};
use crate::guest::{Acceptance, Answer, Disconnection, Fault, Refusal};

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
            Self::Text(Cow::Owned(text)) => spare::give_back(text.into_bytes()),
            Self::Binary(Cow::Owned(octets)) => spare::give_back(octets),
            Self::Text(Cow::Borrowed(_)) | Self::Binary(Cow::Borrowed(_)) | Self::Pong(_) => {}
        }
    }
}

/// The right to call the guest, with as many events of one client as its slice of time has room for, or with one
/// of another kind. Dropping it lets the next one have it.
pub(crate) struct Turn<'a> {
    actor: &'a Arc<Actor>,
    place: Held<'a, Place>,
}

/// Who goes on after a reload.
enum Successor {
    New(Live),
    Old(Live),
}

impl<'a> Turn<'a> {
    pub(super) fn new(actor: &'a Arc<Actor>, place: Held<'a, Place>) -> Self {
        Self { actor, place }
    }

    pub(crate) async fn connected(
        mut self,
        client: &Arc<Client>,
    ) -> Result<Result<Acceptance, Refusal>, Fault> {
        let mut live = self.take(Room::Now).await?;
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
            let mut live = self.take(Room::Now).await?;
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

    /// The last event of a client, which is not in the table of clients any more. While the actor has
    /// no instance and may not have one yet, nobody knows the client who could be told.
    pub(crate) async fn disconnected(
        mut self,
        client: ClientId,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        if matches!(self.place.seat, Seat::Lost) && self.place.failures.not_before().is_some() {
            return Ok(());
        }
        let mut live = self.take(Room::InTime).await?;
        let called = live.guest.disconnected(client, how).await;
        match called {
            // To say goodbye well is no sign of health: earlier faults are not forgotten for it.
            Ok(()) => self.keep(live),
            Err(_) => self.count_failure(),
        }
        called
    }

    /// Delivers the timer that is due.
    pub(super) async fn fired(mut self) -> Result<(), Fault> {
        let timers = &self.actor.belongings.timers;
        if !timers.is_due() {
            // It was taken back while this turn was waited for.
            return Ok(());
        }
        let mut live = match self.take(Room::InTime).await {
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
    pub(crate) async fn received_custom(mut self, message: Vec<u8>) -> Result<Answer, Fault> {
        let mut live = self.take(Room::Now).await?;
        let called = live.guest.received_custom(message).await;
        self.put_back(live, called)
    }

    /// Whether there is an instance in memory.
    pub(crate) fn has_instance(&self) -> bool {
        matches!(self.place.seat, Seat::Live(_))
    }

    /// Frees the instance and keeps its state, if it gives one.
    pub(crate) async fn hibernate(mut self) {
        let Some(mut live) = self.place.take_live(|_| true) else { return };
        match self.actor.suspend(&mut live.guest).await {
            Ok(Some(state)) => {
                let Some(share) = self.actor.code.room_for_state(state.len()) else {
                    self.place.seat = Seat::Live(live);
                    tracing::debug!(
                        actor = &*self.actor.name,
                        "not hibernated: what waits fills half of max-buffered"
                    );
                    return;
                };
                self.place.seat = Seat::Asleep(State { octets: state.into(), _share: share });
                metrics::counter!("ws_host_hibernations_total").increment(1);
                tracing::debug!(actor = &*self.actor.name, "hibernated");
            }
            Ok(None) => {
                self.place.seat = Seat::Live(live);
                tracing::debug!(actor = &*self.actor.name, "not hibernated: it gives no state");
            }
            Err(fault) => {
                self.actor.tell_fault(None, &fault);
                self.count_failure();
            }
        }
    }

    /// Lets new code take over, if there is any.
    pub(crate) async fn refresh(mut self) {
        let version = self.actor.code.version();
        let Some(old) = self.place.take_live(|live| live.version != version) else { return };
        match self.replace(old).await {
            Ok(live) => self.place.seat = Seat::Live(live),
            Err(fault) => {
                self.actor.tell_fault(None, &fault);
                self.count_failure();
            }
        }
    }

    /// The guest leaves its seat for the time of the call. If the call fails, or is dropped with its
    /// future, the seat stays empty and the next turn begins with a fresh instance: nobody ever calls
    /// one that was left in the middle of an event.
    async fn take(&mut self, room: Room) -> Result<Live, Fault> {
        self.actor.is_active.store(true, Ordering::Relaxed);
        match std::mem::replace(&mut self.place.seat, Seat::Lost) {
            Seat::Live(live) if live.version == self.actor.code.version() => Ok(live),
            // Boxed, so that the way of every message does not carry the room for this.
            other => match Box::pin(self.settle(other, room)).await {
                Ok(live) => Ok(live),
                Err(fault) => {
                    // That there is no room is no fault of the handler's.
                    if !matches!(fault, Fault::NoInstance(_)) {
                        self.count_failure();
                    }
                    Err(fault)
                }
            },
        }
    }

    fn put_back<T>(&mut self, live: Live, called: Result<T, Fault>) -> Result<T, Fault> {
        match called {
            Ok(value) => {
                self.keep(live);
                self.place.failures.forget();
                Ok(value)
            }
            Err(fault) => {
                self.count_failure();
                let fault = fault.with_last_words(live.guest.last_words());
                self.discard(live);
                Err(fault)
            }
        }
    }

    /// To give much memory back takes the system a millisecond: not on a thread where others wait.
    fn discard(&self, live: Live) {
        if live.guest.memory() >= MUCH_MEMORY {
            self.actor.home.drop_elsewhere(live);
        }
    }

    fn keep(&mut self, live: Live) {
        self.place.seat = Seat::Live(live);
        // Again: if the event took long, somebody has asked since it began.
        self.actor.is_active.store(true, Ordering::Relaxed);
    }

    /// Finds an instance of the current code, whatever was in the seat.
    async fn settle(&mut self, seat: Seat, room: Room) -> Result<Live, Fault> {
        let seat = match seat {
            Seat::Live(old) => return self.replace(old).await,
            other => other,
        };
        let permit = match self.actor.code.permit(room).await {
            Ok(permit) => permit,
            Err(none) => {
                self.place.seat = seat;
                return Err(none);
            }
        };
        match seat {
            Seat::Asleep(state) => self.wake(state.octets, permit).await,
            Seat::Lost => self.restart(permit).await,
            Seat::Unused | Seat::Live(_) => self.actor.instance(permit).await,
        }
    }

    async fn wake(
        &mut self,
        state: Box<[u8]>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Live, Fault> {
        metrics::counter!("ws_host_wakes_total").increment(1);
        let mut live = self.actor.instance(permit).await?;
        if self.actor.resume(&mut live.guest, Some(state.into())).await? {
            return Ok(live);
        }
        // An instance that refused a state may be in any: the next one begins without.
        self.restart(live.permit).await
    }

    async fn restart(&mut self, permit: OwnedSemaphorePermit) -> Result<Live, Fault> {
        if let Some(until) = self.place.failures.not_before() {
            sleep_until(until).await;
        }
        metrics::counter!("ws_host_restarts_total").increment(1);
        let mut live = self.actor.instance(permit).await?;
        self.actor.resume(&mut live.guest, None).await?;
        Ok(live)
    }

    /// Puts an instance of the current code in the place of an old one, or lets the old one go on.
    async fn replace(&mut self, old: Live) -> Result<Live, Fault> {
        let began = Instant::now();
        let successor = self.find_successor(old).await;
        let pause = began.elapsed();
        self.actor.code.count(|swaps| match &successor {
            Ok(Successor::New(_)) => {
                swaps.swapped += 1;
                swaps.longest_pause = swaps.longest_pause.max(pause);
            }
            Ok(Successor::Old(_)) => swaps.kept += 1,
            Err(_) => swaps.lost += 1,
        });
        let (Successor::New(live) | Successor::Old(live)) = successor?;
        Ok(live)
    }

    async fn find_successor(&mut self, mut old: Live) -> Result<Successor, Fault> {
        let (template, version) = self.actor.code.current();
        let (state, is_old_good) = match self.actor.suspend(&mut old.guest).await {
            Ok(state) => (state, true),
            Err(fault) => {
                // The old code is to go anyway; what it could not hand over is lost.
                self.actor.tell_fault(None, &fault);
                (None, false)
            }
        };
        match self.actor.succeed(&template, state).await {
            Ok(Some(guest)) => Ok(Successor::New(Live { guest, version, permit: old.permit })),
            Ok(None) if is_old_good => Ok(Successor::Old(Live { version, ..old })),
            Err(fault) if is_old_good => {
                self.actor.tell_fault(None, &fault);
                Ok(Successor::Old(Live { version, ..old }))
            }
            Ok(None) => Ok(Successor::New(self.restart(old.permit).await?)),
            Err(fault) => Err(fault),
        }
    }

    fn count_failure(&mut self) {
        if self.place.failures.count() == Verdict::GiveUp {
            for client in self.actor.clients().all() {
                client.close_by_host(CloseCode::INTERNAL_ERROR, "the handler keeps failing");
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.actor.attend_to_new_timers();
    }
}
