//! The real `ws-host`, started on a port that the system chooses.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::DEADLINE;

/// A running `ws-host`. Dropping it kills the process.
#[derive(Debug)]
pub struct TestServer {
    child: Child,
    url: String,
    address: SocketAddr,
    output: BufReader<ChildStdout>,
    log: LogReader,
}

/// How a server ended, and all it wrote to its log.
#[derive(Debug)]
pub struct Ended {
    /// The exit status of the process.
    pub status: ExitStatus,
    /// Everything that it wrote to standard error.
    pub log: String,
}

impl TestServer {
    /// Serves the component of this name at `/`.
    pub fn serving(component: &str) -> Result<Self> {
        Self::with_arguments(component, &[])
    }

    /// Serves the component of this name with more arguments on the command line.
    pub fn with_arguments(component: &str, arguments: &[&str]) -> Result<Self> {
        Self::serving_file(&crate::component(component), arguments)
    }

    /// Serves the component in this file.
    pub fn serving_file(component: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(crate::host_binary());
        command.arg("--component").arg(component).args(["--listen", "127.0.0.1:0"]).args(arguments);
        Self::spawn(command)
    }

    /// Serves what a configuration file says. Its first address should have the port 0.
    pub fn configured(file: &Path) -> Result<Self> {
        let mut command = Command::new(crate::host_binary());
        command.arg("--config").arg(file);
        Self::spawn(command)
    }

    /// Runs a command that prints the URL that it serves, `ws://` or `wss://`, on its first line of
    /// standard output.
    pub fn spawn(mut command: Command) -> Result<Self> {
        let mut child = start(command.stderr(Stdio::piped()))?;
        let log = LogReader::start(child.stderr.take().context("standard error is piped")?);
        Self::serving_as(&command, child, log)
    }

    /// The same, and nobody reads its log but whoever has the pipe.
    pub fn spawn_unread(mut command: Command) -> Result<(Self, ChildStderr)> {
        let mut child = start(command.stderr(Stdio::piped()))?;
        let pipe = child.stderr.take().context("standard error is piped")?;
        Ok((Self::serving_as(&command, child, LogReader::ended())?, pipe))
    }

    fn serving_as(command: &Command, mut child: Child, log: LogReader) -> Result<Self> {
        let mut first_line = String::new();
        let mut output = BufReader::new(child.stdout.take().context("standard output is piped")?);
        output.read_line(&mut first_line)?;
        let is_url = |word: &&str| word.starts_with("ws://") || word.starts_with("wss://");
        let Some(url) = first_line.split_whitespace().find(is_url) else {
            let status = child.wait()?;
            bail!("{command:?} ended with {status} before it served anything:\n{}", log.finish());
        };
        let address = url
            .split('/')
            .nth(2)
            .and_then(|host_and_port| host_and_port.parse().ok())
            .with_context(|| format!("no address in {url:?}"))?;
        Ok(Self { url: url.to_owned(), address, child, output, log })
    }

    /// Where the resource is served, as the server itself printed it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id, for `/proc`.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// The most memory that the process ever had, in octets.
    pub fn peak_memory(&self) -> Result<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: usize =
            line.and_then(|line| line.split_whitespace().next()).context("VmHWM")?.parse()?;
        Ok(kib << 10)
    }

    /// The next line of standard output with this text in it.
    pub fn next_line(&mut self, text: &str) -> Result<String> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if line.contains(text) {
                return Ok(line);
            }
            line.clear();
        }
        bail!("the server never printed {text:?}")
    }

    /// The admin address, as the server itself printed it. It must have one.
    pub fn admin(&mut self) -> Result<SocketAddr> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if let Some((_, address)) = line.trim_end().split_once("administered at http://") {
                return address.trim_end_matches('/').parse().context("an address");
            }
            line.clear();
        }
        bail!("the server has no admin address")
    }

    /// Waits until a line of the log contains `text`; lines before it are consumed.
    pub fn wait_for_log(&mut self, text: &str) -> Result<String> {
        self.log.wait_for(text)
    }

    /// Waits for the process to end by itself.
    pub fn wait(mut self) -> Result<Ended> {
        let status = self.child.wait()?;
        let log = std::mem::replace(&mut self.log, LogReader::ended()).finish();
        Ok(Ended { status, log })
    }
}

fn start(command: &mut Command) -> Result<Child> {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped());
    piped.spawn().with_context(|| format!("cannot start {command:?}: run `make build` first"))
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Fails only if the process has ended already, which is what this is for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads standard error on a thread of its own, so that the server never waits for us.
#[derive(Debug)]
struct LogReader {
    lines: Receiver<String>,
    seen: String,
    thread: Option<JoinHandle<()>>,
}

/// More lines than any test makes a server write. A test that does not read its log and exceeds
/// it would block the server, which shows at once.
const LOG_LINES: usize = 1 << 20;

impl LogReader {
    fn start(pipe: impl Read + Send + 'static) -> Self {
        let (sender, lines) = sync_channel(LOG_LINES);
        let thread = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, seen: String::new(), thread: Some(thread) }
    }

    fn ended() -> Self {
        Self { lines: sync_channel(0).1, seen: String::new(), thread: None }
    }

    fn wait_for(&mut self, text: &str) -> Result<String> {
        while let Ok(line) = self.lines.recv_timeout(DEADLINE) {
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.contains(text) {
                return Ok(line);
            }
        }
        bail!("the server ended, or never logged {text:?}; it logged:\n{}", self.seen)
    }

    fn finish(mut self) -> String {
        if let Some(thread) = self.thread.take() {
            // A panic of the reader is impossible: it neither indexes nor unwraps.
            let _ = thread.join();
        }
        let mut log = self.seen;
        for line in self.lines.try_iter() {
            log.push_str(&line);
            log.push('\n');
        }
        log
    }
}
