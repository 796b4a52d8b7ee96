//! Sends spans to the collector.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::link::Link;
use super::otlp;
use super::queue::Queue;
use super::span::Value;
use crate::about;
use crate::grant::HttpServer;
use crate::outgoing::{HttpClient, HttpSettings, RequestError};

/// The longest time that a span waits in the queue, provided that the collector accepts spans.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause after the first failed attempt, and the longest pause. Each pause is twice as long as the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The limits on each request. They can be short, because a collector has its own queue and so answers at once.
const LIMITS: HttpSettings = HttpSettings {
    connect_timeout: Duration::from_secs(5),
    first_byte_timeout: Duration::from_secs(10),
    between_bytes_timeout: Duration::from_secs(5),
    max_response: 64 << 10,
};

/// Where spans are sent, and which connections have spans.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The URL to which spans are posted.
    pub(crate) endpoint: Uri,
    /// The server of that URL.
    pub(crate) server: HttpServer,
    /// The share of connections that are sampled. It applies to connections whose handshakes name no parent.
    pub(crate) ratio: f64,
    /// The name of this service.
    pub(crate) service: String,
    /// Headers that are added to each request.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// The task that sends spans.
pub(super) struct Exporter {
    client: HttpClient<Full<Bytes>>,
    requests: Arc<Semaphore>,
    endpoint: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    resource: Vec<(&'static str, Value)>,
    queue: Arc<Queue>,
    link: Link,
    stop: CancellationToken,
}

/// Why the collector has not accepted a batch.
enum Failure {
    /// The collector may accept the batch later.
    Away { why: String, pause: Option<Duration> },
    /// The collector will never accept the batch.
    Refused(String),
}

impl Exporter {
    pub(super) fn new(settings: Settings, queue: Arc<Queue>, stop: CancellationToken) -> Self {
        let Settings { endpoint, server, service, headers, .. } = settings;
        let instance = format!("{:032x}", rand::random::<u128>());
        Self {
            client: HttpClient::new(vec![server], LIMITS),
            requests: Arc::new(Semaphore::new(1)),
            link: Link::new(endpoint.to_string()),
            endpoint,
            headers,
            resource: vec![
                ("service.name", Value::Text(service)),
                ("service.version", Value::Word(about::VERSION)),
                ("service.instance.id", Value::Text(instance)),
            ],
            queue,
            stop,
        }
    }

    /// Sends spans until it is stopped. Then sends the remaining spans, unless the collector cannot be reached.
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                () = self.queue.wait_for_batch() => {}
                () = sleep(INTERVAL) => {}
            }
            self.send_all().await;
        }
        self.send_all().await;
    }

    async fn send_all(&mut self) {
        loop {
            let spans = self.queue.take();
            let count = spans.len();
            if count == 0 {
                return;
            }
            let body = Bytes::from(otlp::encode(&self.resource, spans));
            if !self.deliver(&body, count).await {
                return;
            }
        }
    }

    /// Sends a batch until the collector accepts or refuses it. Returns false if the collector cannot be reached while
    /// the host stops. In that case no other batch may follow.
    async fn deliver(&mut self, body: &Bytes, count: usize) -> bool {
        let mut pause = PAUSES.0;
        loop {
            let is_last_attempt = self.stop.is_cancelled();
            match self.send(body.clone()).await {
                Ok((rejected, why)) => {
                    let rejected = rejected.min(count);
                    self.queue.sent.add((count - rejected) as u64);
                    self.queue.refuse(rejected);
                    match rejected {
                        0 => self.link.set_up(self.queue.dropped()),
                        _ => self.link.set_refusing(&why, self.queue.dropped()),
                    }
                    return true;
                }
                Err(Failure::Refused(why)) => {
                    self.link.set_refusing(&why, self.queue.dropped());
                    self.queue.refuse(count);
                    return true;
                }
                Err(Failure::Away { why, pause: wanted }) => {
                    self.link.set_away(&why, self.queue.dropped());
                    if is_last_attempt {
                        let lost = count + self.queue.len();
                        tracing::warn!(
                            lost,
                            "the host is stopping and cannot send the remaining spans, which are lost: {why}"
                        );
                        return false;
                    }
                    let pause_now = wanted.unwrap_or(pause).min(PAUSES.1);
                    tokio::select! {
                        () = self.stop.cancelled() => {}
                        () = sleep(pause_now) => {}
                    }
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// Sends a batch once. Returns how many of its spans were rejected, and why.
    async fn send(&self, body: Bytes) -> Result<(usize, String), Failure> {
        let mut request = Request::post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, concat!("ws-host/", env!("CARGO_PKG_VERSION")));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).expect("the parts were checked");
        let permit = Arc::clone(&self.requests).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let away = |error: &RequestError| Failure::Away { why: reason(error), pause: None };
        let response =
            self.client.send(request, LIMITS, permit).await.map_err(|error| away(&error))?;
        let (status, pause) = (response.status(), retry_after(&response));
        let body = response.into_body().collect().await.map_err(|error| away(&error))?.to_bytes();
        let why = format!("it answers {status}");
        match status {
            // A batch may be sent again only after these codes (OTLP, "Retryable Response Codes").
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Failure::Away { why, pause }),
            status if status.is_success() => Ok(otlp::rejected(&body)),
            _ => Err(Failure::Refused(why)),
        }
    }
}

/// Returns the pause that a response asks for before the next attempt, if the pause is given in seconds.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    value.parse().ok().map(Duration::from_secs)
}

/// Returns the reason for an error. The error's own text is not used, because it would name settings that exist only
/// for handlers.
fn reason(error: &RequestError) -> String {
    match error {
        RequestError::ConnectTimeout => {
            format!("no connection within {:?}", LIMITS.connect_timeout)
        }
        RequestError::FirstByteTimeout => {
            format!("no response within {:?}", LIMITS.first_byte_timeout)
        }
        RequestError::BetweenBytesTimeout => "its response is not complete".to_owned(),
        RequestError::TooLong => {
            format!("its response has more than {} bytes", LIMITS.max_response)
        }
        other => other.to_string(),
    }
}
