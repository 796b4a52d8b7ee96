//! The membership of a host in a cluster, and the thread that connects the host to the broker.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::broker::{Broker, Session};
use super::channel;
use super::components::Components;
use super::interest::Change;
use super::located::{Durability, Located, Unavailable};
use super::nats::Nats;
use super::other_clusters::ANNOUNCED_EVERY;
use super::outbox::{MAX_FLUSH, Work};
use super::owners::Owners;
use super::shared::Shared;
use super::status::ClusterStatus;
use crate::config;
use crate::metrics::Exposition;
use crate::metrics::catalog::{
    BROKER_DROPPED, BROKER_RECEIVED, BROKER_SENT, CLUSTER_RECONNECTS, CLUSTER_UP, TOPICS_JOINED,
};
use crate::topics::Topics;

/// The shortest and the longest pause between two attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The time between two searches for topics that this host can leave.
const SWEEP: Duration = Duration::from_secs(1);

/// The membership of a host in a cluster. Dropping it ends the connection.
#[derive(Debug)]
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    owners: Option<Owners>,
    _stop: DropGuard,
}

/// Why a connection ended.
enum End {
    Lost(String),
    Stopped,
}

impl Cluster {
    /// Starts the thread that connects the host. The thread keeps trying until the broker can be reached. If the host
    /// shares paths that are unique in the cluster, `address` is where other hosts reach it. `longest_state` is the
    /// largest `max-state` of the resources with durable states.
    ///
    /// # Errors
    ///
    /// The error of the operating system if it cannot start a thread.
    pub(crate) fn start(
        config: &config::Cluster,
        address: Option<String>,
        longest_state: usize,
    ) -> std::io::Result<Self> {
        let (shared, nats) = (Arc::new(Shared::new(&config.name)), Nats::new(config));
        let stop = CancellationToken::new();
        let (thread_shared, thread_stop) = (Arc::clone(&shared), stop.clone());
        std::thread::Builder::new()
            .name("ws-host-cluster".into())
            .spawn(move || stay_connected(&thread_shared, &nats, &thread_stop))?;
        let owners = match (&config.peers, address) {
            (Some(peers), Some(address)) => {
                let host = format!("{:016x}", shared.host);
                Some(Owners::start(config, peers, longest_state, host, address)?)
            }
            _ => None,
        };
        Ok(Self { shared, owners, _stop: stop.drop_guard() })
    }

    /// Creates the topics of a resource. Resources with the same name on all hosts share their topics.
    pub(crate) fn topics(&self, resource: &str) -> Arc<Topics> {
        channel::topics(&self.shared, resource)
    }

    pub(crate) fn status(&self) -> ClusterStatus {
        let placement = self.owners.as_ref().map(Owners::status);
        ClusterStatus { placement, ..self.shared.status() }
    }

    /// Finds the owner of an actor that is unique in the cluster. If the actor has no owner, this host becomes its
    /// owner. If neither is possible, tries again until `deadline`.
    ///
    /// # Errors
    ///
    /// The reason why no host owns the actor.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, this host may own the actor nevertheless. The next call finds that out.
    pub(crate) async fn locate(
        &self,
        resource: &Arc<str>,
        path: &str,
        durability: Durability,
        deadline: tokio::time::Instant,
    ) -> Result<Located, Unavailable> {
        match &self.owners {
            Some(owners) => owners.locate(resource, path, durability, deadline).await,
            // If this host has no address for other hosts, the configuration check refuses unique paths.
            None => Err(Unavailable::new("this host has no address for other hosts")),
        }
    }

    /// Returns the reason, if there is one, why this host currently cannot claim actors that are unique in the cluster.
    pub(crate) fn placement_problem(&self) -> Option<String> {
        self.owners.as_ref()?.problem()
    }

    /// Sets the components of the resources whose paths are unique in the cluster. The other hosts see them, and report
    /// those that differ from their own.
    pub(crate) fn set_components(&self, components: Components) {
        if let Some(owners) = &self.owners {
            owners.set_components(components);
        }
    }

    /// Returns a counter that changes whenever this host may have to end actors that are unique in the cluster.
    pub(crate) fn ends(&self) -> Option<watch::Receiver<u64>> {
        Some(self.owners.as_ref()?.ends())
    }

    /// Gives up this host's lease, so that other hosts can take over its paths at once.
    pub(crate) async fn leave(&self) {
        if let Some(owners) = &self.owners {
            owners.leave().await;
        }
    }

    /// Returns whether the broker has been reached since the host was started.
    pub(crate) fn was_ever_connected(&self) -> bool {
        self.shared.link.was_ever_up()
    }

    /// Waits until everything that was published has been sent, but only for a short time.
    pub(crate) async fn flush(&self) {
        // When the time is over, the remaining messages are lost, as they are when the connection is lost.
        let _ = timeout(MAX_FLUSH, self.shared.outbox.flush()).await;
    }

    /// Adds the metrics.
    pub(crate) fn scrape(&self, exposition: &mut Exposition) {
        if let Some(owners) = &self.owners {
            owners.scrape(exposition);
        }
        let status = self.shared.status();
        exposition.sample(&CLUSTER_UP, &[], u8::from(self.shared.link.is_up()));
        exposition.sample(&CLUSTER_RECONNECTS, &[], status.reconnects);
        exposition.sample(&TOPICS_JOINED, &[], status.topics_joined);
        exposition.sample(&BROKER_SENT, &[], status.sent);
        exposition.sample(&BROKER_RECEIVED, &[], status.received);
        for (why, count) in status.dropped {
            exposition.sample(&BROKER_DROPPED, &[why], count);
        }
    }
}

/// Connects again and again until `stop` is cancelled. Each connection has a runtime of its own.
fn stay_connected(shared: &Arc<Shared>, broker: &impl Broker, stop: &CancellationToken) {
    let mut pause = PAUSES.0;
    let mut connection = 0;
    while !stop.is_cancelled() {
        connection += 1;
        let was_connected = match runtime() {
            Ok(runtime) => {
                let served = serve_connection(shared, broker, connection, stop);
                let was_connected = runtime.block_on(while_sweeping(shared, served));
                // Dropping the runtime instead would wait for a name lookup that is in progress.
                runtime.shutdown_background();
                was_connected
            }
            Err(error) => {
                shared.link.set_unreachable(error.to_string());
                false
            }
        };
        pause = if was_connected { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
        pause_for(pause, stop);
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Waits for a random time around `pause`, so that the hosts of a cluster do not all connect at the same moment.
fn pause_for(pause: Duration, stop: &CancellationToken) {
    let pause = pause.mul_f64(rand::random_range(0.5..1.5));
    match runtime() {
        Ok(runtime) => runtime.block_on(async {
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }),
        Err(_) => std::thread::sleep(pause),
    }
}

/// Connects once, and serves the connection until it ends. Returns whether there was a connection.
async fn serve_connection(
    shared: &Arc<Shared>,
    broker: &impl Broker,
    connection: u32,
    stop: &CancellationToken,
) -> bool {
    let session = tokio::select! {
        session = broker.connect(shared, connection) => session,
        () = stop.cancelled() => return false,
    };
    let session = match session {
        Ok(session) => session,
        Err(why) => {
            shared.link.set_unreachable(why);
            return false;
        }
    };
    let end = tokio::select! {
        why = session.ended() => End::Lost(why),
        () = serve(shared, &session) => End::Stopped,
        () = stop.cancelled() => End::Stopped,
    };
    shared.outbox.close();
    shared.interests.stop_recording();
    match end {
        End::Lost(why) if shared.link.is_up() => shared.link.set_down(why),
        End::Lost(why) => shared.link.set_unreachable(why),
        End::Stopped => {}
    }
    true
}

/// Sends and receives, forever.
async fn serve(shared: &Arc<Shared>, session: &impl Session) {
    let interests = shared.interests.start_recording();
    let topics = interests.len();
    for interest in interests {
        session.join(interest).await;
    }
    session.listen_to_hosts().await;
    // The link counts as up, and the host as ready, only when the server knows all subscriptions.
    session.sync().await;
    shared.outbox.open(session.max_payload());
    shared.link.set_up(&session.server(), topics);
    tokio::join!(send(shared, session), follow(shared, session), announce(session));
}

async fn send(shared: &Shared, session: &impl Session) {
    loop {
        match shared.outbox.work().await {
            Work::Send(messages) => {
                let sent = session.publish(&messages).await;
                shared.outbox.done(&messages, sent);
            }
            Work::Flush(flushes) => {
                session.sync().await;
                for done in flushes {
                    // Sending fails if the waiting task has given up.
                    let _ = done.send(());
                }
            }
        }
    }
}

async fn follow(shared: &Shared, session: &impl Session) {
    loop {
        for change in shared.interests.changes().await {
            match change {
                Change::Join(interest) => session.join(interest).await,
                Change::Leave(key) => session.leave(&key),
            }
        }
    }
}

async fn announce(session: &impl Session) {
    let mut ticks = interval(ANNOUNCED_EVERY);
    loop {
        ticks.tick().await;
        session.announce().await;
    }
}

/// Leaves the topics that had their last subscriber long ago, until the output of a future is there. Clients may choose
/// the names of topics, so this must not depend on the broker. A sweep comes before the first poll of the future, so
/// each attempt to connect makes at least one.
async fn while_sweeping<T>(shared: &Shared, future: impl Future<Output = T>) -> T {
    let mut ticks = interval(SWEEP);
    tokio::pin!(future);
    loop {
        tokio::select! {
            biased;
            now = ticks.tick() => shared.interests.sweep(now.into_std()),
            output = &mut future => return output,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use tokio::time::{Instant, advance};

    use super::*;
    use crate::cluster::interest::{Key, LINGER};
    use crate::cluster::nats::NatsSession;

    /// A broker that is away: it refuses connections, or does not answer.
    enum Away {
        Refuses,
        Stalls,
    }

    impl Broker for Away {
        type Session = NatsSession;

        async fn connect(&self, _: &Arc<Shared>, _: u32) -> Result<NatsSession, String> {
            match self {
                Self::Refuses => Err("connection refused".to_owned()),
                Self::Stalls => std::future::pending().await,
            }
        }
    }

    /// Subscribes to many topics that clients have named, and leaves them.
    fn leave_many(shared: &Shared) {
        for number in 0..100_000 {
            let key = Key { channel: 1, topic: number.to_string().into() };
            shared.interests.join(key.clone(), &"chat".into(), &Weak::new());
            shared.interests.leave(&key, Instant::now().into_std());
        }
        assert_eq!(shared.interests.count(), 100_000);
    }

    #[tokio::test(start_paused = true)]
    async fn topics_are_left_while_the_broker_is_away() {
        let (shared, stop) = (Arc::new(Shared::new("test")), CancellationToken::new());
        leave_many(&shared);
        let connecting = serve_connection(&shared, &Away::Stalls, 1, &stop);
        let connecting = timeout(LINGER + SWEEP, while_sweeping(&shared, connecting)).await;
        assert!(connecting.is_err(), "the broker has answered");
        assert_eq!(shared.interests.count(), 0);
        leave_many(&shared);
        advance(LINGER).await;
        let refused = serve_connection(&shared, &Away::Refuses, 2, &stop);
        assert!(!while_sweeping(&shared, refused).await);
        assert_eq!(shared.interests.count(), 0);
    }
}
