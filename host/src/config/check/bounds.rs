//! The bounds of numbers, sizes and times. They apply to settings from a file, the command line or an embedding
//! program.
//!
//! A value out of bounds is an error that names its setting. Long times are the exception: a time of more than ten
//! years is reduced to ten years.

use std::time::Duration;

use bytesize::ByteSize;

use super::{At, Checked, ConfigLocation};
use crate::config::{
    Compile, HostLimits, HostTimeouts, HttpLimits, InstancePer, KeyvalueLimits, MIN_HEADER_SIZE,
    ResourceConfig, ResourceLimits, Timeouts, Trial,
};

/// The maximum number of clients and of instances. It is more than any server has in practice, and far below the
/// maximum of the counters.
pub(in crate::config) const MAX_CLIENTS: usize = 1 << 24;

/// The maximum number of workers. It is more than the number of cores of any supported machine. Each worker is a
/// thread.
const MAX_WORKERS: usize = 1 << 12;

/// The maximum number of headers. Each request allocates room for all of them, and the `http` crate panics if a request
/// has 24,577.
const MAX_HEADERS: usize = 10_000;

/// The maximum number of HTTP/2 streams. It is far more than any client opens. There is a limit because h2 keeps a
/// record of each stream.
const MAX_STREAMS: usize = 1 << 20;

/// The maximum size, in bytes. It is low enough that sums and small multiples of sizes do not overflow.
const MAX_BYTES: usize = usize::MAX >> 8;

/// The minimum time. It is the resolution of timers. Some timers fire four times within a configured time, so a quarter
/// of that time must not be zero. If a budget were shorter than the minimum, the moment of the next tick would
/// determine whether the budget is used up.
const MIN_TIME: Duration = Duration::from_millis(1);

/// The maximum time, about ten years. This limit keeps sums of times from overflowing.
const MAX_TIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Returns the minimum of [`HostLimits::max_buffered`], in bytes. A single client must be able to fill its outbound
/// buffer.
pub(super) fn min_buffered(resources: &[ResourceConfig]) -> usize {
    let largest = resources.iter().map(|resource| resource.limits.max_outbound).max();
    largest.unwrap_or_default().saturating_mul(2)
}

impl At {
    fn number(self, key: &'static str, number: usize, max: usize) -> Checked<()> {
        match number {
            0 => Err(self.invalid(key, "must be at least 1")),
            number if number > max => Err(self.invalid(key, format!("must be at most {max}"))),
            _ => Ok(()),
        }
    }

    fn bytes(self, key: &'static str, bytes: usize) -> Checked<()> {
        match bytes {
            0 => Err(self.invalid(key, "must be more than 0")),
            bytes if bytes > MAX_BYTES => {
                let size = ByteSize(bytes as u64);
                Err(self.invalid(key, format!("{size} is more than this machine can address")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn time(self, key: &'static str, time: Duration) -> Checked<Duration> {
        match time {
            Duration::ZERO => Err(self.invalid(key, "must be more than 0")),
            time if time < MIN_TIME => Err(self.invalid(key, "must be at least 1ms")),
            time => Ok(time.min(MAX_TIME)),
        }
    }

    /// Checks a time. Zero turns the setting off.
    fn time_or_none(self, key: &'static str, time: Option<Duration>) -> Checked<Option<Duration>> {
        let time = time.filter(|time| !time.is_zero());
        time.map(|time| self.time(key, time)).transpose()
    }
}

pub(super) fn workers(at: At, workers: usize) -> Checked<()> {
    at.number("workers", workers, MAX_WORKERS)
}

impl HostLimits {
    pub(super) fn check(&self, at: At, min_buffered: usize) -> Checked<()> {
        let Self { max_clients, max_headers, max_header_size, max_buffered, max_http2_streams } =
            *self;
        at.number("max-clients", max_clients, MAX_CLIENTS)?;
        at.number("max-headers", max_headers, MAX_HEADERS)?;
        at.bytes("max-header-size", max_header_size)?;
        if max_header_size < MIN_HEADER_SIZE {
            return Err(at.invalid("max-header-size", "must be at least 8KiB"));
        }
        at.bytes("max-buffered", max_buffered)?;
        if max_buffered < min_buffered {
            let why = format!(
                "{} must be at least twice max-outbound, which is {}, so that it has room for a single client",
                ByteSize(max_buffered as u64),
                ByteSize(min_buffered as u64 / 2),
            );
            return Err(at.invalid("max-buffered", why));
        }
        at.number("max-http2-streams", max_http2_streams as usize, MAX_STREAMS)
    }
}

impl Compile {
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        at.bytes("compile-memory", self.max_memory)?;
        Ok(Self { timeout: at.time("compile-timeout", self.timeout)?, ..self })
    }
}

impl HostTimeouts {
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        let Self { handshake, drain } = self;
        Ok(Self { handshake: at.time("handshake-timeout", handshake)?, drain: drain.min(MAX_TIME) })
    }
}

impl ResourceLimits {
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        at.number("max-clients", self.max_clients, MAX_CLIENTS)?;
        at.bytes("max-message", self.max_message)?;
        at.bytes("max-outbound", self.max_outbound)?;
        if self.max_outbound < self.max_message.saturating_mul(2) {
            let why = format!(
                "{} must be at least twice max-message ({}), so that a reply of the same size as the \
                 message always fits",
                ByteSize(self.max_outbound as u64),
                ByteSize(self.max_message as u64),
            );
            return Err(at.invalid("max-outbound", why));
        }
        at.bytes("min-rate", self.min_rate)?;
        at.bytes("max-memory", self.max_memory)?;
        at.number("max-instances", self.max_instances, MAX_CLIENTS)?;
        at.bytes("max-state", self.max_state)?;
        at.bytes("max-log", self.max_log)?;
        Ok(Self {
            max_cpu: at.time("max-cpu", self.max_cpu)?,
            max_time: at.time("max-time", self.max_time)?,
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

impl HttpLimits {
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        let time = |key: &str, time| {
            let checked = at.time("http", time);
            checked.map_err(|error| at.invalid("http", format!("{key} {}", error.why)))
        };
        if self.max_response == 0 {
            return Err(at.invalid("http", "max-response must be more than 0"));
        }
        Ok(Self {
            connect: time("connect-timeout", self.connect)?,
            first_byte: time("first-byte-timeout", self.first_byte)?,
            between_bytes: time("between-bytes-timeout", self.between_bytes)?,
            ..self
        })
    }
}

impl KeyvalueLimits {
    pub(super) fn checked(self, at: At) -> Checked<Self> {
        for (key, number) in [("max-size", self.max_size), ("max-keys", self.max_keys)] {
            if number == 0 {
                return Err(at.invalid("keyvalue", format!("{key} must be more than 0")));
            }
        }
        Ok(self)
    }
}

impl Trial {
    pub(super) fn checked(self, at: At) -> Checked<Option<Self>> {
        let Some(time) = at.time_or_none("trial", Some(self.time))? else { return Ok(None) };
        if !(1..=100).contains(&self.canary) {
            let why = format!("{}% must be a share from 1% to 100%", self.canary);
            return Err(at.invalid("canary", why));
        }
        Ok(Some(Self { time, ..self }))
    }
}

impl InstancePer {
    pub(super) fn check(self, at: At, limits: &ResourceLimits) -> Checked<()> {
        match self {
            Self::Resource { instances } if instances.get() > limits.max_instances => {
                let max = limits.max_instances;
                let why = format!("{instances} must be at most max-instances, which is {max}");
                Err(at.invalid("instances", why))
            }
            Self::Resource { .. } | Self::Path | Self::Client => Ok(()),
        }
    }
}

impl ResourceConfig {
    /// Checks that a running host has enough memory for a resource. `max_buffered` cannot change while the host runs,
    /// and must have room for the outbound buffer of a single client.
    pub(super) fn check_buffered(&self, number: usize, host: &HostLimits) -> Checked<()> {
        let (outbound, buffered) = (self.limits.max_outbound, host.max_buffered);
        if outbound <= buffered / 2 {
            return Ok(());
        }
        let why = format!(
            "{} must be at most half of max-buffered ({}, which only a restart can change): otherwise \
             there is not enough room for a single client",
            ByteSize(outbound as u64),
            ByteSize(buffered as u64),
        );
        Err(At(ConfigLocation::Resource(number)).invalid("max-outbound", why))
    }
}
