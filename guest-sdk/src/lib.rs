//! Write WebSocket handlers for ws-host as WebAssembly components.
//!
//! ```
//! use ws_guest::{Client, Error, Handler};
//!
//! #[derive(Default)]
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
//!         Ok(client.send_text(message)?)
//!     }
//! }
//!
//! ws_guest::export!(Echo);
//! # fn main() {}
//! ```
//!
//! Set `crate-type = ["cdylib"]` under `[lib]` in `Cargo.toml`. Build with
//! `cargo build --release --target wasm32-wasip2`, and run with `ws-host --component FILE.wasm`.
//!
//! The value of your type is the state of one instance. It is created with [`Default`] for the first event, and lives
//! until the instance ends. With [`Lifecycle`], its state outlives a hot reload and hibernation. Events arrive one at
//! a time, so `&mut self` needs no locks. Whatever the handler prints to standard output or standard error appears in
//! the host's log. Sleeping ([`std::thread::sleep`]) is fine: it delays only the other events of this instance, not
//! the host.

#![forbid(unsafe_code)]

mod bindings;
mod client;
mod close;
mod custom;
mod disconnection;
mod error;
mod expiry;
#[doc(hidden)]
pub mod glue;
mod handler;
mod handshake;
mod message;
mod report;
mod request;
mod state;
mod tag;
mod timer;
mod topic;
mod words;

pub use client::{AttachmentError, Client, SendError, clients};
pub use close::{CloseCode, CloseError};
pub use custom::CustomMessage;
pub use disconnection::{Cause, Disconnection};
pub use error::Error;
pub use expiry::ExpiryError;
pub use handler::{CustomMessages, Drained, Expiry, Handler, Lifecycle, Stop, Timers};
pub use handshake::{Handshake, HandshakeError, Rejection};
pub use message::{
    Compression, Message, SendOptions, TooManyExceptions, broadcast, broadcast_with,
};
pub use request::Request;
pub use state::{StateReason, state_age, state_reason};
pub use tag::{TagError, TaggedError, close_tagged, send_tagged, send_tagged_with, tagged};
pub use timer::{Timer, TimerError};
pub use topic::{PublishError, SubscribeError, publish, publish_with, subscribers};

/// Exports a type that implements [`Handler`] as the handler of this component: `export!(Chat)`. Optional traits follow
/// a colon: `export!(Chat: Lifecycle, Timers)`. Use this macro once in a crate.
#[macro_export]
macro_rules! export {
    ($handler:ty $(: $($part:ident),+ $(,)?)?) => {
        const _: () = {
            ::std::thread_local! {
                static HANDLER: ::std::cell::RefCell<$handler> = ::std::cell::RefCell::default();
            }

            struct Exports;

            impl $crate::glue::Exports for Exports {
                type Handler = $handler;

                fn with_handler<T>(act: impl FnOnce(&mut $handler) -> T) -> T {
                    HANDLER.with_borrow_mut(act)
                }
            }

            $crate::export_part!(Exports Handler);
            $($($crate::export_part!(Exports $part);)+)?
        };
    };
}

/// Exports one interface for [`export!`]. Not meant to be used directly.
#[doc(hidden)]
#[macro_export]
macro_rules! export_part {
    ($exports:ident Handler) => {
        $crate::glue::handler::export_handler!($exports with_types_in $crate::glue::handler);
        $crate::glue::burst::export_burst!($exports with_types_in $crate::glue::burst);
    };
    ($exports:ident Lifecycle) => {
        $crate::glue::lifecycle::export_lifecycle!($exports with_types_in $crate::glue::lifecycle);
    };
    ($exports:ident Timers) => {
        $crate::glue::timers::export_timers!($exports with_types_in $crate::glue::timers);
    };
    ($exports:ident CustomMessages) => {
        $crate::glue::custom::export_custom!($exports with_types_in $crate::glue::custom);
    };
    ($exports:ident Drained) => {
        $crate::glue::drained::export_drained!($exports with_types_in $crate::glue::drained);
    };
    ($exports:ident Expiry) => {
        $crate::glue::expiry::export_expiry!($exports with_types_in $crate::glue::expiry);
    };
    ($exports:ident Stop) => {
        $crate::glue::stop::export_stop!($exports with_types_in $crate::glue::stop);
    };
    ($exports:ident $other:ident) => {
        ::std::compile_error!(::std::concat!(
            "a handler cannot export `", ::std::stringify!($other), "`; it can export ",
            "Lifecycle, Timers, CustomMessages, Drained, Expiry and Stop",
        ));
    };
}
