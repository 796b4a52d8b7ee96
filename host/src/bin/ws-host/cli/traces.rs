//! The flags about traces.

use std::path::PathBuf;

use ws_host::config::schema;

/// Where spans of handshakes and events go.
#[derive(Debug, clap::Args)]
#[group(id = "tracing", multiple = true, conflicts_with = "config")]
pub(super) struct Traces {
    /// OpenTelemetry collector that receives traces of handshakes and events, such as http://127.0.0.1:4318 (see
    /// docs/traces.md)
    #[arg(id = "traces", long = "traces", value_name = "URL", help_heading = "Traces")]
    endpoint: Option<String>,

    /// Share of connections to trace, from 0 to 1, if the handshake has no traceparent header [default: 0.01]
    #[arg(long = "traces-ratio", value_name = "N", requires = "traces", help_heading = "Traces")]
    ratio: Option<f64>,

    /// Name of this service in traces [default: ws-host]
    #[arg(
        long = "traces-service",
        value_name = "NAME",
        requires = "traces",
        help_heading = "Traces"
    )]
    service: Option<String>,

    /// File with HTTP headers to send to the collector, one NAME: VALUE per line
    #[arg(
        id = "traces-headers",
        long = "traces-headers",
        value_name = "FILE",
        requires = "traces",
        help_heading = "Traces"
    )]
    headers: Option<PathBuf>,
}

impl Traces {
    pub(super) fn apply(self, server: &mut schema::Server) {
        let Self { endpoint, ratio, service, headers } = self;
        let Some(endpoint) = endpoint else { return };
        let mut traces = schema::Traces::default();
        traces.endpoint = Some(endpoint);
        traces.ratio = ratio;
        traces.service = service;
        traces.headers = headers;
        server.traces = Some(traces);
    }
}
