//! HTTP requests that handlers send.
//!
//! ```text
//! HttpClient   the granted servers, the limits, and a pool of connections for each worker
//!   └─ Connector    resolves a name, checks its addresses, connects to one of them, and begins TLS
//! ```

mod addresses;
mod client;
mod connector;
mod error;
mod resolver;
mod response_body;
mod stream;
mod tls;

pub(crate) use self::client::{HttpClient, HttpSettings};
pub(crate) use self::error::RequestError;
