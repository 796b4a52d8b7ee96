//! The options for sending messages.

use std::cell::RefCell;

use super::{Outcome, word};
use crate::testing::current;

/// How many options an instance may have at once.
const MAX_OPTIONS: usize = 1_000;

/// How many clients one set of options may exclude.
const MAX_EXCEPT: usize = 1_000;

/// Options of a handler.
#[derive(Debug)]
pub(crate) struct SendOptions {
    chosen: RefCell<Chosen>,
    /// Whether these options are within the limit.
    is_valid: bool,
}

/// The settings for sending a message, taken from its options.
#[derive(Clone, Debug, Default)]
pub(in crate::testing) struct Chosen {
    pub(super) max_frame: Option<u32>,
    pub(super) except: Vec<u64>,
}

impl SendOptions {
    pub(crate) fn new() -> Self {
        let is_valid = current::with(|fake| {
            let is_valid = fake.options < MAX_OPTIONS;
            fake.options += usize::from(is_valid);
            is_valid
        });
        Self { chosen: RefCell::default(), is_valid }
    }

    #[expect(clippy::unused_self, reason = "a test host never compresses and ignores this option")]
    pub(crate) fn set_compression(&self, how: &str) -> Outcome {
        match how {
            "by-length" | "always" | "never" => Ok(()),
            _ => Err(word("unknown")),
        }
    }

    pub(crate) fn set_max_frame(&self, bytes: Option<u32>) -> Outcome {
        if bytes == Some(0) {
            return Err(word("invalid"));
        }
        self.chosen.borrow_mut().max_frame = bytes;
        Ok(())
    }

    pub(crate) fn set_except(&self, clients: &[u64]) -> Outcome {
        if clients.len() > MAX_EXCEPT {
            return Err(word("too-many"));
        }
        self.chosen.borrow_mut().except = clients.to_vec();
        Ok(())
    }
}

impl Drop for SendOptions {
    fn drop(&mut self) {
        if self.is_valid {
            current::try_with(|fake| fake.options = fake.options.saturating_sub(1));
        }
    }
}

/// Returns the values that the options set. Without options, returns the defaults.
pub(super) fn resolve(options: Option<&SendOptions>) -> Result<Chosen, String> {
    match options {
        None => Ok(Chosen::default()),
        Some(options) if options.is_valid => Ok(options.chosen.borrow().clone()),
        Some(_) => Err(word("too-many-options")),
    }
}
