//! Placement: which host of the cluster owns the actor of a path.
//!
//! ```text
//! keeper ──▶ term  ◀── claim ◀── directory ──▶ fence ──▶ records ──▶ the broker
//! (renews)  (valid until)        (locate)     (watched)  (compare-and-swap)
//! ```
//!
//! Each host has one [lease](term) and renews it ([`keeper`]). A [`claim`] to an actor names a lease. A claim is
//! replaced only after its lease was [fenced](fence). Fencing overwrites the lease by compare-and-swap, so that its
//! host can never renew it. Every decision is a single compare-and-swap, so a stale read costs a retry and nothing
//! else. Clocks of different hosts are never compared.

mod boot_clock;
mod claim;
mod claim_wait;
mod content;
mod directory;
mod error;
mod fence;
mod foreign;
mod keeper;
mod key;
mod leftover;
mod records;
mod saving;
mod states;
mod sweep;
mod term;
mod timing;
mod watched;

#[cfg(test)]
#[expect(clippy::print_stdout, reason = "prints the seed of a schedule and its result")]
mod tests;

pub(crate) use self::boot_clock::BootTime;
pub(crate) use self::claim::Claim;
pub(crate) use self::content::Holder;
pub(crate) use self::directory::{Directory, Location, Placement, locate_until};
pub(crate) use self::error::PlacementError;
pub(crate) use self::foreign::ForeignRecords;
pub(crate) use self::keeper::Keeper;
pub(crate) use self::key::{ActorName, Key, LeaseId};
pub(crate) use self::records::{Entry, Records, RecordsError, WriteError};
pub(crate) use self::sweep::sweep_forever;
pub(crate) use self::term::Term;
pub(crate) use self::timing::Timing;
#[cfg(test)]
pub(crate) use crate::cluster::HostInfo;
