//! How many bytes of states may be on their way to the broker at the same time.
//!
//! Many states may be due at once. If they were more than the link carries in the time of a request, all of them
//! would be late, would be sent again, and would be late again. So there is less room after a save that had to wait for
//! others on the link, and more after one that had not.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::records::within;
use crate::ownership::SaveError;

/// The most and the least room, in bytes.
const MAX_ROOM: usize = 8 << 20;
const MIN_ROOM: usize = 64 << 10;

/// The number of bytes that a save counts at least, because it also costs the broker a message and an answer.
const MIN_BYTES: usize = 4 << 10;

/// The room for states that are on their way to the broker.
#[derive(Debug)]
pub(super) struct Saving {
    /// Held by the save that gets room next, so that saves get it in the order in which they ask for it.
    next: tokio::sync::Mutex<()>,
    room: Mutex<Room>,
    /// Notified when a save has ended.
    ended: Notify,
}

#[derive(Debug)]
struct Room {
    all: usize,
    used: usize,
    /// How long a save takes that need not wait for others: the shortest time of all saves. It grows a little with each
    /// save, because the broker may be farther away later.
    unhindered: Duration,
}

/// The place of a save on its way.
struct Place<'a> {
    saving: &'a Saving,
    bytes: usize,
}

impl Default for Saving {
    fn default() -> Self {
        let room = Room { all: MAX_ROOM, used: 0, unhindered: Duration::MAX };
        Self { next: tokio::sync::Mutex::default(), room: Mutex::new(room), ended: Notify::new() }
    }
}

impl Saving {
    /// Runs a save of so many bytes, which fails if it takes longer than `time`. Before that, waits for room. A state
    /// that is longer than all room waits until no other is on its way.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the save, and frees its room. What the client library has taken is still sent.
    pub(super) async fn run<T>(
        &self,
        bytes: usize,
        time: Duration,
        save: impl Future<Output = Result<T, SaveError>>,
    ) -> Result<T, SaveError> {
        let bytes = bytes.max(MIN_BYTES);
        let _place = self.place_for(bytes).await;
        let begun = Instant::now();
        let saved = within(time, save).await;
        let taken = begun.elapsed();
        // Other failures come at once, so they say nothing about the link.
        if saved.is_ok() || taken >= time {
            self.room.lock().learn(bytes, taken, time);
        }
        saved
    }

    async fn place_for(&self, bytes: usize) -> Place<'_> {
        let _next = self.next.lock().await;
        while !self.room.lock().take(bytes) {
            // A save that ends in between leaves its notification.
            self.ended.notified().await;
        }
        Place { saving: self, bytes }
    }
}

impl Room {
    fn take(&mut self, bytes: usize) -> bool {
        let is_free = self.used == 0 || self.used + bytes <= self.all;
        if is_free {
            self.used += bytes;
        }
        is_free
    }

    /// Learns from a save that has ended, and still uses its room.
    fn learn(&mut self, bytes: usize, taken: Duration, time: Duration) {
        self.unhindered = taken.min(self.unhindered.saturating_add(self.unhindered / 1024));
        let waited = taken - self.unhindered;
        let most = time.saturating_sub(self.unhindered);
        if taken >= time || waited >= most / 2 {
            self.all = (self.all / 2).max(MIN_ROOM);
        } else if waited < most / 4 && 2 * self.used >= self.all {
            // Room that is not used says nothing about the link.
            self.all = (self.all + bytes).min(MAX_ROOM);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.saving.room.lock().used -= self.bytes;
        self.saving.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;
    use tokio::time::{sleep, sleep_until, timeout};

    use super::*;

    const TIME: Duration = Duration::from_secs(1);

    /// A link that carries one state after the other. It also carries those that nobody waits for any more.
    struct Link {
        bytes_per_second: f64,
        free_at: Mutex<Instant>,
        most: AtomicUsize,
        under_way: AtomicUsize,
    }

    impl Link {
        fn new(bytes_per_second: f64) -> Arc<Self> {
            let free_at = Mutex::new(Instant::now());
            let (most, under_way) = (AtomicUsize::new(0), AtomicUsize::new(0));
            Arc::new(Self { bytes_per_second, free_at, most, under_way })
        }

        async fn carry(&self, bytes: usize) -> Result<(), SaveError> {
            let under_way = self.under_way.fetch_add(bytes, Ordering::Relaxed) + bytes;
            self.most.fetch_max(under_way, Ordering::Relaxed);
            let arrives = {
                let mut free_at = self.free_at.lock();
                let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
                *free_at = (*free_at).max(Instant::now()) + takes;
                *free_at
            };
            sleep_until(arrives).await;
            self.under_way.fetch_sub(bytes, Ordering::Relaxed);
            Ok(())
        }
    }

    /// Rooms that save again and again. Returns how many saves succeeded and how many failed in this time.
    async fn save_for(time: Duration, rooms: usize, bytes: usize, link: &Arc<Link>) -> (u32, u32) {
        let saving = Arc::new(Saving::default());
        let end = Instant::now() + time;
        let mut tasks = JoinSet::new();
        for _ in 0..rooms {
            let (saving, link) = (Arc::clone(&saving), Arc::clone(link));
            tasks.spawn(async move {
                let (mut saved, mut failed) = (0, 0);
                while Instant::now() < end {
                    match saving.run(bytes, TIME, link.carry(bytes)).await {
                        Ok(()) => saved += 1,
                        Err(_) => failed += 1,
                    }
                }
                (saved, failed)
            });
        }
        let outcomes = tasks.join_all().await;
        let sum = |(saved, failed): (u32, u32), each: (u32, u32)| (saved + each.0, failed + each.1);
        outcomes.into_iter().fold((0, 0), sum)
    }

    #[tokio::test(start_paused = true)]
    async fn states_that_together_take_too_long_are_saved_one_after_the_other() {
        let link = Link::new(4e6);
        let (saved, failed) = save_for(Duration::from_secs(60), 16, 500_000, &link).await;
        // The link carries 480 in this time.
        assert!(saved > 360 && failed < 30, "{saved} saved, {failed} failed");
    }

    #[tokio::test(start_paused = true)]
    async fn fast_link_is_used_by_as_many_states_as_may_be_under_way() {
        let link = Link::new(1e9);
        let (saved, failed) = save_for(Duration::from_secs(10), 100, 1_000_000, &link).await;
        assert!(saved > 9_000 && failed == 0, "{saved} saved, {failed} failed");
        let most = link.most.load(Ordering::Relaxed);
        assert!(most > MAX_ROOM - 1_000_000 && most <= MAX_ROOM, "{most}");
    }

    /// Runs so many saves of this length together, each of which takes this time.
    async fn run_together(saving: &Arc<Saving>, count: usize, bytes: usize, taken: Duration) {
        let mut saves = JoinSet::new();
        for _ in 0..count {
            let saving = Arc::clone(saving);
            saves.spawn(async move {
                let save = async {
                    sleep(taken).await;
                    Ok(())
                };
                // It fails if it takes too long.
                let _ = saving.run(bytes, TIME, save).await;
            });
        }
        saves.join_all().await;
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_again_after_a_link_has_stalled() {
        let saving = Arc::<Saving>::default();
        for _ in 0..20 {
            run_together(&saving, 1, 1_000_000, 2 * TIME).await;
        }
        assert_eq!(saving.room.lock().all, MIN_ROOM);
        run_together(&saving, 30, 1_000_000, TIME / 100).await;
        assert!(saving.room.lock().all > MAX_ROOM - 1_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn distance_to_the_broker_alone_makes_no_room_smaller_for_long() {
        let saving = Arc::<Saving>::default();
        run_together(&saving, 1, 10_000, TIME / 10).await;
        // The next server is farther away: each save takes more than half of the time, however much room there is.
        run_together(&saving, 300, 10_000, TIME * 6 / 10).await;
        assert_eq!(saving.room.lock().all, MIN_ROOM);
        run_together(&saving, 5_000, 10_000, TIME * 6 / 10).await;
        assert!(saving.room.lock().all > MAX_ROOM / 2, "{:?}", saving.room.lock());
    }

    #[tokio::test(start_paused = true)]
    async fn room_that_is_not_used_does_not_grow() {
        let saving = Arc::<Saving>::default();
        for _ in 0..3 {
            run_together(&saving, 1, 1_000_000, 2 * TIME).await;
        }
        let before = saving.room.lock().all;
        for _ in 0..100 {
            run_together(&saving, 1, 1_000, TIME / 100).await;
        }
        assert_eq!(saving.room.lock().all, before);
    }

    #[tokio::test(start_paused = true)]
    async fn saves_that_fail_at_once_make_no_room() {
        let saving = Saving::default();
        saving.room.lock().all = MIN_ROOM;
        for _ in 0..100 {
            let refused = async { Err::<(), _>(SaveError::Fenced) };
            assert!(saving.run(MIN_ROOM, TIME, refused).await.is_err());
        }
        assert_eq!(saving.room.lock().all, MIN_ROOM);
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_save_frees_its_room() {
        let saving = Saving::default();
        let next = || timeout(TIME / 2, saving.run(1, TIME, async { Ok(()) }));
        let stalled = saving.run(2 * MAX_ROOM, TIME, std::future::pending::<Result<(), _>>());
        tokio::select! {
            biased;
            _ = stalled => panic!("it stalls"),
            saved = next() => assert!(saved.is_err(), "there was room"),
        }
        next().await.expect("room").expect("a save");
    }
}
