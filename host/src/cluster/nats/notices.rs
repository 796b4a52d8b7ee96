//! The NATS client library's reports about a connection.

use std::sync::Arc;

use async_nats::Event;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::subject::ALL_HOSTS;
use crate::cluster::counters::Dropped;
use crate::cluster::shared::Shared;
use crate::log_rate::{Line, LogRate};

/// Limits the log lines about requests that the server refuses.
static REFUSED: LogRate = LogRate::new();

/// The reports about one connection.
#[derive(Debug)]
pub(super) struct Notices {
    cluster: Arc<str>,
    shared: Arc<Shared>,
    ended: CancellationToken,
    /// The last error that the server sent.
    refused: Mutex<Option<String>>,
}

impl Notices {
    pub(super) fn new(cluster: &Arc<str>, shared: &Arc<Shared>) -> Arc<Self> {
        Arc::new(Self {
            cluster: Arc::clone(cluster),
            shared: Arc::clone(shared),
            ended: CancellationToken::new(),
            refused: Mutex::default(),
        })
    }

    pub(super) fn add(&self, event: Event) {
        match event {
            Event::Disconnected | Event::Closed => self.ended.cancel(),
            Event::ServerError(error) => self.refuse(error.to_string()),
            Event::SlowConsumer(_) => self.shared.counters.add_dropped(Dropped::Overflow, 1),
            _ => {}
        }
    }

    /// Waits until the connection has ended. Returns the server's last error, or else a general reason.
    pub(super) async fn ended(&self) -> String {
        self.ended.cancelled().await;
        let refused = self.refused.lock().take();
        refused
            .unwrap_or_else(|| "the connection was closed, or the broker did not answer".to_owned())
    }

    fn refuse(&self, why: String) {
        // Without permission to subscribe to `ALL_HOSTS`, a host does not notice the hosts of other clusters.
        if why.contains(ALL_HOSTS) {
            return tracing::debug!("hosts of other clusters are not noticed: {why}");
        }
        if let Some(Line { left_out }) = REFUSED.line(Instant::now()) {
            tracing::warn!(
                left_out,
                "the broker reports an error: {why}; if it is about permissions, allow this host to publish and \
                 subscribe to ws.{}.>",
                self.cluster
            );
        }
        self.shared.link.set_problem(why.clone());
        *self.refused.lock() = Some(why);
    }
}
