//! The right to call the guest once, while nobody else does.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::Actor;
use crate::clients::Client;
use crate::guest::{Acceptance, Disconnection, Fault, Guest, Refusal};

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
}

/// The right to call the guest with one event. Using it up lets the next one have it.
pub(crate) struct Turn<'a> {
    actor: &'a Actor,
    guest: MutexGuard<'a, Option<Box<Guest>>>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(actor: &'a Actor, guest: MutexGuard<'a, Option<Box<Guest>>>) -> Self {
        Self { actor, guest }
    }

    pub(crate) async fn connected(
        mut self,
        client: &Arc<Client>,
    ) -> Result<Result<Acceptance, Refusal>, Fault> {
        let mut guest = self.take_guest().await?;
        let answer = guest.connected(client).await?;
        *self.guest = Some(guest);
        Ok(answer)
    }

    pub(crate) async fn received(
        mut self,
        from: &Arc<Client>,
        what: Received<'_>,
    ) -> Result<(), Fault> {
        let mut guest = self.take_guest().await?;
        match what {
            Received::Text(text) => guest.received_text(from, &text).await?,
            Received::Binary(octets) => guest.received_binary(from, &octets).await?,
            Received::Pong(payload) => guest.received_pong(from, &payload).await?,
        }
        *self.guest = Some(guest);
        Ok(())
    }

    pub(crate) async fn disconnected(
        mut self,
        client: &Arc<Client>,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        let mut guest = self.take_guest().await?;
        guest.disconnected(client, how).await?;
        *self.guest = Some(guest);
        Ok(())
    }

    /// The guest leaves its place for the time of the call. If the call fails, or is dropped with
    /// its future, the place stays empty and the next turn begins with a fresh instance: nobody ever
    /// calls one that was left in the middle of an event.
    async fn take_guest(&mut self) -> Result<Box<Guest>, Fault> {
        match self.guest.take() {
            Some(guest) => Ok(guest),
            None => {
                let clients = Arc::clone(&self.actor.clients);
                Ok(Box::new(self.actor.template.instantiate(clients).await?))
            }
        }
    }
}
