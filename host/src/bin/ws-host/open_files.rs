//! The limit on open files. It matters because each client is an open file.

use rustix::process::{Resource, getrlimit, setrlimit};

/// The number of open files in addition to those of clients. Each of these five kinds gets 1,024: connections without a
/// request (the limit is per listening address), connections that are kept open after a response, connections that
/// close after a response, long responses, and the files that long responses send. The rest is for listeners, the log
/// and components.
const OTHER_FILES: u64 = 5 * 1024 + 100;

/// Raises the soft limit to the hard limit. Logs a warning if that is not enough.
pub(crate) fn raise_limit(max_clients: usize) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If this fails, the limit stays as it was, and the check below reports the consequences.
    let _ = setrlimit(Resource::Nofile, limit);
    let wanted = max_clients as u64 + OTHER_FILES;
    if let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|allowed| *allowed < wanted) {
        tracing::warn!(
            "{max_clients} clients (--max-clients) need {wanted} open files, but only {allowed} are \
             allowed: raise the hard limit (ulimit -Hn), or connections will wait unserved"
        );
    }
}
