//! The response of a server that does not open a WebSocket.

use std::pin::pin;
use std::time::Duration;

use http::Response;
use http::header::LOCATION;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::error::ConnectError;

/// How much of a refusal's body is kept, in bytes. This is more than a person reads.
const MAX_BODY: usize = 64 << 10;

/// How long the body of a refusal may take. The status is the most important part, and has already arrived.
const BODY_TIME: Duration = Duration::from_secs(1);

/// Returns the error for a response that does not open a WebSocket.
pub(super) async fn refusal(response: Response<Incoming>) -> ConnectError {
    let status = response.status();
    if status.is_redirection() {
        let location = response.headers().get(LOCATION);
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        return ConnectError::Redirected { status, location };
    }
    let body = text(response.into_body()).await;
    ConnectError::Refused { status, body }
}

/// Reads as much of a refusal's body as arrives in time.
pub(crate) async fn text(body: Incoming) -> String {
    let mut text = Vec::new();
    {
        let reading = pin!(read_body(body, &mut text));
        // A timeout does not matter, because the text is whatever has arrived by then.
        let _ = tokio::time::timeout(BODY_TIME, reading).await;
    }
    text.truncate(MAX_BODY);
    String::from_utf8_lossy(&text).into_owned()
}

async fn read_body(mut body: Incoming, text: &mut Vec<u8>) {
    while text.len() < MAX_BODY
        && let Some(Ok(frame)) = body.frame().await
    {
        text.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
}
