//! The OTLP messages that are needed here. The field numbers are those of `opentelemetry/proto` version 1.

use prost::Message;

use super::span::{Span, SpanKind, Value};

/// The flag of a sampled span, and the flags that say whether its parent is remote.
const SAMPLED: u32 = 1;
const HAS_IS_REMOTE: u32 = 1 << 8;
const IS_REMOTE: u32 = 1 << 9;

/// The code of a span that failed.
const ERROR: i32 = 2;

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<TracedResource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

/// `Resource`: what sends the spans.
#[derive(Clone, PartialEq, Message)]
struct TracedResource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<SpanMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct SpanMessage {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "AnyValueKind", tags = "1, 3")]
    value: Option<AnyValueKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum AnyValueKind {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(int64, tag = "3")]
    Int(i64),
}

/// Returns the body of a request with these spans. `resource` describes this process.
pub(super) fn encode(resource: &[(&'static str, Value)], spans: Vec<Span>) -> Vec<u8> {
    let scope = Scope { name: "ws-host".to_owned(), version: crate::about::VERSION.to_owned() };
    let spans = spans.into_iter().map(SpanMessage::from).collect();
    let resource =
        TracedResource { attributes: resource.iter().cloned().map(KeyValue::from).collect() };
    let request = Request {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans }],
        }],
    };
    request.encode_to_vec()
}

/// Returns how many spans the collector has rejected, and why, according to the body of its response. If the body
/// cannot be decoded, no span counts as rejected.
pub(super) fn rejected(body: &[u8]) -> (usize, String) {
    let partial = Response::decode(body).ok().and_then(|response| response.partial_success);
    let PartialSuccess { rejected_spans, error_message } = partial.unwrap_or_default();
    (usize::try_from(rejected_spans).unwrap_or_default(), error_message)
}

impl From<Span> for SpanMessage {
    fn from(span: Span) -> Self {
        let remote = if span.is_parent_remote { IS_REMOTE } else { 0 };
        Self {
            trace_id: span.trace.id.to_vec(),
            span_id: span.id.to_vec(),
            trace_state: span.trace.state.as_deref().unwrap_or_default().to_owned(),
            parent_span_id: span.parent.map(Vec::from).unwrap_or_default(),
            name: span.name,
            kind: match span.kind {
                SpanKind::Internal => 1,
                SpanKind::Server => 2,
            },
            start_time_unix_nano: span.began,
            end_time_unix_nano: span.ended,
            attributes: span.attributes.into_iter().map(KeyValue::from).collect(),
            status: span.error.map(|message| Status { message, code: ERROR }),
            flags: SAMPLED | HAS_IS_REMOTE | remote,
        }
    }
}

impl From<(&'static str, Value)> for KeyValue {
    fn from((key, value): (&'static str, Value)) -> Self {
        let value = match value {
            Value::Word(word) => AnyValueKind::String(word.to_owned()),
            Value::Shared(text) => AnyValueKind::String(text.as_ref().to_owned()),
            Value::Text(text) => AnyValueKind::String(text),
            Value::Number(number) => AnyValueKind::Int(i64::try_from(number).unwrap_or(i64::MAX)),
        };
        Self { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the integration tests, another implementation decodes requests. But no collector there rejects spans, so this
    /// test covers rejections.
    #[test]
    fn rejected_spans_are_those_of_the_partial_success() {
        assert_eq!(rejected(b""), (0, String::new()));
        assert_eq!(rejected(b"\x0a\x07\x08\x05\x12\x03why"), (5, "why".to_owned()));
        assert_eq!(rejected(b"not protobuf"), (0, String::new()));
    }
}
