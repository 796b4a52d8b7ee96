//! The real `ws-host`, on a port that the system chooses.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Signal, kill_process};

use crate::client::{Client, DEADLINE};
use crate::wait_until;

/// How long a server may take to start. Compiling a component of Python takes half a minute, on a busy machine longer.
const START: Duration = Duration::from_secs(180);

/// The fields of `/proc/PID/stat` with CPU times, counted from the one after the name. A `C` stands for children.
const UTIME: usize = 11;
const STIME: usize = 12;
const CUTIME: usize = 13;
const CSTIME: usize = 14;

/// A running `ws-host`. Dropping it kills the process.
#[derive(Debug)]
pub struct TestServer {
    child: Child,
    url: String,
    address: SocketAddr,
    output: BufReader<ChildStdout>,
    log: LogReader,
}

/// The exit status and the log of a server that has exited.
#[derive(Debug)]
pub struct Ended {
    /// The exit status of the process.
    pub status: ExitStatus,
    /// Everything that the process wrote to standard error.
    pub log: String,
}

impl TestServer {
    /// Serves the component of this name at `/`.
    pub fn serving(component: &str) -> Result<Self> {
        Self::with_arguments(component, &[])
    }

    /// Serves the component of this name with additional command-line arguments.
    pub fn with_arguments(component: &str, arguments: &[&str]) -> Result<Self> {
        Self::serving_file(&crate::component(component), arguments)
    }

    /// Serves the component of this name with additional arguments, and connects a client to `/`.
    pub fn with_client(component: &str, arguments: &[&str]) -> Result<(Self, Client)> {
        let server = Self::with_arguments(component, arguments)?;
        let client = Client::connect(&server)?;
        Ok((server, client))
    }

    /// Serves the component of this name with additional arguments and an admin address, which it returns.
    pub fn with_admin(component: &str, arguments: &[&str]) -> Result<(Self, SocketAddr)> {
        let mut server =
            Self::with_arguments(component, &[&["--admin", "127.0.0.1:0"], arguments].concat())?;
        let admin = server.admin()?;
        Ok((server, admin))
    }

    /// Serves the component in this file.
    pub fn serving_file(component: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(crate::host_binary());
        command.arg("--component").arg(component).args(["--listen", "127.0.0.1:0"]).args(arguments);
        Self::spawn(command)
    }

    /// Starts a server from a configuration file, whose first address should have the port 0.
    pub fn configured(file: &Path) -> Result<Self> {
        let mut command = Command::new(crate::host_binary());
        command.arg("--config").arg(file);
        Self::spawn(command)
    }

    /// Runs a command that prints the URL of its resource, `ws://` or `wss://`, on its first line of standard output.
    pub fn spawn(mut command: Command) -> Result<Self> {
        let mut child = start(command.stderr(Stdio::piped()))?;
        let log = LogReader::start(child.stderr.take().context("standard error is piped")?);
        Self::serving_as(&command, child, log)
    }

    /// Runs a command and returns the pipe of its log, which nothing else reads.
    pub fn spawn_unread(mut command: Command) -> Result<(Self, ChildStderr)> {
        let mut child = start(command.stderr(Stdio::piped()))?;
        let pipe = child.stderr.take().context("standard error is piped")?;
        Ok((Self::serving_as(&command, child, LogReader::ended())?, pipe))
    }

    fn serving_as(command: &Command, mut child: Child, log: LogReader) -> Result<Self> {
        let mut first_line = String::new();
        let stdout = child.stdout.take().context("standard output is piped")?;
        if poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&Timespec::try_from(START)?))? == 0
        {
            child.kill()?;
            bail!("{command:?} served nothing within {START:?}:\n{}", log.finish());
        }
        let mut output = BufReader::new(stdout);
        output.read_line(&mut first_line)?;
        let is_url = |word: &&str| word.starts_with("ws://") || word.starts_with("wss://");
        let Some(url) = first_line.split_whitespace().find(is_url) else {
            let status = child.wait()?;
            bail!("{command:?} exited with {status} before it served anything:\n{}", log.finish());
        };
        let address = url
            .split('/')
            .nth(2)
            .and_then(|host_and_port| host_and_port.parse().ok())
            .with_context(|| format!("no address in {url:?}"))?;
        Ok(Self { url: url.to_owned(), address, child, output, log })
    }

    /// Returns the URL of the resource, as the server printed it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the process id, for `/proc`.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Stops the process until it gets [`Signal::CONT`]. Returns when all of its threads stand still: until then, one
    /// of them may still handle what arrives.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        let tasks = format!("/proc/{}/task", self.child.id());
        wait_until(|| {
            for task in std::fs::read_dir(&tasks)? {
                let stat = std::fs::read_to_string(task?.path().join("stat"))?;
                let (_, state) = stat.rsplit_once(") ").context("no name")?;
                if !state.starts_with('T') {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Returns the peak memory of the process so far, in bytes.
    pub fn peak_memory(&self) -> Result<usize> {
        self.memory("VmHWM:")
    }

    /// Returns the resident memory of the process, in bytes.
    pub fn resident_memory(&self) -> Result<usize> {
        self.memory("VmRSS:")
    }

    /// Returns the resident memory of the process that belongs to no file, in bytes.
    pub fn anonymous_memory(&self) -> Result<usize> {
        self.memory("RssAnon:")
    }

    fn memory(&self, field: &str) -> Result<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.with_context(|| field.to_owned())?.parse::<usize>()? << 10)
    }

    /// Returns the CPU time that the process has used. Its resolution is a tick of the system's clock.
    pub fn cpu_time(&self) -> Result<Duration> {
        self.times(&[UTIME, STIME])
    }

    /// Returns the CPU time of the processes that the server has started, such as the compiler, and that have ended.
    /// Its resolution is a tick of the system's clock.
    pub fn cpu_time_of_children(&self) -> Result<Duration> {
        self.times(&[CUTIME, CSTIME])
    }

    /// Returns the sum of these fields of `/proc/PID/stat`, which count ticks.
    fn times(&self, fields: &[usize]) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process_id()))?;
        let (_, behind) = stat.rsplit_once(") ").context("no name")?;
        let values: Vec<&str> = behind.split(' ').collect();
        let mut ticks = 0;
        for &field in fields {
            ticks += values.get(field).context("no times")?.parse::<u32>()?;
        }
        Ok(Duration::from_secs(ticks.into()) / u32::try_from(clock_ticks_per_second())?)
    }

    /// Returns how many descriptors the process has open.
    pub fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.process_id()))?.count())
    }

    /// Returns the next line of standard output that contains this text.
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

    /// Returns the admin address, as the server printed it. The server must have one.
    pub fn admin(&mut self) -> Result<SocketAddr> {
        self.printed_address("admin requests at http://")
    }

    /// Returns the address for health checks, as the server printed it. The server must have one. Comes after the admin
    /// address.
    pub fn health(&mut self) -> Result<SocketAddr> {
        self.printed_address("health checks at http://")
    }

    fn printed_address(&mut self, before: &str) -> Result<SocketAddr> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if let Some((_, url)) = line.trim_end().split_once(before) {
                let address = url.split('/').next().unwrap_or_default();
                return address.parse().context("no address");
            }
            line.clear();
        }
        bail!("the server did not print an address {before}")
    }

    /// Waits for a line of the log that contains `text`, and consumes the lines before it.
    pub fn wait_for_log(&mut self, text: &str) -> Result<String> {
        self.log.wait_for(text, DEADLINE)
    }

    /// Does the same when a line may take longer than [`DEADLINE`], for example because something is built first.
    pub fn wait_for_slow_log(&mut self, text: &str, pause: Duration) -> Result<String> {
        self.log.wait_for(text, pause)
    }

    /// Waits until the process exits by itself.
    pub fn wait(mut self) -> Result<Ended> {
        let status = self.child.wait()?;
        let log = std::mem::replace(&mut self.log, LogReader::ended()).finish();
        Ok(Ended { status, log })
    }
}

/// Runs the host with this component and these arguments. It must fail to start; returns its error.
pub fn startup_error(component: &str, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(crate::host_binary());
    command.arg("--component").arg(crate::component(component)).args(arguments);
    let output = command.output()?;
    let error = String::from_utf8(output.stderr)?;
    ensure!(!output.status.success(), "the host accepted {arguments:?}: {error}");
    ensure!(!error.contains("panicked"), "{error}");
    Ok(error)
}

fn start(command: &mut Command) -> Result<Child> {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped());
    piped.spawn().with_context(|| {
        format!("cannot start {command:?}: run `make test-programs` first, or `make build` for measurements")
    })
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Fails only if the process has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads standard error on its own thread, so that the server never blocks on its log.
#[derive(Debug)]
struct LogReader {
    lines: Receiver<String>,
    seen: String,
    thread: Option<JoinHandle<()>>,
}

/// More lines than any test makes a server write. A test that exceeds this without reading its log blocks the server,
/// which shows at once.
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

    /// Reads up to a line with this text. `pause` is how long each line may take.
    fn wait_for(&mut self, text: &str, pause: Duration) -> Result<String> {
        while let Ok(line) = self.lines.recv_timeout(pause) {
            self.seen.push_str(&line);
            self.seen.push('\n');
            if line.contains(text) {
                return Ok(line);
            }
        }
        bail!("the server exited, or never logged {text:?}; its log:\n{}", self.seen)
    }

    fn finish(mut self) -> String {
        if let Some(thread) = self.thread.take() {
            // The reader cannot panic: it neither indexes nor unwraps.
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
