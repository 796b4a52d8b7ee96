//! The flags about limits: sizes, numbers and the time of an event.

use std::time::Duration;

use bytesize::ByteSize;
use ws_host::config::schema::{self, Time};

/// Limits of the server and of the resource.
#[derive(Debug, clap::Args)]
#[group(id = "limits", multiple = true, conflicts_with = "config")]
pub(super) struct LimitFlags {
    /// Maximum number of connected clients; further clients get 503 [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_clients: Option<usize>,

    /// Maximum size of a message from a client; a larger one closes the connection with 1009 [default: 1MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_message: Option<ByteSize>,

    /// Maximum number of bytes that wait to be written to one client; a send beyond that returns `full` [default: twice
    /// --max-message, at least 64KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_outbound: Option<ByteSize>,

    /// Minimum rate, in bytes per second, at which a client must read the data that waits for it, averaged over
    /// --idle-timeout; a slower client is disconnected [default: 1KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    min_rate: Option<ByteSize>,

    /// Maximum number of request headers; a request with more gets 431 [default: 100]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_headers: Option<usize>,

    /// Maximum size of the request line and the headers together; a request with more gets 431 [default: 16KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_header_size: Option<ByteSize>,

    /// Maximum memory for waiting data of all clients together, in both directions, and for saved states; beyond that,
    /// sends return `full`, and clients are closed with 1013 [default: a quarter of the memory]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_buffered: Option<ByteSize>,

    /// Maximum number of concurrent WebSockets on one HTTP/2 connection, in addition to 100 ordinary requests; further
    /// WebSockets get 503 [default: 256]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_http2_streams: Option<u32>,

    /// Maximum memory of one instance; a handler that exceeds it traps [default: 64MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_memory: Option<ByteSize>,

    /// Maximum CPU time of one event; a handler that exceeds it traps [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_cpu: Option<Duration>,

    /// Maximum total time of one event, including waiting; a handler that takes longer traps [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Limits")]
    max_time: Option<Duration>,

    /// Maximum number of instances in memory; a client that needs another one gets 503, or is closed with 1013 if it is
    /// already connected [default: 10000]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    max_instances: Option<usize>,

    /// Maximum size of the state that one instance hands to the next; a larger state is discarded [default: 1MiB, or
    /// 1023KiB with --durable]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_state: Option<ByteSize>,

    /// Maximum log output of the handler, in bytes per second; further lines are omitted and counted [default: 64KiB]
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    max_log: Option<ByteSize>,
}

impl LimitFlags {
    pub(super) fn apply(self, server: &mut schema::Server, resource: &mut schema::ResourceSection) {
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
