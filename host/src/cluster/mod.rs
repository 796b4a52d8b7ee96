//! The cluster: hosts that exchange topic messages through a broker.
//!
//! ```text
//! topics ─▶ channel ─▶ outbox ─▶ member ─▶ broker ─▶ other hosts        (workers ─▶ the cluster's thread)
//! topics ◀─ channel ◀─ inbox  ◀──────────  broker ◀─ other hosts
//! ```
//!
//! Workers never wait. They put messages into the bounded [`outbox`], and they record in the table of
//! [interests](interest) which topics have subscribers here. A separate thread ([`member`]) holds the connection to the
//! broker. It passes received messages to the delivery queues of the workers. For topics, everything except [`nats`] is
//! independent of the kind of broker ([`broker::Broker`]). So are the rules of placement ([`placement::Records`]), but
//! the thread that keeps the lease ([`lease`]) and the table of owned actors ([`owned`]) name NATS.

#[cfg(not(feature = "nats"))]
mod absent;
#[cfg(feature = "nats")]
mod broker;
#[cfg(feature = "nats")]
mod channel;
mod components;
#[cfg(feature = "nats")]
mod counters;
#[cfg(feature = "nats")]
mod differences;
#[cfg(feature = "nats")]
mod envelope;
#[cfg(feature = "nats")]
mod host_info;
#[cfg(feature = "nats")]
mod inbox;
#[cfg(feature = "nats")]
mod interest;
#[cfg(feature = "nats")]
mod kept_state;
#[cfg(feature = "nats")]
mod lease;
#[cfg(feature = "nats")]
mod link;
mod located;
#[cfg(feature = "nats")]
mod member;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "nats")]
mod other_clusters;
#[cfg(feature = "nats")]
mod outbox;
#[cfg(feature = "nats")]
mod owned;
#[cfg(feature = "nats")]
mod owners;
#[cfg(feature = "nats")]
mod placement;
pub(crate) mod relay;
#[cfg(feature = "nats")]
mod shared;
mod status;

#[cfg(not(feature = "nats"))]
pub(crate) use self::absent::Cluster;
#[cfg(feature = "nats")]
pub(crate) use self::components::Components;
#[cfg(feature = "nats")]
pub(crate) use self::host_info::HostInfo;
pub(crate) use self::located::{Durability, Located, Owner, Unavailable};
#[cfg(feature = "nats")]
pub(crate) use self::member::Cluster;
pub use self::status::{
    ClusterLink, ClusterStatus, ComponentDifference, HostLease, LeaseState, PlacementStatus,
};
