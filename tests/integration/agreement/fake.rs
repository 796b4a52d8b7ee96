//! The `TestHost` of the SDK.

use std::time::Duration;

use anyhow::Result;
use ws_guest::Cause;
use ws_guest::testing::{Received, TestClient, TestHost, TestRequest};

use super::contract::Contract;
use super::{Host, Seen};

/// By how much time passes while a test waits.
const STEP: Duration = Duration::from_millis(1);

pub(super) struct Fake {
    host: TestHost,
    clients: Vec<TestClient>,
    was_closed: Vec<bool>,
}

pub(super) fn start() -> Fake {
    let host =
        TestHost::new::<Contract>().path("/room/{id}").max_outbound(10_000).panics_are_faults();
    Fake { host, clients: Vec::new(), was_closed: Vec::new() }
}

impl Host for Fake {
    fn connect(&mut self, path: &str, offers: &[&str]) -> Result<String> {
        let mut request = TestRequest::new(path).header("X-Own", "mine");
        for offer in offers {
            request = request.subprotocol(*offer);
        }
        Ok(match self.host.try_connect(request) {
            Ok(client) => {
                let headers = client.response_headers();
                let own = headers.iter().find(|(name, _)| name == "x-own");
                let own = own.map(|(_, value)| value.clone());
                let agreed = format!("{:?} {own:?}", client.subprotocol());
                self.clients.push(client);
                self.was_closed.push(false);
                agreed
            }
            Err(refused) => {
                let own = refused.headers.iter().find(|(name, _)| name == "x-own");
                let own = own.map(|(_, value)| value.clone());
                format!("refused {} {own:?} {:?}", refused.status, refused.text())
            }
        })
    }

    fn send(&mut self, client: usize, text: &str) -> Result<()> {
        self.clients[client].send_text(text);
        Ok(())
    }

    fn send_pong(&mut self, client: usize, length: usize) -> Result<()> {
        self.clients[client].send_pong(vec![7; length]);
        Ok(())
    }

    fn close(&mut self, client: usize, code: u16, reason: &str) -> Result<()> {
        self.clients[client].close_with(code.into(), reason);
        Ok(())
    }

    fn drop(&mut self, client: usize) -> Result<()> {
        self.clients[client].disconnect(Cause::Lost);
        self.was_closed[client] = true;
        Ok(())
    }

    fn wait(&mut self, client: usize, count: usize) -> Result<()> {
        let client = &self.clients[client];
        while client.waiting() + usize::from(client.closed().is_some()) < count {
            self.host.advance(STEP);
        }
        Ok(())
    }

    fn custom(&mut self, message: &str) -> Result<String> {
        Ok(match self.host.send_custom("text/plain", message) {
            Ok(answer) => format!("200 {}", String::from_utf8(answer)?),
            Err(error) => format!("422 {error}"),
        })
    }

    fn publish(&mut self, topic: &str, message: &str) -> Result<String> {
        Ok(format!("published to {} clients", self.host.publish(topic, message)))
    }

    fn reload(&mut self) -> Result<()> {
        self.host.reload::<Contract>().map_err(anyhow::Error::msg)
    }

    fn stop(&mut self) -> Result<()> {
        self.host.stop();
        Ok(())
    }

    fn seen(&mut self) -> Result<Vec<Seen>> {
        let all = self.clients.iter().zip(&mut self.was_closed);
        Ok(all.map(|(client, was_closed)| seen(client, was_closed)).collect())
    }
}

fn seen(client: &TestClient, was_closed: &mut bool) -> Seen {
    let mut seen = Seen::new();
    while let Some(received) = client.receive() {
        seen.push(match received {
            Received::Text(text) => text,
            Received::Binary(bytes) => format!("{} bytes", bytes.len()),
            Received::Ping(bytes) => format!("ping of {}", bytes.len()),
            Received::Pong(bytes) => format!("pong of {}", bytes.len()),
            other => other.to_string(),
        });
    }
    if let Some(closed) = client.closed().filter(|_| !*was_closed) {
        *was_closed = true;
        seen.push(format!("closed {} {}", u16::from(closed.code), closed.reason));
    }
    seen
}
