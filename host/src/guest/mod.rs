//! Instances of handlers. This is the only directory that uses wasmtime.
//!
//! ```text
//! Runtime   one engine, one linker
//!   └─ Template   a component, compiled and checked: ready to be instantiated
//!        └─ Guest      an instance: its own store, its own limits
//! ```

/// The version of wasmtime.
pub(crate) const WASMTIME_VERSION: &str = wasmtime_environ::VERSION;

mod arena;
mod bindings;
mod burst;
mod call_info;
mod check;
mod client_event;
mod clocks;
mod compile;
mod contract;
mod cpu_budget;
mod denials;
mod denied;
mod error;
mod fault_injection;
mod footprint;
mod grants;
mod http;
mod http_hooks;
mod image;
mod imports;
mod instance;
mod keyvalue;
#[cfg(test)]
pub(crate) mod later_contract;
mod limits;
mod log;
mod log_budget;
mod log_line;
mod log_source;
mod memories;
mod optional;
mod payloads;
mod recent_stderr;
mod reexports;
mod reserved;
mod runtime;
mod stacks;
mod state;
mod template;
mod time_limit;
mod waits;
mod wasi_config;

pub(crate) use burst::{Burst, Message, MessageKind, Messages};
pub(crate) use call_info::{CustomInfo, Reason};
pub(crate) use client_event::ClientEvent;
pub use compile::run_as_compiler;
pub(crate) use compile::{CompileOptions, CompilerProcess, cancellation};
pub(crate) use error::{Fault, LoadError};
#[cfg(feature = "testing")]
pub(crate) use fault_injection::InjectedFault;
pub(crate) use instance::{
    Disconnection, Guest, HandlerAcceptance, HandlerRejection, HandlerReply,
};
pub(crate) use limits::{CallLimits, LimitExceeded};
pub(crate) use runtime::{Density, Runtime, RuntimeError};
pub(crate) use template::{ComponentSpec, Source, StoreSettings, Template, read_file};
