//! What all connections of a server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tower_http::services::ServeDir;
use ws_host_protocol::CloseCode;

use super::Stopped;
use crate::clients::ClientId;
use crate::config::{AutoAnswer, Config};
use crate::connection::Place;
use crate::resource::{Resource, Stay};

/// The server's state. It outlives the listener, until the last client is gone.
pub(super) struct Site {
    pub(super) config: Config,
    pub(super) resource: Arc<Resource>,
    pub(super) auto_answers: Arc<[AutoAnswer]>,
    pub(super) static_files: Option<ServeDir>,
    /// Every task that owes a client something.
    pub(super) tasks: TaskTracker,
    clients: Arc<Semaphore>,
    next_id: AtomicU64,
    is_draining: AtomicBool,
}

impl Site {
    pub(super) fn new(config: Config, resource: Arc<Resource>) -> Self {
        Self {
            resource,
            auto_answers: config.auto_answers.as_slice().into(),
            static_files: config.static_files.as_ref().map(ServeDir::new),
            tasks: TaskTracker::new(),
            clients: Arc::new(Semaphore::new(config.limits.max_clients)),
            next_id: AtomicU64::new(1),
            is_draining: AtomicBool::new(false),
            config,
        }
    }

    /// A place for one more client that stays with an actor, if there is one.
    pub(super) fn try_place(&self, stay: Stay) -> Option<Place> {
        let permit = Arc::clone(&self.clients).try_acquire_owned().ok()?;
        Some(Place { stay, _permit: permit, _token: self.tasks.token() })
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
        tracing::info!(clients = self.resource.clients().len(), "stopping");
        self.send_all_away();
        match timeout(self.config.timeouts.drain, self.tasks.wait()).await {
            Ok(()) => Stopped::Drained,
            Err(_) => Stopped::Abandoned(self.resource.clients().len()),
        }
    }

    /// Whoever is let in while the server drains must call this again.
    pub(super) fn send_all_away(&self) {
        for client in self.resource.clients() {
            client.close_by_host(CloseCode::GOING_AWAY, "the server stops");
        }
    }
}
