//! The flags about the server as a whole: threads, management, files and protocol versions.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use ws_host::config::schema::{self, Cache, Links, Time};

/// Settings of the server as a whole.
#[derive(Debug, clap::Args)]
#[group(id = "server", multiple = true, conflicts_with = "config")]
pub(super) struct Server {
    /// Number of threads that serve clients [default: the number of cores]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Address for management and metrics, such as 127.0.0.1:9090; needs --admin-token unless it is a loopback
    /// address
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,

    /// File with a token; every request to the admin address must contain this token
    #[arg(long, value_name = "FILE", requires = "admin")]
    admin_token: Option<PathBuf>,

    /// Address that answers only health checks, such as 0.0.0.0:8081
    #[arg(long, value_name = "ADDR")]
    health: Option<SocketAddr>,

    /// Log a line for each client when its connection ends, and for each handshake that is refused
    #[arg(long)]
    access_log: bool,

    /// Folder of files to serve for ordinary HTTP requests
    #[arg(long = "static", value_name = "DIR")]
    static_files: Option<PathBuf>,

    /// Which symbolic links in the --static folder to follow: only those to files `inside` the folder, or those to
    /// `anywhere` [default: inside]
    #[arg(long, value_name = "WHERE", requires = "static_files")]
    static_links: Option<Links>,

    /// WebSocket versions that clients may use, such as 13,8,7,0; versions 8, 7 and 0 are old drafts [default: 13]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    drafts: Vec<u16>,

    /// Policy file to send to Flash players that request one
    #[arg(long, value_name = "FILE")]
    flash_policy: Option<PathBuf>,

    /// Folder for compiled components [default: ws-host in the user's cache folder]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,

    /// Do not cache compiled components: compile the component at every start
    #[arg(long)]
    no_cache: bool,

    /// Maximum memory for compiling a component; a component that needs more is refused [default: 2GiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    compile_memory: Option<ByteSize>,

    /// Maximum time for compiling a component; a component that takes longer is refused [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    compile_timeout: Option<Duration>,
}

impl Server {
    pub(super) fn apply(self, server: &mut schema::Server) {
        server.workers = self.workers;
        server.admin = self.admin;
        server.admin_token = self.admin_token;
        server.health = self.health;
        server.access_log = self.access_log.then_some(true);
        server.static_files = self.static_files;
        server.static_links = self.static_links;
        server.drafts = Some(self.drafts).filter(|list| !list.is_empty());
        server.flash_policy = self.flash_policy;
        server.compile_memory = self.compile_memory;
        server.compile_timeout = self.compile_timeout.map(Time);
        server.cache = match self.no_cache {
            true => Some(Cache::Is(false)),
            false => self.cache.map(Cache::In),
        };
    }
}
