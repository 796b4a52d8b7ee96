//! Numbers and times that can be, wherever they come from: a file, the command line, or another program.
//!
//! What is too much or too little is an error with the name of its setting. Only times are made shorter: ten years
//! and more are for ever.

use std::time::Duration;

use bytesize::ByteSize;

use super::{At, Checked, ConfigLocation};
use crate::config::{
    HostLimits, HostTimeouts, InstancePer, Limits, MIN_HEADER_SIZE, Resource, Timeouts, Trial,
};

/// More sockets than one address can have clients behind one port; far below what counters hold.
pub(in crate::config) const MOST_CLIENTS: usize = 1 << 24;

/// More cores than a machine has that this runs on. Each worker is a thread.
const MOST_WORKERS: usize = 1 << 12;

/// Room for them is made for every request, and the HTTP library panics if a request has 24,577.
const MOST_HEADERS: usize = 10_000;

/// Far more than any client opens; the library keeps a record of each.
const MOST_STREAMS: usize = 1 << 20;

/// Sums and small multiples of a few sizes must not overflow.
const MOST_OCTETS: usize = usize::MAX >> 8;

/// Timers are no finer. A clock of a quarter of it still advances.
const SHORTEST: Duration = Duration::from_millis(1);

/// About ten years are for ever, and far from where sums of times overflow.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The octets of [`HostLimits::max_buffered`] at least: one client alone finds room for all that may wait for it.
pub(super) fn least_buffered(resources: &[Resource]) -> usize {
    let longest = resources.iter().map(|resource| resource.limits.max_outbound).max();
    longest.unwrap_or_default().saturating_mul(2)
}

impl At {
    fn number(self, key: &'static str, number: usize, most: usize) -> Checked<()> {
        match number {
            0 => Err(self.wrong(key, "must be at least 1")),
            many if many > most => Err(self.wrong(key, format!("can be {most} at most"))),
            _ => Ok(()),
        }
    }

    fn bytes(self, key: &'static str, bytes: usize) -> Checked<()> {
        match bytes {
            0 => Err(self.wrong(key, "must be more than 0")),
            many if many > MOST_OCTETS => {
                let size = ByteSize(bytes as u64);
                Err(self.wrong(key, format!("{size} is more than this machine can address")))
            }
            _ => Ok(()),
        }
    }

    /// A budget, of which the shortest is used up at once.
    fn budget(self, key: &'static str, time: Duration) -> Checked<Duration> {
        if time.is_zero() {
            return Err(self.wrong(key, "must be more than 0"));
        }
        Ok(time.min(FOR_EVER))
    }

    fn time(self, key: &'static str, time: Duration) -> Checked<Duration> {
        match time {
            Duration::ZERO => Err(self.wrong(key, "must be more than 0")),
            short if short < SHORTEST => Err(self.wrong(key, "must be at least 1ms")),
            time => Ok(time.min(FOR_EVER)),
        }
    }

    /// A time of which zero is none.
    fn time_or_none(self, key: &'static str, time: Option<Duration>) -> Checked<Option<Duration>> {
        let time = time.filter(|time| !time.is_zero());
        time.map(|time| self.time(key, time)).transpose()
    }
}

pub(super) fn workers(at: At, workers: usize) -> Checked<()> {
    at.number("workers", workers, MOST_WORKERS)
}

impl HostLimits {
    pub(super) fn check(&self, at: At, least_buffered: usize) -> Checked<()> {
        let Self { max_clients, max_headers, max_header_size, max_buffered, max_http2_streams } =
            *self;
        at.number("max-clients", max_clients, MOST_CLIENTS)?;
        at.number("max-headers", max_headers, MOST_HEADERS)?;
        at.bytes("max-header-size", max_header_size)?;
        if max_header_size < MIN_HEADER_SIZE {
            return Err(at.wrong("max-header-size", "must be at least 8KiB"));
        }
        at.bytes("max-buffered", max_buffered)?;
        if max_buffered < least_buffered {
            let why = format!(
                "{} must be at least twice max-outbound {}, so that a client alone finds room",
                ByteSize(max_buffered as u64),
                ByteSize(least_buffered as u64 / 2),
            );
            return Err(at.wrong("max-buffered", why));
        }
        at.number("max-http2-streams", max_http2_streams as usize, MOST_STREAMS)
    }
}

impl HostTimeouts {
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        let Self { handshake, drain } = self;
        Ok(Self { handshake: at.time("handshake-timeout", handshake)?, drain: drain.min(FOR_EVER) })
    }
}

impl Limits {
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        at.number("max-clients", self.max_clients, MOST_CLIENTS)?;
        at.bytes("max-message", self.max_message)?;
        at.bytes("max-outbound", self.max_outbound)?;
        if self.max_outbound < self.max_message.saturating_mul(2) {
            let why = format!(
                "{} must be at least twice max-message {}, so that an answer as long as its message \
                 always finds room",
                ByteSize(self.max_outbound as u64),
                ByteSize(self.max_message as u64),
            );
            return Err(at.wrong("max-outbound", why));
        }
        at.bytes("min-rate", self.min_rate)?;
        at.bytes("max-memory", self.max_memory)?;
        at.number("max-instances", self.max_instances, MOST_CLIENTS)?;
        at.bytes("max-state", self.max_state)?;
        at.bytes("max-log", self.max_log)?;
        Ok(Self {
            max_cpu: at.budget("max-cpu", self.max_cpu)?,
            max_time: at.budget("max-time", self.max_time)?,
            ..self
        })
    }
}

impl Timeouts {
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        let Self { close, idle, hibernate_after, checkpoint } = self;
        Ok(Self {
            close: at.time("close-timeout", close)?,
            idle: at.time_or_none("idle-timeout", idle)?,
            hibernate_after: at.time_or_none("hibernate-after", hibernate_after)?,
            checkpoint: at.time_or_none("checkpoint", checkpoint)?,
        })
    }
}

impl Trial {
    pub(super) fn checked(self, at: At) -> Checked<Option<Self>> {
        let Some(time) = at.time_or_none("trial", Some(self.time))? else { return Ok(None) };
        if !(1..=100).contains(&self.canary) {
            let why = format!("{}% must be a share from 1% to 100%", self.canary);
            return Err(at.wrong("canary", why));
        }
        Ok(Some(Self { time, ..self }))
    }
}

impl InstancePer {
    pub(super) fn check(self, at: At, limits: &Limits) -> Checked<()> {
        match self {
            Self::Resource { instances } if instances.get() > limits.max_instances => {
                let most = limits.max_instances;
                Err(at
                    .wrong("instances", format!("{instances} are more than max-instances {most}")))
            }
            Self::Resource { .. } | Self::Path | Self::Client => Ok(()),
        }
    }
}

impl Resource {
    /// A resource that joins others of a host. One client alone finds room for all that may wait for it, in what was
    /// fixed when the host began.
    pub(super) fn check_room(&self, number: usize, host: &HostLimits) -> Checked<()> {
        let (outbound, buffered) = (self.limits.max_outbound, host.max_buffered);
        if outbound <= buffered / 2 {
            return Ok(());
        }
        let why = format!(
            "{} can be half of the max-buffered {} at most with which the host was started, so that a \
             client alone finds room",
            ByteSize(outbound as u64),
            ByteSize(buffered as u64),
        );
        Err(At(ConfigLocation::Resource(number)).wrong("max-outbound", why))
    }
}
