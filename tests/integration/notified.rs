//! What a service manager gets to know (`sd_notify`), and the sockets that it passes by name.

use std::io::{BufRead, BufReader, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Client, Response, TestServer, component, host_binary};

use crate::listening::activated;
use crate::successor::Successors;

/// A service manager that listens on a socket of its own.
struct Manager {
    socket: UnixDatagram,
    name: String,
    _folder: tempfile::TempDir,
}

impl Manager {
    fn on(socket: UnixDatagram, name: String, folder: tempfile::TempDir) -> Result<Self> {
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { socket, name, _folder: folder })
    }

    fn with_file() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("notify");
        Self::on(UnixDatagram::bind(&file)?, file.display().to_string(), folder)
    }

    /// Listens on an abstract socket, whose name is as unique as the folder's.
    fn without_file() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let name = folder.path().display().to_string();
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        Self::on(socket, format!("@{name}"), folder)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(host_binary());
        command.arg("--component").arg(component("echo")).args(["--listen", "127.0.0.1:0"]);
        command.env("NOTIFY_SOCKET", &self.name);
        command
    }

    fn next(&self) -> Result<String> {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).context("no message came")?;
        Ok(String::from_utf8(message[..length].to_vec())?)
    }
}

#[test]
fn banner_in_the_journal_has_no_advice_for_a_terminal() -> Result<()> {
    for is_journal in [false, true] {
        let manager = Manager::with_file()?;
        let output = tempfile::NamedTempFile::new()?;
        let metadata = output.as_file().metadata()?;
        let journal = if is_journal { metadata.ino() } else { metadata.ino() + 1 };
        let mut command = manager.command();
        command.env("JOURNAL_STREAM", format!("{}:{journal}", metadata.dev()));
        let mut host = command.stdout(output.reopen()?).stderr(Stdio::null()).spawn()?;
        let ready = manager.next();
        host.kill()?;
        host.wait()?;
        assert!(ready?.starts_with("READY=1"));
        let text = std::fs::read_to_string(output.path())?;
        assert!(text.contains("ws-host serves "), "{text}");
        assert_eq!(text.contains("To stop"), !is_journal, "{text}");
    }
    Ok(())
}

#[test]
fn manager_learns_of_start_reload_and_stop() -> Result<()> {
    for manager in [Manager::with_file()?, Manager::without_file()?] {
        let server = TestServer::spawn(manager.command())?;
        assert_eq!(manager.next()?, "READY=1\nSTATUS=clients: 0, resources: 1\n");
        server.signal(Signal::HUP)?;
        let reloading = manager.next()?;
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").context("no time")?;
        time.trim_end_matches('\n').parse::<u64>()?;
        assert_eq!(manager.next()?, "READY=1\n");
        server.signal(Signal::TERM)?;
        // The handshake timeout, the drain timeout and five seconds.
        assert_eq!(manager.next()?, "STOPPING=1\nEXTEND_TIMEOUT_USEC=25000000\n");
        assert_eq!(server.wait()?.status.code(), Some(0));
    }
    Ok(())
}

#[test]
fn watchdog_is_fed_and_status_counts_clients() -> Result<()> {
    let manager = Manager::with_file()?;
    let mut command = manager.command();
    command.env("WATCHDOG_USEC", "200000");
    let server = TestServer::spawn(command)?;
    assert!(manager.next()?.starts_with("READY=1\n"));
    for _ in 0..3 {
        assert_eq!(manager.next()?, "WATCHDOG=1\n");
    }
    let _client = Client::connect(&server)?;
    while !manager.next()?.contains("STATUS=clients: 1, resources: 1\n") {}
    Ok(())
}

/// Stops one thread of a process as a debugger does, until its standard input is closed.
const DEBUGGER: &str = "
import ctypes, glob, sys
SEIZE, INTERRUPT = 0x4206, 0x4207
process, name = sys.argv[1:]
(thread,) = [
    int(folder.split('/')[4])
    for folder in glob.glob(f'/proc/{process}/task/*')
    if open(folder + '/comm').read().strip() == name
]
ptrace = ctypes.CDLL(None).ptrace
ptrace.argtypes = [ctypes.c_ulong] * 4
if ptrace(SEIZE, thread, 0, 0) != 0 or ptrace(INTERRUPT, thread, 0, 0) != 0:
    sys.exit('no permission')
print('stopped', flush=True)
sys.stdin.read()
";

/// A thread that has been stopped. It continues when this is dropped, because its debugger ends.
struct StoppedThread(Child);

impl StoppedThread {
    fn of(server: &TestServer, name: &str) -> Result<Self> {
        let process = server.process_id().to_string();
        let mut debugger = Command::new("python3");
        debugger
            .args(["-c", DEBUGGER, &process, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut debugger = debugger.spawn()?;
        let output = debugger.stdout.take().context("standard output")?;
        let stopped = Self(debugger);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(line == "stopped\n", "the thread was not stopped");
        Ok(stopped)
    }
}

impl Drop for StoppedThread {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn watchdog_is_not_fed_while_a_worker_does_not_respond() -> Result<()> {
    let manager = Manager::with_file()?;
    let mut command = Command::new(host_binary());
    command.arg("--component").arg(component("guest-spin")).args(["--listen", "127.0.0.1:0"]);
    command.args(["--workers", "1", "--max-cpu", "60s"]);
    command.env("NOTIFY_SOCKET", &manager.name).env("WATCHDOG_USEC", "200000");
    let server = TestServer::spawn(command)?;
    // The worker always has something to do, and still responds.
    let mut client = Client::connect(&server)?;
    client.send_text("spin")?;
    ensure!(client.receive_text()? == "spinning");
    let stopped = StoppedThread::of(&server, "worker-0")?;
    while !manager.next()?.contains("STATUS=a worker does not respond") {}
    // Ten signs of life are due.
    manager.socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let fed = manager.socket.recv(&mut [0; 4096]);
    assert_eq!(fed.expect_err("no sign of life").kind(), ErrorKind::WouldBlock);
    drop(stopped);
    manager.socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    while !manager.next()?.contains("WATCHDOG=1") {}
    Ok(())
}

#[test]
fn manager_learns_which_process_is_the_successor() -> Result<()> {
    let manager = Manager::with_file()?;
    let mut command = manager.command();
    command.env("WATCHDOG_USEC", "3600000000");
    let mut server = TestServer::spawn(command)?;
    assert!(manager.next()?.starts_with("READY=1\n"));
    assert_eq!(manager.next()?, "WATCHDOG=1\n");
    let mut successors = Successors::default();
    let process = successors.replace(&mut server)?;
    assert_eq!(manager.next()?, format!("MAINPID={}\n", process.as_raw_nonzero()));
    assert!(manager.next()?.starts_with("READY=1\n"));
    // The watchdog's variables are for the successor as well.
    assert_eq!(manager.next()?, "WATCHDOG=1\n");
    Ok(())
}

#[test]
fn manager_that_cannot_be_reached_stops_nothing() -> Result<()> {
    for name in ["/nowhere/notify", "@", "vsock:2:9", ""] {
        let mut command = Manager::with_file()?.command();
        let server = TestServer::spawn({
            command.env("NOTIFY_SOCKET", name);
            command
        })?;
        assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    }
    Ok(())
}

/// Sockets with high numbers, so that moving one socket to its final descriptor does not close the other.
fn sockets(all: &str) -> String {
    format!(
        "socket.socket(fileno=__import__('fcntl').fcntl(each.detach(), 0, 10)) for each in [{all}]"
    )
}

const TCP: &str = "socket.create_server(('127.0.0.1', 0))";

#[test]
fn named_sockets_are_for_the_operator() -> Result<()> {
    let mut command = activated(&sockets(&[TCP; 3].join(", ")));
    command.env("LISTEN_FDNAMES", "admin:web:health");
    command.args(["--admin", "127.0.0.1:0", "--health", "127.0.0.1:0"]);
    let mut server = TestServer::spawn(command)?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    let request =
        |path| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let (admin, health) = (server.admin()?, server.health()?);
    assert_eq!(Response::to(admin, &request("/resources"))?.status, 200);
    assert_eq!(Response::to(health, &request("/healthz"))?.status, 200);
    Ok(())
}

#[test]
fn sockets_that_cannot_be_used_are_explained() -> Result<()> {
    let datagram = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)";
    let two = [TCP, TCP].join(", ");
    for (all, names, flags, why) in [
        (&*two, "admin:web", &[] as &[&str], "no setting uses the socket \"admin\""),
        (&*two, "admin:web", &["--admin", "127.0.0.1:9"], "make both the same"),
        (datagram, "web", &[], "ListenStream="),
    ] {
        let mut command = activated(&sockets(all));
        let output = command.env("LISTEN_FDNAMES", names).args(flags).output()?;
        let error = String::from_utf8(output.stderr)?;
        assert!(!output.status.success() && error.contains(why), "{names}: {error}");
    }
    Ok(())
}
