//! Where traces go.

use std::fmt;
use std::str::FromStr;

use http::{HeaderName, HeaderValue, Uri};

use crate::grant::{Grant, HttpServer};

/// The path at which a collector takes spans, below that of its URL.
const SPANS: &str = "/v1/traces";

/// Traces of handshakes and events, which go to a collector of OpenTelemetry (OTLP over HTTP).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Traces {
    /// The collector.
    pub endpoint: Endpoint,
    /// The share of connections that are traced if their handshakes name no parent, from 0 to 1. If a handshake names
    /// one (`traceparent`), it decides.
    pub ratio: f64,
    /// The name of the service, by which the collector tells hosts from other programs.
    pub service: String,
    /// Headers of each request to the collector.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// The URL of a collector, without `/v1/traces`: `http://127.0.0.1:4318`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
    server: HttpServer,
}

/// The reason why a text is not the URL of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the URL of a collector that speaks OTLP over HTTP, such as http://127.0.0.1:4318 or \
     https://collector.example.com; /v1/traces is added to it"
)]
#[non_exhaustive]
pub struct InvalidEndpoint;

impl Traces {
    /// The default of [`ratio`](Self::ratio): an operator sees how connections behave, and a host with many messages is
    /// not slower.
    pub(super) const RATIO: f64 = 0.01;

    /// The default of [`service`](Self::service).
    pub(super) const SERVICE: &str = "ws-host";

    /// Creates settings with defaults: one connection in a hundred is traced, of those that name no parent.
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
        // What follows the path would end up in front of what is added.
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
        // A collector is usually in a private network.
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
