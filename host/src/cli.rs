//! The command line: text as people type it, made into a [`Config`] once.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytesize::ByteSize;
use clap::{Parser, ValueEnum};
use ws_host::config::{
    AutoAnswer, Config, InstancePer, Limits, MIN_HEADER_SIZE, Pattern, Timeouts, Watch,
};
use ws_host::protocol::handshake::Origins;

/// Serves WebSocket clients with a handler that is a WebAssembly component.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The handler: a component, built for wasm32-wasip2
    #[arg(long, value_name = "FILE")]
    component: PathBuf,

    /// The address to listen on; with port 0 the system chooses one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// The path at which clients connect, or a pattern of paths: `/room/{id}`, `/files/*`
    #[arg(long, value_name = "PATH", default_value = "/")]
    path: String,

    /// Who shares an instance of the handler: all clients, those of the same path, or nobody
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Sharing::Resource)]
    instance_per: Sharing,

    /// Over how many instances the clients are spread, with --instance-per resource
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    instances: NonZeroUsize,

    /// Threads that serve clients [default: as many as there are cores]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Go on with the component as it is now: by default a new one takes over when its file changes
    #[arg(long)]
    no_watch: bool,

    /// A text message that the host answers itself, without the handler, written as REQUEST=ANSWER
    /// (may be repeated)
    #[arg(long = "auto-answer", value_name = "TEXT")]
    auto_answers: Vec<String>,

    /// An address of this machine where POST /reload and GET /metrics are served
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,

    /// A folder of files for ordinary HTTP requests
    #[arg(long = "static", value_name = "DIR")]
    static_files: Option<PathBuf>,

    /// Web pages that may connect beside those of this server itself: an origin such as
    /// https://example.com (may be repeated), or `any`
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,

    /// Open clients; one more gets 503
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_clients, help_heading = "Limits")]
    max_clients: usize,

    /// A message from a client; a longer one closes with 1009
    #[arg(long, value_name = "SIZE", default_value = "1MiB", help_heading = "Limits")]
    max_message: ByteSize,

    /// What waits to be written to one client; more is answered `full` [default: twice --max-message]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_outbound: Option<ByteSize>,

    /// Headers of a handshake; more get 431
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_headers, help_heading = "Limits")]
    max_headers: usize,

    /// Request line and headers together; more get 431
    #[arg(long, value_name = "SIZE", default_value = "16KiB", help_heading = "Limits")]
    max_header_size: ByteSize,

    /// Memory of one instance; a handler that wants more traps
    #[arg(long, value_name = "SIZE", default_value = "64MiB", help_heading = "Limits")]
    max_memory: ByteSize,

    /// CPU time for one event; a handler that uses more traps
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_cpu: Duration,

    /// Time for one event, waiting included; a handler that takes more is ended
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_time: Duration,

    /// Instances in memory; who needs one more gets 503 or is closed with 1013
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_instances, help_heading = "Limits")]
    max_instances: usize,

    /// State that an instance hands to its successor; more is not kept
    #[arg(long, value_name = "SIZE", default_value = "1MiB", help_heading = "Limits")]
    max_state: ByteSize,

    /// From accepting a connection to the end of its handshake
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration, help_heading = "Times")]
    handshake_timeout: Duration,

    /// From a close frame to its answer
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration, help_heading = "Times")]
    close_timeout: Duration,

    /// A client that is silent for half of this gets a ping, and is dropped after all of it; 0 for never
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration, help_heading = "Times")]
    idle_timeout: Duration,

    /// From Ctrl-C until every client must be gone
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration, help_heading = "Times")]
    drain_timeout: Duration,

    /// An instance without events for so long hands over its state and is freed until the next one; 0
    /// for never
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration, help_heading = "Times")]
    hibernate_after: Duration,

    /// Where compiled components are kept [default: ws-host in the user's cache folder]
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,

    /// Compile the component at every start
    #[arg(long)]
    no_cache: bool,

    /// What to log: error, warn, info, debug, trace, or a filter such as `ws_host=debug,guest=off`
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info")]
    pub(crate) log: String,
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

Sizes are written as 64KiB, 1MiB or 1048576; times as 500ms, 10s or 2m.
Ctrl-C closes every client with 1001 and waits for them; a second one ends at once.
SIGHUP loads the component again.";

impl Args {
    /// The settings that the words mean.
    ///
    /// # Errors
    ///
    /// Names the flag, what is wrong with its value, and what would be right.
    pub(crate) fn into_config(self) -> Result<Config> {
        let limits = self.limits()?;
        let timeouts = self.timeouts()?;
        Ok(Config {
            path: path(&self.path, self.instance_per)?,
            instance_per: self.instance_per()?,
            workers: self.workers.unwrap_or_else(cores),
            watch: if self.no_watch { Watch::Off } else { Watch::On },
            auto_answers: auto_answers(&self.auto_answers)?,
            admin: self.admin.map(admin).transpose()?,
            origins: origins(&self.origins)?,
            cache: if self.no_cache { None } else { self.cache.or_else(default_cache) },
            component: self.component,
            listen: self.listen,
            static_files: self.static_files,
            limits,
            timeouts,
        })
    }

    fn instance_per(&self) -> Result<InstancePer> {
        ensure!(
            self.instances == NonZeroUsize::MIN || self.instance_per == Sharing::Resource,
            "--instances goes with --instance-per resource alone"
        );
        Ok(match self.instance_per {
            Sharing::Resource => InstancePer::Resource { instances: self.instances },
            Sharing::Path => InstancePer::Path,
            Sharing::Client => InstancePer::Client,
        })
    }

    fn limits(&self) -> Result<Limits> {
        let max_message = octets("--max-message", self.max_message)?;
        let max_outbound = match self.max_outbound {
            None => max_message.saturating_mul(2).max(MIN_OUTBOUND),
            Some(size) => octets("--max-outbound", size)?,
        };
        ensure!(
            max_outbound / 2 >= max_message || self.max_outbound.is_none(),
            "--max-outbound {} must be at least twice --max-message {}, so that an answer as long as \
             its message always finds room",
            ByteSize(max_outbound as u64),
            self.max_message,
        );
        let max_header_size = octets("--max-header-size", self.max_header_size)?;
        ensure!(max_header_size >= MIN_HEADER_SIZE, "--max-header-size must be at least 8KiB");
        ensure!(self.max_headers > 0, "--max-headers must be at least 1");
        ensure!(self.max_clients > 0, "--max-clients must be at least 1");
        ensure!(self.max_instances > 0, "--max-instances must be at least 1");
        ensure!(
            self.max_instances <= MOST_CLIENTS,
            "--max-instances can be {MOST_CLIENTS} at most"
        );
        ensure!(
            self.instances.get() <= self.max_instances,
            "--instances {} are more than --max-instances {}",
            self.instances,
            self.max_instances,
        );
        ensure!(self.max_clients <= MOST_CLIENTS, "--max-clients can be {MOST_CLIENTS} at most");
        Ok(Limits {
            max_clients: self.max_clients,
            max_message,
            max_outbound,
            max_headers: self.max_headers,
            max_header_size,
            max_memory: octets("--max-memory", self.max_memory)?,
            max_cpu: positive("--max-cpu", self.max_cpu)?,
            max_time: positive("--max-time", self.max_time)?,
            max_instances: self.max_instances,
            max_state: octets("--max-state", self.max_state)?,
        })
    }

    fn timeouts(&self) -> Result<Timeouts> {
        Ok(Timeouts {
            handshake: positive("--handshake-timeout", self.handshake_timeout)?,
            close: positive("--close-timeout", self.close_timeout)?,
            idle: Some(self.idle_timeout).filter(|idle| !idle.is_zero()),
            drain: self.drain_timeout,
            hibernate_after: Some(self.hibernate_after).filter(|after| !after.is_zero()),
        })
    }
}

/// Room for many small messages, however small the largest one may be.
const MIN_OUTBOUND: usize = 64 << 10;

/// More sockets than one address can have clients behind one port; far below what counters hold.
const MOST_CLIENTS: usize = 1 << 24;

fn octets(flag: &str, size: ByteSize) -> Result<usize> {
    ensure!(size.as_u64() > 0, "{flag} must be more than 0");
    // Sums of a few sizes must not overflow.
    usize::try_from(size.as_u64())
        .ok()
        .filter(|octets| *octets <= usize::MAX >> 8)
        .with_context(|| format!("{flag} {size} is more than this machine can address"))
}

fn positive(flag: &str, time: Duration) -> Result<Duration> {
    ensure!(!time.is_zero(), "{flag} must be more than 0");
    Ok(time)
}

fn path(text: &str, instance_per: Sharing) -> Result<Pattern> {
    let pattern = Pattern::parse(text).context("--path")?;
    ensure!(
        pattern.has_parameters() || instance_per != Sharing::Path,
        "--instance-per path needs a pattern of paths, such as --path '/room/{{id}}'"
    );
    Ok(pattern)
}

fn auto_answers(texts: &[String]) -> Result<Vec<AutoAnswer>> {
    let parse = |text: &String| {
        let (request, answer) = text.split_once('=').with_context(|| {
            format!("--auto-answer {text:?} must be REQUEST=ANSWER, such as ping=pong")
        })?;
        Ok(AutoAnswer { request: request.to_owned(), answer: answer.to_owned() })
    };
    texts.iter().map(parse).collect()
}

/// Whoever reaches the admin address may reload.
fn admin(address: SocketAddr) -> Result<SocketAddr> {
    ensure!(
        address.ip().is_loopback(),
        "--admin {address} must be an address of this machine alone, such as 127.0.0.1:9090: it asks \
         nobody who they are"
    );
    Ok(address)
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn origins(texts: &[String]) -> Result<Origins> {
    if texts.is_empty() {
        return Ok(Origins::SameHost);
    }
    if texts.iter().any(|text| text == "any") {
        return Ok(Origins::Any);
    }
    let parsed: Result<Vec<String>> =
        texts.iter().map(|text| Origins::parse(text).context("--origin")).collect();
    Ok(Origins::Listed(parsed?))
}

/// As the XDG base directory specification has it.
fn default_cache() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join("ws-host"))
}
