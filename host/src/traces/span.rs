//! Open spans, and ended spans that wait for the exporter.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::HandshakeEnd;
use super::parent::{SpanId, TraceId};
use super::queue::Queue;

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: Arc<Trace>,
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    /// Whether the parent is in another process.
    pub(super) is_parent_remote: bool,
    pub(super) kind: SpanKind,
    pub(super) name: String,
    /// The time when it began, in nanoseconds since 1970.
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    /// Why it failed, if it did.
    pub(super) error: Option<String>,
}

/// The side of a request that a span describes.
#[derive(Clone, Copy, Debug)]
pub(super) enum SpanKind {
    Internal,
    Server,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Word(&'static str),
    Shared(Arc<str>),
    Text(String),
    Number(u64),
}

/// The data that all spans of a connection share.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) queue: Arc<Queue>,
    pub(super) id: TraceId,
    pub(super) state: Option<Box<str>>,
    /// The span of the handshake. It is the parent of the events' spans.
    pub(super) handshake: SpanId,
}

/// The span of a handshake that is being answered.
#[derive(Debug)]
pub(crate) struct HandshakeSpan {
    pub(super) trace: Arc<Trace>,
    pub(super) parent: Option<SpanId>,
    pub(super) began: Began,
}

/// The trace of a client whose handshake was sampled.
#[derive(Debug)]
pub(crate) struct ClientTrace {
    trace: Arc<Trace>,
    resource: Arc<str>,
    connection: u64,
    client: u64,
}

/// The span of an event that is being handled. It is recorded only if it is [ended](Self::end).
#[derive(Debug)]
pub(crate) struct EventSpan {
    client: Arc<ClientTrace>,
    name: &'static str,
    component: Arc<str>,
    hash: Arc<str>,
    began: Began,
}

/// When a span began. The duration is measured separately, because the system clock may be set while the span is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    time_of_day: SystemTime,
    instant: Instant,
}

impl Began {
    pub(super) fn now() -> Self {
        Self { time_of_day: SystemTime::now(), instant: Instant::now() }
    }

    /// Returns the start time of the span and the current time, in nanoseconds since 1970.
    fn to_now(self) -> (u64, u64) {
        let since = self.time_of_day.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanoseconds = |time: u128| u64::try_from(time).unwrap_or(u64::MAX);
        let began = nanoseconds(since.as_nanos());
        (began, began.saturating_add(nanoseconds(self.instant.elapsed().as_nanos())))
    }
}

impl HandshakeSpan {
    /// Returns the trace for the client of this handshake.
    pub(crate) fn client(
        &self,
        resource: &Arc<str>,
        connection: u64,
        client: u64,
    ) -> Arc<ClientTrace> {
        let (trace, resource) = (Arc::clone(&self.trace), Arc::clone(resource));
        Arc::new(ClientTrace { trace, resource, connection, client })
    }

    /// Ends the span. Only failures of the server count as errors. The refusal of a client is not an error
    /// (OpenTelemetry's semantic conventions for HTTP).
    pub(crate) fn end(self, end: &HandshakeEnd<'_>) {
        let Self { trace, parent, began } = self;
        let mut attributes = vec![
            ("http.request.method", Value::Text(end.method.to_owned())),
            ("http.route", Value::Text(end.route.to_owned())),
            ("url.scheme", Value::Word(end.scheme)),
            ("network.protocol.version", Value::Word(end.version)),
            ("ws_host.resource", Value::Shared(Arc::clone(end.resource))),
            ("ws_host.component", Value::Text(end.component.to_owned())),
            ("ws_host.component.hash", Value::Text(end.hash.to_owned())),
            ("ws_host.connection", Value::Number(end.connection)),
            ("ws_host.outcome", Value::Word(end.outcome)),
        ];
        attributes.extend(end.client.map(|client| ("ws_host.client", Value::Number(client))));
        if let Some(status) = end.status {
            attributes.push(("http.response.status_code", Value::Number(status.into())));
        }
        let error = end.status.filter(|status| *status >= 500).map(|status| {
            attributes.push(("error.type", Value::Text(status.to_string())));
            String::new()
        });
        let (began, ended) = began.to_now();
        let queue = Arc::clone(&trace.queue);
        queue.push(Span {
            id: trace.handshake,
            parent,
            is_parent_remote: parent.is_some(),
            kind: SpanKind::Server,
            name: format!("{} {}", end.method, end.route),
            began,
            ended,
            attributes,
            error,
            trace,
        });
    }
}

impl ClientTrace {
    /// Begins the span of an event.
    pub(crate) fn event(
        self: &Arc<Self>,
        name: &'static str,
        component: &Arc<str>,
        hash: &Arc<str>,
    ) -> EventSpan {
        let (component, hash) = (Arc::clone(component), Arc::clone(hash));
        EventSpan { client: Arc::clone(self), name, component, hash, began: Began::now() }
    }
}

impl EventSpan {
    /// Ends the span. If the event failed, `fault` is the kind of the fault and its description.
    pub(crate) fn end(self, fault: Option<(&'static str, String)>) {
        let Self { client, name, component, hash, began } = self;
        let mut attributes = vec![
            ("ws_host.resource", Value::Shared(Arc::clone(&client.resource))),
            ("ws_host.component", Value::Shared(component)),
            ("ws_host.component.hash", Value::Shared(hash)),
            ("ws_host.connection", Value::Number(client.connection)),
            ("ws_host.client", Value::Number(client.client)),
        ];
        let error = fault.map(|(kind, why)| {
            attributes.push(("error.type", Value::Word(kind)));
            why
        });
        let (began, ended) = began.to_now();
        let trace = Arc::clone(&client.trace);
        client.trace.queue.push(Span {
            id: new_span_id(),
            parent: Some(trace.handshake),
            is_parent_remote: false,
            kind: SpanKind::Internal,
            name: name.to_owned(),
            began,
            ended,
            attributes,
            error,
            trace,
        });
    }
}

/// Returns a new id. An id of zeros is invalid.
pub(super) fn new_span_id() -> SpanId {
    rand::random_range(1..=u64::MAX).to_be_bytes()
}

#[cfg(test)]
impl Span {
    /// Returns a span for tests.
    pub(super) fn example(queue: &Arc<Queue>) -> Self {
        let (queue, id) = (Arc::clone(queue), 1_u128.to_be_bytes());
        Self {
            trace: Arc::new(Trace { queue, id, state: None, handshake: new_span_id() }),
            id: new_span_id(),
            parent: None,
            is_parent_remote: false,
            kind: SpanKind::Internal,
            name: "received-text".to_owned(),
            began: 1,
            ended: 2,
            attributes: Vec::new(),
            error: None,
        }
    }
}
