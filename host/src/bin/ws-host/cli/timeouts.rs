//! The flags about timeouts.

use std::time::Duration;

use ws_host::config::schema::{self, Time};

/// Timeouts of the server and of the resource.
#[derive(Debug, clap::Args)]
#[group(id = "timeouts", multiple = true, conflicts_with = "config")]
pub(super) struct Timeouts {
    /// Maximum time from accepting a connection to the end of its handshake [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    handshake_timeout: Option<Duration>,

    /// Maximum time to wait for a client's close frame after the host has written its own [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    close_timeout: Option<Duration>,

    /// Maximum time that a client may be silent before it is disconnected; the host sends a ping after half of this
    /// time; the ping and the disconnection may be late by up to a quarter of this time; 0 for no limit [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    idle_timeout: Option<Duration>,

    /// Time from Ctrl-C until the remaining clients are disconnected [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    drain_timeout: Option<Duration>,

    /// Time without events after which an instance is hibernated: the instance is freed, and only its state is kept
    /// until the next event; 0 for never [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    hibernate_after: Option<Duration>,
}

impl Timeouts {
    pub(super) fn apply(self, server: &mut schema::Server, resource: &mut schema::ResourceSection) {
        server.handshake_timeout = self.handshake_timeout.map(Time);
        server.drain_timeout = self.drain_timeout.map(Time);
        resource.close_timeout = self.close_timeout.map(Time);
        resource.idle_timeout = self.idle_timeout.map(Time);
        resource.hibernate_after = self.hibernate_after.map(Time);
    }
}
