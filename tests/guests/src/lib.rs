//! Handlers that misbehave or report what they see, one per file in `examples/`. `make components` builds each into
//! `target/components/guest-NAME.wasm`.
