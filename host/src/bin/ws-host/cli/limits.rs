//! The flags about limits: sizes, numbers and the time of an event.

use std::time::Duration;

use bytesize::ByteSize;
use ws_host::config::schema::{self, Time};

/// Limits of the server and of the resource.
#[derive(Debug, clap::Args)]
#[group(id = "limits", multiple = true, conflicts_with = "config")]
pub(super) struct LimitFlags {
    /// Number of connected clients; further clients get 503 [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_clients: Option<usize>,

    /// Size of a message from a client; a longer one closes the client with 1009 [default: 1MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_message: Option<ByteSize>,

    /// Bytes that may wait to be written to one client; a send beyond that returns `full` [default: twice
    /// --max-message, at least 64KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_outbound: Option<ByteSize>,

    /// Bytes per second that a client must read while data waits for it, on average over the length of
    /// --idle-timeout; a slower client is disconnected [default: 1KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    min_rate: Option<ByteSize>,

    /// Number of headers of a request; a request with more gets 431 [default: 100]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_headers: Option<usize>,

    /// Size of the request line and the headers; a larger request gets 431 [default: 16KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_header_size: Option<ByteSize>,

    /// Bytes of waiting data of all clients together, in both directions, and of saved states; beyond that,
    /// sends return `full`, and clients are closed with 1013 [default: a quarter of the memory]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_buffered: Option<ByteSize>,

    /// Concurrent WebSockets on one HTTP/2 connection, in addition to 100 ordinary requests; further
    /// WebSockets get 503 [default: 256]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_http2_streams: Option<u32>,

    /// Memory of one instance; a handler that needs more traps [default: 64MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_memory: Option<ByteSize>,

    /// Maximum CPU time of one event; a handler that exceeds it traps [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_cpu: Option<Duration>,

    /// Total time of one event, including waiting; a handler that takes longer traps [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_time: Option<Duration>,

    /// Number of instances in memory; a client that needs another one gets 503, or 1013 if it is already
    /// connected [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_instances: Option<usize>,

    /// Size of the state that an instance hands to its successor; a larger state is discarded [default:
    /// 1MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_state: Option<ByteSize>,

    /// Bytes per second that the handler may print to the log; further lines are omitted and counted
    /// [default: 64KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_log: Option<ByteSize>,
}

impl LimitFlags {
    pub(super) fn apply(self, server: &mut schema::Server, resource: &mut schema::Resource) {
        server.max_clients = self.max_clients;
        server.max_headers = self.max_headers;
        server.max_header_size = self.max_header_size;
        server.max_buffered = self.max_buffered;
        server.max_http2_streams = self.max_http2_streams;
        resource.max_message = self.max_message;
        resource.max_outbound = self.max_outbound;
        resource.min_rate = self.min_rate;
        resource.max_memory = self.max_memory;
        resource.max_cpu = self.max_cpu.map(Time);
        resource.max_time = self.max_time.map(Time);
        resource.max_instances = self.max_instances;
        resource.max_state = self.max_state;
        resource.max_log = self.max_log;
    }
}
