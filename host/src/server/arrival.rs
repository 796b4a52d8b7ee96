//! How many connections there may be that are no clients, each kind with a bound of its own.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::places::{Notice, Place, Places};
use crate::worker::HandshakeLoad;

/// How many connections may have sent no request yet, at one of the server's addresses. The next one waits until one of
/// them gives way.
const MAX_ARRIVING: usize = 1024;

/// For how long one of them is waited for, if the others are of the same client's address: when a program opens
/// thousands of connections at once, each may take so long.
const ARRIVING_PATIENCE: Duration = Duration::from_secs(3);

/// How many connections may be open that have had an answer, to ask for more. Others are closed behind their answer.
const MAX_ANSWERED: usize = 1024;

/// How many answers may be on their way that do not go at once: those of HTTP/2, and long ones of HTTP/1.1. For the next
/// one, one of which its client takes nothing is cut off, or the next one gets 503.
const MAX_ANSWERS: usize = 1024;

/// For how long one of them is waited for, if the others go to the same address.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// How many connections may wait behind their last answer until the client has closed too. Others do not wait.
pub(super) const MAX_LEAVING: usize = 1024;

/// What a connection is counted as until it is a client's. It counts no more when this is dropped.
pub(super) struct Arrival {
    reception: Option<HandshakeLoad>,
    place: Option<Place>,
    notice: Option<Notice>,
    answered: Option<OwnedSemaphorePermit>,
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Found,
    None,
}

impl Arrival {
    /// Of a connection that somebody else has accepted, and counts.
    pub(super) const UNCOUNTED: Self =
        Self { reception: None, place: None, notice: None, answered: None };

    /// Counts among those that have sent no request yet. Waits for a place.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn counted(arriving: &Arc<Places>, address: IpAddr) -> Self {
        let (place, notice) = arriving.take(address).await;
        Self { place: Some(place), notice: Some(notice), ..Self::UNCOUNTED }
    }

    /// Counts on the worker that receives it, too.
    pub(super) fn received(self, reception: HandshakeLoad) -> Self {
        Self { reception: Some(reception), ..self }
    }

    /// Waits for the client, from when this is polled first, until the connection must give way to another one: never,
    /// once there is a request.
    pub(super) fn must_give_way(&mut self) -> impl Future<Output = ()> + Send + use<> {
        let wait = self.place.as_ref().map(Place::wait);
        let notice = self.notice.take();
        async move {
            match (wait, notice) {
                (Some(wait), Some(notice)) => {
                    wait.await;
                    notice.given().await;
                }
                _ => pending().await,
            }
        }
    }

    /// There is a request: what becomes of it has a bound of its own.
    pub(super) fn asked(&mut self) {
        self.place = None;
    }

    /// Goes on among those that have had an answer, if there is room.
    pub(super) fn answered(&mut self, places: &Arc<Semaphore>) -> Room {
        if self.answered.is_none() {
            let Ok(permit) = Arc::clone(places).try_acquire_owned() else { return Room::None };
            self.settle();
            self.answered = Some(permit);
        }
        Room::Found
    }

    /// The connection counts as something else now.
    pub(super) fn settle(&mut self) {
        (self.reception, self.place, self.answered) = (None, None, None);
    }
}

/// Places for connections of one address that have sent no request yet.
pub(super) fn arriving() -> Arc<Places> {
    Places::new(MAX_ARRIVING, ARRIVING_PATIENCE)
}

/// Places for connections that have had an answer.
pub(super) fn answered() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_ANSWERED))
}

/// Places for answers that are on their way.
pub(super) fn answers() -> Arc<Places> {
    Places::new(MAX_ANSWERS, ANSWER_PATIENCE)
}
