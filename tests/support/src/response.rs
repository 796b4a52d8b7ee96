//! HTTP responses, read from the wire.

use std::io::Read;
use std::net::SocketAddr;

use anyhow::{Context, Result};

use crate::client::open_stream;

/// An HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Status line and headers, as received.
    pub head: String,
    /// Everything up to the end of the connection; empty after an upgrade.
    pub body: String,
}

impl Response {
    /// Sends a request and reads the head of the response.
    pub fn to_head(server: SocketAddr, request: &str) -> Result<Self> {
        Self::read_head(&mut open_stream(server, request.as_bytes())?)
    }

    /// Sends a request and reads the response up to the end of the connection.
    pub fn to(server: SocketAddr, request: &str) -> Result<Self> {
        Self::to_raw(server, request.as_bytes())
    }

    /// Sends a request that need not be UTF-8, and reads the response up to the end of the connection.
    pub fn to_raw(server: SocketAddr, request: &[u8]) -> Result<Self> {
        let mut stream = open_stream(server, request)?;
        let mut response = Self::read_head(&mut stream)?;
        stream.read_to_string(&mut response.body).context("the server did not close")?;
        Ok(response)
    }

    /// Reads up to and including the empty line.
    pub fn read_head(stream: &mut impl Read) -> Result<Self> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).with_context(|| {
                format!("the head of a response, after {:?}", String::from_utf8_lossy(&head))
            })?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head)?;
        let status = head.split(' ').nth(1).context("no status line")?.parse()?;
        Ok(Self { status, head, body: String::new() })
    }

    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}
