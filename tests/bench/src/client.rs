//! A minimal WebSocket client: the handshake and one text message.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::message::{Keys, Kind, Pattern};

/// How long a server may take for one answer before the measurement fails.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of the message in [`one_echo`].
const SHORT: usize = 20;

/// The accept value for the key in [`request`] (RFC 6455 §1.3).
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Bytes of the longest response head that is read.
pub(crate) const LONGEST_HEAD: usize = 4096;

/// The extension that a handshake offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// Nothing.
    None,
    /// permessage-deflate without context takeover (RFC 7692 §7.1.1). It keeps all servers
    /// comparable, whether or not they would take over their contexts.
    Deflate,
}

/// Returns the opening handshake for a path.
pub(crate) fn request(path: &str) -> String {
    request_with(path, Extension::None)
}

/// Returns the opening handshake for a path, offering an extension.
pub(crate) fn request_with(path: &str, extension: Extension) -> String {
    let extension = match extension {
        Extension::None => "",
        Extension::Deflate => {
            "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
             client_no_context_takeover\r\n"
        }
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extension}\r\n"
    )
}

/// Checks that a response head accepts the extension that was offered, and no other.
pub(crate) fn agrees(head: &str, extension: Extension) -> Result<()> {
    let head = head.to_ascii_lowercase();
    let is_there = |text: &str| head.contains(text);
    ensure!(
        match extension {
            Extension::None => !is_there("permessage-deflate"),
            Extension::Deflate =>
                is_there("permessage-deflate") && is_there("server_no_context_takeover"),
        },
        "the server did not accept the offered extension, or accepted one that was not offered: {head}"
    );
    Ok(())
}

/// Returns whether the response head is complete.
///
/// # Errors
///
/// The response is no upgrade, or bytes follow it: these servers send nothing before the first
/// message.
pub(crate) fn is_upgrade(answer: &[u8]) -> Result<bool> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        ensure!(answer.len() < LONGEST_HEAD, "the response head of the handshake is too long");
        return Ok(false);
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    ensure!(
        head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT),
        "the server refused the upgrade: {head}"
    );
    ensure!(end + 4 == answer.len(), "the server sent bytes after the handshake");
    Ok(true)
}

/// Connects and upgrades.
pub(crate) fn handshake(server: SocketAddr, path: &str) -> Result<TcpStream> {
    let mut stream = connect(server)?;
    upgrade(&mut stream, &request(path))?;
    Ok(stream)
}

/// Connects without sending anything.
pub(crate) fn connect(server: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Sends a handshake and returns the response head.
pub(crate) fn upgrade(stream: &mut (impl Read + Write), request: &str) -> Result<String> {
    stream.write_all(request.as_bytes())?;
    let (mut answer, mut length) = ([0; LONGEST_HEAD], 0);
    while !is_upgrade(&answer[..length])? {
        let read = stream
            .read(&mut answer[length..])
            .context("the server did not answer the handshake")?;
        ensure!(read > 0, "the server closed a connection during the handshake");
        length += read;
    }
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

/// Connects, has one message of 20 bytes echoed, and returns the connection, now idle.
pub(crate) fn one_echo(server: SocketAddr) -> Result<TcpStream> {
    let mut stream = handshake(server, "/")?;
    let (pattern, mut request) = (Pattern::new(Kind::Text, SHORT), Vec::new());
    let key = pattern.write_request(&mut Keys::new(), &mut request);
    stream.write_all(&request)?;
    let mut received = vec![0; pattern.answer_length()];
    stream.read_exact(&mut received).context("the server did not send the echo")?;
    ensure!(pattern.matches(key, 0, &received), "an echo differs from the message");
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upgrade_is_recognised_when_its_head_is_complete() {
        let head = format!("HTTP/1.1 101 Sure\r\nsec-websocket-accept: {ACCEPT}\r\n\r\n");
        assert!(is_upgrade(head.as_bytes()).unwrap());
        assert!(!is_upgrade(&head.as_bytes()[..30]).unwrap());
        assert!(is_upgrade((head + "more").as_bytes()).is_err());
        assert!(is_upgrade(b"HTTP/1.1 101 Sure\r\n\r\n").is_err());
        assert!(is_upgrade(b"HTTP/1.1 503 No\r\n\r\n").is_err());
    }
}
