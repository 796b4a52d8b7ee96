//! `ws-host man DIR`: writes the man pages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli;

/// Writes man pages into a folder: one for ws-host, and one for each command
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder for the pages; it is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the pages. They contain no date, so that the same program always writes the same pages.
///
/// # Errors
///
/// An error if the folder or a file in it cannot be written. The error names the folder or the file.
pub(crate) fn run(args: &Args) -> Result<()> {
    fs::create_dir_all(&args.folder)
        .with_context(|| format!("cannot create {}", args.folder.display()))?;
    // There is no page for the command `help`, because it would repeat all other pages.
    let mut command = cli::Args::command().disable_help_subcommand(true);
    command.build();
    for command in command.get_subcommands() {
        write(command, &args.folder)?;
    }
    write(&command, &args.folder)
}

fn write(command: &Command, folder: &Path) -> Result<()> {
    // The page of `ws-host connect`, for example, is called `ws-host-connect`.
    let title = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let source = concat!("ws-host ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).title(title).source(source).manual("ws-host");
    let page = folder.join(man.get_filename());
    let mut text = Vec::new();
    man.render(&mut text)?;
    fs::write(&page, text).with_context(|| format!("cannot write {}", page.display()))
}
