//! What a client is to do.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The plan given on the command line.
#[derive(Deserialize)]
pub(crate) struct Plan {
    pub(crate) authority: PathBuf,
    pub(crate) sizes: Vec<usize>,
    pub(crate) scenarios: Vec<String>,
    pub(crate) urls: HashMap<String, String>,
}
