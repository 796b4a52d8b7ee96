//! The command line: text as people type it, made into a [`Config`] once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytesize::ByteSize;
use clap::Parser;
use ws_host::config::{Config, Limits, MIN_HEADER_SIZE, Timeouts};
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

    /// The path at which clients connect
    #[arg(long, value_name = "PATH", default_value = "/")]
    path: String,

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

const EXAMPLES: &str = "\
Examples:
  ws-host --component echo.wasm
  ws-host --component chat.wasm --static pages --listen 0.0.0.0:8080

Sizes are written as 64KiB, 1MiB or 1048576; times as 500ms, 10s or 2m.
Ctrl-C closes every client with 1001 and waits for them; a second one ends at once.";

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
            path: checked_path(self.path)?,
            origins: origins(&self.origins)?,
            cache: if self.no_cache { None } else { self.cache.or_else(default_cache) },
            component: self.component,
            listen: self.listen,
            static_files: self.static_files,
            limits,
            timeouts,
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
        ensure!(self.max_clients <= MOST_CLIENTS, "--max-clients can be {MOST_CLIENTS} at most");
        Ok(Limits {
            max_clients: self.max_clients,
            max_message,
            max_outbound,
            max_headers: self.max_headers,
            max_header_size,
            max_memory: octets("--max-memory", self.max_memory)?,
            max_cpu: positive("--max-cpu", self.max_cpu)?,
        })
    }

    fn timeouts(&self) -> Result<Timeouts> {
        Ok(Timeouts {
            handshake: positive("--handshake-timeout", self.handshake_timeout)?,
            close: positive("--close-timeout", self.close_timeout)?,
            idle: Some(self.idle_timeout).filter(|idle| !idle.is_zero()),
            drain: self.drain_timeout,
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

fn checked_path(path: String) -> Result<String> {
    ensure!(path.starts_with('/'), "--path {path:?} must begin with /");
    match path.parse::<http::Uri>() {
        Ok(uri) if uri.path() == path => Ok(path),
        Ok(_) => bail!("--path {path:?} must be a path alone, without query or fragment"),
        Err(error) => Err(error).with_context(|| format!("--path {path:?} is no path of a URL")),
    }
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
