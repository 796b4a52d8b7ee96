//! The access log: a line for each client when its connection ends, and one for each handshake that was refused.
//!
//! The lines have the target `access` and the level `info`. They are written only if the configuration asks for them
//! (`access-log`). Text from clients is escaped and shortened. Both formats of the log put such text in quotes. So no
//! value can look like another field or another line.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::header::{HeaderName, ORIGIN, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::{Request, StatusCode, Version};
use tokio::time::Instant;
use tracing::Level;

use crate::clients::{Client, ClientId, ConnectionId, HttpVersion};
use crate::guest::Disconnection;
use crate::log_rate::{Line, LogRate, Quoted};
use crate::metrics::{ClientTotals, count_lost_log_line};

/// Limits the lines about clients whose connections have ended. There can be about as many such lines as clients. With
/// the default limit on clients, a host closes up to 10,000 clients at once when it stops.
static ENDED: LogRate = LogRate::per_second(10_000);

/// Limits the lines about refused handshakes. Anybody can cause such lines, and each has a few hundred bytes.
static REFUSED: LogRate = LogRate::per_second(1000);

/// A handshake that was not accepted.
pub(crate) struct Refused<'a> {
    pub(crate) connection: ConnectionId,
    /// The id of the client, if it got one before it was refused.
    pub(crate) client: Option<ClientId>,
    /// The resource. `None` if no resource has the path.
    pub(crate) resource: Option<&'a str>,
    pub(crate) peer: SocketAddr,
    /// The address of the client itself, as trusted proxies report it.
    pub(crate) address: IpAddr,
    pub(crate) request: &'a Request<()>,
    /// The outcome, as it is named in the handshake metric.
    pub(crate) outcome: &'static str,
    /// The status of the response. `None` if there was no response.
    pub(crate) status: Option<StatusCode>,
    /// How long the handshake took.
    pub(crate) duration: Duration,
}

/// Writes a summary of a connection that has ended.
pub(crate) fn ended(client: &Client, totals: &ClientTotals, end: &Disconnection) {
    let Some(Line { left_out }) = line(&ENDED) else { return };
    let info = client.info();
    let user_agent = info.headers.iter().find(|(name, _)| *name == USER_AGENT.as_str().as_bytes());
    let ClientTotals { since, received_messages, received_bytes, sent_messages, sent_bytes } =
        *totals;
    tracing::info!(
        target: "access",
        connection = info.connection.0,
        client = client.id().0,
        resource = &*info.resource,
        peer = %info.peer,
        address = %info.address,
        edge = info.edge.as_deref(),
        http = info.http_version.as_str(),
        status = match info.http_version {
            HttpVersion::Http1 => 101,
            HttpVersion::Http2 => 200,
        },
        path = quoted(Some(info.path.as_bytes())),
        origin = quoted(info.origin.as_deref().map(str::as_bytes)),
        user_agent = quoted(user_agent.map(|(_, value)| value)),
        subprotocol = quoted(info.subprotocol().map(str::as_bytes)),
        cause = end.cause.as_str(),
        code = end.code,
        sent_code = end.sent_code,
        reason = quoted(Some(end.reason.as_bytes()).filter(|reason| !reason.is_empty())),
        duration = seconds(since.elapsed()),
        received_messages,
        received_bytes,
        sent_messages,
        sent_bytes,
        left_out,
        "closed"
    );
}

/// Writes a line about a handshake that was not accepted.
pub(crate) fn refused(refused: &Refused<'_>) {
    let Some(Line { left_out }) = line(&REFUSED) else { return };
    let request = refused.request;
    let header =
        |name: HeaderName| quoted(request.headers().get(name).map(|value| value.as_bytes()));
    tracing::info!(
        target: "access",
        connection = refused.connection.0,
        client = refused.client.map(|ClientId(id)| id),
        resource = refused.resource,
        peer = %refused.peer,
        address = %refused.address,
        http = match request.version() {
            Version::HTTP_2 => HttpVersion::Http2.as_str(),
            Version::HTTP_10 => "1.0",
            _ => HttpVersion::Http1.as_str(),
        },
        status = refused.status.map(|status| status.as_u16()),
        path = quoted(Some(request.uri().path().as_bytes())),
        origin = header(ORIGIN),
        user_agent = header(USER_AGENT),
        offered = header(SEC_WEBSOCKET_PROTOCOL),
        outcome = refused.outcome,
        duration = seconds(refused.duration),
        left_out,
        "refused"
    );
}

/// Writes a line about a TLS handshake that failed.
pub(crate) fn tls_failed(connection: ConnectionId, peer: SocketAddr, why: &str) {
    let Some(Line { left_out }) = line(&REFUSED) else { return };
    let why = quoted(Some(why.as_bytes()));
    let connection = connection.0;
    tracing::info!(
        target: "access", connection, %peer, outcome = "tls-failed", reason = why, left_out, "refused"
    );
}

/// Returns permission to write a line. If the line may not be written, counts it as a lost line.
fn line(rate: &LogRate) -> Option<Line> {
    if !tracing::enabled!(target: "access", Level::INFO) {
        return None;
    }
    permitted(rate, Instant::now())
}

fn permitted(rate: &LogRate, now: Instant) -> Option<Line> {
    let line = rate.line(now);
    if line.is_none() {
        count_lost_log_line();
    }
    line
}

/// Returns text from a client, escaped and shortened.
fn quoted(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| Quoted(bytes).to_string())
}

/// Returns a duration in seconds, truncated to milliseconds.
fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::lost_log_lines;

    #[test]
    fn lines_beyond_the_limit_are_counted_as_lost_and_in_the_next_line() {
        let rate = LogRate::per_second(3);
        let start = Instant::now();
        let before = lost_log_lines();
        let written = (0..10).filter(|_| permitted(&rate, start).is_some()).count();
        assert_eq!((written, lost_log_lines() - before), (3, 7));
        let next = permitted(&rate, start + Duration::from_secs(1));
        assert_eq!(next, Some(Line { left_out: Some(7) }));
    }

    #[test]
    fn durations_have_milliseconds() {
        assert_eq!(seconds(Duration::from_micros(1_234_567)), 1.234);
        assert_eq!(seconds(Duration::from_micros(999)), 0.0);
    }
}
