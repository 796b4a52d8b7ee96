//! `ws-host check FILE`: says what a component needs and costs, and whether it would be served.

mod args;
mod report;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;
use ws_host::inspect::{InspectOptions, Inspection, inspect};

pub(crate) use self::args::Args;

/// The report for programs.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    inspection: &'a Inspection,
    /// What to do, although the component would be served.
    advice: Vec<String>,
}

/// Inspects the component and prints what is known about it. Returns the exit code.
///
/// # Errors
///
/// An error if there is no room for a temporary folder.
///
/// # Cancel safety
///
/// Dropping the future leaves no files behind.
pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let max_memory = usize::try_from(args.max_memory.as_u64()).context("--max-memory")?;
    // The content of this folder is run as native code, so only this user has access to it.
    let cache = tempfile::tempdir().context("cannot create a temporary folder")?;
    let mut options = InspectOptions::new(max_memory);
    options.cache = Some(cache.path().to_owned());
    options.compiler = Some(crate::THIS_PROGRAM.into());
    let inspection = inspect(&args.file, &options).await;
    let text = if args.json {
        let advice = report::advice(&inspection).into_iter().collect();
        serde_json::to_string_pretty(&Report { inspection: &inspection, advice })? + "\n"
    } else {
        report::text(&inspection)
    };
    // A failed write is ignored, because the exit code gives the answer even if standard output is closed.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(if inspection.is_served { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
