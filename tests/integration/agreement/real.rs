//! The host, over sockets.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use tempfile::TempDir;
use ws_host_test_support::{Client, Response, TestServer, component, handshake};

use super::{GUEST, Host, Seen};
use crate::configured::ask_admin;

/// The payload of a ping that is sent to see what came before its pong.
const BARRIER: &[u8] = b"barrier";

/// The first bytes of frames.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

pub(super) struct Real {
    server: TestServer,
    admin: SocketAddr,
    component: PathBuf,
    clients: Vec<Connected>,
    _folder: TempDir,
}

struct Connected {
    /// None once it has ended.
    client: Option<Client>,
    seen: Seen,
}

pub(super) fn start() -> Result<Real> {
    let folder = tempfile::tempdir()?;
    let component_file = folder.path().join("guest.wasm");
    std::fs::copy(component(GUEST), &component_file)?;
    let flags = ["--path", "/room/{id}", "--max-message", "4096", "--max-outbound", "10000"];
    let flags = [&flags[..], &["--no-watch", "--admin", "127.0.0.1:0"]].concat();
    let mut server = TestServer::serving_file(&component_file, &flags)?;
    let admin = server.admin()?;
    Ok(Real { server, admin, component: component_file, clients: Vec::new(), _folder: folder })
}

impl Connected {
    /// Reads until the pong of a ping has come, or the connection has ended.
    fn synchronize(&mut self) -> Result<()> {
        if let Some(client) = &mut self.client
            && client.send_frame(PING, BARRIER).is_ok()
        {
            while self.read()? != Some(BARRIER.to_vec()) && self.client.is_some() {}
        }
        Ok(())
    }

    /// Reads until the client has seen something that begins like this.
    fn read_until(&mut self, beginning: &str) -> Result<()> {
        let mut next = 0;
        loop {
            if self.seen[next..].iter().any(|seen| seen.starts_with(beginning)) {
                return Ok(());
            }
            next = self.seen.len();
            ensure!(self.client.is_some(), "it ended before {beginning}: {:?}", self.seen);
            self.read()?;
        }
    }

    /// Reads the next message or control frame, and answers a close frame. Returns the payload of a pong.
    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(client) = &mut self.client else { return Ok(None) };
        let mut frame = match client.receive() {
            Ok(frame) => frame,
            Err(error) => {
                // The host has dropped the connection. A time limit is not the host's.
                let io = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
                ensure!(io != Some(ErrorKind::WouldBlock), "nothing came after {:?}", self.seen);
                self.client = None;
                self.seen.push("closed 1006 ".to_owned());
                return Ok(None);
            }
        };
        while frame.first & 0x80 == 0 {
            let next = client.receive()?;
            frame.payload.extend(next.payload);
            frame.first |= next.first & 0x80;
        }
        let length = frame.payload.len();
        let seen = match frame.first {
            TEXT => String::from_utf8(frame.payload)?,
            BINARY => format!("{length} bytes"),
            PING => format!("ping of {length}"),
            PONG if frame.payload == BARRIER => return Ok(Some(frame.payload)),
            PONG => format!("pong of {length}"),
            CLOSE => {
                let (code, reason) = frame.payload.split_at(2);
                let code = u16::from_be_bytes([code[0], code[1]]);
                // Fails if this close frame answers the client's own.
                let _ = client.send_close(code, "");
                self.client = None;
                format!("closed {code} {}", str::from_utf8(reason)?)
            }
            other => anyhow::bail!("a frame that begins with {other:02x}"),
        };
        self.seen.push(seen);
        Ok(None)
    }
}

impl Real {
    /// After the end of a connection: waits until the handler has sent a message about it to another client.
    fn wait_for_left(&mut self) -> Result<()> {
        match self.clients.iter_mut().find(|other| other.client.is_some()) {
            Some(other) => other.read_until("left:"),
            None => Ok(()),
        }
    }

    fn client(&mut self, client: usize) -> Result<&mut Client> {
        self.clients[client].client.as_mut().context("the client has gone")
    }
}

impl Host for Real {
    fn connect(&mut self, path: &str, offers: &[&str]) -> Result<String> {
        let mut more = "X-Own: mine\r\n".to_owned();
        if !offers.is_empty() {
            more += &format!("Sec-WebSocket-Protocol: {}\r\n", offers.join(", "));
        }
        let request = handshake(path, &more);
        let mut stream =
            ws_host_test_support::open_stream(self.server.address(), request.as_bytes())?;
        let mut response = Response::read_head(&mut stream)?;
        let own = response.header("x-own").map(str::to_owned);
        if response.status != 101 {
            let length = response.header("content-length").context("no length")?.parse()?;
            let mut body = vec![0; length];
            std::io::Read::read_exact(&mut stream, &mut body)?;
            response.body = String::from_utf8(body)?;
            return Ok(format!("refused {} {own:?} {:?}", response.status, response.body));
        }
        let agreed = format!("{:?} {own:?}", response.header("sec-websocket-protocol"));
        self.clients.push(Connected { client: Some(Client::on(stream)), seen: Seen::new() });
        Ok(agreed)
    }

    fn send(&mut self, client: usize, text: &str) -> Result<()> {
        self.client(client)?.send_text(text)?;
        self.clients[client].synchronize()?;
        // `drained` is called after the output has been written.
        match text {
            "fill me" | "bytes me 9990" => self.clients[client].read_until("drained")?,
            "fill other" => {
                let mut others = self.clients.iter_mut().enumerate();
                let other = others.find(|(other, it)| *other != client && it.client.is_some());
                other.context("there is no other client")?.1.read_until("drained")?;
            }
            _ => {}
        }
        Ok(())
    }

    fn send_pong(&mut self, client: usize, length: usize) -> Result<()> {
        self.client(client)?.send_frame(PONG, &vec![7; length])?;
        self.clients[client].synchronize()
    }

    fn close(&mut self, client: usize, code: u16, reason: &str) -> Result<()> {
        self.client(client)?.send_close(code, reason)?;
        self.clients[client].read_until("closed")
    }

    fn drop(&mut self, client: usize) -> Result<()> {
        self.clients[client].client = None;
        self.wait_for_left()
    }

    fn wait(&mut self, client: usize, count: usize) -> Result<()> {
        while self.clients[client].seen.len() < count {
            self.clients[client].read()?;
        }
        Ok(())
    }

    fn custom(&mut self, message: &str) -> Result<String> {
        let path = "POST /resources/guest/messages";
        let response =
            ask_admin(self.admin, path, "Content-Type: text/plain\r\n", message.as_bytes())?;
        Ok(format!("{} {}", response.status, response.body.trim_end()))
    }

    fn publish(&mut self, topic: &str, message: &str) -> Result<String> {
        let path = format!("POST /resources/guest/topics/{topic}");
        let response =
            ask_admin(self.admin, &path, "Content-Type: text/plain\r\n", message.as_bytes())?;
        // Each worker delivers to its own clients after the answer. In these scripts, every client subscribes.
        for client in self.clients.iter_mut().filter(|other| other.client.is_some()) {
            client.read_until(message)?;
        }
        Ok(response.body.trim_end().to_owned())
    }

    fn reload(&mut self) -> Result<()> {
        // A section without meaning: other bytes, the same code.
        let bytes = [&std::fs::read(&self.component)?[..], b"\0\x05\x04more"].concat();
        let new = self.component.with_extension("new");
        std::fs::write(&new, bytes)?;
        std::fs::rename(&new, &self.component)?;
        let response = ask_admin(self.admin, "POST /reload", "", b"")?;
        ensure!(response.status == 200, "{response:?}");
        self.clients
            .iter_mut()
            .filter(|it| it.client.is_some())
            .try_for_each(|it| it.read_until("resumed"))
    }

    fn stop(&mut self) -> Result<()> {
        self.server.signal(Signal::TERM)?;
        self.clients
            .iter_mut()
            .filter(|it| it.client.is_some())
            .try_for_each(|it| it.read_until("closed"))
    }

    fn seen(&mut self) -> Result<Vec<Seen>> {
        let closed = |it: &Connected| it.seen.iter().any(|seen| seen.starts_with("closed"));
        self.clients.iter_mut().try_for_each(Connected::synchronize)?;
        if self.clients.iter().any(closed) {
            self.wait_for_left()?;
            self.clients.iter_mut().try_for_each(Connected::synchronize)?;
        }
        Ok(self.clients.iter_mut().map(|it| std::mem::take(&mut it.seen)).collect())
    }
}
