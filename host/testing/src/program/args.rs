//! The arguments.

use std::path::PathBuf;

/// Tests a handler with scripts: clients that connect, what they send, what they expect
///
/// Each test serves the component in this process, without sockets, on a clock that stands still until the script lets
/// time pass. docs/testing.md describes the scripts.
#[derive(Debug, clap::Parser)]
#[command(name = "ws-host test", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Scripts, or folders of scripts [default: tests/*.toml]
    #[arg(value_name = "SCRIPT")]
    pub(super) scripts: Vec<PathBuf>,

    /// Run only the tests whose name contains this text
    #[arg(long, value_name = "TEXT")]
    pub(super) filter: Option<String>,
}
