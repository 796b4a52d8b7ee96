//! `examples/cluster/run`: nats-server, three hosts and HAProxy in front of them, and what its README says to kill.
//! The tests here are those of the chat. `example_rooms.rs` has those of the rooms.

use std::io::{BufRead, BufReader, ErrorKind, Lines};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Signal, kill_process};
use ws_host_test_support::{
    Backend, Broker, Client, DEADLINE, host_binary, poll_until, root, skip, wait_until,
};

use crate::configured::ask_admin;

/// The ports of the example without an offset: the balancer, then those of the hosts and of the broker.
const BALANCER: u16 = 8080;
const ADMIN: u16 = 9090;
const BROKER: u16 = 4223;
const OTHERS: [u16; 10] = [8081, 8082, 8083, 9091, 9092, 9093, 7401, 7402, 7403, BROKER];

/// Held by the only script that runs, so that two do not choose the same ports.
static RUNNING: Mutex<()> = Mutex::new(());

/// The running script.
pub(super) struct Example {
    _running: MutexGuard<'static, ()>,
    script: Child,
    lines: Lines<BufReader<ChildStdout>>,
    offset: u16,
    /// Where the script keeps the logs and the records of the broker, once a process was asked for.
    folder: PathBuf,
    /// The broker that was started again, which the script does not know.
    broker: Option<Child>,
}

impl Example {
    /// Starts the script. Returns `None` if HAProxy is not installed, so that the test is skipped.
    pub(super) fn start(what: &str) -> Result<Option<Self>> {
        let programs = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/usr/bin/haproxy"];
        if !programs.iter().any(|program| Path::new(program).exists()) {
            skip("there is no haproxy: tests/matrix/install installs it")?;
            return Ok(None);
        }
        let running = RUNNING.lock();
        let offset = free_offset()?;
        let mut script = Command::new(root().join("examples/cluster/run"))
            .arg(what)
            .env("PORT_OFFSET", offset.to_string())
            .env("WS_HOST_BIN", host_binary())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = script.stdout.take().context("its standard output is a pipe")?;
        let lines = BufReader::new(stdout).lines();
        let (folder, broker) = (PathBuf::new(), None);
        Ok(Some(Self { _running: running, script, lines, offset, folder, broker }))
    }

    /// Reads the line that names a process.
    pub(super) fn process(&mut self, name: &str) -> Result<Pid> {
        for line in &mut self.lines {
            let line = line?;
            let mut words = line.split_whitespace();
            if words.next() == Some(name) {
                let id = words.nth(1).context("no process id")?.parse()?;
                let log = Path::new(words.nth(1).context("no log")?);
                self.folder = log.parent().context("no folder")?.to_owned();
                return Pid::from_raw(id).context("no process has the id 0");
            }
        }
        anyhow::bail!("the script has not started {name}")
    }

    /// Starts the broker again, as the README does, with the records that it had.
    pub(super) fn start_broker_again(&mut self) -> Result<()> {
        let port = self.address(BROKER).port().to_string();
        let broker = Command::new(Broker::program())
            .args(["-a", "127.0.0.1", "-p", &port, "-js", "-sd"])
            .arg(self.folder.join("jetstream"))
            .stderr(Stdio::null())
            .spawn()?;
        self.broker = Some(broker);
        Ok(())
    }

    /// Returns the address of the broker.
    fn broker(&self) -> SocketAddr {
        self.address(BROKER)
    }

    fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port + self.offset))
    }

    /// Connects through the balancer, as soon as it has a host that is ready.
    pub(super) fn connect(&self, path: &str) -> Result<Client> {
        let connect = || Ok(Client::connect_at(self.address(BALANCER), path).ok());
        poll_until(connect, Option::is_some)?.context("it is some")
    }

    /// Connects three clients, one on each host.
    fn connect_to_each(&self, path: &str) -> Result<Vec<Client>> {
        let accepted = "ws_host_handshakes_total{resource=\"cluster\",outcome=\"accepted\"}";
        // Until the balancer has seen that all hosts are ready, it spreads the clients over fewer of them.
        wait_until(|| {
            self.connect(path)?.hang_up()?;
            self.all_have(accepted, |count| count != "0")
        })?;
        let clients = "ws_host_clients{resource=\"cluster\"}";
        wait_until(|| self.all_have(clients, |count| count == "0"))?;
        // The balancer takes turns, unless it takes a slow host for one that is not ready.
        let mut connected = Vec::new();
        wait_until(|| {
            connected = (0..3).map(|_| self.connect(path)).collect::<Result<_>>()?;
            self.all_have(clients, |count| count == "1")
        })?;
        Ok(connected)
    }

    fn all_have(&self, name: &str, is_expected: impl Fn(&str) -> bool) -> Result<bool> {
        let counts = (1..=3).map(|host| self.metric(host, name)).collect::<Result<Vec<_>>>()?;
        Ok(counts.iter().all(|count| is_expected(count)))
    }

    /// Returns the value of a metric of a host.
    pub(super) fn metric(&self, host: u16, name: &str) -> Result<String> {
        let response = ask_admin(self.address(ADMIN + host), "GET /metrics", "", b"")?;
        let line = response.body.lines().find_map(|line| line.strip_prefix(name));
        Ok(line.with_context(|| format!("{name} is not in {response:?}"))?.trim().to_owned())
    }

    pub(super) fn wait_until_all_are_ready(&self) -> Result<()> {
        for host in 1..=3 {
            let address = self.address(ADMIN + host);
            wait_until(|| {
                Ok(ask_admin(address, "GET /readyz", "", b"").is_ok_and(|it| it.status == 200))
            })?;
        }
        Ok(())
    }

    fn kill_broker(&mut self) -> Result<()> {
        if let Some(mut broker) = self.broker.take() {
            broker.kill()?;
            broker.wait()?;
        }
        Ok(())
    }

    /// Stops the script as Ctrl-C does. Nothing that it started may remain.
    pub(super) fn stop(mut self) -> Result<()> {
        let id = Pid::from_raw(self.script.id().cast_signed()).context("a process has an id")?;
        kill_process(id, Signal::TERM)?;
        self.script.wait()?;
        self.kill_broker()?;
        for port in [BALANCER].into_iter().chain(OTHERS) {
            wait_until(|| Ok(TcpListener::bind(self.address(port)).is_ok()))?;
        }
        Ok(())
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // This fails if the broker has just ended.
        let _ = self.kill_broker();
        if let Ok(None) = self.script.try_wait()
            && let Some(id) = Pid::from_raw(self.script.id().cast_signed())
        {
            // This fails if the script has just ended.
            let _ = kill_process(id, Signal::TERM);
            let _ = self.script.wait();
        }
    }
}

/// Returns an offset with which all ports are free. They are below the range from which systems choose ports, so that
/// no other test gets them.
fn free_offset() -> Result<u16> {
    let first = std::process::id() % 17_000;
    for attempt in 0..100 {
        let offset = 6_000 + u16::try_from((first + attempt * 97) % 17_000)?;
        let is_free = |port| TcpListener::bind(("127.0.0.1", port + offset)).is_ok();
        if [BALANCER].into_iter().chain(OTHERS).all(is_free) {
            return Ok(offset);
        }
    }
    anyhow::bail!("no offset has only free ports")
}

/// Reads up to the close frame. Returns its code.
pub(super) fn read_up_to_close(client: &mut Client) -> Result<u16> {
    loop {
        let frame = client.receive()?;
        if frame.first == 0x88 {
            let code = frame.payload.first_chunk().context("a close frame without a code")?;
            return Ok(u16::from_be_bytes(*code));
        }
    }
}

/// Reads up to a line that ends with these words.
fn read_up_to(client: &mut Client, end: &str) -> Result<()> {
    while !client.receive_text()?.ends_with(end) {}
    Ok(())
}

/// Publishes at the broker, as the README does with `nats pub`, until the client gets it: its host may still be joining
/// the topic.
fn wait_for_backend(client: &mut Client, backend: &mut Backend) -> Result<()> {
    client.stream().set_read_timeout(Some(Duration::from_millis(20)))?;
    wait_until(|| {
        backend.publish("ws.default.t.cluster.room:/room/lobby", b"from a backend")?;
        backend.sync()?;
        match client.stream().peek(&mut [0]) {
            Ok(1..) => Ok(client.receive_text()? == "from a backend"),
            Ok(0) => anyhow::bail!("the connection was closed"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error.into()),
        }
    })?;
    Ok(client.stream().set_read_timeout(Some(DEADLINE))?)
}

/// The example with a client on each host, which gets what the backend publishes.
struct Chat {
    example: Example,
    /// The process of the second host.
    second: Pid,
    clients: Vec<Client>,
    backend: Backend,
}

impl Chat {
    /// Returns `None` if HAProxy is not installed, so that the test is skipped.
    fn start() -> Result<Option<Self>> {
        let Some(mut example) = Example::start("chat")? else { return Ok(None) };
        let second = example.process("host-2")?;
        example.wait_until_all_are_ready()?;
        let mut clients = example.connect_to_each("/room/lobby")?;
        let mut backend = Backend::connect(example.broker())?;
        for client in &mut clients {
            wait_for_backend(client, &mut backend)?;
        }
        Ok(Some(Self { example, second, clients, backend }))
    }
}

#[test]
fn chat_of_the_example_spans_three_hosts_behind_a_balancer() -> Result<()> {
    let Some(Chat { example, second, mut clients, mut backend }) = Chat::start()? else {
        return Ok(());
    };
    for number in 0..3 {
        let text = format!("hello from {number}");
        clients[number].send_text(&text)?;
        for client in &mut clients {
            read_up_to(client, &text)?;
        }
    }
    kill_process(second, Signal::KILL)?;
    // The client of the killed host connects again, and reaches the others.
    let mut gone = 0;
    for client in &mut clients {
        let is_here = client.send_text("here").and_then(|()| read_up_to(client, "here"));
        if is_here.is_err() {
            *client = example.connect("/room/lobby")?;
            wait_for_backend(client, &mut backend)?;
            gone += 1;
        }
    }
    ensure!(gone == 1, "{gone} clients were on the host that was killed");
    clients[1].send_text("again")?;
    for client in &mut clients {
        read_up_to(client, "again")?;
    }
    example.stop()
}

#[test]
fn chat_of_the_example_closes_the_clients_of_a_host_that_stops_and_tells_the_others() -> Result<()>
{
    let Some(Chat { example, second, mut clients, .. }) = Chat::start()? else { return Ok(()) };
    // Nothing older remains to be read.
    clients[0].send_text("all are here")?;
    for client in &mut clients {
        read_up_to(client, "all are here")?;
    }
    kill_process(second, Signal::TERM)?;
    let mut closed = 0;
    for client in &mut clients {
        let frame = client.receive()?;
        if frame.first == 0x88 {
            assert_eq!(frame.payload.first_chunk(), Some(&1001_u16.to_be_bytes()));
            closed += 1;
        } else {
            let text = String::from_utf8(frame.payload)?;
            ensure!(text.starts_with("* ") && text.ends_with(" left"), "{text}");
        }
    }
    assert_eq!(closed, 1);
    example.stop()
}
