//! Messages to the service manager: the protocol of `sd_notify`.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind, Result};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::UnixDatagram;
use tokio::time::{MissedTickBehavior, interval, timeout};
use ws_host::Host;

/// How long a send may wait for the service manager to read earlier messages.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the status is compared with the last one that was sent, if there is no watchdog interval.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// How long the program may take to end, in addition to the handshake timeout and the drain timeout.
const STOP_MARGIN: Duration = Duration::from_secs(5);

/// Sends messages to the service manager. Does nothing if there is none.
#[derive(Clone, Debug)]
pub(super) struct Notifier {
    socket: Option<Arc<UnixDatagram>>,
    /// The longest interval that the service manager accepts between two keep-alive messages.
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Connects to the socket that the service manager names (`NOTIFY_SOCKET`). If that fails, logs why.
    pub(super) fn from_env() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|name| match connect(&name) {
            Ok(socket) => Some(Arc::new(socket)),
            Err(error) => {
                tracing::warn!(
                    "cannot send messages to the service manager at NOTIFY_SOCKET={name:?}: {error}"
                );
                None
            }
        });
        let watchdog = sd_notify::watchdog_enabled().filter(|longest| !longest.is_zero());
        Self { socket, watchdog }
    }

    /// Reports that the server is serving.
    pub(super) async fn ready(&self, host: &Host) {
        let status = status(host);
        self.send(&[NotifyState::Ready, NotifyState::Status(&status)]).await;
    }

    /// Reports that the configuration is being read again.
    pub(super) async fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.send(&[NotifyState::Reloading, now]).await,
            Err(error) => tracing::warn!(
                "cannot tell the service manager about the reload, because the clock cannot be read: {error}"
            ),
        }
    }

    /// Reports that the configuration has been read.
    pub(super) async fn reloaded(&self) {
        self.send(&[NotifyState::Ready]).await;
    }

    /// Reports that the server is stopping, and how long that may take.
    pub(super) async fn stopping(&self, longest: Duration) {
        let longest = longest.saturating_add(STOP_MARGIN).as_micros();
        let extend = format!("EXTEND_TIMEOUT_USEC={longest}");
        self.send(&[NotifyState::Stopping, NotifyState::Custom(&extend)]).await;
    }

    /// Tells the service manager which process it should watch from now on.
    pub(super) async fn main_process(&self, id: u32) {
        self.send(&[NotifyState::MainPid(id)]).await;
    }

    /// Sends the status whenever it has changed. While all workers respond, also sends the keep-alive messages that the
    /// watchdog expects.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn supervise(self, host: Host) {
        if self.socket.is_none() {
            return;
        }
        let every = self.watchdog.map_or(STATUS_INTERVAL, |longest| longest / 2);
        let mut ticks = interval(every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sent = status(&host);
        loop {
            ticks.tick().await;
            let status = status(&host);
            let mut states = Vec::new();
            if self.watchdog.is_some() && host.is_responsive() {
                states.push(NotifyState::Watchdog);
            }
            if status != sent {
                states.push(NotifyState::Status(&status));
            }
            self.send(&states).await;
            drop(states);
            sent = status;
        }
    }

    async fn send(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        if states.is_empty() {
            return;
        }
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        let sent = timeout(SEND_TIMEOUT, socket.send(message.as_bytes())).await;
        let sent = sent.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
        if let Err(error) = sent {
            tracing::debug!(message, "cannot send a message to the service manager: {error}");
        }
    }
}

fn connect(name: &OsStr) -> Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => {
            let message = "the name must begin with / or @";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
    };
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

/// Returns the line that the service manager shows about the server.
fn status(host: &Host) -> String {
    if !host.is_responsive() {
        return "a worker does not respond".to_owned();
    }
    let resources = host.resources();
    let clients: usize = resources.iter().map(|resource| resource.clients).sum();
    format!("clients: {clients}, resources: {}", resources.len())
}
