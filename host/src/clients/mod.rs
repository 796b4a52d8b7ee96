//! The clients of an actor.
//!
//! This module connects two sides that must not know each other. The guest's imports put frames into a client's
//! outbound buffer, and the client's connection takes them out.

mod cause;
mod certificate;
mod client;
mod expiry;
mod ids;
mod info;
mod outbound_buffer;
mod pace;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use cause::{Cause, HostClose};
pub(crate) use certificate::Certificate;
pub(crate) use client::{AttachmentTooLong, Client, CloseError};
pub(crate) use expiry::ExpiryState;
pub(crate) use ids::{ClientId, ConnectionId, Ids};
pub(crate) use info::{ClientInfo, Headers, HttpVersion};
pub(crate) use outbound_buffer::{OnFull, OutboundBuffer, SendCapacity};
pub(crate) use pace::Pace;
pub(crate) use table::Clients;
#[cfg(test)]
pub(crate) use table::tests::client as test_client;
