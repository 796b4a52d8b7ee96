//! The flags about the server as a whole: threads, management, files and protocol versions.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use ws_host::config::schema::{self, Cache, Links};

/// Settings of the server as a whole.
#[derive(Debug, clap::Args)]
#[group(id = "server", multiple = true, conflicts_with = "config")]
pub(super) struct Server {
    /// Threads that serve clients [default: the number of cores]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Loopback address for management and metrics, such as 127.0.0.1:9090
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,

    /// Folder of files to serve for ordinary HTTP requests
    #[arg(long = "static", value_name = "DIR")]
    static_files: Option<PathBuf>,

    /// Which symbolic links in that folder are followed: those to files `inside` it, or to `anywhere`
    /// [default: inside]
    #[arg(long, value_name = "WHERE", requires = "static_files")]
    static_links: Option<Links>,

    /// Protocol versions that clients may use, such as 13,8,7,0; 8, 7 and 0 are old drafts [default: 13]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    drafts: Vec<u16>,

    /// Policy file to send to Flash players that request one
    #[arg(long, value_name = "FILE")]
    flash_policy: Option<PathBuf>,

    /// Folder for compiled components [default: ws-host in the user's cache folder]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,

    /// Compile the component at every start
    #[arg(long)]
    no_cache: bool,
}

impl Server {
    pub(super) fn apply(self, server: &mut schema::Server) {
        server.workers = self.workers;
        server.admin = self.admin;
        server.static_files = self.static_files;
        server.static_links = self.static_links;
        server.drafts = Some(self.drafts).filter(|list| !list.is_empty());
        server.flash_policy = self.flash_policy;
        server.cache = match self.no_cache {
            true => Some(Cache::Is(false)),
            false => self.cache.map(Cache::In),
        };
    }
}
