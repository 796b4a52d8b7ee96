//! The trace settings.

use std::fmt;
use std::str::FromStr;

use http::{HeaderName, HeaderValue, Uri};

use crate::grant::{Grant, HttpServer};

/// The path for spans at a collector, relative to the collector's URL.
const SPANS: &str = "/v1/traces";

/// Traces of handshakes and events. They are sent to an OpenTelemetry collector (OTLP over HTTP).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Traces {
    /// The collector.
    pub endpoint: Endpoint,
    /// The share of connections that are traced, from 0 to 1. It applies to handshakes that name no parent. If a
    /// handshake names a parent (`traceparent`), the parent's decision applies.
    pub ratio: f64,
    /// The name of the service. The collector distinguishes hosts from other programs by this name.
    pub service: String,
    /// Headers that are added to each request to the collector.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// The URL of a collector, without `/v1/traces`: `http://127.0.0.1:4318`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
    server: HttpServer,
}

/// The reason why a string is not a collector URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the URL of a collector that speaks OTLP over HTTP, such as http://127.0.0.1:4318 or \
     https://collector.example.com; /v1/traces is added to it"
)]
#[non_exhaustive]
pub struct InvalidEndpoint;

impl Traces {
    /// The default of [`ratio`](Self::ratio). It is enough for an operator to see how connections behave, and does not
    /// slow down a host with many messages.
    pub(super) const RATIO: f64 = 0.01;

    /// The default of [`service`](Self::service).
    pub(super) const SERVICE: &str = "ws-host";

    /// Creates settings with defaults. Of the connections whose handshakes name no parent, one in a hundred is traced.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            ratio: Self::RATIO,
            service: Self::SERVICE.to_owned(),
            headers: Vec::new(),
        }
    }
}

impl Endpoint {
    /// Returns the URL to which spans are posted, and its server.
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only the exporter needs it"))]
    pub(crate) fn for_spans(self) -> (Uri, HttpServer) {
        (self.uri, self.server)
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        // A URL with a query or fragment is refused, because the path for spans would be added after it.
        if text.contains(['?', '#']) {
            return Err(InvalidEndpoint);
        }
        let uri: Uri = format!("{}{SPANS}", text.trim_end_matches('/'))
            .parse()
            .map_err(|_| InvalidEndpoint)?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(InvalidEndpoint);
        };
        // This allows private addresses, because a collector is usually in a private network.
        let grant = format!("{scheme}://{authority} private").parse();
        let Ok(Grant::Http(server)) = grant else { return Err(InvalidEndpoint) };
        Ok(Self { uri, server })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.uri.to_string();
        f.write_str(uri.strip_suffix(SPANS).unwrap_or(&uri))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_posted_below_the_url() {
        for (url, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://collector.example.com/", "https://collector.example.com/v1/traces"),
            ("https://example.com/otlp/", "https://example.com/otlp/v1/traces"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
        ] {
            let endpoint: Endpoint = url.parse().expect(url);
            assert_eq!(endpoint.to_string(), url.trim_end_matches('/'));
            let (uri, server) = endpoint.for_spans();
            assert_eq!(uri, expected);
            assert!(server.serves(&uri), "{url}");
        }
    }

    #[test]
    fn other_texts_are_not_urls_of_collectors() {
        for text in [
            "",
            "127.0.0.1:4318",
            "localhost:4318",
            "grpc://127.0.0.1:4317",
            "ws://127.0.0.1:4318",
            "http://",
            "http://me@127.0.0.1",
            "http://127.0.0.1:0",
            "http://127.0.0.1:4318?a=b",
            "http://127.0.0.1:4318/#a",
            "http://a b",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(InvalidEndpoint), "{text}");
        }
    }
}
