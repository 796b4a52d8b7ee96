//! A limited number of permits, with eviction. When all permits are taken, a new peer evicts another peer. If the
//! address with the most permits holds at least two more than the new peer's address, the peer that has been idle
//! longest at that address is evicted. Otherwise the peer that has been idle longest of all is evicted, but only after
//! a grace period.

pub(super) mod handshake;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};

/// How often a waiting peer checks whether another peer has been idle for too long.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// The part of an IPv6 address that identifies a subscriber. A subscriber may choose the other half freely.
const NETWORK_MASK: u128 = !0 << 64;

/// A limited number of permits of one kind.
#[derive(Debug)]
pub(in crate::server) struct Permits {
    max: usize,
    /// How long a peer must have been idle before it can be evicted. There is one exception: if the address with the
    /// most permits holds at least two more than the new peer's address, an idle peer at that address is evicted at
    /// once.
    grace: Duration,
    holders: Mutex<Holders>,
    /// Notified when a permit is dropped.
    freed: Notify,
}

/// The peers that hold a permit.
#[derive(Debug, Default)]
struct Holders {
    next_id: u64,
    /// Ordered by the time at which they arrived or last made progress.
    all: BTreeMap<u64, Holder>,
    /// The number of holders at each address.
    per_address: HashMap<IpAddr, usize>,
    /// The number of peers that were evicted and have not dropped their permit yet.
    leaving: usize,
}

#[derive(Debug)]
struct Holder {
    address: IpAddr,
    /// When the server began to wait for the peer. `None` if the peer is waiting for the server.
    idle_since: Option<Instant>,
    eviction: oneshot::Sender<()>,
}

/// A permit. It is returned when it is dropped.
#[derive(Debug)]
pub(in crate::server) struct Permit {
    permits: Arc<Permits>,
    holder: u64,
}

/// The signal that tells the holder of a permit about its eviction.
#[derive(Debug)]
pub(in crate::server) struct Eviction(oneshot::Receiver<()>);

impl Permits {
    pub(in crate::server) fn new(max: usize, grace: Duration) -> Arc<Self> {
        Arc::new(Self { max, grace, holders: Mutex::default(), freed: Notify::new() })
    }

    /// Acquires a permit for a peer at this address. The peer is idle from now on. Returns `None` if no peer can be
    /// evicted.
    pub(in crate::server) fn try_acquire(
        self: &Arc<Self>,
        address: IpAddr,
        now: Instant,
    ) -> Option<(Permit, Eviction)> {
        self.acquire_or_evict(address, Some(now), now)
    }

    /// Waits for a permit for a peer. The peer is not idle: it is waiting for the server.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(in crate::server) async fn acquire(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> (Permit, Eviction) {
        loop {
            if let Some(acquired) = self.acquire_or_evict(address, None, Instant::now()) {
                return acquired;
            }
            tokio::select! {
                () = self.freed.notified() => {}
                () = sleep(CHECK_INTERVAL) => {}
            }
        }
    }

    /// Acquires a permit, and evicts another peer if all are taken.
    fn acquire_or_evict(
        self: &Arc<Self>,
        address: IpAddr,
        idle_since: Option<Instant>,
        now: Instant,
    ) -> Option<(Permit, Eviction)> {
        let address = network(address);
        let mut holders = self.holders.lock();
        if holders.all.len() >= self.max {
            // Evicted peers that still hold a permit do not count towards `max`. There may be up to `max` such peers.
            if holders.leaving >= self.max {
                return None;
            }
            let is_overdue = |since| now - since >= self.grace;
            let evicted = holders.choose_evicted(address, is_overdue)?;
            let _ = holders.remove(evicted)?.eviction.send(());
            holders.leaving += 1;
        }
        let (eviction, receiver) = oneshot::channel();
        let holder = holders.insert(Holder { address, idle_since, eviction });
        Some((Permit { permits: Arc::clone(self), holder }, Eviction(receiver)))
    }
}

impl Holders {
    /// Chooses a peer to evict for a new peer at this address. Returns `None` if there is none.
    fn choose_evicted(&self, address: IpAddr, is_overdue: impl Fn(Instant) -> bool) -> Option<u64> {
        let (greediest, most) = self.per_address.iter().max_by_key(|(_, count)| **count)?;
        let own = self.per_address.get(&address).copied().unwrap_or_default();
        let mut idle = self
            .all
            .iter()
            .filter_map(|(id, holder)| Some((*id, holder.address, holder.idle_since?)));
        if *most > own + 1 {
            let (id, ..) = idle.find(|(_, address, _)| address == greediest)?;
            return Some(id);
        }
        let (id, _, since) = idle.next()?;
        is_overdue(since).then_some(id)
    }

    fn insert(&mut self, holder: Holder) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        *self.per_address.entry(holder.address).or_default() += 1;
        self.all.insert(id, holder);
        id
    }

    fn remove(&mut self, id: u64) -> Option<Holder> {
        let holder = self.all.remove(&id)?;
        if let Some(count) = self.per_address.get_mut(&holder.address) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&holder.address);
            }
        }
        Some(holder)
    }
}

impl Permit {
    /// Records that the peer has made progress. Its idle time starts again, so the peer is now last in line for
    /// eviction.
    pub(in crate::server) fn renew(&mut self, now: Instant) {
        let mut holders = self.permits.holders.lock();
        // A peer that has already been evicted stays evicted.
        if let Some(holder) = holders.remove(self.holder) {
            self.holder = holders.insert(Holder { idle_since: Some(now), ..holder });
        }
    }

    /// Marks the peer as idle when the future is first polled.
    pub(in crate::server) fn mark_idle(&self) -> impl Future<Output = ()> + Send + use<> {
        let (permits, id) = (Arc::clone(&self.permits), self.holder);
        async move {
            if let Some(holder) = permits.holders.lock().all.get_mut(&id) {
                holder.idle_since = Some(Instant::now());
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut holders = self.permits.holders.lock();
        if holders.remove(self.holder).is_none() {
            holders.leaving -= 1;
        }
        drop(holders);
        self.permits.freed.notify_one();
    }
}

impl Eviction {
    /// Waits until the holder is evicted. Never resolves if the permit is returned first.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the signal is lost with the future.
    pub(in crate::server) async fn requested(self) {
        if self.0.await.is_err() {
            std::future::pending().await
        }
    }
}

/// Returns the network that shares a limit: the address itself for IPv4, the subscriber's prefix for IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_MASK).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    const GRACE: Duration = Duration::from_secs(1);
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn is_evicted(eviction: &mut Eviction) -> bool {
        eviction.0.try_recv().is_ok()
    }

    #[test]
    fn peer_that_is_idle_for_longest_is_evicted() {
        let (permits, now) = (Permits::new(2, Duration::ZERO), Instant::now());
        let (first, mut one) = permits.try_acquire(HERE, now).expect("a permit");
        let (mut second, mut two) = permits.try_acquire(HERE, now).expect("a permit");
        let (third, mut three) = permits.try_acquire(HERE, now).expect("a permit");
        assert!(is_evicted(&mut one) && !is_evicted(&mut two));
        second.renew(now);
        let fourth = permits.try_acquire(HERE, now).expect("a permit");
        assert!(is_evicted(&mut three) && !is_evicted(&mut two));
        assert!(permits.try_acquire(HERE, now).is_none(), "two were evicted and are still there");
        drop(first);
        let fifth = permits.try_acquire(HERE, now).expect("a permit");
        assert!(is_evicted(&mut two));
        drop((second, third, fourth, fifth));
        let holders = permits.holders.lock();
        assert_eq!((holders.all.len(), holders.per_address.len(), holders.leaving), (0, 0, 0));
    }

    #[test]
    fn peer_that_made_progress_a_moment_ago_is_not_evicted_for_its_own_address() {
        let (permits, now) = (Permits::new(1, GRACE), Instant::now());
        let (mut first, mut eviction) = permits.try_acquire(HERE, now).expect("a permit");
        assert!(permits.try_acquire(HERE, now + GRACE / 2).is_none());
        first.renew(now + GRACE / 2);
        assert!(permits.try_acquire(HERE, now + GRACE).is_none());
        assert!(permits.try_acquire(HERE, now + 2 * GRACE).is_some());
        assert!(is_evicted(&mut eviction));
    }

    #[test]
    fn address_with_the_most_permits_makes_room_for_others() {
        let (permits, now) = (Permits::new(3, GRACE), Instant::now());
        let mut all =
            [HERE, HERE, HERE].map(|here| permits.try_acquire(here, now).expect("a permit"));
        let other = permits.try_acquire(THERE, now).expect("a permit");
        assert!(is_evicted(&mut all[0].1));
        // `HERE` holds two of the three permits now. Another eviction would only give `THERE` two of them instead.
        assert!(permits.try_acquire(THERE, now).is_none());
        drop(other);
        let one_network = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().expect("one"));
        let _first = permits.try_acquire(one_network[0], now).expect("a permit");
        assert!(permits.try_acquire(one_network[1], now).is_none());
    }

    #[tokio::test]
    async fn peer_that_waits_for_the_server_is_not_evicted() {
        let permits = Permits::new(1, Duration::ZERO);
        let (first, eviction) = permits.acquire(HERE).await;
        let mut second = pin!(permits.acquire(THERE));
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending());
        first.mark_idle().await;
        let (_permit, mut other) = second.await;
        eviction.requested().await;
        drop(first);
        assert!(!is_evicted(&mut other));
    }
}
