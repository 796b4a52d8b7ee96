//! All metrics: their names, types, labels and help texts. `docs/metrics.md` lists the same metrics.

/// A metric.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The names of its labels.
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The outcomes of handshakes.
pub(super) const HANDSHAKE_OUTCOMES: &[&str] = &[
    "accepted",
    "invalid",
    "origin",
    "full",
    "no-owner",
    "refused",
    "relayed",
    "failed",
    "timeout",
    "stopping",
    "abandoned",
];

/// The limits that make the host refuse a client.
pub(super) const FULL_LIMITS: &[&str] = &["clients", "actors", "handshakes", "instances"];

/// The limits that make a send fail.
pub(super) const FULL_SENDS: &[&str] = &["outbound", "memory"];

/// The causes of disconnections.
pub(crate) const CAUSES: &[&str] = &[
    "client",
    "handler",
    "operator",
    "lost",
    "not-opened",
    "silent",
    "slow",
    "protocol-error",
    "too-long",
    "handler-failed",
    "no-room",
    "expired",
    "moved",
    "stopping",
];

/// The kinds of faults.
pub(super) const FAULTS: &[&str] = &["trap", "memory", "cpu", "time", "instances", "not-owner"];

/// The outcomes of saving the state of an actor for its next owner.
pub(super) const SAVE_OUTCOMES: &[&str] =
    &["saved", "unavailable", "fenced", "too-long", "foreign", "fault"];

/// The outcomes of reloads.
pub(super) const RELOAD_OUTCOMES: &[&str] = &["replaced", "unchanged", "failed", "rolled-back"];

/// What a reload did to an actor.
pub(super) const SWAPS: &[&str] = &["swapped", "kept", "lost"];

/// The calls into an instance.
pub(crate) const EVENTS: [&str; 14] = [
    "start",
    "connected",
    "received-text",
    "received-binary",
    "received-pong",
    "received-burst",
    "disconnected",
    "fired",
    "drained",
    "expiring",
    "stopping",
    "received-custom",
    "suspend",
    "resume",
];

macro_rules! metrics {
    ($($id:ident $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $id: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// All metrics, in the order of a scrape.
        pub(crate) const ALL: &[&Metric] = &[$(&$id),*];
    };
}

metrics! {
    // Clients and handshakes.
    CLIENTS Gauge "ws_host_clients" ["resource"]
        "Connected clients.";
    OUTGOING Gauge "ws_host_outgoing_connections" ["resource"]
        "WebSockets that handlers have opened.";
    HANDSHAKES Counter "ws_host_handshakes_total" ["resource", "outcome"]
        "Opening handshakes. Outcomes other than accepted: invalid (not a handshake, or of an unknown version), origin (not allowed), full (a limit; see ws_host_refused_total), no-owner (no host of the cluster serves the path), refused (by the handler), relayed (to the owner of the path), failed (the handler), timeout (of the handler), stopping, abandoned (by the client).";
    HANDSHAKES_WAITING Gauge "ws_host_handshakes_waiting" ["resource"]
        "Handshakes that wait for the handler.";
    REFUSED Counter "ws_host_refused_total" ["resource", "full"]
        "Clients that were refused because this limit was reached.";
    UNKNOWN_PATHS Counter "ws_host_unknown_paths_total" []
        "Handshakes for a path that no resource serves.";
    DISCONNECTIONS Counter "ws_host_disconnections_total" ["resource", "cause"]
        "Clients that have disconnected, by the cause that the handler sees.";
    CLOSE_CODES Counter "ws_host_close_codes_total" ["resource", "from", "code"]
        "Close codes of clients that have disconnected: those that the client sent (1005: a close frame without a code; 1006: no close frame), and those that the host sent.";
    // Messages.
    RECEIVED_MESSAGES Counter "ws_host_received_messages_total" ["resource"]
        "Messages from clients.";
    RECEIVED_BYTES Counter "ws_host_received_bytes_total" ["resource"]
        "Bytes in messages from clients, uncompressed and without frame headers.";
    SENT_MESSAGES Counter "ws_host_sent_messages_total" ["resource"]
        "Messages that were queued for clients.";
    SENT_BYTES Counter "ws_host_sent_bytes_total" ["resource"]
        "Bytes in the messages that were queued for clients, uncompressed and without frame headers.";
    REFUSED_SENDS Counter "ws_host_refused_sends_total" ["resource", "full"]
        "Messages that were not sent: the client's outbound buffer (outbound) or the host's memory (memory) had no room.";
    WAITING_BYTES Gauge "ws_host_waiting_output_bytes" ["resource"]
        "Bytes of output that wait for clients to read them.";
    CLOSED_FOR_ROOM Counter "ws_host_closed_for_room_total" ["resource"]
        "Clients that were closed because the host had no memory for their data.";
    CLOSED_FOR_SLOWNESS Counter "ws_host_closed_for_slowness_total" ["resource"]
        "Clients that were closed because their outbound buffer was full (on-full = \"close\").";
    BUFFERED_BYTES Gauge "ws_host_buffered_bytes" []
        "Bytes of waiting messages and saved states that count towards max-buffered. Clients that hold less than 64 KiB do not count.";
    MAX_BUFFERED_BYTES Gauge "ws_host_max_buffered_bytes" []
        "The setting max-buffered.";
    // Topics and tags.
    TOPICS Gauge "ws_host_topics" ["resource"]
        "Topics with subscribers.";
    PUBLISHED Counter "ws_host_published_messages_total" ["resource"]
        "Messages to topics that have subscribers on this host.";
    DELIVERIES Counter "ws_host_deliveries_total" ["resource"]
        "Messages to topics and tags that were queued for clients, counted once for each client.";
    // Guests.
    GUEST_SECONDS Histogram "ws_host_guest_seconds" ["resource", "event"]
        "Duration of calls into instances, including waiting. Frequent calls are sampled.";
    GUEST_CPU_SECONDS Histogram "ws_host_guest_cpu_seconds" ["resource", "event"]
        "CPU time of calls into instances, including the work of the host for the call. Measured like ws_host_guest_seconds.";
    FAULTS_TOTAL Counter "ws_host_faults_total" ["resource", "kind"]
        "Failed events: traps, exceeded limits, and events for which there was no instance.";
    // Instances and their states.
    ACTORS Gauge "ws_host_actors" ["resource"]
        "Actors, with and without an instance.";
    INSTANCES Gauge "ws_host_instances" ["resource", "state"]
        "Actors with an instance in memory (live), and with a saved state instead (hibernated).";
    INSTANCE_MEMORY Gauge "ws_host_instance_memory_bytes" ["resource"]
        "Linear memories and tables of all instances.";
    SAVED_STATES Gauge "ws_host_saved_state_bytes" ["resource", "kind"]
        "Bytes of saved states: those of hibernated actors (hibernated), and checkpoints. A state that is both counts twice.";
    TIMERS Gauge "ws_host_timers" ["resource"]
        "Timers that handlers have set.";
    RESTARTS Counter "ws_host_restarts_total" ["resource"]
        "Instances that were created after the loss of another one.";
    WAKES Counter "ws_host_wakes_total" ["resource"]
        "Hibernated actors that were woken.";
    HIBERNATIONS Counter "ws_host_hibernations_total" ["resource"]
        "Instances that were freed after their state was saved.";
    CHECKPOINTS Counter "ws_host_checkpoints_total" ["resource"]
        "States that were saved while the instance continued.";
    SAVES Counter "ws_host_saves_total" ["resource", "outcome"]
        "Attempts to save a durable state at the broker: saved, unavailable (tried again), fenced (another host has the path), too-long (for max-state or the broker), foreign (no host has written the record at the broker, which has to be removed), or fault (suspend failed).";
    // Reloads.
    RELOADS Counter "ws_host_reloads_total" ["resource", "outcome"]
        "Reloads.";
    SWAPS_TOTAL Counter "ws_host_swaps_total" ["resource", "outcome"]
        "Actors that a reload or a rollback has reached. swapped: the new code continues; kept: the \
         old code continues; lost: the instance is gone.";
    RELOAD_PAUSE Histogram "ws_host_reload_pause_seconds" ["resource"]
        "How long an actor had no instance while new code took over.";
    COMPONENT_REJECTED Gauge "ws_host_component_rejected" ["resource"]
        "1 if the newest reload of the component failed or was rolled back, so that older code is in use.";
    CONFIG_REJECTED Gauge "ws_host_config_rejected" []
        "1 if the newest reload of the configuration was rejected, so that an older configuration is in use.";
    // Connections below the WebSockets.
    ACCEPT_ERRORS Counter "ws_host_accept_errors_total" []
        "Failed attempts to accept connections, for example because no file descriptors were left. The host tries again after 100 ms.";
    TLS_HANDSHAKES Counter "ws_host_tls_handshakes_total" ["outcome"]
        "TLS handshakes: accepted, failed, or abandoned (not complete before the handshake timeout).";
    CERTIFICATE_EXPIRY Gauge "ws_host_certificate_expiry_seconds" []
        "When the server's certificate expires, in seconds since 1970. 0: there is no certificate.";
    HTTP2_CONNECTIONS Gauge "ws_host_http2_connections" []
        "Open HTTP/2 connections.";
    HTTP2_STREAMS Counter "ws_host_http2_streams_total" ["kind"]
        "Streams of HTTP/2 connections: requests, and WebSockets (also those that were refused).";
    // Workers and the process.
    WORKERS_STUCK Gauge "ws_host_workers_stuck" []
        "Workers that have not responded for three seconds.";
    WORKER_BUSY Counter "ws_host_worker_busy_seconds_total" ["worker"]
        "Time in which the worker ran tasks. The rate is the share of the time for which the worker was busy.";
    WORKER_LONGEST_SLICE Gauge "ws_host_worker_longest_slice_seconds" ["worker"]
        "The longest time for which a task kept the worker busy in the last 30 to 60 seconds, in \
         ticks of 10 ms, or of 0.1 ms during long computations.";
    WORKER_ACTORS Gauge "ws_host_worker_actors" ["worker"]
        "Actors that live on the worker.";
    LOG_LINES_LOST Counter "ws_host_log_lines_lost_total" []
        "Lines of the log that were dropped because standard error was not read in time, and lines of the access log beyond its limits.";
    START_TIME Gauge "ws_host_start_time_seconds" []
        "When the host was started, in seconds since 1970.";
    BUILD_INFO Gauge "ws_host_build_info" ["version", "commit", "wasmtime"]
        "Always 1. The labels describe the build.";
    // Traces.
    SPANS_SENT Counter "ws_host_spans_sent_total" []
        "Spans that the collector has accepted. Exists only with traces.";
    SPANS_DROPPED Counter "ws_host_spans_dropped_total" ["why"]
        "Spans that were dropped: too many waited for the collector (queue-full), or the collector rejected them (refused). Exists only with traces.";
    // The cluster.
    CLUSTER_UP Gauge "ws_host_cluster_up" []
        "1 while the host is connected to the broker. This metric and those that follow exist only in a cluster.";
    CLUSTER_RECONNECTS Counter "ws_host_cluster_reconnects_total" []
        "Connections to the broker after the first one.";
    TOPICS_JOINED Gauge "ws_host_topics_joined" []
        "Topics that the host receives from other hosts.";
    BROKER_SENT Counter "ws_host_broker_sent_total" []
        "Messages that were sent to the broker.";
    BROKER_RECEIVED Counter "ws_host_broker_received_total" []
        "Messages that came from the broker.";
    BROKER_DROPPED Counter "ws_host_broker_dropped_total" ["why"]
        "Messages to or from the broker that were dropped.";
    RELAYED_CLIENTS Gauge "ws_host_relayed_clients" []
        "Clients that the host relays to the owners of their paths.";
    PEERS_REFUSED Counter "ws_host_peers_refused_total" []
        "Refused connections to the address for other hosts.";
    OWNED_ACTORS Gauge "ws_host_owned_actors" []
        "Instances of unique paths that the host has.";
    CLAIMS Counter "ws_host_claims_total" ["outcome"]
        "Look-ups of the owner of a path: claimed by this host, elsewhere, or unavailable.";
    LEASE_LOST Counter "ws_host_lease_lost_total" []
        "Leases that the host has lost.";
    FOREIGN_RECORDS Counter "ws_host_foreign_records_total" ["kind"]
        "Reads of records at the broker that no host has written: a lease, a claim, a state, or the mark open.";
}
