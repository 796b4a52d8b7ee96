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
    let body = text(answer.into_body()).await;
    ConnectError::Refused { status, body }
}

/// The text of a refusal, as far as it comes in time.
pub(crate) async fn text(body: Incoming) -> String {
    let mut text = Vec::new();
    {
        let reading = pin!(read_body(body, &mut text));
        // However it ends: what has come by then is the text.
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
