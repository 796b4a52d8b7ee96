//! Write WebSocket handlers for ws-host as WebAssembly components.
//!
//! ```
//! use ws_guest::{Client, Handler, Result};
//!
//! #[derive(Default)]
//! struct Echo;
//!
//! impl Handler for Echo {
//!     fn received_text(&mut self, client: Client, message: String) -> Result {
//!         Ok(client.send_text(&message)?)
//!     }
//! }
//!
//! ws_guest::export!(Echo);
//! # fn main() {}
//! ```
//!
//! In `Cargo.toml`: `crate-type = ["cdylib"]` under `[lib]`. Build with
//! `cargo build --release --target wasm32-wasip2`, run with `ws-host --component FILE.wasm`.
//!
//! The value of your type is the state of one instance: it is made with [`Default`] for the first
//! event, and lives until the instance ends. With [`Handler::suspend`] and [`Handler::resume`] it
//! outlives a hot reload and hibernation. Events come one at a time, so `&mut self` is all the locking
//! there is. What is printed to standard output or error appears in the host's log. Sleeping
//! ([`std::thread::sleep`]) is fine: the host goes on, only the other events of this instance wait.

#![forbid(unsafe_code)]

mod bindings;
mod client;
mod close;
mod error;
mod form;
#[doc(hidden)]
pub mod glue;
mod handler;
mod report;
mod state;
mod timer;
mod topic;

pub use client::{
    Client, broadcast_binary, broadcast_binary_with, broadcast_text, broadcast_text_with, clients,
};
pub use close::{CloseCode, CloseError};
pub use error::{AttachmentError, Error, Result, SendError};
pub use form::{Compression, Form};
pub use handler::{Acceptance, Disconnection, Handler, Rejection, Request};
pub use state::state_age;
pub use timer::{Timer, TimerError};
pub use topic::{
    SubscribeError, publish_binary, publish_binary_apart_from, publish_binary_with, publish_text,
    publish_text_apart_from, publish_text_with,
};

/// Makes a type that implements [`Handler`] the handler of this component. Once in a crate.
#[macro_export]
macro_rules! export {
    ($handler:ty) => {
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

    $crate::glue::export_component!(Exports with_types_in $crate::glue);
        };
    };
}
