//! Three real `nats-server`, which are one cluster with JetStream.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{Backend, Broker, poll_until};

/// How many servers there are.
const SERVERS: usize = 3;

/// How long a server may take to say which one leads, before another one is asked.
const ANSWER: Duration = Duration::from_millis(500);

/// Three servers, each with a store of its own.
#[derive(Debug)]
pub struct BrokerCluster {
    servers: Vec<Broker>,
}

impl BrokerCluster {
    /// Starts the servers. It takes a while until they have elected a leader.
    pub fn start() -> Result<Self> {
        // Each server has to know the ports of all.
        let listeners: Vec<TcpListener> =
            (0..SERVERS).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let routes =
            listeners.iter().map(|listener| Ok(format!("nats://{}", listener.local_addr()?)));
        let routes: Vec<String> = routes.collect::<Result<_>>()?;
        drop(listeners);
        let all = routes.join(",");
        let start = |number: usize| {
            let name = format!("server{number}");
            let cluster = ["--cluster_name", "three", "--cluster", &routes[number]];
            let arguments = ["-js", "--server_name", &name, "--routes", &all];
            Broker::for_clusters(&[&cluster[..], &arguments[..]].concat())
        };
        Ok(Self { servers: (0..SERVERS).map(start).collect::<Result<_>>()? })
    }

    /// Returns the URLs of the servers, separated by commas, for `--cluster`.
    pub fn urls(&self) -> String {
        self.servers.iter().map(Broker::url).collect::<Vec<_>>().join(",")
    }

    /// Returns the address of a server.
    pub fn address(&self, number: usize) -> SocketAddr {
        self.servers[number].address()
    }

    /// Returns the number of the server that a host names in `GET /cluster`.
    pub fn number_of(&self, server: &str) -> Option<usize> {
        self.servers.iter().position(|each| server.starts_with(&format!("{} ", each.url())))
    }

    /// Kills a server.
    pub fn kill(&mut self, number: usize) -> Result<()> {
        self.servers[number].kill()
    }

    /// Lets a server stand still, with whatever it has read, until [`unpause`](Self::unpause).
    pub fn pause(&self, number: usize) -> Result<()> {
        self.servers[number].pause()
    }

    /// Lets a server go on that stands still.
    pub fn unpause(&self, number: usize) -> Result<()> {
        self.servers[number].unpause()
    }

    /// Kills the server that leads a stream. Returns its number.
    pub fn kill_leader(&mut self, stream: &str) -> Result<usize> {
        let leader = poll_until(|| Ok(self.leader(stream)), Option::is_some)?;
        let leader = leader.context("a leader")?;
        self.servers[leader].kill()?;
        Ok(leader)
    }

    /// Starts a server again that was killed, with its store.
    pub fn restart(&mut self, number: usize) -> Result<()> {
        self.servers[number].restart()
    }

    /// Returns which server leads a stream, if one of them knows.
    fn leader(&self, stream: &str) -> Option<usize> {
        self.servers.iter().find_map(|server| {
            let mut backend = Backend::connect(server.address()).ok()?;
            let answer =
                backend.request(&format!("$JS.API.STREAM.INFO.{stream}"), b"", ANSWER).ok()?;
            let answer = String::from_utf8(answer).ok()?;
            let (_, rest) = answer.split_once(r#""leader":"server"#)?;
            rest.split('"').next()?.parse().ok()
        })
    }
}
