//! What a change of the contract may not break: components that are built already.
//!
//! A component names every function that it imports, with its type, and the host every function that it calls. So what
//! was released stays as it was, to the last parameter, and what is added lies beside it.

mod closed;
mod growth;
mod surface;

pub use closed::closed_types;
pub use growth::broken;
pub use surface::Surface;
