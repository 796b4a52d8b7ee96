//! The command line of `ws-host check`.

use std::path::PathBuf;

use bytesize::ByteSize;

/// Says what a component exports, imports, needs and costs, and whether it would be served
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The component
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,

    /// Maximum memory of an instance
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(super) max_memory: ByteSize,

    /// Print everything as JSON
    #[arg(long)]
    pub(super) json: bool,
}

const AFTER_HELP: &str = "\
The component is compiled on this machine, and one instance of it is started. No events of the
component are called.

The other limits are the defaults of a server: the compiler may take 2 GiB and 120 s, and the
start of the instance 1 s of CPU time and 60 s in all. What a resource grants is not known here:
the output lists what needs a grant.

Exit code 0: the component would be served. 1: it would not, and the output says why.

To check a whole configuration: ws-host --config FILE --check";
