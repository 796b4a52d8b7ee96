//! Traces: spans for handshakes and for the events of their connections, exported to an OpenTelemetry collector (OTLP
//! over HTTP, in protobuf).
//!
//! ```text
//! admission ─▶ tracer (sampling) ─▶ span ─▶ queue ─▶ exporter ─▶ collector     (any worker ─▶ the main thread)
//! guest (events of sampled clients) ──┘
//! ```
//!
//! Nothing in the host waits for the collector. If a span has no room in the bounded [`queue`], it is dropped and
//! counted. Without the cargo feature `otlp`, none of this is built (`absent.rs`).

#[cfg(not(feature = "otlp"))]
mod absent;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod link;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
mod parent;
#[cfg(feature = "otlp")]
mod queue;
#[cfg(feature = "otlp")]
mod span;
#[cfg(feature = "otlp")]
mod tracer;

#[cfg(not(feature = "otlp"))]
pub(crate) use self::absent::{ClientTrace, EventSpan, HandshakeSpan, Traces};
#[cfg(feature = "otlp")]
pub(crate) use self::exporter::Settings;
#[cfg(feature = "otlp")]
pub(crate) use self::span::{ClientTrace, EventSpan, HandshakeSpan};
#[cfg(feature = "otlp")]
pub(crate) use self::tracer::Traces;

use std::sync::Arc;

/// The data of a handshake's span, apart from its times.
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only spans need it"))]
pub(crate) struct HandshakeEnd<'a> {
    pub(crate) method: &'a str,
    /// The path pattern of the resource. The path itself is not recorded, because it may contain a secret that only the
    /// client and the handler should know.
    pub(crate) route: &'a str,
    pub(crate) scheme: &'static str,
    /// The version of HTTP.
    pub(crate) version: &'static str,
    pub(crate) resource: &'a Arc<str>,
    pub(crate) component: &'a str,
    pub(crate) hash: &'a str,
    pub(crate) connection: u64,
    pub(crate) client: Option<u64>,
    /// The status of the response. `None` if the client left before there was a response.
    pub(crate) status: Option<u16>,
    /// The outcome, as it is named in the handshake metric.
    pub(crate) outcome: &'static str,
}
