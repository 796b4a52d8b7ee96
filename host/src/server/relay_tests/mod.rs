//! Clients that are relayed from one host to another, with real sockets.

mod bytes;
mod drain;
mod ended_lease;
mod imports;
mod last_save;
mod owners;
mod trust;
mod without_lease;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use ws_host_protocol::deflate::Deflate;

use super::{Host, Server, Stopped};
use crate::clients::Client;
use crate::cluster::{Located, Owner};
use crate::config::{self, Address, Config, InstancePer, Listen, ResourceConfig, UniqueIn};
use crate::ownership::{Holding, Ownership, SaveError, SavedWhen, Saving};

/// The secret of the hosts, unless a test uses a different secret.
const SECRET: &[u8] = b"a secret of the hosts of a cluster";

/// The owners of paths in a test. Each lookup takes the next one. The last one is kept for all later lookups.
#[derive(Default)]
pub(in crate::server) struct ScriptedOwners {
    script: Mutex<VecDeque<Option<String>>>,
    own: Mutex<Weak<Own>>,
    /// Keeps the states of durable actors. `None`: actors are not durable.
    store: Mutex<Option<Arc<Store>>>,
    /// Cancelled when the leases of these owners are fenced.
    fenced: CancellationToken,
    lease: Arc<Lease>,
}

/// The lease of the host itself. It is valid until a test ends it.
#[derive(Debug)]
struct Lease {
    checks: AtomicUsize,
    last_valid: AtomicUsize,
}

impl Default for Lease {
    fn default() -> Self {
        Self { checks: AtomicUsize::new(0), last_valid: AtomicUsize::new(usize::MAX) }
    }
}

impl Lease {
    /// Returns how many times the lease was checked.
    fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    /// Ends the lease after `checks` further checks, as if its time were over.
    fn end_after(&self, checks: usize) {
        self.last_valid.store(self.checks() + checks, Ordering::SeqCst);
    }

    fn renew(&self) {
        self.last_valid.store(usize::MAX, Ordering::SeqCst);
    }
}

/// A store of states that is unavailable for some time.
#[derive(Debug)]
struct Store {
    /// The number of further saves that will fail.
    failures: AtomicUsize,
    saved: Mutex<Vec<(Arc<[u8]>, SavedWhen)>>,
}

/// The right of a host to run an actor, under the lease of the host. In these tests, no other host takes it away.
#[derive(Debug)]
struct Own {
    is_taken: AtomicBool,
    store: Option<Arc<Store>>,
    lease: Arc<Lease>,
}

impl Ownership for Own {
    fn holding(&self) -> Holding {
        match self.lease.checks.fetch_add(1, Ordering::SeqCst) {
            before if before < self.lease.last_valid.load(Ordering::SeqCst) => Holding::Held,
            _ => Holding::Lapsed,
        }
    }

    fn take(&self) -> bool {
        !self.is_taken.swap(true, Ordering::Relaxed)
    }

    fn end(&self) {}

    fn is_durable(&self) -> bool {
        self.store.is_some()
    }

    fn save(&self, state: Arc<[u8]>, when: SavedWhen) -> Saving<'_> {
        let Some(store) = &self.store else { return Box::pin(std::future::ready(Ok(()))) };
        let left = |failures: usize| failures.checked_sub(1);
        let result = match store.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left) {
            Ok(_) => Err(SaveError::Unavailable("the test says so".to_owned())),
            Err(_) => {
                store.saved.lock().push((state, when));
                Ok(())
            }
        };
        Box::pin(std::future::ready(result))
    }
}

impl ScriptedOwners {
    pub(in crate::server) fn next(&self) -> Option<Located> {
        let mut script = self.script.lock();
        let address = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        if let Some(address) = address.flatten() {
            let fenced = self.fenced.clone();
            return Some(Located::There(Owner { host: "owner".to_owned(), address, fenced }));
        }
        let mut own = self.own.lock();
        let own = own.upgrade().unwrap_or_else(|| {
            let store = self.store.lock().clone();
            let lease = Arc::clone(&self.lease);
            let new = Arc::new(Own { is_taken: AtomicBool::new(false), store, lease });
            *own = Arc::downgrade(&new);
            new
        });
        Some(Located::Here(own))
    }
}

/// The longest time that a test waits for something that should happen at once.
const SOON: Duration = Duration::from_secs(20);

/// A running host.
struct Running {
    host: Host,
    /// The address for clients, and the one for other hosts.
    address: SocketAddr,
    peers: String,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Stopped>,
    _files: tempfile::TempDir,
}

/// The credentials by which the hosts of a test authenticate.
struct Proof {
    secret: Option<Vec<u8>>,
    /// In PEM: the authority's certificate, the host's certificate, and the host's key.
    certificate: Option<[String; 3]>,
}

impl Proof {
    fn secret(secret: &[u8]) -> Self {
        Self { secret: Some(secret.to_vec()), certificate: None }
    }
}

/// Starts a host that serves `component` at `/{room}`, with the default secret.
async fn start(component: &str) -> Running {
    start_with(component, &Proof::secret(SECRET), |_| {}).await
}

async fn start_with(component: &str, proof: &Proof, change: impl FnOnce(&mut Config)) -> Running {
    let files = tempfile::tempdir().expect("a folder");
    let file = |name: &str| files.path().join(name);
    let mut peers = config::Peers::new((Ipv4Addr::LOCALHOST, 0).into());
    // Nobody listens at this address, because the hosts of these tests do not need a broker.
    let mut cluster = config::Cluster::new(vec!["nats://127.0.0.1:1".to_owned()]);
    if let Some(secret) = &proof.secret {
        std::fs::write(file("secret"), secret).expect("room");
        peers.secret = Some(file("secret"));
    }
    if let Some([ca, certificate, key]) = &proof.certificate {
        for (name, text) in [("ca", ca), ("certificate", certificate), ("key", key)] {
            std::fs::write(file(name), text).expect("room");
        }
        cluster.ca = Some(file("ca"));
        cluster.identity = Some((file("certificate"), file("key")));
    }
    cluster.peers = Some(peers);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components");
    let component = folder.join(component).with_extension("wasm");
    assert!(component.is_file(), "run `make components` first");
    let mut resource = ResourceConfig::new("/{room}", component).expect("a pattern");
    (resource.instance_per, resource.unique_in) = (InstancePer::Path, UniqueIn::Cluster);
    resource.name = "test".into();
    resource.compression = Some(Deflate::default());
    let host =
        config::HostConfig { cluster: Some(cluster), ..config::HostConfig::new(vec![resource]) };
    let here = Address::Tcp((Ipv4Addr::LOCALHOST, 0).into());
    let listen = vec![Listen::plain(here)];
    let mut config = Config::new(listen, host);
    config.backlog = 8;
    change(&mut config);
    let server = Server::start(config).await.expect("it starts");
    let Address::Tcp(address) = server.listening()[0].address else { panic!("not TCP") };
    let host = server.host().clone();
    let settings = host.state.config().cluster.as_ref().and_then(|cluster| cluster.peers.clone());
    let peers = settings.and_then(|peers| peers.advertise).expect("the address that was bound");
    let (stop, stopping) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        let _ = stopping.await;
    }));
    Running { host, address, peers, stop: Some(stop), running, _files: files }
}

impl Running {
    /// Sets the addresses of the owners that lookups on this host find. Each lookup takes the next address, until only
    /// the last is left.
    fn relay_to(&self, addresses: &[&str]) {
        let there = |address: &&str| Some((*address).to_owned());
        *self.host.state.relayed.scripted_owners.script.lock() =
            addresses.iter().map(there).collect();
    }

    /// Makes all later lookups return this host itself.
    fn then_own(&self) {
        self.host.state.relayed.scripted_owners.script.lock().push_back(None);
    }

    fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.host.state.relayed.scripted_owners.lease)
    }

    /// Returns the only client that is connected.
    fn client(&self) -> Arc<Client> {
        let served = self.host.state.registry.all();
        let clients = served[0].resource().clients();
        assert_eq!(clients.len(), 1);
        Arc::clone(&clients[0])
    }

    fn clients(&self) -> usize {
        self.host.state.registry.clients()
    }
}

/// Returns the head of a client's handshake, with additional headers.
fn handshake(more: &str) -> String {
    handshake_at("/a?query", more)
}

fn handshake_at(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

/// Connects and sends the handshake. Returns the stream, and the response up to the end of its head.
async fn open(address: SocketAddr, more: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(handshake(more).as_bytes()).await.expect("it reads");
    let head = read_head(&mut stream).await;
    (stream, head)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let reading = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a response"));
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("a response in time");
    String::from_utf8(head).expect("ASCII")
}

/// Connects, and returns the whole response of a host that refuses the client.
async fn refusal(address: SocketAddr, more: &str) -> String {
    let (mut stream, mut response) = open(address, more).await;
    let reading = stream.read_to_string(&mut response);
    tokio::time::timeout(SOON, reading).await.expect("an end in time").expect("text");
    response
}

/// Waits for a condition that another thread brings about.
async fn until(mut is_true: impl FnMut() -> bool) {
    let waiting = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("it becomes true");
}

/// Starts a host that serves clients over TLS.
async fn start_tls(component: &str) -> Running {
    start_with(component, &Proof::secret(SECRET), |config| {
        config.listen[0].encryption = config::Encryption::Tls;
        config.tls = Some(config::Tls::new(config::Certificate::SelfSigned));
    })
    .await
}
