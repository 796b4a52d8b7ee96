//! Two hosts of a system, with a broker between them, and how their clients subscribe and publish.

#![expect(clippy::print_stdout, reason = "what is left out is said")]

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Broker, Client, DEADLINE, TestServer, wait_until};

use super::redis::Redis;
use super::usage::Usage;
use crate::builds::Build;
use crate::cores::Pinned;
use crate::launch::Launch;
use crate::load::{Around, Pace, Publications, Wording};
use crate::runtimes::{node_version, package_version, peers};

/// The npm packages that Socket.IO needs here.
const PACKAGES: [&str; 3] = ["socket.io", "@socket.io/redis-adapter", "redis"];

/// Something that carries messages between hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    /// ws-host with NATS.
    Host,
    /// Socket.IO on node, with its Redis adapter.
    SocketIo,
}

/// What a client sends, if anything, and how the answer begins.
#[derive(Clone, Copy, Debug)]
struct Step {
    sends: Option<&'static str>,
    answer: &'static str,
}

impl System {
    /// Returns those that are installed, and says which are not.
    pub(crate) fn installed() -> Vec<Self> {
        match socket_io_version() {
            Ok(version) => {
                println!("cluster: {version}");
                vec![Self::Host, Self::SocketIo]
            }
            Err(lacking) => {
                println!(
                    "left out: socket-io: {lacking:#}; `make bench-peers` installs it with redis-server"
                );
                vec![Self::Host]
            }
        }
    }

    /// Returns its name in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Host => "ws-host",
            Self::SocketIo => "socket-io",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Host => "/",
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket",
        }
    }

    /// Returns what happens at the beginning of each connection.
    fn opening(self) -> &'static [Step] {
        match self {
            Self::Host => &[],
            // Engine.IO opens, and the client connects to the main namespace.
            Self::SocketIo => {
                &[Step { sends: None, answer: "0{" }, Step { sends: Some("40"), answer: "40{" }]
            }
        }
    }

    fn subscribing(self) -> Step {
        match self {
            Self::Host => Step { sends: Some("subscribe news"), answer: "Ok(())" },
            // An event whose acknowledgement is asked for with the number 0.
            Self::SocketIo => Step { sends: Some(r#"420["subscribe"]"#), answer: "430[]" },
        }
    }

    fn wording(self) -> Wording {
        match self {
            Self::Host => Wording {
                published: Around { before: "publish news ", after: "" },
                delivered: Around { before: "", after: "" },
            },
            Self::SocketIo => Wording {
                published: Around { before: r#"42["publish",""#, after: r#""]"# },
                delivered: Around { before: r#"42["news",""#, after: r#""]"# },
            },
        }
    }
}

fn socket_io_version() -> Result<String> {
    let versions: Vec<_> = PACKAGES
        .iter()
        .map(|package| Ok(format!("{package} {}", package_version(package)?)))
        .collect::<Result<_>>()?;
    Ok(format!("{} on node {}, {}", versions.join(", "), node_version()?, Redis::version()?))
}

#[derive(Debug)]
enum Between {
    Nats(Broker),
    Redis(Redis),
}

/// Two hosts and a broker, on one core.
#[derive(Debug)]
pub(crate) struct Pair {
    system: System,
    near: TestServer,
    far: TestServer,
    between: Between,
}

/// Where the subscribers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// On the publisher's host.
    Near,
    /// On the other one.
    Far,
}

impl Pair {
    /// Starts everything on a core.
    pub(crate) fn start_on(core: usize, system: System) -> Result<Self> {
        let (between, launch) = match system {
            System::Host => {
                let broker = {
                    let _pinned = Pinned::to(core)?;
                    Broker::start()?
                };
                let launch =
                    Build::Usual.launch("guest-keeper")?.args(["--cluster", &broker.url()]);
                (Between::Nats(broker), launch)
            }
            System::SocketIo => {
                let redis = Redis::start_on(core)?;
                let launch =
                    Launch::new("node").arg(peers().join("socket-io.mjs")).arg(redis.url());
                (Between::Redis(redis), launch)
            }
        };
        let start = || TestServer::spawn(launch.on_core(core)?).context(system.name());
        Ok(Self { system, near: start()?, far: start()?, between })
    }

    /// Returns the CPU time of its processes so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let broker = match &self.between {
            Between::Nats(broker) => broker.process_id(),
            Between::Redis(redis) => redis.process_id(),
        };
        Usage::of(self.near.process_id(), broker, self.far.process_id())
    }

    /// Connects a publisher, and subscribers that get what it publishes.
    pub(crate) fn publications(
        &self,
        location: Location,
        count: usize,
        pace: Pace,
    ) -> Result<Publications> {
        let location = match location {
            Location::Near => &self.near,
            Location::Far => &self.far,
        };
        let mut publisher = self.connect(&self.near)?;
        let mut subscribers =
            (0..count).map(|_| self.subscriber(location)).collect::<Result<Vec<_>>>()?;
        self.wait_until_joined(&mut publisher, &mut subscribers)?;
        let streams = subscribers
            .iter_mut()
            .map(|client| Ok(client.stream().try_clone()?))
            .collect::<Result<Vec<_>>>()?;
        let publisher = publisher.stream().try_clone()?;
        Publications::over(publisher, all_read(streams)?, self.system.wording(), pace)
    }

    fn connect(&self, host: &TestServer) -> Result<Client> {
        let mut client = Client::connect_at(host.address(), self.system.path())?;
        for step in self.system.opening() {
            step.take(&mut client)?;
        }
        Ok(client)
    }

    fn subscriber(&self, host: &TestServer) -> Result<Client> {
        let mut client = self.connect(host)?;
        self.system.subscribing().take(&mut client)?;
        Ok(client)
    }

    /// Publishes until the first subscriber gets something, and reads everything at all of them.
    fn wait_until_joined(&self, publisher: &mut Client, subscribers: &mut [Client]) -> Result<()> {
        let Wording { published, delivered } = self.system.wording();
        let mut publish = |text: &str| {
            publisher.send_text(&format!("{}{text}{}", published.before, published.after))
        };
        let first = subscribers.first_mut().context("a subscriber")?.stream();
        first.set_read_timeout(Some(Duration::from_millis(50)))?;
        wait_until(|| {
            publish("probe")?;
            Ok(first.peek(&mut [0]).is_ok_and(|count| count > 0))
        })?;
        first.set_read_timeout(Some(DEADLINE))?;
        publish("ready")?;
        let ready = format!("{}ready{}", delivered.before, delivered.after);
        for subscriber in subscribers {
            while subscriber.receive_text()? != ready {}
        }
        Ok(())
    }
}

impl Step {
    fn take(self, client: &mut Client) -> Result<()> {
        if let Some(sends) = self.sends {
            client.send_text(sends)?;
        }
        let answer = client.receive_text()?;
        ensure!(answer.starts_with(self.answer), "{self:?} was answered with {answer:?}");
        Ok(())
    }
}

/// Checks that nothing waits to be read.
fn all_read(streams: Vec<TcpStream>) -> Result<Vec<TcpStream>> {
    for stream in &streams {
        stream.set_nonblocking(true)?;
        ensure!(stream.peek(&mut [0]).is_err(), "a subscriber got something before the run");
    }
    Ok(streams)
}
