//! The resources that a host serves, and what they share.

mod context;
mod dialing;
mod registry;
mod runtimes;
mod served;

pub(in crate::server) use self::context::HostContext;
pub use self::registry::NoResource;
pub(in crate::server) use self::registry::{Registry, Route};
pub(in crate::server) use self::served::{
    PendingHandshake, PreparedResource, ServedResource, hand_over_pace,
};
