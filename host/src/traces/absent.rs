//! The traces in a build without an exporter. No connection is sampled.

use std::sync::Arc;

use http::HeaderMap;

use super::HandshakeEnd;
use crate::metrics::Exposition;

/// The traces. In this build there are none, so this type has no values.
#[derive(Debug)]
pub(crate) enum Traces {}

/// The span of a handshake. In this build there is none, so this type has no values.
#[derive(Debug)]
pub(crate) enum HandshakeSpan {}

/// The trace of a client. In this build there is none, so this type has no values.
#[derive(Debug)]
pub(crate) enum ClientTrace {}

/// The span of an event. In this build there is none. But this type has a value, because an empty enum would make code
/// in the callers unreachable.
#[derive(Debug)]
pub(crate) struct EventSpan;

impl Traces {
    pub(crate) fn handshake(&self, _: &HeaderMap) -> Option<HandshakeSpan> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "it is async in builds with an exporter")]
    pub(crate) async fn flush(&self) {
        match *self {}
    }

    pub(crate) fn scrape(&self, _: &mut Exposition) {
        match *self {}
    }
}

impl HandshakeSpan {
    pub(crate) fn client(&self, _: &Arc<str>, _: u64, _: u64) -> Arc<ClientTrace> {
        match *self {}
    }

    pub(crate) fn end(self, _: &HandshakeEnd<'_>) {
        match self {}
    }
}

impl ClientTrace {
    pub(crate) fn event(
        self: &Arc<Self>,
        _: &'static str,
        _: &Arc<str>,
        _: &Arc<str>,
    ) -> EventSpan {
        EventSpan
    }
}

impl EventSpan {
    pub(crate) fn end(self, _: Option<(&'static str, String)>) {}
}
