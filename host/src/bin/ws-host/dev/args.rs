//! The command line of `ws-host dev`.

use std::net::SocketAddr;
use std::path::PathBuf;

use ws_host::config::Address;
use ws_host::config::schema::{self, OneOrMany};

/// Builds and serves a project, and rebuilds and reloads it when a source file is saved
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The folder of the project, which contains ws-host.toml
    #[arg(value_name = "DIR", default_value = ".")]
    pub(super) folder: PathBuf,

    /// Address to listen on instead of those in ws-host.toml (may be repeated)
    #[arg(long, value_name = "ADDR")]
    listen: Vec<Address>,

    /// Address for management and metrics, such as 127.0.0.1:9090, instead of the one in ws-host.toml
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,

    /// Use TLS with a self-signed certificate for localhost
    #[arg(long)]
    tls_dev: bool,
}

const AFTER_HELP: &str = "\
The project's ws-host.toml says how to build it and which files to watch:

  [dev]
  build = \"cargo build --release\"
  watch = [\"src\", \"Cargo.toml\"]

While a build runs or has failed, the code of the last good build is served. Every client stays
connected. Ctrl-C stops a running build, closes every client and exits.";

impl Args {
    /// Returns the settings of the file, overridden by those of the command line.
    pub(super) fn apply(&self, mut settings: schema::Server) -> schema::Server {
        if !self.listen.is_empty() {
            let addresses = self.listen.iter().cloned().map(schema::Listen::from);
            settings.listen = Some(OneOrMany::Many(addresses.collect()));
        }
        settings.admin = self.admin.or(settings.admin);
        if self.tls_dev {
            settings.tls_dev = Some(true);
        }
        // Files must be watched, because every build changes the components.
        settings.watch = Some(true);
        settings
    }
}
