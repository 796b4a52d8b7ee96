//! The handler of a test host. The handler's type is erased, because a reload may change it.

use std::any::Any;

use crate::glue::{Exported, Parts, new_handler};
use crate::{Client, Timer, dispatch};

/// The code of a handler: how to create its instances, and what it exports.
#[derive(Clone, Copy)]
pub(super) struct Code {
    pub(super) start: fn() -> Box<dyn Instance>,
    pub(super) name: &'static str,
    pub(super) has_drained: bool,
    pub(super) has_expiry: bool,
    pub(super) has_stop: bool,
}

impl Code {
    pub(super) fn of<H: Exported>() -> Self {
        Self {
            start: || Box::new(Typed(new_handler::<H>())),
            name: std::any::type_name::<H>(),
            has_drained: H::PARTS.drained.is_some(),
            has_expiry: H::PARTS.expiring.is_some(),
            has_stop: H::PARTS.stopping.is_some(),
        }
    }
}

/// An instance, with the events that it accepts. An event that the handler does not export does nothing.
pub(super) trait Instance {
    fn connected(&mut self, client: Client) -> bool;
    fn received_text(&mut self, client: Client, message: String);
    fn received_binary(&mut self, client: Client, message: Vec<u8>);
    fn received_pong(&mut self, client: Client, payload: Vec<u8>);
    fn disconnected(&mut self, client: Client);
    fn suspend(&mut self) -> Option<Vec<u8>>;
    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), String>;
    fn fired(&mut self, timer: Timer);
    /// Returns `None` if the handler does not accept custom messages.
    fn received_custom(&mut self, message: Vec<u8>) -> Option<Result<Vec<u8>, String>>;
    fn drained(&mut self, client: Client);
    fn expiring(&mut self, client: Client);
    fn stopping(&mut self);
    fn handler(&mut self) -> &mut dyn Any;
}

struct Typed<H>(H);

impl<H: Exported> Typed<H> {
    const PARTS: Parts<H> = H::PARTS;
}

impl<H: Exported> Instance for Typed<H> {
    fn connected(&mut self, client: Client) -> bool {
        dispatch::connected(&mut self.0, client)
    }

    fn received_text(&mut self, client: Client, message: String) {
        dispatch::received_text(&mut self.0, client, message);
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) {
        dispatch::received_binary(&mut self.0, client, message);
    }

    fn received_pong(&mut self, client: Client, payload: Vec<u8>) {
        dispatch::received_pong(&mut self.0, client, payload);
    }

    fn disconnected(&mut self, client: Client) {
        dispatch::disconnected(&mut self.0, client);
    }

    fn suspend(&mut self) -> Option<Vec<u8>> {
        Self::PARTS.suspend.and_then(|suspend| suspend(&mut self.0))
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), String> {
        Self::PARTS.resume.map_or(Ok(()), |resume| resume(&mut self.0, state))
    }

    fn fired(&mut self, timer: Timer) {
        if let Some(fired) = Self::PARTS.fired {
            fired(&mut self.0, timer);
        }
    }

    fn received_custom(&mut self, message: Vec<u8>) -> Option<Result<Vec<u8>, String>> {
        Self::PARTS.received_custom.map(|received| received(&mut self.0, message))
    }

    fn drained(&mut self, client: Client) {
        if let Some(drained) = Self::PARTS.drained {
            drained(&mut self.0, client);
        }
    }

    fn expiring(&mut self, client: Client) {
        if let Some(expiring) = Self::PARTS.expiring {
            expiring(&mut self.0, client);
        }
    }

    fn stopping(&mut self) {
        if let Some(stopping) = Self::PARTS.stopping {
            stopping(&mut self.0);
        }
    }

    fn handler(&mut self) -> &mut dyn Any {
        &mut self.0
    }
}
