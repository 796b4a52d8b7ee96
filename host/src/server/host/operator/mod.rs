//! What the operator of a host sees and does: status, metrics, messages to handlers, clients by tag.

mod custom;
#[cfg(feature = "testing")]
mod fault_injection;
mod scrape;
mod status;
mod tagged;

pub use self::custom::{CustomError, CustomMessage, CustomReply, Recipient};
pub(in crate::server) use self::scrape::scrape;
pub(in crate::server) use self::status::StatusQuery;
pub use self::status::{ClientStatus, ResourceStatus};
pub use self::tagged::TaggedError;
