//! Subjects. Those of topics are `ws.<cluster>.t.<resource>.<topic>`, and those of placement records are
//! `ws.<cluster>.p.…`. Hosts announce themselves on `ws.<cluster>.host`. The name of a resource, a topic or a path is
//! encoded as one token. The name of a cluster is already a valid token.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::cluster::placement::{ActorName, Key, LeaseId};

/// The maximum length of the token for a path, in bytes. The length is limited because NATS closes connections that
/// send lines of more than 4 KiB.
const MAX_PATH: usize = 1 << 10;

/// Returns the subject of a topic.
pub(super) fn subject(cluster: &str, resource: &str, topic: &str) -> String {
    let mut subject = String::with_capacity(16 + cluster.len() + resource.len() + topic.len());
    subject += "ws.";
    subject += cluster;
    subject += ".t.";
    push_token(&mut subject, resource);
    subject += ".";
    push_token(&mut subject, topic);
    subject
}

/// Returns the subject for requests that nobody answers.
pub(super) fn sync_subject(cluster: &str) -> String {
    format!("ws.{cluster}.sync")
}

/// The subjects on which the hosts of all clusters announce themselves.
pub(super) const ALL_HOSTS: &str = "ws.*.host";

/// Returns the subject on which the hosts of a cluster announce themselves.
pub(super) fn host_subject(cluster: &str) -> String {
    format!("ws.{cluster}.host")
}

/// Returns the cluster of a host that has announced itself.
pub(super) fn cluster_of(subject: &str) -> Option<&str> {
    subject.strip_prefix("ws.")?.strip_suffix(".host")
}

/// Returns the prefix of the subjects on which a host receives the answers to its own requests.
pub(super) fn inbox_prefix(cluster: &str) -> String {
    format!("ws.{cluster}.inbox")
}

/// Returns the subjects of all placement records.
pub(super) fn all_records(cluster: &str) -> String {
    format!("ws.{cluster}.p.>")
}

/// Returns the subjects of all leases.
pub(super) fn all_leases(cluster: &str) -> String {
    format!("ws.{cluster}.p.h.*")
}

/// Returns the subjects of all claims.
pub(super) fn all_claims(cluster: &str) -> String {
    format!("ws.{cluster}.p.a.>")
}

/// Returns the lease that a subject belongs to.
pub(super) fn lease_of(subject: &str) -> Option<LeaseId> {
    LeaseId::parse(subject.rsplit('.').next()?)
}

/// Returns the subject of a record.
pub(super) fn record(cluster: &str, key: &Key) -> String {
    match key {
        Key::Lease(id) => format!("ws.{cluster}.p.h.{id}"),
        Key::StoredClaim(subject) => subject.to_string(),
        Key::Open => format!("ws.{cluster}.p.o"),
        Key::Claim(actor) => record_of(cluster, "a", actor),
        Key::State(actor) => record_of(cluster, "s", actor),
    }
}

/// Returns the subject of an actor's record.
fn record_of(cluster: &str, kind: &str, ActorName { resource, path }: &ActorName) -> String {
    let mut subject = format!("ws.{cluster}.p.{kind}.");
    push_token(&mut subject, resource);
    subject += ".";
    let start = subject.len();
    push_token(&mut subject, path);
    if subject.len() - start > MAX_PATH {
        subject.truncate(start);
        // No other token begins with this.
        subject += "=sha256";
        for byte in Sha256::digest(path.as_bytes()) {
            // Writing to a string cannot fail.
            let _ = write!(subject, "{byte:02x}");
        }
    }
    subject
}

/// Adds a name as one token: bytes outside `A-Za-z0-9_:/@+-` become `=XX`, in hexadecimal.
fn push_token(subject: &mut String, name: &str) {
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b':' | b'/' | b'@' | b'+' | b'-' => {
                subject.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(subject, "={byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_token_each() {
        assert_eq!(subject("default", "chat", "room:42"), "ws.default.t.chat.room:42");
        assert_eq!(subject("a", "b", "a.b *>=\r\n"), "ws.a.t.b.a=2Eb=20=2A=3E=3D=0D=0A");
        assert_eq!(subject("a", "b.c", "ä"), "ws.a.t.b=2Ec.=C3=A4");
        assert_eq!(subject("a", "b", "A_z0:/@+-"), "ws.a.t.b.A_z0:/@+-");
    }

    #[test]
    fn subject_of_an_announcement_names_the_cluster() {
        assert_eq!(cluster_of(&host_subject("a-B_1")), Some("a-B_1"));
        assert_eq!(ALL_HOSTS, host_subject("*"));
        for other in ["ws.a.sync", "ws.host", "a.host", ""] {
            assert_eq!(cluster_of(other), None, "{other}");
        }
    }

    #[test]
    fn records_of_placement_have_subjects_of_their_own() {
        let claim = |path: &str| {
            record("c", &Key::Claim(ActorName { resource: "r.1".into(), path: path.into() }))
        };
        assert_eq!(claim("/room/a.b"), "ws.c.p.a.r=2E1./room/a=2Eb");
        let state = Key::State(ActorName { resource: "r".into(), path: "/a".into() });
        assert_eq!(record("c", &state), "ws.c.p.s.r./a");
        assert_eq!(record("c", &Key::Open), "ws.c.p.o");
        let (long, longer) = (claim(&"x".repeat(2000)), claim(&"x".repeat(2001)));
        assert!(long.len() < 100 && longer.len() < 100 && long != longer, "{long}");
        let id = LeaseId::parse("00000000000000ff").expect("a lease");
        assert_eq!(record("c", &Key::Lease(id)), "ws.c.p.h.00000000000000ff");
        assert_eq!(lease_of("ws.c.p.h.00000000000000ff"), Some(id));
        for other in ["ff", "00000000000000FF", "+0000000000000ff", "short"] {
            assert_eq!(lease_of(&format!("ws.c.p.h.{other}")), None, "{other}");
        }
    }
}
