//! Subjects: `ws.<cluster>.t.<resource>.<topic>`. The name of a resource and a topic are one token each. The name of a
//! cluster is a token as it is.

use std::fmt::Write;

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

/// Returns the subject of requests that nobody answers.
pub(super) fn sync_subject(cluster: &str) -> String {
    format!("ws.{cluster}.sync")
}

/// Returns the beginning of the subjects at which a host gets the server's answers to its own requests.
pub(super) fn inbox_prefix(cluster: &str) -> String {
    format!("ws.{cluster}.inbox")
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
}
