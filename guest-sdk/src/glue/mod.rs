//! The code that [`export!`](crate::export) expands to. Not meant to be used directly.

#[cfg(target_arch = "wasm32")]
mod exports;
mod parts;

#[cfg(target_arch = "wasm32")]
pub use self::exports::{Component, Exports};
pub use self::parts::{Exported, Parts};
#[cfg(target_arch = "wasm32")]
pub use ws_guest_bindings::{burst, custom, drained, expiry, handler, lifecycle, stop, timers};

/// Creates the handler of an instance.
pub fn new_handler<H: Default>() -> H {
    #[cfg(feature = "log")]
    crate::logger::install();
    H::default()
}
