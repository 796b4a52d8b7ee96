//! The flags about the resource: its path, its instances, and the clients that it accepts.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use ws_host::config::Grant;
use ws_host::config::schema::{self, OnFull, Time, UniqueIn};

/// The path and the behaviour of the resource.
#[derive(Debug, clap::Args)]
#[group(id = "resource", multiple = true, conflicts_with = "config")]
pub(super) struct ResourceFlags {
    /// Path at which clients connect, or a pattern of paths: `/room/{id}`, `/files/*` [default: /]
    #[arg(long, value_name = "PATH")]
    path: Option<String>,

    /// Which clients share an instance of the handler: all (`resource`), those of the same path (`path`),
    /// or none (`client`) [default: resource]
    #[arg(long, value_name = "SCOPE", value_enum)]
    instance_per: Option<InstancePer>,

    /// Number of instances over which clients are distributed, with --instance-per resource [default: 1]
    #[arg(long, value_name = "N")]
    instances: Option<NonZeroUsize>,

    /// Scope in which a path has at most one instance: each `host`, or the whole `cluster`, which needs --instance-per
    /// path and --cluster-listen [default: host]
    #[arg(long, value_name = "PLACE")]
    unique_in: Option<UniqueIn>,

    /// Store the state of each path at the cluster's broker, so that the next host that owns the path gets the state;
    /// needs --unique-in cluster
    #[arg(long)]
    durable: bool,

    /// Minimum time between two saves of the state; needs --durable [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    save_every: Option<Duration>,

    /// Environment variable of the handler: NAME=VALUE (may be repeated)
    #[arg(long = "env", value_name = "VARIABLE", value_parser = pair)]
    environment: Vec<(String, String)>,

    /// Capability that the handler may use outside its sandbox: https://HOST, http://HOST, wss://HOST, ws://HOST,
    /// folder:PATH, keyvalue:FILE, timers:FILE or config (may be repeated; see docs/capabilities.md)
    #[arg(long = "grant", value_name = "CAPABILITY")]
    grants: Vec<Grant>,

    /// Text message that the host answers itself, without the handler: REQUEST=ANSWER (may be repeated)
    #[arg(long = "auto-answer", value_name = "TEXT", value_parser = pair)]
    auto_answers: Vec<(String, String)>,

    /// Origin whose web pages may connect, in addition to this server's own pages: https://example.com,
    /// https://*.example.com, http://localhost:*, `null` or `any` (may be repeated)
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,

    /// Subprotocol that the host chooses if the client offers it and the handler chooses none (may be
    /// repeated)
    #[arg(long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,

    /// What happens when a client's outbound buffer has no room for a message: `drop` omits the message,
    /// `close` closes the client with 1008 [default: drop]
    #[arg(long, value_name = "ACTION")]
    on_full: Option<OnFull>,
}

/// `--instance-per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum InstancePer {
    /// All clients share an instance
    Resource,
    /// Clients that request the same path share an instance
    Path,
    /// Each client has its own instance
    Client,
}

impl ResourceFlags {
    pub(super) fn apply(self, resource: &mut schema::ResourceSection) {
        let some = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
        let grants = Some(self.grants).filter(|grants| !grants.is_empty());
        let map = |pairs: Vec<(String, String)>| Some(BTreeMap::from_iter(pairs));
        resource.path = self.path;
        resource.instance_per = self.instance_per.map(InstancePer::into_schema);
        resource.instances = self.instances;
        resource.unique_in = self.unique_in;
        resource.durable = self.durable.then_some(true);
        resource.save_every = self.save_every.map(Time);
        resource.environment = map(self.environment);
        resource.grant = grants;
        resource.auto_answers = map(self.auto_answers);
        resource.origins = some(self.origins);
        resource.subprotocols = some(self.subprotocols);
        resource.on_full = self.on_full;
    }
}

impl InstancePer {
    fn into_schema(self) -> schema::Sharing {
        match self {
            Self::Resource => schema::Sharing::Resource,
            Self::Path => schema::Sharing::Path,
            Self::Client => schema::Sharing::Client,
        }
    }
}

fn pair(text: &str) -> Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .context("expected two values with `=` between them, such as ping=pong")?;
    Ok((name.to_owned(), value.to_owned()))
}
