//! An actor: one guest, the clients that it serves, and the order in which it sees their events.
//!
//! There is no mailbox. A connection's task takes its [`Turn`] and calls the guest itself, on the
//! thread that read the message. The lock is fair, first come first served: that is the order of
//! events, and the task that waits for its turn does not read from its client: that is backpressure.

mod turn;

use std::sync::Arc;

use tokio::sync::Mutex;

pub(crate) use turn::{Received, Turn};

use crate::clients::{ClientId, Clients};
use crate::guest::{Fault, Guest, LoadError, Template};

/// One guest and its clients. The clients outlive the guest: after a fault a fresh one goes on.
pub(crate) struct Actor {
    template: Template,
    clients: Arc<Clients>,
    /// `None` after a fault: the next turn makes a fresh one.
    guest: Mutex<Option<Box<Guest>>>,
}

impl Actor {
    /// An actor with its first instance.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the component cannot be instantiated.
    pub(crate) async fn start(template: Template) -> Result<Self, LoadError> {
        let clients = Arc::new(Clients::default());
        let guest = template.try_out(Arc::clone(&clients)).await?;
        Ok(Self { template, clients, guest: Mutex::new(Some(Box::new(guest))) })
    }

    pub(crate) fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    /// Tells the log of a fault of the handler in an event of this client.
    pub(crate) fn tell_fault(&self, client: ClientId, fault: &Fault) {
        let component = self.template.name();
        tracing::error!(component, %client, "{fault}");
        if let Some(backtrace) = fault.backtrace() {
            tracing::debug!(component, %client, "{backtrace}");
        }
    }

    /// The turn, if nobody has it now.
    pub(crate) fn try_turn(&self) -> Option<Turn<'_>> {
        Some(Turn::new(self, self.guest.try_lock().ok()?))
    }

    /// The turn, after all who asked before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        Turn::new(self, self.guest.lock().await)
    }
}
