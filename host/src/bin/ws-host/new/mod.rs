//! `ws-host new NAME`: creates a small project that builds a handler.

mod args;
pub(crate) mod embedded;
mod name;
mod project;
mod sdk;
mod templates;

use std::io::Write;

use anyhow::Result;

pub(crate) use self::args::Args;
use self::name::Name;
use self::project::Project;

/// Creates the project. Prints what to do next.
///
/// # Errors
///
/// An error if the name, the folder or the template cannot be used, or if a file cannot be written. The error says what
/// the user can do.
pub(crate) fn run(args: &Args) -> Result<()> {
    let name = Name::of_folder(&args.folder)?;
    let files = templates::files(&args.language, &args.template, &name)?;
    let project = Project { folder: &args.folder, files };
    project.write()?;
    let text = project.next_steps(&args.language, &args.template);
    // A failed write is ignored, because the project exists even if standard output is closed.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
