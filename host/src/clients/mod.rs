//! The clients of an actor: what the guest may send to, and what connections write from.
//!
//! This is the meeting place of two sides that must not know each other: the guest's imports put
//! frames into a client's outbound buffer, the client's connection takes them out.

mod client;
mod known;
mod table;

pub(crate) use client::{AttachmentTooLong, Client, ClientId, CloseError, Outgoing};
pub(crate) use known::Known;
pub(crate) use table::Clients;
