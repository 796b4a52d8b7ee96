//! Runs events, and then everything that follows from them.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::code::{Code, Instance};
use super::current::Running;
use super::fake::Fake;
use super::fake_client::{End, Phase};
use super::state::{Actor, Slot};
use crate::{Cause, Client};

/// How many events may follow from one event of a test. A limit is necessary because a handler that fills the outbound
/// buffer whenever it is drained would never stop.
const MAX_STEPS: usize = 100_000;

/// The reason for closing a client whose event failed.
pub(super) const HANDLER_FAILED: &str = "the handler failed";

/// A host. The `TestHost` and its `TestClient`s share it.
pub(super) struct Shared {
    pub(super) fake: Rc<RefCell<Fake>>,
    pub(super) actor: RefCell<Actor>,
}

/// The error of an event in which the handler panicked.
pub(super) struct Fault;

/// An event that the host runs as a consequence of an earlier event, without a call from the test.
enum Next {
    Disconnected(u64, End),
    Drained(u64),
}

impl Shared {
    pub(super) fn new(code: Code) -> Self {
        Self { fake: Rc::default(), actor: RefCell::new(Actor::new(code)) }
    }

    pub(super) fn code(&self) -> Code {
        self.actor.borrow().code
    }

    /// Runs an event. If the handler panics, the panic passes through to the test, unless the test wants panics to be
    /// faults.
    pub(super) fn run<T>(&self, act: impl FnOnce(&mut dyn Instance) -> T) -> Result<T, Fault> {
        let mut instance = self.actor.borrow_mut().take(&self.fake);
        let running = Running::new(&self.fake);
        let is_fault = self.fake.borrow().settings.are_panics_faults;
        let returned = match is_fault {
            true => catch_unwind(AssertUnwindSafe(|| act(&mut *instance))).map_err(|_| Fault),
            false => Ok(act(&mut *instance)),
        };
        drop(running);
        self.actor.borrow_mut().slot = match &returned {
            Ok(_) => Slot::Live(instance),
            Err(Fault) => Slot::Lost,
        };
        returned
    }

    /// Runs an event of a client, and then everything that follows from it. If the event fails, closes the client.
    pub(super) fn run_for(&self, client: Client, act: impl FnOnce(&mut dyn Instance)) {
        if let Err(Fault) = self.run(act) {
            self.close(client, 1011, HANDLER_FAILED, Cause::HandlerFailed);
        }
        self.run_until_quiet();
    }

    /// Closes a client, if it is open.
    pub(super) fn close(&self, client: Client, code: u16, reason: &str, cause: Cause) {
        if let Some(client) = self.fake.borrow_mut().open(client.id()) {
            client.close(code, reason, cause);
        }
    }

    /// Writes output to the clients and runs the events that follow, until there are none.
    pub(super) fn run_until_quiet(&self) {
        for _ in 0..MAX_STEPS {
            match self.next() {
                None => return,
                Some(Next::Disconnected(client, end)) => self.disconnect(client, end),
                Some(Next::Drained(client)) => {
                    if self.code().has_drained {
                        let client = Client::from_id(client);
                        if let Err(Fault) = self.run(|handler| handler.drained(client)) {
                            self.close(client, 1011, HANDLER_FAILED, Cause::HandlerFailed);
                        }
                    }
                }
            }
        }
        panic!(
            "one event led to {MAX_STEPS} further events: does `drained` always fill the outbound buffer?"
        );
    }

    fn next(&self) -> Option<Next> {
        let mut fake = self.fake.borrow_mut();
        let half = fake.settings.max_outbound / 2;
        fake.clients.values_mut().for_each(|client| client.flush());
        for (id, client) in &mut fake.clients {
            if let Some(end) = client.ending.take() {
                return Some(Next::Disconnected(*id, end));
            }
        }
        for (id, client) in &mut fake.clients {
            if client.is_open() && client.was_refused && client.buffered <= half {
                client.was_refused = false;
                return Some(Next::Drained(*id));
            }
        }
        None
    }

    fn disconnect(&self, client: u64, end: End) {
        {
            let mut fake = self.fake.borrow_mut();
            let Some(gone) = fake.clients.get_mut(&client) else { return };
            gone.phase = Phase::Gone;
            gone.topics.clear();
            gone.tags.clear();
            gone.expiry = None;
            fake.event.disconnecting = Some((client, end));
        }
        // After a fault, only the instance is lost. There is no client to close.
        let _ = self.run(|handler| handler.disconnected(Client::from_id(client)));
        let mut fake = self.fake.borrow_mut();
        fake.event.disconnecting = None;
        if let Some(gone) = fake.clients.get_mut(&client) {
            gone.attachment = None;
        }
    }
}
