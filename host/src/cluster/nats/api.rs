//! The few requests to JetStream that placement needs. They are JSON messages on certain subjects. The client library
//! has a feature for JetStream. It is not used because it would bring two more crates. It also recognizes only one of
//! the two errors that mean that another write came first.

use async_nats::{Client, HeaderMap, Message, RequestError, RequestErrorKind};
use bytes::Bytes;
use serde_json::Value;

use crate::cluster::placement::{RecordsError, WriteError};

/// JetStream's error codes.
pub(super) mod code {
    /// A stream with this name exists, but has different settings.
    pub(in super::super) const NAME_IN_USE: u64 = 10058;
    pub(super) const STREAM_NOT_FOUND: u64 = 10059;
    pub(super) const NO_MESSAGE: u64 = 10037;
    /// The last sequence of the subject is not the expected one. Newer servers use either of these two codes for this.
    pub(super) const WRONG_LAST_SEQUENCE: [u64; 2] = [10071, 10164];
    /// Errors that an operator has to correct: no JetStream (or none for the account), too few servers for the
    /// replicas, not enough resources, bad settings, subjects that overlap with another stream, limits of the account.
    pub(super) const REFUSED: [u64; 10] =
        [10039, 10076, 10074, 10023, 10047, 10002, 10052, 10065, 10025, 10026];
}

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failed {
    Error {
        code: u64,
        description: String,
    },
    /// Nobody answered the request.
    Nobody,
    Unavailable(String),
}

/// Sends a request to the API.
pub(super) async fn call(client: &Client, api: String, body: &Value) -> Result<Value, Failed> {
    parse_response(client.request(format!("$JS.API.{api}"), Bytes::from(body.to_string())).await)
}

/// Publishes a message if the last message of its subject has the expected sequence. Returns the sequence of the new
/// message.
pub(super) async fn publish(
    client: &Client,
    stream: &str,
    subject: String,
    payload: Bytes,
    expected: u64,
) -> Result<u64, Failed> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Stream", stream);
    headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string());
    let answer = parse_response(client.request_with_headers(subject, headers, payload).await)?;
    let sequence = answer.get("seq").and_then(Value::as_u64);
    sequence.ok_or_else(|| {
        Failed::Unavailable(format!(
            "JetStream sent a response without a sequence number: {answer}"
        ))
    })
}

fn parse_response(answer: Result<Message, RequestError>) -> Result<Value, Failed> {
    let message = answer.map_err(|error| match error.kind() {
        RequestErrorKind::NoResponders => Failed::Nobody,
        _ => Failed::Unavailable(error.to_string()),
    })?;
    parse(&message.payload)
}

fn parse(payload: &[u8]) -> Result<Value, Failed> {
    let value: Value = serde_json::from_slice(payload).map_err(|error| {
        Failed::Unavailable(format!("JetStream sent an invalid response: {error}"))
    })?;
    let Some(error) = value.get("error") else { return Ok(value) };
    let number = |name| error.get(name).and_then(Value::as_u64).unwrap_or_default();
    let description = error.get("description").and_then(Value::as_str).unwrap_or_default();
    Err(Failed::Error { code: number("err_code"), description: description.to_owned() })
}

impl Failed {
    /// Returns whether the error says that there is no such message.
    pub(super) fn is_no_message(&self) -> bool {
        matches!(self, Self::Error { code: code::NO_MESSAGE, .. })
    }
}

impl From<Failed> for RecordsError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Error { code: code::STREAM_NOT_FOUND, .. } => Self::Missing,
            Failed::Error { code, description } if code::REFUSED.contains(&code) => {
                Self::Refused(format!("JetStream refused the request: {description} ({code})"))
            }
            Failed::Error { code, description } => {
                Self::Unavailable(format!("JetStream reported an error: {description} ({code})"))
            }
            Failed::Nobody => Self::Unavailable("JetStream does not answer".to_owned()),
            Failed::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<Failed> for WriteError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Error { code, .. } if code::WRONG_LAST_SEQUENCE.contains(&code) => Self::Raced,
            failed => Self::Failed(failed.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_errors_of_a_lost_race_are_one() {
        for (code, text) in [(10071, "wrong last sequence: 7"), (10164, "wrong last sequence")] {
            let answer = format!(
                r#"{{"error":{{"code":400,"err_code":{code},"description":"{text}"}},"stream":"S","seq":0}}"#
            );
            let failed = parse(answer.as_bytes()).expect_err("an error");
            assert!(matches!(WriteError::from(failed), WriteError::Raced), "{code}");
        }
    }

    #[test]
    fn other_errors_are_not_a_lost_race() {
        let answer =
            r#"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}"#;
        let failed = parse(answer.as_bytes()).expect_err("an error");
        assert!(matches!(
            WriteError::from(failed),
            WriteError::Failed(RecordsError::Unavailable(_))
        ));
        let failed = parse(b"garbage").expect_err("an error");
        assert!(matches!(
            WriteError::from(failed),
            WriteError::Failed(RecordsError::Unavailable(_))
        ));
    }
}
