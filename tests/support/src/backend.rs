//! A program that speaks the protocol of NATS itself, as a backend would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::client::DEADLINE;

/// A connection to a NATS server.
#[derive(Debug)]
pub struct Backend {
    stream: BufReader<TcpStream>,
}

impl Backend {
    /// Connects.
    pub fn connect(broker: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(broker)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let mut backend = Self { stream: BufReader::new(stream) };
        ensure!(backend.line()?.starts_with("INFO "));
        backend.send(b"CONNECT {\"verbose\":false,\"headers\":true}\r\n")?;
        backend.sync()?;
        Ok(backend)
    }

    /// Publishes as `nats pub` does.
    pub fn publish(&mut self, subject: &str, payload: &[u8]) -> Result<()> {
        let head = format!("PUB {subject} {}\r\n", payload.len());
        self.send(&[head.as_bytes(), payload, b"\r\n"].concat())
    }

    /// Publishes with the header `Ws`.
    pub fn publish_with(&mut self, subject: &str, header: &str, payload: &[u8]) -> Result<()> {
        let headers = format!("NATS/1.0\r\nWs: {header}\r\n\r\n");
        let (length, total) = (headers.len(), headers.len() + payload.len());
        let head = format!("HPUB {subject} {length} {total}\r\n{headers}");
        self.send(&[head.as_bytes(), payload, b"\r\n"].concat())
    }

    /// Subscribes to a subject, or a pattern of subjects.
    pub fn subscribe(&mut self, subject: &str) -> Result<()> {
        self.send(format!("SUB {subject} 1\r\n").as_bytes())?;
        self.sync()
    }

    /// Sends a request, and receives the answer. Fails if there is none in this time.
    pub fn request(&mut self, subject: &str, payload: &[u8], within: Duration) -> Result<Vec<u8>> {
        let inbox = format!("_INBOX.{}", std::process::id());
        self.subscribe(&inbox)?;
        let head = format!("PUB {subject} {inbox} {}\r\n", payload.len());
        self.send(&[head.as_bytes(), payload, b"\r\n"].concat())?;
        self.stream.get_ref().set_read_timeout(Some(within))?;
        Ok(self.receive()?.2)
    }

    /// Waits until the server has read everything.
    pub fn sync(&mut self) -> Result<()> {
        self.send(b"PING\r\n")?;
        loop {
            match self.line()?.as_str() {
                "PONG" => return Ok(()),
                "PING" => self.send(b"PONG\r\n")?,
                other => ensure!(other.starts_with("INFO "), "the server said {other:?}"),
            }
        }
    }

    /// Receives a message: its subject, the value of its header `Ws` (empty if it has none), and its payload.
    pub fn receive(&mut self) -> Result<(String, String, Vec<u8>)> {
        loop {
            let line = self.line()?;
            let words: Vec<&str> = line.split(' ').collect();
            let (subject, header_length, total) = match words[..] {
                ["MSG", subject, _, total] => (subject, 0, total.parse::<usize>()?),
                ["HMSG", subject, _, header, total] => (subject, header.parse()?, total.parse()?),
                ["PING"] => {
                    self.send(b"PONG\r\n")?;
                    continue;
                }
                _ => bail!("the server said {line:?}"),
            };
            let mut bytes = vec![0; total + 2];
            self.stream.read_exact(&mut bytes)?;
            let head = String::from_utf8(bytes[..header_length].to_vec())?;
            let header =
                head.lines().find_map(|line| line.strip_prefix("Ws: ")).unwrap_or_default();
            let payload = bytes[header_length..total].to_vec();
            return Ok((subject.to_owned(), header.to_owned(), payload));
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
        Ok(line.trim_end().to_owned())
    }
}
