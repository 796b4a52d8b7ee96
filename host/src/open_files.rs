//! The limit on open files: each client is one.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files beside those of clients: connections without a request, kept open after an answer, or closed behind one, long
/// answers with their files, 1,024 of each; listener, log, component.
const SPARE: u64 = 5 * 1024 + 100;

/// Raises the soft limit to the hard one, and says so when that is not enough.
pub(crate) fn raise_limit(max_clients: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A system that refuses leaves the limit as it was; the check below tells what that means.
    let _ = setrlimit(Resource::Nofile, limit);
    let wanted = max_clients as u64 + SPARE;
    if let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|allowed| *allowed < wanted) {
        tracing::warn!(
            "{max_clients} clients (--max-clients) need {wanted} open files and {allowed} are \
             allowed: raise the hard limit (ulimit -Hn), or connections will wait unserved"
        );
    }
}
