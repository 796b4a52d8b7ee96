//! The command line: text as people type it, made into what is to be done once.

mod compression;
mod keeping;
mod listen;
mod proxies;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytesize::ByteSize;
use clap::{Parser, Subcommand, ValueEnum};
use ws_host::config::schema::{self, Cache, Links, Network, OnFull, Time};
use ws_host::config::{self, Config, InvalidSetting};

use self::compression::Compression;
use self::keeping::Keeping;
use self::listen::Listen;
use self::proxies::Proxies;
use crate::connect;

/// Serves WebSocket clients with handlers that are WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: Serve,

    /// What to log: error, warn, info, debug, trace, or a filter such as `ws_host=debug,guest=off`
    /// [default: info]
    #[arg(long, value_name = "FILTER", env = "RUST_LOG")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Talks to a WebSocket server from the terminal
    Connect(connect::Args),
}

/// What to serve, and how.
#[derive(Debug, clap::Args)]
struct Serve {
    /// The handler: a component, built for wasm32-wasip2
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,

    /// Read any number of resources, and all settings, from a file (see docs/configuration.md); only
    /// --check, --dev, --no-watch and --log may be combined with it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Read all files, load every component, report what is wrong, and exit
    #[arg(long)]
    check: bool,

    /// For developing a handler: backtraces in the log, and the reason for a failure in the close reason
    #[arg(long)]
    dev: bool,

    /// Do not watch files: by default a changed component or certificate is read again at once
    #[arg(long)]
    no_watch: bool,

    #[command(flatten)]
    single: Single,

    #[command(flatten)]
    listen: Listen,

    #[command(flatten)]
    proxies: Proxies,

    #[command(flatten)]
    compression: Compression,

    #[command(flatten)]
    keeping: Keeping,
}

/// The settings of a single resource, all of them also keys of the file.
#[derive(Debug, clap::Args)]
#[group(id = "single", multiple = true, conflicts_with = "config")]
struct Single {
    /// Connections that may wait in the system to be accepted [default: 1024]
    #[arg(long, value_name = "N")]
    backlog: Option<u32>,

    /// The path at which clients connect, or a pattern of paths: `/room/{id}`, `/files/*` [default: /]
    #[arg(long, value_name = "PATH")]
    path: Option<String>,

    /// Which clients share an instance of the handler: all, those of the same path, or none [default:
    /// resource]
    #[arg(long, value_name = "WHAT", value_enum)]
    instance_per: Option<Sharing>,

    /// Number of instances over which clients are spread, with --instance-per resource [default: 1]
    #[arg(long, value_name = "N")]
    instances: Option<NonZeroUsize>,

    /// Threads that serve clients [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// A text message that the host answers itself, without the handler: REQUEST=ANSWER (may be
    /// repeated)
    #[arg(long = "auto-answer", value_name = "TEXT", value_parser = pair)]
    auto_answers: Vec<(String, String)>,

    /// An environment variable of the handler: NAME=VALUE (may be repeated)
    #[arg(long = "env", value_name = "VARIABLE", value_parser = pair)]
    environment: Vec<(String, String)>,

    /// An address of this machine for management and metrics
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,

    /// A folder of files for ordinary HTTP requests
    #[arg(long = "static", value_name = "DIR")]
    static_files: Option<PathBuf>,

    /// Which symbolic links in that folder are followed: those to files `inside` it, or to `anywhere`
    /// [default: inside]
    #[arg(long, value_name = "WHERE", requires = "static_files")]
    static_links: Option<Links>,

    /// Web pages that may connect, in addition to those of this server itself: an origin such as
    /// https://example.com, https://*.example.com, http://localhost:* or `null`, or `any` (may be
    /// repeated)
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,

    /// A subprotocol for the host to choose if the client offers it and the handler chooses none (may
    /// be repeated)
    #[arg(long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,

    /// A proxy whose statements about its clients are believed: an address, or a network such as
    /// 10.0.0.0/8 (may be repeated)
    #[arg(long = "trusted-proxy", value_name = "NET")]
    trusted_proxies: Vec<Network>,

    /// Protocol versions that clients may use, such as 13,8,7,0: the last three are old drafts
    /// [default: 13]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    drafts: Vec<u16>,

    /// The policy file to send to Flash players that ask for one
    #[arg(long, value_name = "FILE")]
    flash_policy: Option<PathBuf>,

    /// Open clients; the next one gets 503 [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_clients: Option<usize>,

    /// Size of a message from a client; a longer one closes with 1009 [default: 1MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_message: Option<ByteSize>,

    /// Bytes waiting to be written to one client; a further send returns `full` [default: twice
    /// --max-message, at least 64KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_outbound: Option<ByteSize>,

    /// What happens to a client to which a message cannot be sent, as its outbound buffer is full: the message is
    /// left out (`drop`), or the client is closed with 1008 (`close`) [default: drop]
    #[arg(long, value_name = "WHAT")]
    on_full: Option<OnFull>,

    /// Bytes a second that a client must take of what waits for it, over each --idle-timeout; one that
    /// takes fewer is dropped [default: 1KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    min_rate: Option<ByteSize>,

    /// Number of request headers; more get 431 [default: 100]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_headers: Option<usize>,

    /// Size of request line and headers; more get 431 [default: 16KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_header_size: Option<ByteSize>,

    /// Bytes waiting for all clients together, in both directions, with the state of sleeping instances; who
    /// takes more than is free finds sends `full`, then gets 1013 [default: a quarter of the memory]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_buffered: Option<ByteSize>,

    /// Concurrent WebSockets on one HTTP/2 connection; the next one gets 503. There is room for 100
    /// requests in addition [default: 256]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_http2_streams: Option<u32>,

    /// Memory of one instance; a handler that needs more traps [default: 64MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_memory: Option<ByteSize>,

    /// CPU time of one event; a handler that uses more traps [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_cpu: Option<Duration>,

    /// Total time of one event, waiting included; a handler that takes longer traps [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_time: Option<Duration>,

    /// Instances in memory; a client that needs one more gets 503 or is closed with 1013 [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_instances: Option<usize>,

    /// Size of the state that an instance hands to the next; larger state is dropped [default: 1MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_state: Option<ByteSize>,

    /// What a handler may print to the log in a second; more lines are left out, and counted [default: 64KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_log: Option<ByteSize>,

    /// Time from accepting a connection to the end of its handshake [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    handshake_timeout: Option<Duration>,

    /// Time from a close frame, when it has been written, to its answer [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    close_timeout: Option<Duration>,

    /// Silence after which a client is dropped, with a ping after half of it; both come up to a quarter
    /// of it later; 0 for never [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    idle_timeout: Option<Duration>,

    /// Time from Ctrl-C until remaining clients are dropped [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    drain_timeout: Option<Duration>,

    /// Time without events after which an instance is reduced to its state until the next event; 0 for
    /// never [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    hibernate_after: Option<Duration>,

    /// The folder for compiled components [default: ws-host in the user's cache folder]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,

    /// Compile the component at every start
    #[arg(long)]
    no_cache: bool,
}

/// `--instance-per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sharing {
    /// All clients
    Resource,
    /// Those that ask for the same path
    Path,
    /// Nobody
    Client,
}

const EXAMPLES: &str = "\
Examples:
  ws-host --component echo.wasm
  ws-host --component chat.wasm --static pages --listen 0.0.0.0:8080
  ws-host --component rooms.wasm --path '/room/{id}' --instance-per path
  ws-host --component echo.wasm --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem
  ws-host --config ws-host.toml --check
  ws-host connect ws://localhost:8080/

Sizes are written as 64KiB, 1MiB or 1048576; times as 500ms, 10s or 2m.
Ctrl-C closes every client with 1001 and waits for them; a second Ctrl-C ends at once.
SIGHUP reads the certificate, the configuration and the components again.";

/// What is to be done.
pub(crate) enum Task {
    /// Serve this.
    Serve(Config),
    /// Say whether this could be served.
    Check(Config),
    /// Talk to a server.
    Connect(connect::Args),
}

impl Args {
    /// The filter of the log.
    pub(crate) fn log(&self) -> &str {
        let default = match (&self.command, self.serve.dev) {
            (Some(Command::Connect(_)), _) => "warn",
            (None, true) => "info,ws_host::actor=debug",
            (None, false) => "info",
        };
        self.log.as_deref().unwrap_or(default)
    }

    /// What the words mean.
    ///
    /// # Errors
    ///
    /// Names the flag or the place in the file, what is wrong there, and what would be right.
    pub(crate) fn into_task(self) -> Result<Task> {
        if let Some(Command::Connect(connect)) = self.command {
            return Ok(Task::Connect(connect));
        }
        let serve = self.serve;
        let mode = if serve.dev { config::Mode::Development } else { config::Mode::Production };
        let mut config = match (serve.config, serve.component) {
            (Some(file), _) => config::read(&file, mode)?,
            (None, Some(component)) => {
                let more = |resource| serve.keeping.written(serve.compression.written(resource));
                let written = serve.single.written(component, serve.listen, more);
                let written = serve.proxies.written(written);
                written.check(Path::new(""), mode).map_err(|wrong| anyhow!(as_flag(&wrong)))?
            }
            (None, None) => {
                return Err(anyhow!("what is to be served? --component FILE, or --config FILE"));
            }
        };
        if serve.no_watch {
            config.host.watch = config::Watch::Off;
        }
        Ok(if serve.check { Task::Check(config) } else { Task::Serve(config) })
    }
}

impl Single {
    fn written(
        self,
        component: PathBuf,
        listen: Listen,
        more: impl FnOnce(schema::Resource) -> schema::Resource,
    ) -> schema::Server {
        let some = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
        let map = |pairs: Vec<(String, String)>| Some(BTreeMap::from_iter(pairs));
        let time = |time: Option<Duration>| time.map(Time);
        let resource = schema::Resource {
            path: self.path,
            component: Some(component),
            environment: map(self.environment),
            instance_per: self.instance_per.map(Sharing::written),
            instances: self.instances,
            origins: some(self.origins),
            subprotocols: some(self.subprotocols),
            auto_answers: map(self.auto_answers),
            max_message: self.max_message,
            max_outbound: self.max_outbound,
            on_full: self.on_full,
            min_rate: self.min_rate,
            max_memory: self.max_memory,
            max_cpu: time(self.max_cpu),
            max_time: time(self.max_time),
            max_instances: self.max_instances,
            max_state: self.max_state,
            max_log: self.max_log,
            close_timeout: time(self.close_timeout),
            idle_timeout: time(self.idle_timeout),
            hibernate_after: time(self.hibernate_after),
            ..schema::Resource::default()
        };
        let server = schema::Server {
            backlog: self.backlog,
            admin: self.admin,
            workers: self.workers,
            static_files: self.static_files,
            static_links: self.static_links,
            flash_policy: self.flash_policy,
            cache: if self.no_cache { Some(Cache::Is(false)) } else { self.cache.map(Cache::In) },
            drafts: Some(self.drafts).filter(|list| !list.is_empty()),
            trusted_proxies: Some(self.trusted_proxies),
            max_clients: self.max_clients,
            max_headers: self.max_headers,
            max_header_size: self.max_header_size,
            max_buffered: self.max_buffered,
            max_http2_streams: self.max_http2_streams,
            handshake_timeout: time(self.handshake_timeout),
            drain_timeout: time(self.drain_timeout),
            resources: vec![more(resource)],
            ..schema::Server::default()
        };
        listen.written(server)
    }
}

impl Sharing {
    fn written(self) -> schema::Sharing {
        match self {
            Self::Resource => schema::Sharing::Resource,
            Self::Path => schema::Sharing::Path,
            Self::Client => schema::Sharing::Client,
        }
    }
}

/// What is wrong, with the flag in place of the key.
fn as_flag(wrong: &InvalidSetting) -> String {
    let flag = match wrong.key {
        "origins" => "origin",
        "auto-answers" => "auto-answer",
        "environment" => "env",
        "subprotocols" => "subprotocol",
        "trusted-proxies" => "trusted-proxy",
        other => other,
    };
    format!("--{flag} {}", wrong.why)
}

fn pair(text: &str) -> Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .context("it must be two words with `=` between them, such as ping=pong")?;
    Ok((name.to_owned(), value.to_owned()))
}
