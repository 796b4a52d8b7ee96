//! NATS, through its official client.
//!
//! The client library could reconnect automatically. But until it is connected again, it would keep messages, and it
//! would then send them late. So topics do not use automatic reconnection. A [session](session::NatsSession) is a
//! single connection. When the session ends, [`super::member`] makes another one.

mod api;
mod credentials;
mod notices;
mod records;
mod session;
mod subject;
mod version;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{AuthError, ConnectError, ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use rand::seq::SliceRandom;

use self::credentials::sign_in;
use self::notices::Notices;
pub(crate) use self::records::NatsRecords;
pub(super) use self::session::NatsSession;
use self::subject::inbox_prefix;
use super::broker::Broker;
use super::placement::Timing;
use super::shared::Shared;
use crate::config;

/// The time between two pings. A connection counts as ended when three pings in a row are unanswered.
const PING: Duration = Duration::from_secs(2);

/// How long connecting to one server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server may take to confirm that it has read everything.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of commands that wait in the client library.
const COMMANDS: usize = 128;

/// The maximum number of requests for records that wait in the client library. Requests that have taken too long still
/// wait there, and may contain whole states.
const REQUESTS: usize = 16;

/// The maximum number of messages of one topic that wait in the client library. The library reads at most 128 times
/// before the receiving tasks get to run. With the read buffer below, the library never holds more messages than this.
const MESSAGES: usize = 64 << 10;

/// How many bytes the client library reads at once.
const READ_BUFFER: u16 = 16 << 10;

/// A pause that is longer than any session.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A NATS server, or a cluster of them.
#[derive(Debug)]
pub(super) struct Nats {
    cluster: Arc<str>,
    servers: Vec<String>,
    credentials: Option<PathBuf>,
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Nats {
    pub(super) fn new(config: &config::Cluster) -> Self {
        Self {
            cluster: Arc::clone(&config.name),
            servers: config.servers.clone(),
            credentials: config.credentials.clone(),
            ca: config.ca.clone(),
            identity: config.identity.clone(),
        }
    }

    async fn connect_to(
        &self,
        server: &str,
        shared: &Arc<Shared>,
        connection: u32,
    ) -> Result<NatsSession, String> {
        let notices = Notices::new(&self.cluster, shared);
        let is_connected = Arc::new(AtomicBool::new(false));
        let options = self.options(shared.host, &notices, &is_connected).await?;
        let options = with_credentials(options, &parse(server)?);
        // The client library logs the address, so it must not contain credentials.
        let address = parse(&without_credentials(server))?;
        let client = options.connect(address).await.map_err(|error| describe(&error))?;
        is_connected.store(true, Ordering::Relaxed);
        let info = client.server_info();
        if !info.headers {
            let version = &info.version;
            return Err(format!(
                "NATS {version} does not offer message headers, which ws-host needs: use 2.9 or \
                 later, and do not disable headers"
            ));
        }
        let name = format!("{} (NATS {})", without_credentials(server), info.version);
        Ok(NatsSession::new(client, name, notices, &self.cluster, shared, connection))
    }

    async fn options(
        &self,
        host: u64,
        notices: &Arc<Notices>,
        is_connected: &Arc<AtomicBool>,
    ) -> Result<ConnectOptions, String> {
        let (notices, is_connected) = (Arc::clone(notices), Arc::clone(is_connected));
        let options = ConnectOptions::new()
            .name(format!("ws-host {host:016x}"))
            .no_echo()
            .custom_inbox_prefix(inbox_prefix(&self.cluster))
            .ping_interval(PING)
            .request_timeout(Some(REQUEST_TIMEOUT))
            .connection_timeout(CONNECT_TIMEOUT)
            .client_capacity(COMMANDS)
            .subscription_capacity(MESSAGES)
            .read_buffer_capacity(READ_BUFFER)
            .ignore_discovered_servers()
            // This callback keeps the client library from ever reconnecting automatically.
            .reconnect_delay_callback(move |_| match is_connected.load(Ordering::Relaxed) {
                true => NEVER,
                false => Duration::ZERO,
            })
            .event_callback(move |event| {
                notices.add(event);
                async {}
            });
        self.with_identity(options).await
    }

    /// Returns the store of the cluster's records. It uses a connection of its own, on which the client library
    /// reconnects automatically. `name` is what the server shows for this connection.
    pub(super) async fn records(
        &self,
        name: &str,
        timing: Timing,
        replicas: usize,
        longest_state: usize,
    ) -> Result<NatsRecords, String> {
        let all = self.servers.iter().map(|server| parse(server)).collect::<Result<Vec<_>, _>>()?;
        let named = all.iter().find(|server| server.username().is_some());
        let options = self.signing_in(named).await?;
        let options = options
            .name(name)
            .custom_inbox_prefix(inbox_prefix(&self.cluster))
            .ping_interval(timing.lease() / 8)
            // Placement itself limits the time of each request.
            .request_timeout(None)
            .client_capacity(REQUESTS)
            .connection_timeout(timing.request())
            .reconnect_delay_callback(move |_| timing.retry());
        let options = self.with_certificates(options);
        // The client library logs the addresses, so they must not contain credentials.
        let servers = self.servers.iter().map(|server| parse(&without_credentials(server)));
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        let client = options.connect(servers).await.map_err(|error| describe(&error))?;
        Ok(NatsRecords::new(client, &self.cluster, replicas, longest_state))
    }

    /// Returns options with which each new connection reads the credentials file again. `named` is the server whose URL
    /// contains a user and password, or a token.
    async fn signing_in(&self, named: Option<&ServerAddr>) -> Result<ConnectOptions, String> {
        let Some(file) = self.credentials.clone() else {
            let options = ConnectOptions::new();
            return Ok(match named {
                Some(server) => with_credentials(options, server),
                None => options,
            });
        };
        // The file is also read now, so that a mistake is reported at once.
        sign_in(&file, &[]).await.map_err(|error| unreadable(&file, &error))?;
        let login = named.map(login).unwrap_or_default();
        Ok(ConnectOptions::with_auth_callback(move |nonce| {
            let (file, login) = (file.clone(), login.clone());
            async move {
                let auth = sign_in(&file, &nonce).await;
                let mut auth = auth.map_err(|error| AuthError::new(unreadable(&file, &error)))?;
                (auth.username, auth.password, auth.token) = login;
                Ok(auth)
            }
        }))
    }

    async fn with_identity(&self, mut options: ConnectOptions) -> Result<ConnectOptions, String> {
        if let Some(file) = &self.credentials {
            let read = options.credentials_file(file).await;
            options = read.map_err(|error| unreadable(file, &error))?;
        }
        Ok(self.with_certificates(options))
    }

    fn with_certificates(&self, mut options: ConnectOptions) -> ConnectOptions {
        if let Some(file) = &self.ca {
            options = options.add_root_certificates(file.clone()).require_tls(true);
        }
        if let Some((cert, key)) = &self.identity {
            options = options.add_client_certificate(cert.clone(), key.clone()).require_tls(true);
        }
        options
    }
}

impl Broker for Nats {
    type Session = NatsSession;

    async fn connect(&self, shared: &Arc<Shared>, connection: u32) -> Result<NatsSession, String> {
        let mut servers: Vec<&String> = self.servers.iter().collect();
        servers.shuffle(&mut rand::rng());
        let mut problems = Vec::new();
        for server in servers {
            match self.connect_to(server, shared, connection).await {
                Ok(session) => return Ok(session),
                Err(why) => problems.push(format!("{}: {why}", without_credentials(server))),
            }
        }
        // Sorted, so that the same problems always result in the same text.
        problems.sort_unstable();
        Err(problems.join("; "))
    }
}

fn parse(server: &str) -> Result<ServerAddr, String> {
    server.parse().map_err(|error: io::Error| error.to_string())
}

/// Adds the user and password of a URL, or its token, to the options. A URL with a token is `nats://TOKEN@HOST`.
fn with_credentials(options: ConnectOptions, server: &ServerAddr) -> ConnectOptions {
    match login(server) {
        (Some(user), Some(password), _) => options.user_and_password(user, password),
        (.., Some(token)) => options.token(token),
        _ => options,
    }
}

/// Returns the user, the password and the token of a URL.
fn login(server: &ServerAddr) -> (Option<String>, Option<String>, Option<String>) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match (server.username().map(decoded), server.password().map(decoded)) {
        (Some(user), Some(password)) => (Some(user), Some(password), None),
        (token, _) => (None, None, token),
    }
}

/// Returns a URL without the user and password that it may contain.
fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let server = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
            format!("{scheme}://{server}")
        }
        None => url.to_owned(),
    }
}

fn unreadable(file: &std::path::Path, error: &io::Error) -> String {
    format!("cannot read the credentials {}: {error}", file.display())
}

/// Returns an error together with its cause and with advice.
fn describe(error: &ConnectError) -> String {
    use async_nats::ConnectErrorKind as Kind;
    let advice = match error.kind() {
        Kind::AuthorizationViolation | Kind::Authentication => {
            ": check the credentials (--cluster-credentials, or user and password in the URL)"
        }
        Kind::Tls => ": check --cluster-ca, --cluster-cert and --cluster-key",
        _ => "",
    };
    format!("{error}{advice}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn shown_urls_have_no_credentials() {
        for (url, shown) in [
            ("nats://a:4222", "nats://a:4222"),
            ("nats://user:pass@a:4222", "nats://a:4222"),
            ("tls://token@a", "tls://a"),
            ("nats://u:p@ss@[::1]:4222", "nats://[::1]:4222"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }

    /// Accepts a connection as a server does. Returns what the client says in its CONNECT message.
    async fn accept(listener: &TcpListener) -> (TcpStream, serde_json::Value) {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let info = json!({
            "server_id": "S", "server_name": "S", "version": "2.10.0", "go": "", "host": "127.0.0.1", "port": 1,
            "headers": true, "max_payload": 1 << 20, "proto": 1, "nonce": "a nonce", "auth_required": true,
        });
        stream.write_all(format!("INFO {info}\r\n").as_bytes()).await.expect("it reads");
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("a line");
        let shown = line.strip_prefix("CONNECT ").expect("the first line");
        let shown = serde_json::from_str(shown).expect("JSON");
        stream.write_all(b"PONG\r\n").await.expect("it reads");
        (stream.into_inner(), shown)
    }

    #[tokio::test]
    async fn connection_of_the_lease_shows_the_credentials_that_the_file_has_then() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("user.creds");
        let seed = nkeys::KeyPair::new_user().seed().expect("a seed");
        let write = |jwt: &str| {
            std::fs::write(&file, format!("---\n{jwt}\n---\n---\n{seed}\n---\n")).expect("room");
        };
        write("first");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut config = config::Cluster::new(vec![format!("nats://ann:word@{address}")]);
        config.credentials = Some(file.clone());
        let nats = Nats::new(&config);
        let connecting = nats.records("host", Timing::new(Duration::from_secs(20)), 1, 0);
        let (records, (stream, shown)) = tokio::join!(connecting, accept(&listener));
        let _records = records.expect("a connection");
        assert_eq!((&shown["jwt"], &shown["user"]), (&json!("first"), &json!("ann")));
        write("second");
        drop(stream);
        let (_stream, shown) = accept(&listener).await;
        assert_eq!(shown["jwt"], "second");
    }
}
