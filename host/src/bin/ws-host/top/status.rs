//! The response to `GET /status`, as docs/admin.yaml describes it. Fields that only newer hosts send are ignored.

use serde::Deserialize;

/// The state of a host. Its counters begin at zero when the host starts.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Status {
    pub(super) version: String,
    /// When the host was started, in milliseconds since 1970.
    pub(super) started: u64,
    pub(super) workers: u64,
    pub(super) workers_stuck: u64,
    pub(super) busy_nanoseconds: u64,
    pub(super) buffered_bytes: u64,
    pub(super) max_buffered_bytes: u64,
    /// The upper bounds of the `buckets` of each resource. The last bucket has no bound.
    pub(super) bounds_nanoseconds: Vec<u64>,
    pub(super) resources: Vec<ResourceFigures>,
    pub(super) instances: Vec<Instance>,
    pub(super) clients: Vec<Client>,
    pub(super) occurrences: Vec<Occurrence>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ResourceFigures {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) hash: String,
    pub(super) trial: String,
    pub(super) clients: u64,
    pub(super) instances_live: u64,
    pub(super) instances_hibernated: u64,
    pub(super) received_messages: u64,
    pub(super) received_bytes: u64,
    pub(super) sent_messages: u64,
    pub(super) sent_bytes: u64,
    pub(super) memory_bytes: u64,
    pub(super) faults: u64,
    /// The number of calls. It is estimated from samples, and so are the times.
    pub(super) calls: u64,
    pub(super) call_nanoseconds: u64,
    pub(super) cpu_nanoseconds: u64,
    /// The number of calls in each range of durations. The last bucket is for calls above all bounds.
    pub(super) buckets: Vec<u64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Instance {
    pub(super) resource: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) clients: u64,
    pub(super) timers: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Client {
    pub(super) id: u64,
    pub(super) resource: String,
    pub(super) path: String,
    pub(super) address: String,
    /// The number of bytes that wait to be written.
    pub(super) buffered: u64,
}

/// A reload or a fault.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Occurrence {
    pub(super) resource: String,
    /// The time at which it happened, in milliseconds since 1970.
    pub(super) at: u64,
    pub(super) what: String,
    pub(super) kind: String,
    pub(super) event: Option<String>,
    pub(super) instance: Option<String>,
}
