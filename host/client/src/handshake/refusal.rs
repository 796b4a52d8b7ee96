//! What a server says that opens no WebSocket.

use std::pin::pin;
use std::time::Duration;

use http::Response;
use http::header::LOCATION;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::error::ConnectError;

/// How much of a refusal's text is kept, in octets: more than a person reads.
const MAX_BODY: usize = 64 << 10;

/// How long the text of a refusal may take. The status says the most, and is known by then.
const BODY_TIME: Duration = Duration::from_secs(1);

pub(super) async fn refusal(answer: Response<Incoming>) -> ConnectError {
    let status = answer.status();
    if status.is_redirection() {
        let location = answer.headers().get(LOCATION);
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        return ConnectError::Redirected { status, location };
    }
    let mut body = Vec::new();
    {
        let reading = pin!(read_body(answer.into_body(), &mut body));
        // However it ends: what has come by then is the text.
        let _ = tokio::time::timeout(BODY_TIME, reading).await;
    }
    body.truncate(MAX_BODY);
    ConnectError::Refused { status, body: String::from_utf8_lossy(&body).into_owned() }
}

async fn read_body(mut body: Incoming, text: &mut Vec<u8>) {
    while text.len() < MAX_BODY
        && let Some(Ok(frame)) = body.frame().await
    {
        text.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
}
