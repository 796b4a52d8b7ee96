//! The server, with a resource for each scenario.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use ws_host_test_support::{Client, DEADLINE, TestServer, component};

use super::authority;

/// Lengths around the boundaries of the three forms of a frame's length (RFC 6455 §5.2), and a long
/// one. A message one byte longer than the longest is just within the default of `max-message`.
const SIZES: [usize; 7] = [0, 1, 125, 126, 65535, 65536, (1 << 20) - 1];

/// A running server.
pub(super) struct Server {
    pub(super) endpoints: Endpoints,
    // Dropped in this order: the server, then its files.
    _process: TestServer,
    _folder: TempDir,
}

/// The server's addresses, which threads can share.
pub(super) struct Endpoints {
    address: SocketAddr,
    encrypted: u16,
    authority: PathBuf,
}

/// What a client is to do.
#[derive(Clone, Default, Serialize)]
pub(super) struct Plan {
    /// A file with the authority's certificate, in PEM.
    pub(super) authority: PathBuf,
    sizes: [usize; 7],
    urls: Map<String, Value>,
    /// In the order in which the client reports them.
    pub(super) scenarios: Vec<String>,
}

impl Server {
    pub(super) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let files = authority::write(folder.path())?;
        let mut text = format!(
            "listen = [{{ address = '127.0.0.1:0', tls = false }}, {{ address = '127.0.0.1:0', tls = true }}]\n\
             tls-cert = '{}'\ntls-key = '{}'\nwatch = false\n",
            files.certificate.display(),
            files.key.display(),
        );
        for (path, handler, more) in [
            ("/echo", "echo", ""),
            ("/choosy", "guest-choosy", ""),
            ("/pinging", "guest-pinging", ""),
            (
                "/recording/{number}",
                "guest-recording",
                "instance-per = 'path'\nhibernate-after = '0s'",
            ),
            ("/closing", "guest-closing", ""),
            ("/messages", "guest-about", "compression = 'messages'"),
            ("/context", "guest-about", "compression = 'context'"),
        ] {
            // Pages in browsers come from another server.
            text += &format!(
                "[[resource]]\nname = '{}'\npath = '{path}'\ncomponent = '{}'\n\
                 origins = ['http://127.0.0.1:*', 'http://localhost:*']\n{more}\n",
                path.split('/').nth(1).unwrap_or_default(),
                component(handler).display(),
            );
        }
        let file = folder.path().join("ws-host.toml");
        std::fs::write(&file, text)?;
        let mut process = TestServer::configured(&file)?;
        let line = process.next_line("wss://127.0.0.1:")?;
        let port = line.split("wss://127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next());
        let encrypted = port
            .context("the server printed no port")?
            .trim()
            .parse()
            .context("the server printed an invalid port")?;
        let endpoints =
            Endpoints { address: process.address(), encrypted, authority: files.authority };
        Ok(Self { endpoints, _process: process, _folder: folder })
    }
}

impl Endpoints {
    /// Returns the plan of a client.
    pub(super) fn plan(&self, number: usize) -> Plan {
        let mut urls = Map::new();
        for (scenario, path) in [
            ("text", "/echo".to_owned()),
            ("binary", "/echo".to_owned()),
            ("in flight", "/echo".to_owned()),
            ("subprotocol", "/choosy?subprotocol=second.v2".to_owned()),
            ("ping", "/pinging".to_owned()),
            (super::CLIENT_CLOSES, report_path(number)),
            ("server closes", "/closing".to_owned()),
            ("refused", "/choosy?reject=403".to_owned()),
            ("compressed", "/messages".to_owned()),
            ("compressed with context", "/context".to_owned()),
        ] {
            urls.insert(scenario.to_owned(), json!(format!("ws://{}{path}", self.address)));
        }
        urls.insert("wss".to_owned(), json!(format!("wss://localhost:{}/echo", self.encrypted)));
        Plan { authority: self.authority.clone(), sizes: SIZES, urls, scenarios: Vec::new() }
    }

    /// Waits until the handler has seen the client's close, with the right code and reason.
    pub(super) fn expect_close_of(&self, number: usize) -> Result<()> {
        let mut asking = Client::connect_at(self.address, &report_path(number))?;
        let start = Instant::now();
        loop {
            let report = asking.ask("report")?;
            let last = report.lines().rfind(|line| line.contains(" disconnected "));
            match last {
                Some(line) if line.contains(r#" 4001 "enough 🦀" clean true "#) => return Ok(()),
                Some(line) => bail!("the handler saw another end: {line}"),
                // The handler sees the close in an event of its own, which may come after the
                // client has gone.
                None if start.elapsed() < DEADLINE => {}
                None => bail!("the handler did not see the client's end"),
            }
        }
    }
}

/// Returns the path of a client's own actor, which reports how the client disconnected.
fn report_path(number: usize) -> String {
    format!("/recording/{number}")
}
