//! Instances: how one instance replaces another, and what is kept of the old one.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::code::{Code, Instance};
use super::current::Running;
use super::event::Resuming;
use super::fake::Fake;
use crate::StateReason;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The line.
    pub text: String,
}

/// An actor's instance, or the reason why there is none.
pub(super) enum Slot {
    Unused,
    Live(Box<dyn Instance>),
    /// The instance is hibernated, and this is its state.
    Hibernated(Vec<u8>),
    Lost,
    /// The instance is handling an event.
    Taken,
}

/// The instance of a host, and the checkpoint that is kept in case the instance traps.
pub(super) struct Actor {
    pub(super) code: Code,
    pub(super) slot: Slot,
    /// A state, and the time at which it was saved.
    checkpoint: Option<(Vec<u8>, Duration)>,
}

impl Actor {
    pub(super) fn new(code: Code) -> Self {
        Self { code, slot: Slot::Unused, checkpoint: None }
    }

    /// Takes out the instance for an event. Creates one if there is none.
    pub(super) fn take(&mut self, fake: &Rc<RefCell<Fake>>) -> Box<dyn Instance> {
        let _running = Running::new(fake);
        match std::mem::replace(&mut self.slot, Slot::Taken) {
            Slot::Live(instance) => instance,
            Slot::Unused => (self.code.start)(),
            Slot::Hibernated(state) => self.wake(fake, state),
            Slot::Lost => match self.checkpoint.take() {
                None => self.start_over(fake, StateReason::Fault),
                Some((state, at)) => {
                    let age = Some(fake.borrow().now.saturating_sub(at));
                    let mut instance = (self.code.start)();
                    let resumed =
                        resume(fake, &mut *instance, Some(state), StateReason::Fault, age);
                    match resumed {
                        Ok(()) => instance,
                        Err(why) => {
                            refused(fake, &why);
                            self.start_over(fake, StateReason::Fault)
                        }
                    }
                }
            },
            Slot::Taken => panic!(
                "an event was sent to the handler while it was still handling another one: use a `TestClient` or a \
                 `TestHost` only in the test, not in the handler"
            ),
        }
    }

    fn wake(&self, fake: &Rc<RefCell<Fake>>, state: Vec<u8>) -> Box<dyn Instance> {
        let mut instance = (self.code.start)();
        match resume(fake, &mut *instance, Some(state), StateReason::Hibernation, None) {
            Ok(()) => instance,
            Err(why) => {
                refused(fake, &why);
                self.start_over(fake, StateReason::Hibernation)
            }
        }
    }

    /// Creates an instance that resumes without a state. If `resume` returns an error, the error is only logged.
    fn start_over(&self, fake: &Rc<RefCell<Fake>>, reason: StateReason) -> Box<dyn Instance> {
        let mut instance = (self.code.start)();
        if let Err(why) = resume(fake, &mut *instance, None, reason, None) {
            refused(fake, &why);
        }
        instance
    }

    /// Replaces the code. The error says why the new code cannot use the state. The old code then continues.
    pub(super) fn reload(&mut self, fake: &Rc<RefCell<Fake>>, code: Code) -> Result<(), String> {
        let _running = Running::new(fake);
        let (state, reason) = match &mut self.slot {
            Slot::Unused => {
                self.code = code;
                return Ok(());
            }
            Slot::Live(old) => {
                (suspend(fake, &mut **old, StateReason::Reload), StateReason::Reload)
            }
            Slot::Hibernated(state) => (Some(state.clone()), StateReason::Reload),
            Slot::Lost => {
                (self.checkpoint.as_ref().map(|(state, _)| state.clone()), StateReason::Fault)
            }
            Slot::Taken => panic!("the handler was reloaded while an event was running"),
        };
        let mut new = (code.start)();
        resume(fake, &mut *new, state, reason, None).inspect_err(|why| refused(fake, why))?;
        (self.code, self.slot, self.checkpoint) = (code, Slot::Live(new), None);
        Ok(())
    }

    /// Frees the instance and keeps only its state. Returns whether there was a state to keep.
    pub(super) fn hibernate(&mut self, fake: &Rc<RefCell<Fake>>) -> bool {
        let _running = Running::new(fake);
        let Slot::Live(instance) = &mut self.slot else { return false };
        let state = suspend(fake, &mut **instance, StateReason::Hibernation);
        if let Some(state) = state {
            self.slot = Slot::Hibernated(state);
        }
        matches!(self.slot, Slot::Hibernated(_))
    }

    /// Saves the state as a checkpoint. Returns whether there was a state.
    pub(super) fn save_checkpoint(&mut self, fake: &Rc<RefCell<Fake>>) -> bool {
        let _running = Running::new(fake);
        let Slot::Live(instance) = &mut self.slot else { return false };
        let state = suspend(fake, &mut **instance, StateReason::Checkpoint);
        let now = fake.borrow().now;
        state.map(|state| self.checkpoint = Some((state, now))).is_some()
    }
}

fn suspend(
    fake: &Rc<RefCell<Fake>>,
    instance: &mut dyn Instance,
    reason: StateReason,
) -> Option<Vec<u8>> {
    fake.borrow_mut().event.state = Some(Resuming { reason, age: None });
    let state = instance.suspend();
    let mut fake = fake.borrow_mut();
    fake.event.state = None;
    let max = fake.settings.max_state;
    let length = state.as_ref().map_or(0, Vec::len);
    if length > max {
        fake.write_log("warn", &format!("the state has {length} bytes and max-state is {max}"));
        return None;
    }
    state
}

fn resume(
    fake: &Rc<RefCell<Fake>>,
    instance: &mut dyn Instance,
    state: Option<Vec<u8>>,
    reason: StateReason,
    age: Option<Duration>,
) -> Result<(), String> {
    fake.borrow_mut().event.state = Some(Resuming { reason, age });
    let resumed = instance.resume(state);
    fake.borrow_mut().event.state = None;
    resumed
}

fn refused(fake: &Rc<RefCell<Fake>>, why: &str) {
    fake.borrow_mut().write_log("error", &format!("the state was refused: {why}"));
}
