//! The command line of `ws-host new`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;

use super::templates;

/// Creates a project for a handler: source, test, SDK, contract and README
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Folder to create for the project, such as chat or games/chess; its name may contain lower-case letters, digits
    /// and hyphens
    #[arg(value_name = "NAME")]
    pub(super) folder: PathBuf,

    /// The language that the handler is written in
    #[arg(long = "lang", value_name = "LANGUAGE", default_value = "rust", value_parser = PossibleValuesParser::new(templates::languages()))]
    pub(super) language: String,

    /// Example that the new project starts from
    #[arg(long, value_name = "TEMPLATE", default_value = "echo", value_parser = PossibleValuesParser::new(templates::all()))]
    pub(super) template: String,
}

const AFTER_HELP: &str = "\
js and ts run on StarlingMonkey, the engine of Firefox; js-small runs on QuickJS, which is smaller.

echo sends every message back. chat has names and timers, and its state outlives a reload. rooms has
an instance for each room.

Examples:
  ws-host new hello
  ws-host new party --lang ts --template chat";
