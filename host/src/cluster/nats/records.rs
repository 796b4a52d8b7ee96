//! Stores records in a JetStream stream that keeps one message for each subject. The revision of a record is the
//! sequence of its message.

use async_nats::Client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::api::{Failed, call, code, publish};
use super::subject::{all_claims, all_leases, all_records, lease_of, record};
use super::version::check_version;
use crate::cluster::placement::{Entry, Key, LeaseId, Records, RecordsError, WriteError};

/// The records of a cluster.
#[derive(Debug)]
pub(crate) struct NatsRecords {
    client: Client,
    cluster: String,
    stream: String,
    replicas: usize,
    /// The length of the longest durable state, in bytes.
    longest_state: usize,
}

/// The bytes of a message that are reserved for everything except the state: the subject, the message's headers, and
/// the header of the state.
const OVERHEAD: usize = 1 << 10;

impl NatsRecords {
    /// Returns the records of a cluster. `client` may reconnect automatically and then send old requests late. This is
    /// harmless because every write is a compare-and-swap.
    pub(crate) fn new(
        client: Client,
        cluster: &str,
        replicas: usize,
        longest_state: usize,
    ) -> Self {
        let stream = format!("WSH_{cluster}_P");
        Self { client, cluster: cluster.to_owned(), stream, replicas, longest_state }
    }

    /// Returns the settings with which the stream is created.
    fn settings(&self) -> Value {
        json!({
            "name": self.stream,
            "subjects": [all_records(&self.cluster)],
            "max_msgs_per_subject": 1,
            "storage": "file",
            "retention": "limits",
            "discard": "old",
            "max_msgs": -1,
            "max_bytes": -1,
            "max_age": 0,
            "max_msg_size": -1,
            "num_replicas": self.replicas,
            // This makes all reads go to the leader.
            "allow_direct": false,
        })
    }

    /// Returns the error for a request without an answer. The error says whether the stream is missing or JetStream
    /// does not answer at the moment.
    async fn no_response(&self) -> RecordsError {
        match call(&self.client, format!("STREAM.INFO.{}", self.stream), &json!({})).await {
            Ok(_) => Failed::Nobody.into(),
            Err(failed) => failed.into(),
        }
    }

    async fn get(&self, query: Value) -> Result<Option<(String, Entry)>, RecordsError> {
        match call(&self.client, format!("STREAM.MSG.GET.{}", self.stream), &query).await {
            Ok(answer) => message(&answer).map(Some).ok_or_else(|| {
                RecordsError::Unavailable(format!(
                    "JetStream sent a response without a message: {answer}"
                ))
            }),
            Err(failed) if failed.is_no_message() => Ok(None),
            Err(failed) => Err(failed.into()),
        }
    }
}

impl Records for NatsRecords {
    async fn create(&self) -> Result<(), RecordsError> {
        let info = self.client.server_info();
        check_version(&info.version, info.cluster.is_some()).map_err(RecordsError::Refused)?;
        check_payload(info.max_payload, self.longest_state).map_err(RecordsError::Refused)?;
        let settings = self.settings();
        let answer = match call(&self.client, format!("STREAM.CREATE.{}", self.stream), &settings)
            .await
        {
            Err(Failed::Error { code: code::NAME_IN_USE, .. }) => {
                call(&self.client, format!("STREAM.INFO.{}", self.stream), &json!({})).await?
            }
            Err(Failed::Nobody) => {
                return Err(RecordsError::Refused(
                    "the broker has no JetStream, which unique-in needs: start nats-server with -js".to_owned(),
                ));
            }
            answer => answer?,
        };
        let config = answer.get("config").unwrap_or(&Value::Null);
        check_settings(&self.stream, &settings, config).map_err(RecordsError::Refused)
    }

    fn max_state(&self) -> usize {
        self.client.server_info().max_payload.saturating_sub(OVERHEAD)
    }

    async fn read(&self, key: &Key) -> Result<Option<Entry>, RecordsError> {
        let entry = self.get(json!({ "last_by_subj": record(&self.cluster, key) })).await?;
        Ok(entry.map(|(_, entry)| entry))
    }

    async fn next_lease(
        &self,
        from: u64,
    ) -> Result<Option<(Option<LeaseId>, Entry)>, RecordsError> {
        let query = json!({ "next_by_subj": all_leases(&self.cluster), "seq": from });
        let next = self.get(query).await?;
        Ok(next.map(|(subject, entry)| (lease_of(&subject), entry)))
    }

    async fn next_claim(&self, from: u64) -> Result<Option<(Key, Entry)>, RecordsError> {
        let query = json!({ "next_by_subj": all_claims(&self.cluster), "seq": from });
        let next = self.get(query).await?;
        Ok(next.map(|(subject, entry)| (Key::StoredClaim(subject.into()), entry)))
    }

    async fn write(&self, key: &Key, content: Bytes, expected: u64) -> Result<u64, WriteError> {
        let subject = record(&self.cluster, key);
        match publish(&self.client, &self.stream, subject, content, expected).await {
            Err(Failed::Nobody) => Err(self.no_response().await.into()),
            result => Ok(result?),
        }
    }

    async fn remove(&self, key: &Key, revision: u64) -> Result<(), RecordsError> {
        // This removes those messages of the subject whose sequence is lower than `seq`.
        let query = json!({ "filter": record(&self.cluster, key), "seq": revision + 1 });
        call(&self.client, format!("STREAM.PURGE.{}", self.stream), &query).await?;
        Ok(())
    }
}

/// Parses the message in the answer to a request.
fn message(answer: &Value) -> Option<(String, Entry)> {
    let message = answer.get("message")?;
    let subject = message.get("subject")?.as_str()?.to_owned();
    let revision = message.get("seq")?.as_u64()?;
    let content = message.get("data").and_then(Value::as_str).unwrap_or_default();
    Some((subject, Entry { revision, content: STANDARD.decode(content).ok()?.into() }))
}

/// Checks that the broker accepts the longest state.
fn check_payload(max_payload: usize, longest_state: usize) -> Result<(), String> {
    if max_payload.saturating_sub(OVERHEAD) >= longest_state {
        return Ok(());
    }
    Err(format!(
        "max-state allows durable states of {longest_state} bytes, but the broker accepts messages of at most \
         {max_payload} bytes, of which the state can use all but {OVERHEAD}: raise max_payload of nats-server, or \
         lower max-state"
    ))
}

/// Checks the settings of a stream that this host may not have created. The number of replicas may differ, because an
/// operator may change it.
fn check_settings(stream: &str, wanted: &Value, found: &Value) -> Result<(), String> {
    let Some(wanted) = wanted.as_object() else { return Ok(()) };
    for (name, wanted) in wanted.iter().filter(|(name, _)| *name != "num_replicas") {
        // Servers omit settings that are false.
        let found = found.get(name).unwrap_or(&Value::Bool(false));
        if found != wanted {
            return Err(format!(
                "the broker's stream {stream} has the setting {name} {found} instead of {wanted}: change it, or \
                 remove the stream while no host runs"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_the_broker_does_not_accept_is_refused() {
        assert_eq!(check_payload(1 << 20, 1023 << 10), Ok(()));
        let why = check_payload(1 << 20, (1023 << 10) + 1).expect_err("refused");
        assert!(why.contains("raise max_payload of nats-server, or lower max-state"), "{why}");
    }

    #[test]
    fn a_stream_with_other_settings_is_refused() {
        let wanted = json!({ "name": "S", "allow_direct": false, "max_msgs_per_subject": 1, "num_replicas": 1 });
        let found =
            json!({ "name": "S", "max_msgs_per_subject": 1, "num_replicas": 3, "more": true });
        assert_eq!(check_settings("S", &wanted, &found), Ok(()));
        let found = json!({ "name": "S", "max_msgs_per_subject": 2 });
        let why = check_settings("S", &wanted, &found).expect_err("refused");
        assert!(why.contains("max_msgs_per_subject 2 instead of 1"), "{why}");
        let found = json!({ "name": "S", "max_msgs_per_subject": 1, "allow_direct": true });
        assert!(check_settings("S", &wanted, &found).is_err());
    }
}
