//! What a handler in every language is held to.

mod chat;
mod echo;
mod faults;
mod limits;
mod rooms;

use anyhow::Result;

use crate::build::Components;

/// A scenario, with its name as a sentence.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Components) -> Result<()>,
}

/// Returns all scenarios.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    [echo::ALL, chat::ALL, rooms::ALL, faults::ALL, limits::ALL].into_iter().flatten()
}

/// Declares the scenarios of a file: `scenarios! { name, name }`.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        pub(super) const ALL: &[super::Scenario] =
            &[$(super::Scenario { name: stringify!($name), run: $name }),+];
    };
}
use scenarios;
