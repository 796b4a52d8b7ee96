//! What all connections of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tower_http::services::ServeDir;
use ws_host_protocol::CloseCode;

use super::Stopped;
use crate::actor::Actor;
use crate::clients::ClientId;
use crate::config::Config;
use crate::connection::Place;

/// The server's state. It outlives the listener, until the last client is gone.
pub(super) struct Site {
    pub(super) config: Config,
    pub(super) actor: Arc<Actor>,
    pub(super) static_files: Option<ServeDir>,
    /// Every task that owes a client something.
    pub(super) tasks: TaskTracker,
    clients: Arc<Semaphore>,
    next_id: AtomicU64,
    is_draining: AtomicBool,
}

impl Site {
    pub(super) fn new(config: Config, actor: Arc<Actor>) -> Self {
        Self {
            actor,
            static_files: config.static_files.as_ref().map(ServeDir::new),
            tasks: TaskTracker::new(),
            clients: Arc::new(Semaphore::new(config.limits.max_clients)),
            next_id: AtomicU64::new(1),
            is_draining: AtomicBool::new(false),
            config,
        }
    }

    /// A place for one more client, if there is one.
    pub(super) fn try_place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.clients).try_acquire_owned().ok()?;
        Some(Place { _permit: permit, _token: self.tasks.token() })
    }

    pub(super) fn next_id(&self) -> ClientId {
        ClientId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// Sends every client away and waits until they have gone.
    pub(super) async fn drain(&self) -> Stopped {
        self.is_draining.store(true, Ordering::Release);
        self.tasks.close();
        tracing::info!(clients = self.actor.clients().count(), "stopping");
        self.send_all_away();
        match timeout(self.config.timeouts.drain, self.tasks.wait()).await {
            Ok(()) => Stopped::Drained,
            Err(_) => Stopped::Abandoned(self.actor.clients().count()),
        }
    }

    /// Whoever is let in while the server drains must call this again.
    pub(super) fn send_all_away(&self) {
        for client in self.actor.clients().all() {
            client.close_by_host(CloseCode::GOING_AWAY, "the server stops");
        }
    }
}
