//! The proxies.

use anyhow::Result;

use crate::table::{Selection, Table};

/// Runs them.
pub(crate) fn run(_selection: &Selection) -> Result<Table> {
    Ok(Table { scenarios: Vec::new(), rows: Vec::new() })
}
