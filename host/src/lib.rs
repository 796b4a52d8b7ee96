//! A WebSocket server whose resource handlers are WebAssembly components.
//!
//! The host owns sockets, opening handshake and framing (RFC 6455); a *handler* is a component that
//! exports `ws-host:socket/handler` (see `wit/`) and runs in a sandbox with limits.
//!
//! ```text
//! server ─▶ connection ─▶ actor ─▶ guest ─▶ clients ─▶ ws-host-protocol
//! ```
//!
//! Each layer imports those to its right only. What must go back, messages to clients, goes through
//! the outbound buffers in `clients`.
//!
//! ```no_run
//! # async fn serve(config: ws_host::config::Config) -> Result<(), ws_host::StartError> {
//! let server = ws_host::Server::start(config).await?;
//! println!("ws://{}/", server.address());
//! server.run(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod actor;
mod clients;
pub mod config;
mod connection;
mod guest;
mod server;

pub use server::{Server, StartError, Stopped};
pub use ws_host_protocol as protocol;
