//! The guest: the only folder that names wasmtime.
//!
//! ```text
//! Runtime   one engine, one linker
//!   └─ Template   a component, compiled and checked: ready to be instantiated
//!        └─ Guest      one instance in a store of its own, with its own limits
//! ```

mod arena;
mod bindings;
mod burst;
mod cache;
mod call_clock;
mod check;
mod contract;
mod denials;
mod denied;
mod error;
#[cfg(test)]
pub(crate) mod grown;
mod imports;
mod in_time;
mod instance;
mod last_words;
mod limits;
mod log;
mod log_budget;
mod memories;
mod optional;
mod runtime;
mod stacks;
mod state;
mod template;
mod told;

pub(crate) use burst::{Burst, Message};
pub(crate) use error::{Fault, LoadError};
pub(crate) use instance::{Acceptance, Answer, Disconnection, Guest, Refusal};
pub(crate) use limits::Limits;
pub(crate) use runtime::{Density, Runtime, RuntimeError};
pub(crate) use template::{Recipe, Source, Template};
pub(crate) use told::{CustomInfo, Reason};
