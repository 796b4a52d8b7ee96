//! Places of which there are only so many. Whoever comes when all are taken gets that of the peer that has been waited
//! for longest: of one at the address that has the most places, or if that is its own, of one that was waited for too
//! long.

pub(super) mod handshake;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};

/// How often is looked whether somebody has been waited for too long, while others wait for that.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Of an address of version 6, the part that is one subscriber's: the other half they choose themselves.
const NETWORK: u128 = !0 << 64;

/// Places, all of one kind.
#[derive(Debug)]
pub(in crate::server) struct Permits {
    max: usize,
    /// A peer that was waited for less than this does not give way to others at its address.
    patience: Duration,
    holders: Mutex<Holders>,
    /// Somebody has gone.
    freed: Notify,
}

/// Who has a place.
#[derive(Debug, Default)]
struct Holders {
    next: u64,
    /// In the order in which they came or did something.
    all: BTreeMap<u64, Holder>,
    /// How many there are at each address.
    at: HashMap<IpAddr, usize>,
    /// How many were asked to give way and have not gone yet.
    leaving: usize,
}

#[derive(Debug)]
struct Holder {
    address: IpAddr,
    /// Since when we wait for the peer. `None`: it waits for us.
    waits_since: Option<Instant>,
    eviction: oneshot::Sender<()>,
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub(in crate::server) struct Permit {
    permits: Arc<Permits>,
    number: u64,
}

/// Tells the holder of a place when it must give way.
#[derive(Debug)]
pub(in crate::server) struct Eviction(oneshot::Receiver<()>);

impl Permits {
    pub(in crate::server) fn new(max: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self { max, patience, holders: Mutex::default(), freed: Notify::new() })
    }

    /// A place for a peer at this address, that we wait for from now on. `None`: nobody gives way.
    pub(in crate::server) fn try_take(
        self: &Arc<Self>,
        address: IpAddr,
        now: Instant,
    ) -> Option<(Permit, Eviction)> {
        self.evict(address, Some(now), now)
    }

    /// A place for a peer that waits for us, as soon as there is one.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(in crate::server) async fn take(self: &Arc<Self>, address: IpAddr) -> (Permit, Eviction) {
        loop {
            if let Some(given) = self.evict(address, None, Instant::now()) {
                return given;
            }
            tokio::select! {
                () = self.freed.notified() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn evict(
        self: &Arc<Self>,
        address: IpAddr,
        waits_since: Option<Instant>,
        now: Instant,
    ) -> Option<(Permit, Eviction)> {
        let address = network(address);
        let mut line = self.holders.lock();
        if line.all.len() >= self.max {
            // Places of those who were asked and do not go are no more than others.
            if line.leaving >= self.max {
                return None;
            }
            let is_late = |since| now - since >= self.patience;
            let number = line.who_gives_way_to(address, is_late)?;
            let _ = line.remove(number)?.eviction.send(());
            line.leaving += 1;
        }
        let (eviction, noticed) = oneshot::channel();
        let number = line.join(Holder { address, waits_since, eviction });
        Some((Permit { permits: Arc::clone(self), number }, Eviction(noticed)))
    }
}

impl Holders {
    fn who_gives_way_to(&self, address: IpAddr, is_late: impl Fn(Instant) -> bool) -> Option<u64> {
        let (greediest, most) = self.at.iter().max_by_key(|(_, permits)| **permits)?;
        let own = self.at.get(&address).copied().unwrap_or_default();
        let mut waited_for = self
            .all
            .iter()
            .filter_map(|(number, holder)| Some((*number, holder.address, holder.waits_since?)));
        if *most > own + 1 {
            let (number, ..) = waited_for.find(|(_, address, _)| address == greediest)?;
            return Some(number);
        }
        let (number, _, since) = waited_for.next()?;
        is_late(since).then_some(number)
    }

    fn join(&mut self, holder: Holder) -> u64 {
        let number = self.next;
        self.next += 1;
        *self.at.entry(holder.address).or_default() += 1;
        self.all.insert(number, holder);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Holder> {
        let holder = self.all.remove(&number)?;
        if let Some(permits) = self.at.get_mut(&holder.address) {
            *permits -= 1;
            if *permits == 0 {
                self.at.remove(&holder.address);
            }
        }
        Some(holder)
    }
}

impl Permit {
    /// The peer has done something: others have been waited for longer.
    pub(in crate::server) fn renew(&mut self, now: Instant) {
        let mut line = self.permits.holders.lock();
        // One that was asked to give way stays asked.
        if let Some(holder) = line.remove(self.number) {
            self.number = line.join(Holder { waits_since: Some(now), ..holder });
        }
    }

    /// The peer is waited for when the future is polled first.
    pub(in crate::server) fn wait(&self) -> impl Future<Output = ()> + Send + use<> {
        let (permits, number) = (Arc::clone(&self.permits), self.number);
        async move {
            if let Some(holder) = permits.holders.lock().all.get_mut(&number) {
                holder.waits_since = Some(Instant::now());
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut line = self.permits.holders.lock();
        if line.remove(self.number).is_none() {
            line.leaving -= 1;
        }
        drop(line);
        self.permits.freed.notify_one();
    }
}

impl Eviction {
    /// Never, if the place is given back first.
    ///
    /// # Cancel safety
    ///
    /// The notice is lost with the future.
    pub(in crate::server) async fn requested(self) {
        if self.0.await.is_err() {
            std::future::pending().await
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn is_given(eviction: &mut Eviction) -> bool {
        eviction.0.try_recv().is_ok()
    }

    #[test]
    fn the_one_that_was_waited_for_longest_gives_way() {
        let (permits, now) = (Permits::new(2, Duration::ZERO), Instant::now());
        let (first, mut one) = permits.try_take(HERE, now).expect("a place");
        let (mut second, mut two) = permits.try_take(HERE, now).expect("a place");
        let (third, mut three) = permits.try_take(HERE, now).expect("a place");
        assert!(is_given(&mut one) && !is_given(&mut two));
        second.renew(now);
        let fourth = permits.try_take(HERE, now).expect("a place");
        assert!(is_given(&mut three) && !is_given(&mut two));
        assert!(permits.try_take(HERE, now).is_none(), "two were asked and are still there");
        drop(first);
        let fifth = permits.try_take(HERE, now).expect("a place");
        assert!(is_given(&mut two));
        drop((second, third, fourth, fifth));
        let line = permits.holders.lock();
        assert_eq!((line.all.len(), line.at.len(), line.leaving), (0, 0, 0));
    }

    #[test]
    fn nobody_gives_way_to_its_own_address_who_did_something_a_moment_ago() {
        let (permits, now) = (Permits::new(1, PATIENCE), Instant::now());
        let (mut first, mut eviction) = permits.try_take(HERE, now).expect("a place");
        assert!(permits.try_take(HERE, now + PATIENCE / 2).is_none());
        first.renew(now + PATIENCE / 2);
        assert!(permits.try_take(HERE, now + PATIENCE).is_none());
        assert!(permits.try_take(HERE, now + 2 * PATIENCE).is_some());
        assert!(is_given(&mut eviction));
    }

    #[test]
    fn the_address_that_has_the_most_gives_way_to_others() {
        let (permits, now) = (Permits::new(3, PATIENCE), Instant::now());
        let mut all = [HERE, HERE, HERE].map(|here| permits.try_take(here, now).expect("a place"));
        let other = permits.try_take(THERE, now).expect("a place");
        assert!(is_given(&mut all[0].1));
        // Two of three are here: to give way once more would only turn it round.
        assert!(permits.try_take(THERE, now).is_none());
        drop(other);
        let of_one_network = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().expect("one"));
        let _first = permits.try_take(of_one_network[0], now).expect("a place");
        assert!(permits.try_take(of_one_network[1], now).is_none());
    }

    #[tokio::test]
    async fn who_waits_for_us_is_not_asked_to_go() {
        let permits = Permits::new(1, Duration::ZERO);
        let (first, eviction) = permits.take(HERE).await;
        let mut second = pin!(permits.take(THERE));
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending());
        first.wait().await;
        let (_place, mut other) = second.await;
        eviction.requested().await;
        drop(first);
        assert!(!is_given(&mut other));
    }
}
