//! The command line of `ws-host connect`.

use std::io::IsTerminal;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use bytesize::ByteSize;
use ws_host::client::{HttpVersion, Options, Verify};

use super::input::{MAX_LINE, Source};
use super::output::{Control, Form, Style};
use super::proxy;
use super::session::{Meaning, Plan};

/// What a masked frame adds to its payload at most, in octets.
const FRAME_HEADER: usize = 14;

/// How long the server may take to close, with all that it still has to send when the input ends.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may think about an answer in a pipe: longer than most do, and no longer than a person
/// likes to wait behind the last one.
const WAIT: Duration = Duration::from_secs(1);

/// The same where answers are counted, so that nobody waits behind the last one.
const WAIT_FOR_COUNT: Duration = Duration::from_secs(10);

const AFTER_HELP: &str = "\
Each line of the input is a text message, without the LF or CRLF at its end.
The last line needs no LF. An empty line is an empty message. At a terminal,
and in a pipe with --commands, lines that begin with / are commands:
  /ping [TEXT]            check that the server answers, and how fast
  /binary HEX             send a binary message: /binary 01 02 ff
  /close [CODE [REASON]]  close, by default with 1000, and read no more input
  /help                   print this text
  //TEXT                  send /TEXT
After the end of the input, ws-host connect waits until no message has come for
the time of --wait. Then it closes with 1000 and prints what the server still
sends. Ctrl-C, SIGTERM and SIGHUP close with 1001; a second Ctrl-C or SIGTERM
ends at once.

Exit code:
  0    closed normally (1000, 1001, or without a code); nothing is missing
  1    not connected
  2    wrong arguments
  3    closed with another code
  4    lost: no close frame came from the server
  5    incomplete: some input was not sent, fewer messages came than --count
       says, or some messages could not be printed
  129, 130, 143  ended by SIGHUP, Ctrl-C, SIGTERM
Standard error says what is missing.

Proxy: http_proxy for ws://, https_proxy for wss://, otherwise all_proxy.
Upper case works too, except HTTP_PROXY in a CGI program. The proxy must be an
HTTP proxy that allows CONNECT: http://[user:password@]host[:port]. no_proxy
lists hosts to reach without the proxy: names with their subdomains, addresses,
networks, or *. This machine is always reached without the proxy.

Examples:
  ws-host connect ws://127.0.0.1:8080
  echo hello | ws-host connect --plain ws://127.0.0.1:8080
  echo hello | ws-host connect --plain --count 1 --wait 30s ws://127.0.0.1:8080
  ws-host connect --plain --wait forever ws://127.0.0.1:8080 < /dev/null
  ws-host connect --origin https://example.com --subprotocol chat wss://example.com/
  ws-host connect --unix /run/ws-host.sock ws://localhost/
  ws-host connect --http2 --cert me.pem --key me.key wss://example.com/";

/// Talks to a WebSocket server: each input line is sent as a message, each message is printed as a line
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Where to connect: ws://[user:password@]host[:port]/path?query, or wss:// over TLS
    #[arg(value_name = "URL")]
    pub(super) url: String,

    /// A subprotocol to offer (may be repeated, the best one first)
    #[arg(long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,

    /// A header to send with the handshake (may be repeated); Host replaces the host of the URL
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// The Origin header to send, as a browser would: https://example.com
    #[arg(long)]
    origin: Option<String>,

    /// The authorities to trust for the server, in PEM, in place of the system's
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,

    /// The client certificate for a server that asks for one, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,

    /// The private key of --cert, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Do not verify the server: anybody on the network path can read and change everything
    #[arg(long)]
    insecure: bool,

    /// Connect to this Unix socket; host and path of the request come from the URL
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,

    /// Use HTTP/2 (RFC 8441) only; with ws:// the server must accept it with prior knowledge
    #[arg(long)]
    http2: bool,

    /// Do not offer to compress messages
    #[arg(long)]
    no_compression: bool,

    /// Size of a message from the server; a longer one closes with 1009
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    max_message: ByteSize,

    /// Time from looking up the host to the end of the handshake
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    connect_timeout: Duration,

    /// Print only messages, text as it is and binary in hexadecimal, for pipes
    #[arg(long)]
    plain: bool,

    /// How long to wait for the next message after the end of the input; or `forever` [default: 1s in a pipe,
    /// 10s with --count, 0s at a terminal]
    #[arg(long, value_name = "TIME", value_parser = wait)]
    wait: Option<Wait>,

    /// Close after this many messages have come; fewer are an error
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,

    /// Accept commands in a pipe as well
    #[arg(long)]
    commands: bool,
}

/// How long to wait behind the end of the input.
#[derive(Clone, Copy, Debug)]
enum Wait {
    Time(Duration),
    Forever,
}

impl Args {
    /// What to connect to, and how.
    pub(super) fn options(&self) -> Result<Options> {
        let max_message = usize::try_from(self.max_message.as_u64()).context("--max-message")?;
        let mut options = Options::new(&self.url)?
            .verify(self.verify())
            .max_message(max_message)
            .max_outbound(MAX_LINE + FRAME_HEADER)
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
                header.split_once(':').context("--header is written as 'Name: value'")?;
            let set = options.header(name, value.trim());
            options = set.with_context(|| match name.to_ascii_lowercase().as_str() {
                "sec-websocket-protocol" => "--subprotocol is for this, not --header",
                "sec-websocket-extensions" => "--no-compression is for this, not --header",
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

    /// What to do with the input, and when to end.
    pub(super) fn plan(&self) -> Plan {
        let source = if std::io::stdin().is_terminal() { Source::Terminal } else { Source::Pipe };
        let wait = match (self.wait, source, self.count) {
            (Some(Wait::Time(time)), ..) => Some(time),
            (Some(Wait::Forever), ..) => None,
            (None, _, Some(_)) => Some(WAIT_FOR_COUNT),
            (None, Source::Pipe, None) => Some(WAIT),
            (None, Source::Terminal, None) => Some(Duration::ZERO),
        };
        let meaning = match source {
            Source::Terminal => Meaning::Commands,
            Source::Pipe if self.commands => Meaning::Commands,
            Source::Pipe => Meaning::Messages,
        };
        Plan { source, meaning, wait, count: self.count.map(NonZeroU64::get) }
    }

    /// How to print.
    pub(super) fn style(&self) -> Style {
        Style {
            form: if self.plain { Form::Plain } else { Form::Told },
            control: if self.plain && !std::io::stdout().is_terminal() {
                Control::Raw
            } else {
                Control::Escaped
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

fn wait(text: &str) -> Result<Wait, humantime::DurationError> {
    match text {
        "forever" => Ok(Wait::Forever),
        time => humantime::parse_duration(time).map(Wait::Time),
    }
}

/// What the commands are, for `/help`.
pub(super) fn help() -> &'static str {
    AFTER_HELP.split("\n\n").next().unwrap_or(AFTER_HELP)
}
