//! Sockudo, a server of the Pusher protocol in Rust, with NATS.
//!
//! A client publishes with client events, which the protocol allows only in a private channel that the client has
//! subscribed to. The server sends a client event to all other subscribers.

use std::fmt::Write;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use ring::hmac;
use serde_json::{Value, json};
use tempfile::TempDir;
use ws_host_test_support::{Broker, Client, root};

use super::listener::Listener;
use super::{Process, System, ask, receive, start_nats};
use crate::launch::Launch;
use crate::load::{Around, Order, Wording};

/// The public name of the one app.
const KEY: &str = "bench";

/// What subscriptions to private channels are signed with.
const SECRET: &str = "a secret of the one app";

/// Sockudo with NATS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sockudo;

/// A running host, and the folder of its configuration.
#[derive(Debug)]
struct Host {
    listener: Listener,
    _folder: TempDir,
}

impl System for Sockudo {
    fn name(&self) -> &'static str {
        "sockudo"
    }

    fn version(&self) -> Result<String> {
        let program = program();
        let output =
            Command::new(&program).arg("--version").output().context("sockudo is not installed")?;
        ensure!(output.status.success(), "{} ended with {}", program.display(), output.status);
        // `sockudo 5.2.0`
        let text = String::from_utf8(output.stdout)?;
        let version = text.split_whitespace().nth(1).context("sockudo has no version")?;
        Ok(format!("Sockudo {version} with {}", Broker::version()?))
    }

    fn start_broker(&self, core: usize) -> Result<Box<dyn Process>> {
        start_nats(core)
    }

    fn start_host(&self, core: usize, broker: SocketAddr) -> Result<Box<dyn Process>> {
        let address = Listener::free_address()?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("config.json");
        std::fs::write(&file, configuration(address, broker).to_string())?;
        let mut command = Launch::new(program()).arg("--config").arg(file).on_core(core)?;
        command
            // Variables such as `PORT` would change the configuration.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            // At the default level, it writes lines for connections and subscriptions.
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            // It logs to standard output, where the figures are.
            .stdout(std::io::stderr().as_fd().try_clone_to_owned()?);
        Ok(Box::new(Host { listener: Listener::start(&mut command, address)?, _folder: folder }))
    }

    fn publisher(&self, host: SocketAddr, channel: &str) -> Result<Client> {
        self.subscriber(host, channel)
    }

    fn subscriber(&self, host: SocketAddr, channel: &str) -> Result<Client> {
        let mut client = Client::connect_at(host, &format!("/app/{KEY}?protocol=7"))?;
        let greeting = receive(&mut client, r#"{"event":"pusher:connection_established","#)?;
        let channel = private(channel);
        let auth = authorization(&socket_id(&greeting)?, &channel);
        let data = json!({"channel": channel, "auth": auth});
        let request = json!({"event": "pusher:subscribe", "data": data}).to_string();
        ask(&mut client, &request, r#"{"event":"pusher_internal:subscription_succeeded","#)?;
        Ok(client)
    }

    fn wording(&self, channel: &str) -> Wording {
        let channel = private(channel);
        let event = Around {
            before: format!(r#"{{"event":"client-news","channel":"{channel}","data":""#),
            after: r#""}"#.into(),
        };
        Wording { published: event.clone(), delivered: event }
    }

    fn order(&self) -> Order {
        // A host starts a task for each message from the broker, and tasks may overtake each other.
        Order::Any
    }
}

impl Process for Host {
    fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    fn process_id(&self) -> u32 {
        self.listener.process_id()
    }
}

/// Returns the path of the program that `make bench-peers` installs, or else the name of the one in `PATH`.
fn program() -> PathBuf {
    let installed = root().join("target/peers/bin/sockudo");
    if installed.is_file() { installed } else { "sockudo".into() }
}

/// Returns the settings of a host. No other service is needed than NATS, and no limit slows clients down.
fn configuration(address: SocketAddr, broker: SocketAddr) -> Value {
    let app = json!({
        "id": "bench",
        "key": KEY,
        "secret": SECRET,
        "enabled": true,
        "policy": {
            "features": {"enable_client_messages": true},
            // 0 means that there is no limit.
            "limits": {"max_connections": 0, "max_client_events_per_second": 0},
        },
    });
    json!({
        "host": address.ip(),
        "port": address.port(),
        // The load generator compares bytes, and answers no pings.
        "activity_timeout": 3600,
        "adapter": {
            "driver": "nats",
            "nats": {"servers": [format!("nats://{broker}")]},
            // Without NATS, a host must fail, and not serve its own clients only.
            "fallback_to_local": false,
        },
        "app_manager": {"array": {"apps": [app]}},
        // Two hosts would need Redis for it. Client events have no idempotency keys.
        "idempotency": {"enabled": false},
        "metrics": {"enabled": false},
        // For webhooks, which the app has none of.
        "queue": {"driver": "none"},
        "rate_limiter": {"enabled": false},
        // Subscribers are up to 1,000 messages behind. With the default of 1,000, some would be disconnected.
        "websocket": {"max_messages": 2000},
    })
}

/// Returns the id that the server gave a connection: in JSON that is a string in JSON.
fn socket_id(greeting: &str) -> Result<String> {
    let greeting: Value = serde_json::from_str(greeting)?;
    let data: Value = serde_json::from_str(greeting["data"].as_str().context("data")?)?;
    Ok(data["socket_id"].as_str().context("a socket id")?.to_owned())
}

/// Returns the full name of a channel. Client events are allowed in private channels only.
fn private(channel: &str) -> String {
    format!("private-{channel}")
}

/// Returns the permission to subscribe to a channel, which an app's own server would sign.
fn authorization(socket_id: &str, channel: &str) -> String {
    signature(KEY, SECRET, &format!("{socket_id}:{channel}"))
}

fn signature(key: &str, secret: &str, text: &str) -> String {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signature = format!("{key}:");
    for byte in hmac::sign(&secret, text.as_bytes()).as_ref() {
        write!(signature, "{byte:02x}").expect("a string takes everything");
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_signed_as_the_documentation_of_pusher_shows() {
        let signature =
            signature("278d425bdf160c739803", "7ad3773142a6692b25b8", "1234.1234:private-foobar");
        let expected = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
        assert_eq!(signature, format!("278d425bdf160c739803:{expected}"));
    }

    #[test]
    fn socket_id_is_taken_from_the_greeting() {
        let greeting =
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"12.34\"}"}"#;
        assert_eq!(socket_id(greeting).unwrap(), "12.34");
        assert!(socket_id(r#"{"event":"pusher:error"}"#).is_err());
    }
}
