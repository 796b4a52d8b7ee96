//! The metrics of the whole host.

use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use super::cell::{Counter, Gauge, LabelCounters};

/// The metrics of the whole host.
#[derive(Debug)]
pub(crate) struct HostMetrics {
    /// When the host was started, in seconds since 1970.
    pub(crate) started: f64,
    /// The number of handshakes for paths that no resource serves.
    pub(crate) unknown_paths: Counter,
    /// The number of failed attempts to accept connections.
    pub(crate) accept_errors: Counter,
    pub(crate) tls_handshakes: LabelCounters,
    /// When the server's certificate expires, in seconds since 1970. Set if there is a certificate.
    pub(crate) certificate_expiry: OnceLock<Arc<AtomicI64>>,
    /// Whether the newest reload of the configuration was rejected.
    pub(crate) is_config_rejected: AtomicBool,
    pub(crate) http2_connections: Gauge,
    pub(crate) http2_streams: LabelCounters,
}

/// The outcomes of a TLS handshake.
pub(crate) const TLS_OUTCOMES: &[&str] = &["accepted", "failed", "abandoned"];

/// The purposes of an HTTP/2 stream.
pub(crate) const STREAM_KINDS: &[&str] = &["request", "websocket"];

/// Counts a connection in a gauge until this is dropped.
pub(crate) struct GaugeEntry {
    metrics: Arc<HostMetrics>,
    gauge: fn(&HostMetrics) -> &Gauge,
}

impl Default for HostMetrics {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started: now.as_secs_f64(),
            unknown_paths: Counter::default(),
            accept_errors: Counter::default(),
            tls_handshakes: LabelCounters::new(TLS_OUTCOMES),
            certificate_expiry: OnceLock::new(),
            is_config_rejected: AtomicBool::new(false),
            http2_connections: Gauge::default(),
            http2_streams: LabelCounters::new(STREAM_KINDS),
        }
    }
}

impl GaugeEntry {
    pub(crate) fn new(metrics: &Arc<HostMetrics>, gauge: fn(&HostMetrics) -> &Gauge) -> Self {
        gauge(metrics).add(1);
        Self { metrics: Arc::clone(metrics), gauge }
    }
}

impl Drop for GaugeEntry {
    fn drop(&mut self) {
        (self.gauge)(&self.metrics).subtract(1);
    }
}
