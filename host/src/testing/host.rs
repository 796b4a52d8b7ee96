//! The host of a test.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::duplex;

use super::Running;
use super::builder::Builder;
use super::client::TestClient;
use super::clock::Clock;
use super::handshake::{Connect, ConnectError, Opened, open};
use super::log::LogLine;
use super::simulation::Simulation;
use super::stream::{Shared, exchange};
use crate::config::{self, ResourceConfig, Watch};
use crate::guest::InjectedFault;
use crate::{
    ConfigureError, CustomError, CustomReply, Host, NoResource, Peer, Recipient, ReloadError,
    ReloadOutcome, Replaced, StartError, Stopped,
};

/// How many bytes a connection holds in each direction. A socket holds about as many.
const SOCKET_BUFFER: usize = 64 << 10;

/// The address to which clients connect, and the first port from which they connect.
const LOCAL: &str = "127.0.0.1:8080";
const FIRST_PORT: u16 = 50_000;

/// The longest time that may pass in one call.
const MAX_ADVANCE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How the handler's next event fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The event traps, as if the handler had panicked.
    Trap,
    /// The event needs more memory than `max-memory` allows.
    Memory,
    /// The event uses up its CPU time (`max-cpu`).
    Cpu,
    /// The event takes longer than `max-time` allows.
    Time,
}

/// A host for tests. See the [module](super).
pub struct TestHost {
    // The host must be dropped first, while its runtime still exists.
    host: Host,
    resources: RefCell<Vec<ResourceConfig>>,
    clients: Cell<u16>,
    running: Rc<Running>,
}

impl TestHost {
    /// Serves a component at `/` with the default settings.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is wrong and what to do.
    ///
    /// # Panics
    ///
    /// Panics inside a tokio runtime, because a test's host has its own runtime.
    pub fn start(component: impl Into<PathBuf>) -> Result<Self, StartError> {
        Builder::component(component).start()
    }

    /// Returns the settings of a host that serves a component. They can be changed before the start.
    pub fn component(component: impl Into<PathBuf>) -> Builder {
        Builder::component(component)
    }

    /// Returns a builder with the settings of a whole host, for example those of a file.
    pub fn config(config: config::HostConfig) -> Builder {
        Builder::config(config)
    }

    pub(super) fn with(builder: Builder) -> Result<Self, StartError> {
        let Builder { mut config, time_of_day } = builder;
        config.watch = Watch::Off;
        let clock = Clock::new().map_err(StartError::Worker)?;
        let resources = config.resources.clone();
        let host = clock.finish(async move {
            Host::start_on(Arc::new(Simulation::new(time_of_day)), config).await
        })?;
        let running = Rc::new(Running { clock });
        Ok(Self { host, resources: RefCell::new(resources), clients: Cell::new(0), running })
    }

    /// Connects a client.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the client is refused or gets no response.
    pub fn connect(&self, connect: impl Into<Connect>) -> Result<TestClient, ConnectError> {
        let connect = connect.into();
        let number = self.clients.get() + 1;
        self.clients.set(number);
        let address = SocketAddr::new(connect.address, FIRST_PORT.wrapping_add(number));
        let local = LOCAL.parse().expect("an address");
        let (mut stream, host_end) = duplex(SOCKET_BUFFER);
        let (host, peer) = (self.host.clone(), Peer::plain(address).at(local));
        let clock = &self.running.clock;
        clock.spawn(async move { host.serve_stream(host_end, peer).await });
        let mut key = [0; 16];
        key[..2].copy_from_slice(&number.to_be_bytes());
        let opened = clock.run_within(connect.within, open(&mut stream, &connect, key));
        let opened = opened.unwrap_or(Err(ConnectError::Unanswered))?;
        let Opened { accepted, headers, .. } = &opened;
        let (subprotocol, headers) = (accepted.subprotocol.clone(), headers.clone());
        let shared = Arc::new(Shared::new(&opened));
        clock.spawn(exchange(stream, opened, Arc::clone(&shared)));
        clock.run_until_quiet();
        let found = self.host.clients().into_iter().find(|client| client.peer == address);
        let id = found.map_or(0, |client| client.id);
        let (running, name) = (Rc::clone(&self.running), format!("client {number}"));
        Ok(TestClient { running, shared, name, id, subprotocol, headers })
    }

    /// Lets time pass. Everything that is due in this time happens, in order. An hour passes in a few milliseconds,
    /// including the clients' pings and the host's sweeps.
    ///
    /// # Panics
    ///
    /// Panics if the time is longer than 366 days.
    #[track_caller]
    pub fn advance(&self, time: Duration) {
        assert!(time <= MAX_ADVANCE, "at most 366 days can pass at once");
        self.running.clock.advance(time);
    }

    /// Returns how much time has passed since the host was started.
    pub fn elapsed(&self) -> Duration {
        self.running.clock.elapsed()
    }

    /// Reads the files of all components again, and serves those that have changed.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]. In that case, the old component is still served.
    pub fn reload(&self) -> Result<Vec<ReloadOutcome>, ReloadError> {
        let names = self.names();
        let outcomes = self.running.clock.finish(async {
            let mut outcomes = Vec::new();
            for name in &names {
                outcomes.push(self.host.reload(name).await);
            }
            outcomes
        });
        self.running.clock.run_until_quiet();
        outcomes.into_iter().collect()
    }

    /// Serves another component in place of the first one, as when a new version is deployed.
    ///
    /// # Errors
    ///
    /// [`ConfigureError`] if the component cannot be served or does not take over. In that case, the old component is
    /// still served.
    pub fn reload_from(&self, component: impl AsRef<Path>) -> Result<(), ConfigureError> {
        let mut resources = self.resources.borrow().clone();
        if let Some(resource) = resources.first_mut() {
            resource.component = component.as_ref().to_owned();
        }
        self.running.clock.finish(self.host.configure(resources.clone()))?;
        *self.resources.borrow_mut() = resources;
        self.running.clock.run_until_quiet();
        Ok(())
    }

    /// Ends the trial of a new component. See [`Host::rollback`].
    ///
    /// # Errors
    ///
    /// [`ReloadError`]. In that case, the component that is served does not change.
    pub fn roll_back(&self) -> Result<Replaced, ReloadError> {
        let name = self.first_name();
        let replaced = self.running.clock.finish(self.host.rollback(&name));
        self.running.clock.run_until_quiet();
        replaced
    }

    /// Hibernates all instances, as if there had been no event for a long time.
    pub fn hibernate(&self) {
        self.running.clock.finish(self.host.hibernate());
        self.running.clock.run_until_quiet();
    }

    /// Makes the next event of the first resource's handler fail, no matter what the handler does. The calls that save
    /// and restore the handler's state (`suspend` and `resume`) are not events.
    pub fn fail_next_event(&self, failure: Failure) {
        let fault = match failure {
            Failure::Trap => InjectedFault::Trap,
            Failure::Memory => InjectedFault::Memory,
            Failure::Cpu => InjectedFault::Cpu,
            Failure::Time => InjectedFault::Time,
        };
        self.host.fail_next_event(&self.first_name(), fault);
        self.running.clock.run_until_quiet();
    }

    /// Publishes a text to this topic of the first resource. Returns the number of clients that it goes to.
    pub fn publish(&self, topic: &str, text: &str) -> Result<usize, NoResource> {
        let name = self.first_name();
        let published = self.running.clock.finish(self.host.publish_text(&name, topic, text));
        self.running.clock.run_until_quiet();
        published
    }

    /// Sends a custom message to instances of the first resource, and returns their replies.
    ///
    /// # Errors
    ///
    /// [`CustomError`]. In that case, no instance got the message.
    pub fn send_custom(
        &self,
        to: Recipient,
        message: &[u8],
    ) -> Result<Vec<CustomReply>, CustomError> {
        let name = self.first_name();
        let message = crate::CustomMessage::new(message);
        let replies = self.running.clock.finish(self.host.send_custom(&name, to, message));
        self.running.clock.run_until_quiet();
        replies
    }

    /// Closes a client as an operator does. Returns whether it was connected.
    pub fn kick(&self, client: &TestClient) -> bool {
        let found = self.host.close_client(client.id());
        self.running.clock.run_until_quiet();
        found
    }

    /// Stops the host, as at the end of the program. Handlers get `stopping`, and clients are closed.
    pub fn stop(&self) -> Stopped {
        let stopped = self.running.clock.finish(self.host.drain());
        self.running.clock.run_until_quiet();
        stopped
    }

    /// Returns the log. It has the newest 10,000 lines.
    pub fn log(&self) -> Vec<LogLine> {
        self.running.clock.log().lines()
    }

    /// Returns the host itself, for everything that this type does not offer. Its futures must be awaited with
    /// [`block_on`](Self::block_on).
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Waits for a future of the host. Lets time pass if the future needs time.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let done = self.running.clock.finish(future);
        self.running.clock.run_until_quiet();
        done
    }

    fn names(&self) -> Vec<String> {
        self.resources.borrow().iter().map(|resource| resource.name.to_string()).collect()
    }

    fn first_name(&self) -> String {
        self.names().into_iter().next().unwrap_or_default()
    }
}

impl std::fmt::Debug for TestHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestHost").field("host", &self.host).finish_non_exhaustive()
    }
}
