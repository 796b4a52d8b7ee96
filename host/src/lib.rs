//! A WebSocket server whose resource handlers are WebAssembly components.
//!
//! The host handles sockets, the opening handshake and framing (RFC 6455). A *handler* is a component that exports
//! `ws-host:socket/handler` (see `wit/`) and runs in a sandbox with limits.
//!
//! ```text
//! server ─▶ reload ─▶ resource ─▶ actor ─▶ guest ─▶ actor_resources ─▶ ws-host-protocol
//!      └──▶ connection ─┘
//! ```
//!
//! Each layer imports only layers to its right. Messages to clients go in the other direction. They pass through the
//! outbound buffers of the clients (module `clients`). Each actor has the buffers of its own clients.
//!
//! ```no_run
//! # async fn serve(config: ws_host::config::Config) -> Result<(), ws_host::StartError> {
//! let server = ws_host::Server::start(config).await?;
//! println!("{:?}", server.listening());
//! server.run(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod about;
mod access_log;
mod actor;
mod actor_resources;
#[cfg(test)]
mod allocations;
mod blocking;
mod budget;
mod clients;
mod cluster;
pub mod config;
mod connection;
mod dialer;
mod error_chain;
mod grant;
mod guest;
pub mod inspect;
mod keyvalue;
mod log_rate;
mod metrics;
mod outgoing;
mod ownership;
mod pattern;
mod platform;
mod printable;
mod reload;
mod resource;
mod running;
mod server;
mod slice;
#[cfg(feature = "testing")]
pub mod testing;
mod ticker;
mod timers;
mod tls_files;
mod topics;
mod traces;
mod watch;
mod worker;

pub use about::build_description;
pub use actor::TrialState;
pub use cluster::{
    ClusterLink, ClusterStatus, ComponentDifference, HostLease, LeaseState, PlacementStatus,
};
// Hidden items are for the program only.
#[doc(hidden)]
pub use error_chain::{last_cause, with_causes};
pub use guest::run_as_compiler;
pub use metrics::count_lost_log_line;
#[doc(hidden)]
pub use printable::{Tabs, printable};
pub use reload::{ReloadError, ReloadOutcome, Replaced};
pub use server::{
    Body, CheckedResource, ClientStatus, ConfigReload, ConfigReloadError, ConfigReloader,
    ConfigureError, Configured, CustomError, CustomMessage, CustomReply, Host, Listening,
    ListeningSockets, NoResource, PassedSocket, PassedSockets, Peer, Recipient, ResourceStatus,
    Server, StartError, Stopped, TaggedError,
};
pub use worker::runtime;
pub use ws_host_client as client;
pub use ws_host_protocol as protocol;
