//! The command line of `ws-host connect`.

use std::io::IsTerminal;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use bytesize::ByteSize;
use ws_host::client::{HttpVersion, Options, Verify};

use super::command::AFTER_HELP;
use super::input::{MAX_LINE, Source};
use super::output::{ControlChars, LineFormat, Style};
use super::proxy;
use super::session::{CLOSE_TIMEOUT, InputSyntax, Plan};

/// The maximum length of a masked frame's header, in bytes.
const MAX_FRAME_HEADER: usize = 14;

/// The default of `--wait` in a pipe. Most servers reply faster than this. After the last reply, the user has to wait
/// this long, so the default is short.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// The default of `--wait` with `--count`. It can be longer than [`DEFAULT_WAIT`], because the client closes as soon as
/// the last of the counted messages arrives.
const DEFAULT_WAIT_WITH_COUNT: Duration = Duration::from_secs(10);

/// Talks to a WebSocket server: sends each input line as a message and prints each message as a line
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Where to connect: ws://[user:password@]host[:port]/path?query, or wss:// over TLS
    #[arg(value_name = "URL")]
    pub(super) url: String,

    /// A subprotocol to offer (repeat to offer several, the preferred one first)
    #[arg(long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,

    /// A header to send with the handshake (may be repeated); Host overrides the host of the URL
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// The Origin header to send, as a browser would: https://example.com
    #[arg(long)]
    origin: Option<String>,

    /// The CA certificates to trust instead of the system's, in PEM
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,

    /// The client certificate in PEM, for a server that asks for one
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// The private key of --cert, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Do not verify the server's certificate: anyone on the network can then read and change all data
    #[arg(long)]
    insecure: bool,

    /// Connect to this Unix socket; the request still uses the host and path of the URL
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,

    /// Use only HTTP/2 (RFC 8441); over ws:// the server must accept it with prior knowledge
    #[arg(long)]
    http2: bool,

    /// Do not offer compression
    #[arg(long)]
    no_compression: bool,

    /// Maximum size of a message from the server; a larger one closes the connection with 1009
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    max_message: ByteSize,

    /// Time limit for connecting, from the name lookup to the end of the handshake
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    connect_timeout: Duration,

    /// Print only the messages, without labels, for pipes: text as it is, binary in hexadecimal
    #[arg(long)]
    plain: bool,

    /// How long to wait for another message after the input ends, or `forever` [default: 1s in a pipe, 10s with
    /// --count, 0s at a terminal]
    #[arg(long, value_name = "TIME", value_parser = parse_wait)]
    wait: Option<Wait>,

    /// Close after receiving this many messages; receiving fewer is an error
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,

    /// Treat lines that begin with / as commands even if the input is a pipe
    #[arg(long)]
    commands: bool,
}

/// How long to wait for messages after the end of the input.
#[derive(Clone, Copy, Debug)]
enum Wait {
    Time(Duration),
    Forever,
}

impl Args {
    /// Returns the options of the connection, including the proxy that the environment sets.
    ///
    /// # Errors
    ///
    /// An error if an argument or the URL of the proxy is invalid.
    pub(super) fn options(&self) -> Result<Options> {
        let max_message = usize::try_from(self.max_message.as_u64()).context("--max-message")?;
        let mut options = Options::new(&self.url)?
            .verify(self.verify())
            .max_message(max_message)
            .max_outbound(MAX_LINE + MAX_FRAME_HEADER)
            .connect_timeout(self.connect_timeout)
            .close_timeout(CLOSE_TIMEOUT);
        if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
            options = options.client_certificate(certificate, key);
        }
        if let Some(path) = &self.unix {
            options = options.unix(path);
        }
        if self.http2 {
            options = options.http(HttpVersion::Http2);
        }
        if self.no_compression {
            options = options.compression(None);
        }
        for subprotocol in &self.subprotocols {
            options = options.subprotocol(subprotocol).context("--subprotocol")?;
        }
        for header in &self.headers {
            let (name, value) =
                header.split_once(':').context("--header must be written as 'Name: value'")?;
            let set = options.header(name, value.trim());
            options = set.with_context(|| match name.to_ascii_lowercase().as_str() {
                "sec-websocket-protocol" => "use --subprotocol instead of --header",
                "sec-websocket-extensions" => "use --no-compression instead of --header",
                _ => "--header",
            })?;
        }
        if let Some(origin) = &self.origin {
            options = options.origin(origin).context("--origin")?;
        }
        match self.unix {
            Some(_) => Ok(options),
            None => proxy::from_environment(options),
        }
    }

    /// Returns how to read the input and when to close.
    pub(super) fn plan(&self) -> Plan {
        let source = if std::io::stdin().is_terminal() { Source::Terminal } else { Source::Pipe };
        let wait = match (self.wait, source, self.count) {
            (Some(Wait::Time(time)), ..) => Some(time),
            (Some(Wait::Forever), ..) => None,
            (None, _, Some(_)) => Some(DEFAULT_WAIT_WITH_COUNT),
            (None, Source::Pipe, None) => Some(DEFAULT_WAIT),
            (None, Source::Terminal, None) => Some(Duration::ZERO),
        };
        let syntax = match source {
            Source::Terminal => InputSyntax::Commands,
            Source::Pipe if self.commands => InputSyntax::Commands,
            Source::Pipe => InputSyntax::Messages,
        };
        Plan { source, syntax, wait, count: self.count.map(NonZeroU64::get) }
    }

    /// Returns how to print messages.
    pub(super) fn style(&self) -> Style {
        Style {
            format: if self.plain { LineFormat::Plain } else { LineFormat::Labeled },
            control_chars: if self.plain && !std::io::stdout().is_terminal() {
                ControlChars::Raw
            } else {
                ControlChars::Escaped
            },
        }
    }

    fn verify(&self) -> Verify {
        match &self.ca {
            Some(file) => Verify::File(file.clone()),
            None if self.insecure => Verify::Nothing,
            None => Verify::System,
        }
    }
}

fn parse_wait(text: &str) -> Result<Wait, humantime::DurationError> {
    match text {
        "forever" => Ok(Wait::Forever),
        time => humantime::parse_duration(time).map(Wait::Time),
    }
}
