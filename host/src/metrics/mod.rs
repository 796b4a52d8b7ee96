//! Metrics: everything that the host counts, and the text of the response to `GET /metrics`.
//!
//! All names and help texts are in `catalog.rs`. Everything is counted in plain atomics. Some of these atomics belong
//! to a resource (`resource.rs`), some to a resource on one worker (`worker_cells.rs`), and some to the host
//! (`host.rs`). Messages are first counted in their client (`traffic.rs`). Counting never looks up a name. A scrape
//! adds up the cells, and reads what the host knows anyway, such as the number of clients
//! (`server/host/operator/scrape.rs`).

pub(crate) mod catalog;
mod cell;
mod close_codes;
mod histogram;
mod host;
mod lost_lines;
mod outcome;
mod recent;
mod registry;
mod resource;
pub(crate) mod sample;
#[cfg(test)]
mod tests;
mod text;
mod traffic;
mod worker_cells;

pub(crate) use cell::{Counter, LabelCounters};
pub(crate) use close_codes::code_label;
pub(crate) use histogram::{BOUNDS, Totals};
pub(crate) use host::{GaugeEntry, HostMetrics};
pub use lost_lines::count_lost_log_line;
pub(crate) use lost_lines::lost_log_lines;
pub(crate) use outcome::Pending;
pub(crate) use recent::Occurrence;
pub(crate) use registry::ResourceRegistry;
pub(crate) use resource::{ActorMetrics, MemoryShare, ResourceMetrics};
pub(crate) use text::Exposition;
pub(crate) use traffic::{ClientTotals, Traffic};
pub(crate) use worker_cells::WorkerCells;
