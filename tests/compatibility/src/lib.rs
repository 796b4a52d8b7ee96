//! Checks that a change of the contract does not break existing components.
//!
//! A component names every function that it imports, with its type, and the host names every function that it calls. So
//! a released function never changes, not even in its last parameter, and new things are added beside the old ones.

mod closed;
mod growth;
mod surface;

pub use closed::closed_types;
pub use growth::broken;
pub use surface::Surface;
