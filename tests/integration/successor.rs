//! SIGUSR2: a successor takes over the listening sockets.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};
use ws_host_test_support::{Client, Response, TestServer, handshake, poll_until, wait_until};

use crate::configured::{Configuration, terminate};
use crate::listening::activated;

/// Processes that were started by a server and outlive it.
#[derive(Default)]
pub(crate) struct Successors(Vec<Pid>);

impl Successors {
    /// Makes the newest process start a successor, and waits until that has taken over.
    pub(crate) fn replace(&mut self, server: &mut TestServer) -> Result<Pid> {
        self.signal(server, Signal::USR2)?;
        let line = server.wait_for_log("a successor has taken over")?;
        let id = line.split("process=").nth(1).context("no process in the log")?;
        let id = Pid::from_raw(id.trim().parse()?).context("no process id")?;
        self.0.push(id);
        Ok(id)
    }

    /// Sends the newest process a signal.
    fn signal(&self, server: &TestServer, signal: Signal) -> Result<()> {
        match self.0.last() {
            Some(newest) => Ok(kill_process(*newest, signal)?),
            None => server.signal(signal),
        }
    }
}

impl Drop for Successors {
    fn drop(&mut self) {
        for process in &self.0 {
            // It may have ended already.
            let _ = kill_process(*process, Signal::KILL);
        }
    }
}

fn get(server: SocketAddr, path: &str) -> Result<Response> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    Response::to(server, &request)
}

/// Connects and exchanges one message.
fn echo(server: SocketAddr) -> Result<()> {
    ensure!(Client::connect_at(server, "/")?.ask("hello")? == "hello", "another answer");
    Ok(())
}

/// Clients that connect a thousand times a second. If connecting takes longer for a while, the times that were missed
/// are made up for.
struct Connecting {
    server: SocketAddr,
    began: Instant,
    started: AtomicU32,
    accepted: AtomicUsize,
    is_over: AtomicBool,
}

impl Connecting {
    const EVERY: Duration = Duration::from_millis(1);
    /// So many that a slow restart delays no other connection.
    const THREADS: usize = 16;
    /// A test with far fewer connections would rarely meet the moments in which a restart could refuse one. Far below
    /// what [`EVERY`](Self::EVERY) aims at, because machines are slow at times.
    const MIN_PER_SECOND: f64 = 300.0;

    fn to(server: SocketAddr) -> Self {
        let (started, accepted) = (AtomicU32::new(0), AtomicUsize::new(0));
        Self { server, began: Instant::now(), started, accepted, is_over: AtomicBool::new(false) }
    }

    /// Connects until it is over. Each client gets an echo, or is closed because its server stops.
    fn run(&self) -> Result<()> {
        while !self.is_over.load(Ordering::Relaxed) {
            let due = self.began + Self::EVERY * self.started.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let mut client = Client::connect_at(self.server, "/")?;
            self.accepted.fetch_add(1, Ordering::Relaxed);
            client.send_text("hello")?;
            let frame = client.receive()?;
            let is_echo = frame.first == 0x81 && frame.payload == b"hello";
            let is_close =
                frame.first == 0x88 && frame.payload.starts_with(&1001_u16.to_be_bytes());
            ensure!(is_echo || is_close, "{frame:?}");
        }
        Ok(())
    }

    /// Runs a test while clients connect. `wait` in it waits until more clients were accepted, or one was not.
    fn during(&self, test: impl FnOnce(&dyn Fn() -> Result<()>) -> Result<()>) -> Result<()> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..Self::THREADS).map(|_| scope.spawn(|| self.run())).collect();
            let is_failed = || threads.iter().any(|thread| thread.is_finished());
            let wait = || {
                let before = self.accepted.load(Ordering::Relaxed);
                let is_more = || self.accepted.load(Ordering::Relaxed) >= before + 100;
                wait_until(|| Ok(is_failed() || is_more()))
            };
            let tested = test(&wait);
            self.is_over.store(true, Ordering::Relaxed);
            for thread in threads {
                thread.join().expect("the thread does not panic")?;
            }
            let accepted = self.accepted.load(Ordering::Relaxed) as f64;
            let per_second = accepted / self.began.elapsed().as_secs_f64();
            tested?;
            ensure!(per_second >= Self::MIN_PER_SECOND, "only {per_second:.0} clients a second");
            Ok(())
        })
    }
}

#[test]
fn ten_restarts_refuse_and_reset_no_connection() -> Result<()> {
    let mut server = TestServer::with_arguments("echo", &[])?;
    let mut successors = Successors::default();
    Connecting::to(server.address()).during(|wait| {
        for _ in 0..10 {
            successors.replace(&mut server)?;
            wait()?;
        }
        Ok(())
    })
}

#[test]
fn restarts_with_the_service_managers_socket_refuse_and_reset_no_connection() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // Inherited by the programs that are started.
    fcntl_setfd(&listener, FdFlags::empty())?;
    let socket = format!("socket.socket(fileno={})", listener.as_raw_fd());
    // The last server must outlive the clients.
    let mut last = None;
    Connecting::to(address).during(|wait| {
        for _ in 0..10 {
            let server = TestServer::spawn(activated(&socket))?;
            wait()?;
            // The clients that come now wait in the queue until the next server accepts them.
            terminate(&server)?;
            ensure!(server.wait()?.status.success(), "the server failed");
        }
        last = Some(TestServer::spawn(activated(&socket))?);
        wait()
    })
}

#[test]
fn successor_serves_all_addresses_while_its_predecessor_drains() -> Result<()> {
    let flags = ["--admin", "127.0.0.1:0", "--health", "127.0.0.1:0"];
    let mut server = TestServer::with_arguments("echo", &flags)?;
    let (admin, health) = (server.admin()?, server.health()?);
    let (mut old, _other) = (Client::connect(&server)?, Client::connect(&server)?);
    // Without it, the predecessor would close its clients at once.
    let connection = TcpStream::connect(server.address())?;
    let mut successors = Successors::default();
    successors.replace(&mut server)?;
    assert_eq!(old.ask("still here")?, "still here");
    // The predecessor, which has two clients, may accept a last connection.
    let connect = || {
        let client = Client::connect(&server)?;
        Ok((client, get(admin, "/clients")?.body.matches("\"id\"").count()))
    };
    let (mut new, _) = poll_until(connect, |(_, clients)| *clients == 1)?;
    let (mut late, _) = Client::request(connection, &handshake("/", ""))?;
    assert_eq!(late.receive_close()?.0, 1001);
    assert_eq!(old.receive_close()?.0, 1001);
    // The predecessor, which would answer 503, waits for the client.
    for _ in 0..20 {
        assert_eq!(get(health, "/healthz")?.body, "ok\n");
    }
    old.send_close(1001, "")?;
    old.expect_end()?;
    assert_eq!(new.ask("hello")?, "hello");
    successors.signal(&server, Signal::TERM)?;
    new.expect_close(1001)?;
    assert_eq!(server.wait()?.status.code(), Some(0));
    Ok(())
}

#[test]
fn predecessor_serves_on_if_its_successor_fails() -> Result<()> {
    let text = "listen = \"127.0.0.1:0\"\n[[resource]]\ncomponent = \"{{echo}}\"\n";
    let configuration = Configuration::new(text)?;
    let mut server = configuration.serve()?;
    let mut client = Client::connect(&server)?;
    configuration.write("listen = 7")?;
    server.signal(Signal::USR2)?;
    let line = server.wait_for_log("continues to serve")?;
    assert!(line.contains("exit status: 1"), "{line}");
    assert_eq!(client.ask("hello")?, "hello");
    echo(server.address())?;
    configuration.write(text)?;
    Successors::default().replace(&mut server)?;
    Ok(())
}

#[test]
fn file_of_keys_and_values_in_use_keeps_the_predecessor() -> Result<()> {
    let configuration = Configuration::of("guest-storing", "grant = [\"keyvalue:store\"]")?;
    let mut server = configuration.serve()?;
    server.signal(Signal::USR2)?;
    server.wait_for_log("another process has it open")?;
    server.wait_for_log("continues to serve")?;
    Client::connect(&server)?;
    Ok(())
}

#[test]
fn unix_socket_file_belongs_to_the_last_process() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("socket");
    let address = format!("unix:{}", file.display());
    let flags = ["--listen", &address, "--handshake-timeout", "100ms"];
    let mut server = TestServer::with_arguments("echo", &flags)?;
    let mut old = Client::connect(&server)?;
    let mut successors = Successors::default();
    successors.replace(&mut server)?;
    old.expect_close(1001)?;
    // The descriptors of a process are closed when it ends.
    wait_until(|| Ok(server.open_files().unwrap_or(0) == 0))?;
    let stream = UnixStream::connect(&file)?;
    let (mut client, _) = Client::request(stream, &handshake("/", ""))?;
    assert_eq!(client.ask("hello")?, "hello");
    successors.signal(&server, Signal::TERM)?;
    client.expect_close(1001)?;
    wait_until(|| Ok(!file.exists()))?;
    Ok(())
}

#[test]
fn address_that_is_no_longer_configured_is_closed() -> Result<()> {
    let resource = "[[resource]]\ncomponent = \"{{echo}}\"\n";
    let both = format!("listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n{resource}");
    let configuration = Configuration::new(&both)?;
    let mut server = configuration.serve()?;
    let line = server.next_line("ws://127.0.0.2:")?;
    let url = line.split("://").nth(1).context("no URL")?;
    let second = url.split('/').next().unwrap_or_default().parse()?;
    echo(second)?;
    configuration.write(&format!("listen = \"127.0.0.1:0\"\n{resource}"))?;
    let mut successors = Successors::default();
    successors.replace(&mut server)?;
    wait_until(|| Ok(echo(second).is_err()))?;
    echo(server.address())
}
