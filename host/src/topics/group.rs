//! Groups: names, the clients that have joined each, and how what is meant for all of them gets there.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::{self, Handle};

use super::post::{Dispatch, Members, Outbox, Progress, Published};
use crate::clients::{Client, ClientId};
use crate::slice;

/// The longest name, in octets.
const MAX_NAME: usize = 255;

/// The queues of the workers. Groups that share them share one order.
#[derive(Debug, Default)]
pub(super) struct Posts(Mutex<HashMap<runtime::Id, Arc<Outbox>>>);

/// Groups, by name and by client.
#[derive(Debug)]
pub(super) struct Groups {
    posts: Arc<Posts>,
    /// In how many groups a client may be.
    most: usize,
    table: Mutex<Table>,
}

/// Never locked for long: nothing is sent meanwhile.
#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<Arc<str>, Arc<Group>>,
    of_client: HashMap<ClientId, Vec<Membership>>,
}

/// A name that some client has joined.
#[derive(Debug)]
pub(crate) struct Group {
    name: Arc<str>,
    /// Locked while something is put into the queues of all workers, so that its place is the same in all.
    shards: Mutex<Vec<Shard>>,
}

/// The members on one worker, and the way to them.
#[derive(Clone, Debug)]
struct Shard {
    post: Arc<Outbox>,
    members: Arc<Members>,
}

#[derive(Debug)]
struct Membership {
    group: Arc<Group>,
    members: Arc<Members>,
}

/// Why a client did not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinError {
    Closed,
    InvalidName,
    TooMany,
}

/// Whether a topic or a tag can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
}

impl Posts {
    /// The queue of this worker.
    fn here(&self) -> Arc<Outbox> {
        let worker = Handle::current();
        let mut posts = self.0.lock();
        Arc::clone(posts.entry(worker.id()).or_insert_with(|| Arc::new(Outbox::new(worker))))
    }
}

impl Groups {
    pub(super) fn new(posts: &Arc<Posts>, most: usize) -> Self {
        Self { posts: Arc::clone(posts), most, table: Mutex::default() }
    }

    /// Must be called in an event of the client's actor. Twice is as good as once.
    pub(super) fn join(&self, client: &Arc<Client>, name: &str) -> Result<(), JoinError> {
        if !is_name(name) {
            return Err(JoinError::InvalidName);
        }
        if !client.is_open() {
            return Err(JoinError::Closed);
        }
        let mut table = self.table.lock();
        if client.has_left() {
            return Err(JoinError::Closed);
        }
        let Table { by_name, of_client } = &mut *table;
        let memberships = of_client.entry(client.id()).or_default();
        if memberships.iter().any(|membership| &*membership.group.name == name) {
            return Ok(());
        }
        if memberships.len() >= self.most {
            return Err(JoinError::TooMany);
        }
        let group = match by_name.get(name) {
            Some(group) => Arc::clone(group),
            None => {
                let name = Arc::<str>::from(name);
                let group = Group { name: Arc::clone(&name), shards: Mutex::default() };
                Arc::clone(by_name.entry(name).or_insert(Arc::new(group)))
            }
        };
        let post = self.posts.here();
        let members = group.members_at(&post);
        members.insert(Arc::clone(client), &post);
        memberships.push(Membership { group, members });
        Ok(())
    }

    /// Answers whether the client was in the group.
    pub(super) fn leave(&self, client: ClientId, name: &str) -> bool {
        let mut table = self.table.lock();
        let Entry::Occupied(mut memberships) = table.of_client.entry(client) else { return false };
        let all = memberships.get_mut();
        let Some(at) = all.iter().position(|each| &*each.group.name == name) else { return false };
        let membership = all.swap_remove(at);
        if all.is_empty() {
            memberships.remove();
        }
        drop(table);
        self.quit(client, &[membership]);
        true
    }

    /// Answers in how many groups the client was.
    pub(super) fn leave_all(&self, client: ClientId) -> usize {
        let memberships = self.table.lock().of_client.remove(&client).unwrap_or_default();
        self.quit(client, &memberships);
        memberships.len()
    }

    /// Without the table: a delivery may hold the members for as long as a slice.
    fn quit(&self, client: ClientId, memberships: &[Membership]) {
        for Membership { group, members } in memberships {
            members.remove(client);
            if group.len() > 0 {
                continue;
            }
            let mut table = self.table.lock();
            // Somebody may have come meanwhile, or made another group of this name.
            let is_it =
                table.by_name.get(&group.name).is_some_and(|named| Arc::ptr_eq(named, group));
            if is_it && group.len() == 0 {
                table.by_name.remove(&group.name);
            }
        }
    }

    /// The groups that a client is in, in alphabetical order.
    pub(super) fn names_of(&self, client: ClientId) -> Vec<String> {
        let table = self.table.lock();
        let memberships = table.of_client.get(&client).map_or(&[][..], Vec::as_slice);
        let mut names: Vec<_> =
            memberships.iter().map(|each| each.group.name.to_string()).collect();
        drop(table);
        names.sort_unstable();
        names
    }

    /// The group of this name, if anybody is in it.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Group>> {
        self.table.lock().by_name.get(name).cloned()
    }

    /// How many clients are in the group of this name.
    pub(super) fn count(&self, name: &str) -> usize {
        self.find(name).map_or(0, |group| group.len())
    }

    /// Puts a dispatch into the queues of the group of this name, and delivers it to the members of this worker, if it is one.
    /// Answers how many members there are.
    ///
    /// # Cancel safety
    ///
    /// Either nobody gets it or everybody does.
    pub(super) async fn dispatch(&self, name: &str, dispatch: Dispatch) -> usize {
        let Some(group) = self.find(name) else { return 0 };
        group.room().await;
        let published = group.put(dispatch);
        while published.deliver() != Progress::Done {
            slice::pass_on().await;
        }
        published.members()
    }
}

impl Group {
    /// Waits until there is room in the queues of all workers that have members.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn room(&self) {
        loop {
            let full = self.shards.lock().iter().find(|shard| shard.post.is_full()).cloned();
            let Some(Shard { post, .. }) = full else { return };
            post.room().await;
        }
    }

    /// Puts a dispatch into the queues of all workers that have members.
    pub(super) fn put(&self, dispatch: Dispatch) -> Published {
        let dispatch = Arc::new(dispatch);
        let this_worker = Handle::try_current().ok().map(|worker| worker.id());
        let (mut count, mut here) = (0, None);
        let shards = self.shards.lock();
        for Shard { post, members } in shards.iter().filter(|shard| shard.members.len() > 0) {
            count += members.len();
            let number = post.put(Arc::clone(members), Arc::clone(&dispatch));
            if this_worker == Some(post.worker().id()) {
                here = Some((Arc::clone(post), number));
            } else {
                post.attend();
            }
        }
        Published::new(count, here)
    }

    /// The members on this worker.
    pub(super) fn members_here(&self) -> Option<Arc<Members>> {
        let this_worker = Handle::try_current().ok()?.id();
        let shards = self.shards.lock();
        let here = shards.iter().find(|shard| shard.post.worker().id() == this_worker)?;
        Some(Arc::clone(&here.members))
    }

    fn members_at(&self, post: &Arc<Outbox>) -> Arc<Members> {
        let mut shards = self.shards.lock();
        if let Some(shard) = shards.iter().find(|shard| Arc::ptr_eq(&shard.post, post)) {
            return Arc::clone(&shard.members);
        }
        let members = Arc::<Members>::default();
        shards.push(Shard { post: Arc::clone(post), members: Arc::clone(&members) });
        members
    }

    fn len(&self) -> usize {
        self.shards.lock().iter().map(|shard| shard.members.len()).sum()
    }
}
