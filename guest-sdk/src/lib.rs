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
//! Each instance has one value of your type, which is its state. The value is created with [`Default`] for the first
//! event, and lives until the instance ends. With [`Lifecycle`], the state outlives a hot reload and hibernation.
//! Events arrive one at a time, so `&mut self` needs no locks. Everything that the handler prints to standard output or
//! standard error appears in the host's log. The handler may sleep ([`std::thread::sleep`]). This delays only the other
//! events of this instance, and not the host.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "testing", target_arch = "wasm32")),
    expect(dead_code, reason = "neither a component nor a test calls the handler")
)]

mod client;
mod close;
pub mod config;
mod custom;
mod disconnection;
mod dispatch;
mod error;
mod expiry;
#[doc(hidden)]
pub mod glue;
mod handler;
mod handshake;
#[cfg(feature = "json")]
mod json;
pub mod keyvalue;
#[cfg(feature = "log")]
mod logger;
mod message;
mod outgoing;
mod report;
mod request;
mod state;
mod sys;
mod tag;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
pub mod testing;
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
#[cfg(feature = "json")]
pub use json::{InvalidJson, SendJsonError, from_json};
pub use message::{
    Compression, Message, SendOptions, TooManyExceptions, broadcast, broadcast_with,
};
pub use outgoing::{
    ConnectError, ConnectOptionError, ConnectOptions, connect, connect_with, connections,
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
        impl $crate::glue::Exported for $handler {
            const PARTS: $crate::glue::Parts<Self> = {
                let parts = $crate::glue::Parts::NONE;
                $($(let parts = $crate::export_part!(parts + $part);)+)?
                parts
            };
        }

        // A native build has no exports. Tests call the handler through `PARTS`. This code keeps the compiler from
        // reporting the handler as unused.
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> $handler = $crate::glue::new_handler;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::std::thread_local! {
                static HANDLER: ::std::cell::RefCell<$handler> =
                    ::std::cell::RefCell::new($crate::glue::new_handler());
            }

            struct Exports;

            impl $crate::glue::Exports for Exports {
                type Handler = $handler;

                fn with_handler<T>(act: impl FnOnce(&mut $handler) -> T) -> T {
                    HANDLER.with_borrow_mut(act)
                }
            }

            type Component = $crate::glue::Component<Exports>;

            $crate::export_part!(Component Handler);
            $($($crate::export_part!(Component $part);)+)?
        };
    };
}

/// Exports one interface for [`export!`], or adds it to the parts of the handler. Not meant to be used directly.
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
    ($parts:ident + Lifecycle) => {
        $parts.lifecycle()
    };
    ($parts:ident + Timers) => {
        $parts.timers()
    };
    ($parts:ident + CustomMessages) => {
        $parts.custom_messages()
    };
    ($parts:ident + Drained) => {
        $parts.drained()
    };
    ($parts:ident + Expiry) => {
        $parts.expiry()
    };
    ($parts:ident + Stop) => {
        $parts.stop()
    };
    ($parts:ident + $other:ident) => {
        ::std::compile_error!(::std::concat!(
            "a handler cannot export `", ::std::stringify!($other), "`; it can export ",
            "Lifecycle, Timers, CustomMessages, Drained, Expiry and Stop",
        ));
    };
    // For an unknown interface, the rule before this one has already reported the error.
    ($exports:ident $other:ident) => {};
}
