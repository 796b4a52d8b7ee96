//! Takes a lease, renews it, and takes a new lease when the old lease is lost.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::boot_clock::BootTime;
use super::content::{Holder, LeaseContent, decode, encode};
use super::key::{Key, LeaseId};
use super::records::{Records, RecordsError, WriteError, within};
use super::term::Term;
use super::timing::Timing;
use crate::cluster::{Components, HostInfo};

/// Keeps the lease of this host. It must run on a thread of its own, because a late renewal ends all unique actors of
/// the host.
#[derive(Debug)]
pub(crate) struct Keeper<R> {
    records: Arc<R>,
    timing: Timing,
    host: HostInfo,
    /// The components to publish with the next renewal.
    components: watch::Receiver<Components>,
    terms: watch::Sender<Option<Arc<Term>>>,
    /// The reason why there is no valid lease.
    problem: watch::Sender<Option<String>>,
    /// A text for the log. It says what happens when the lease ends without a renewal.
    consequence: &'static str,
}

/// A lease with its last known revision.
struct Held {
    term: Arc<Term>,
    key: Key,
    revision: u64,
}

/// The result of a renewal.
enum Renewed {
    Yes,
    /// The result is unknown, or the renewal has to be tried again.
    NotYet(String),
    Lost(&'static str),
}

impl<R: Records> Keeper<R> {
    pub(crate) fn new(records: Arc<R>, timing: Timing, host: HostInfo) -> Self {
        Self {
            records,
            timing,
            host,
            components: watch::Sender::default().subscribe(),
            terms: watch::Sender::new(None),
            problem: watch::Sender::new(None),
            consequence: "its unique actors end",
        }
    }

    /// Sets `problem`, the channel that reports why there is no valid lease. Also sets `consequence`, a text for the
    /// log that says what happens when the lease ends without a renewal.
    pub(crate) fn with_problem(
        self,
        problem: watch::Sender<Option<String>>,
        consequence: &'static str,
    ) -> Self {
        Self { problem, consequence, ..self }
    }

    /// Sets the channel for the components that this host serves.
    pub(crate) fn with_components(self, components: watch::Receiver<Components>) -> Self {
        Self { components, ..self }
    }

    /// Returns a receiver of the current lease. The lease may have lapsed. `None`: there is no lease.
    pub(crate) fn terms(&self) -> watch::Receiver<Option<Arc<Term>>> {
        self.terms.subscribe()
    }

    /// Keeps a lease until `stop` is cancelled. Then gives back the lease, so that other hosts need not wait until the
    /// lease ends.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let Some(mut held) = stop.run_until_cancelled(self.take()).await else { break };
            let id = held.term.id();
            tracing::info!(
                lease = %id,
                "this host has a lease: it can serve paths that are unique in the cluster"
            );
            self.problem.send_replace(None);
            self.terms.send_replace(Some(Arc::clone(&held.term)));
            let lost = stop.run_until_cancelled(self.renew(&mut held)).await;
            held.term.lose();
            self.terms.send_replace(None);
            match lost {
                Some(why) => tracing::warn!(
                    lease = %id,
                    "this host has lost its lease: {why}; it ends its instances of paths that are unique in the \
                     cluster, closes their clients with 1012, and takes a new lease"
                ),
                None => self.give_back(&mut held).await,
            }
        }
    }

    /// Takes a new lease. Tries until it succeeds.
    async fn take(&self) -> Held {
        let mut said = String::new();
        loop {
            match self.try_take().await {
                Ok(held) => return held,
                Err(why) if why != said => {
                    tracing::warn!(
                        "this host cannot take a lease: {why}; paths that are unique in the cluster get 503 until it can"
                    );
                    self.problem.send_replace(Some(why.clone()));
                    said = why;
                }
                Err(_) => {}
            }
            tokio::time::sleep(self.timing.retry()).await;
        }
    }

    async fn try_take(&self) -> Result<Held, String> {
        let time = self.timing.request();
        within(time, self.records.create()).await.map_err(|error| error.to_string())?;
        // Each attempt uses a new name. The name of an earlier attempt may be taken: the attempt may have succeeded,
        // and only its response was lost.
        let id = LeaseId::random();
        let (key, content, sent) = (Key::Lease(id), self.content(), BootTime::now());
        let write = within(time, self.records.write(&key, content, 0)).await;
        let revision = write.map_err(|error| error.to_string())?;
        let term = Arc::new(Term::new(id, sent, self.timing.lease()));
        Ok(Held { term, key, revision })
    }

    fn content(&self) -> Bytes {
        let components = self.components.borrow().clone();
        encode(&LeaseContent::Alive(Holder::new(
            self.host.clone(),
            self.timing.lease(),
            components,
        )))
    }

    /// Renews a lease until it is lost. Returns why it was lost.
    async fn renew(&self, held: &mut Held) -> &'static str {
        let mut pause = self.timing.renewal();
        let mut has_lapsed = false;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = held.term.wanted() => {}
            }
            pause = match self.renew_once(held).await {
                Renewed::Yes => {
                    if std::mem::take(&mut has_lapsed) {
                        tracing::info!(
                            "the lease of this host is valid again: no other host has taken its paths"
                        );
                        self.problem.send_replace(None);
                    }
                    self.timing.renewal()
                }
                Renewed::NotYet(why) => {
                    if !has_lapsed && !held.term.is_valid() {
                        has_lapsed = true;
                        let consequence = self.consequence;
                        tracing::warn!(
                            "the lease of this host has ended, because it could not be renewed ({why}): {consequence}"
                        );
                        self.problem.send_replace(Some(why));
                    }
                    self.timing.retry()
                }
                Renewed::Lost(why) => return why,
            };
        }
    }

    async fn renew_once(&self, held: &mut Held) -> Renewed {
        let (time, renewal) = (self.timing.request(), held.term.start_renewal());
        let content = self.content();
        match within(time, self.records.write(&held.key, content, held.revision)).await {
            Ok(revision) => {
                held.revision = revision;
                held.term.acknowledge(&renewal, self.timing.lease());
                Renewed::Yes
            }
            Err(WriteError::Raced) => self.look_again(held, time).await,
            Err(WriteError::Failed(RecordsError::Missing)) => {
                Renewed::Lost("the broker has lost its data")
            }
            Err(WriteError::Failed(error)) => Renewed::NotYet(error.to_string()),
        }
    }

    /// Finds out whether the lease was fenced, or whether an earlier renewal was stored although its response was lost.
    /// Such a renewal does not extend the lease. It only provides the revision that the next renewal has to replace.
    async fn look_again(&self, held: &mut Held, time: Duration) -> Renewed {
        match within(time, self.records.read(&held.key)).await {
            Ok(None) => Renewed::Lost("the broker has lost its data"),
            // The broker has lost the last renewal, so it may have lost claims too. If it had the renewal, it would
            // also have all confirmed claims, because these are older.
            Ok(Some(entry)) if entry.revision < held.revision => {
                Renewed::Lost("the broker came back with old data")
            }
            Ok(Some(entry)) => match decode(&entry.content) {
                Some(LeaseContent::Alive(_)) => {
                    held.revision = entry.revision;
                    Renewed::NotYet("an earlier renewal was stored late".to_owned())
                }
                Some(LeaseContent::Fenced) => {
                    Renewed::Lost("another host has fenced it, because it was not renewed in time")
                }
                None => Renewed::Lost("something other than a host has overwritten it"),
            },
            Err(error) => Renewed::NotYet(error.to_string()),
        }
    }

    /// Fences this host's own lease, so that other hosts can take over its actors at once. If this fails, other hosts
    /// have to wait until they may fence the lease.
    async fn give_back(&self, held: &mut Held) {
        let (time, content) = (self.timing.request(), encode(&LeaseContent::Fenced));
        for _ in 0..2 {
            let write = self.records.write(&held.key, content.clone(), held.revision);
            let Err(WriteError::Raced) = within(time, write).await else { return };
            // The revision is read again, because a renewal whose response was lost may have changed it.
            let Ok(Some(entry)) = within(time, self.records.read(&held.key)).await else { return };
            held.revision = entry.revision;
        }
    }
}
