//! The command line: parses the flags into a [`Task`].

mod cluster;
mod compression;
mod limits;
mod listen;
mod proxies;
mod recovery;
mod resource;
mod server;
mod timeouts;
mod traces;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::{Parser, Subcommand};
use ws_host::config::{self, Config, InvalidSetting, schema};

use self::cluster::Cluster;
use self::compression::Compression;
use self::limits::LimitFlags;
use self::listen::Listen;
use self::proxies::Proxies;
use self::recovery::Recovery;
use self::resource::ResourceFlags;
use self::server::Server;
use self::timeouts::Timeouts;
use self::traces::Traces;
use crate::log::Format;
use crate::{check, completions, componentize, connect, dev, health, man, new, test_command, top};

/// Serves WebSocket clients with handlers that are WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    version,
    long_version = ws_host::build_description(),
    max_term_width = 100,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: Serve,

    /// What to log: error, warn, info, debug, trace, or a filter such as `ws_host=debug,guest=off`
    /// [default: info]
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", global = true)]
    log: Option<String>,

    /// Format of the log lines
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, global = true)]
    log_format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Talks to a WebSocket server from the terminal
    Connect(connect::Args),
    New(new::Args),
    Dev(dev::Args),
    Check(check::Args),
    Component(componentize::Args),
    Test(test_command::Args),
    Health(health::Args),
    Top(top::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// What to serve, and how.
#[derive(Debug, clap::Args)]
struct Serve {
    /// Handler to serve: a WebAssembly component
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,

    /// Read all resources and settings from this file (see docs/configuration.md); only --check, --dev, --no-watch,
    /// --no-compiler-process, --log and --log-format may be combined with it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Read all files, load every component, report errors, and exit
    #[arg(long)]
    check: bool,

    /// Development mode: log backtraces of the handler, and tell clients in the close reason why the handler failed
    #[arg(long)]
    dev: bool,

    /// Do not watch files; by default, a component or certificate is read again as soon as its file changes
    #[arg(long)]
    no_watch: bool,

    /// Compile components in this process, without limits on memory and time; for systems where ws-host may not start
    /// other processes
    #[arg(long)]
    no_compiler_process: bool,

    // The settings of a server with a single resource. All of them are also keys of the configuration file.
    #[command(flatten)]
    listen: Listen,

    #[command(flatten)]
    resource: ResourceFlags,

    #[command(flatten)]
    server: Server,

    #[command(flatten)]
    proxies: Proxies,

    #[command(flatten)]
    limits: LimitFlags,

    #[command(flatten)]
    timeouts: Timeouts,

    #[command(flatten)]
    compression: Compression,

    #[command(flatten)]
    recovery: Recovery,

    #[command(flatten)]
    cluster: Cluster,

    #[command(flatten)]
    traces: Traces,
}

const EXAMPLES: &str = "\
Examples:
  ws-host new hello
  ws-host dev hello
  ws-host check chat.wasm
  ws-host --component echo.wasm
  ws-host --component chat.wasm --static pages --listen 0.0.0.0:8080
  ws-host --component rooms.wasm --path '/room/{id}' --instance-per path
  ws-host --component echo.wasm --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem
  ws-host --config ws-host.toml --check
  ws-host connect ws://localhost:8080/
  ws-host component handler.core.wasm -o handler.wasm

Sizes are written as 64KiB, 1MiB or 1048576; times as 500ms, 10s or 2m.
Ctrl-C closes every client with 1001 and waits for them; a second Ctrl-C exits at once.
SIGHUP reads the certificate, the configuration and the components again.
SIGUSR2 starts a new process, which takes over the addresses without refusing a connection.

Pages such as docs/configuration.md are in the archive of ws-host, beside the program, and on Debian
in /usr/share/doc/ws-host.";

/// What the program does.
pub(crate) enum Task {
    /// Serve a configuration.
    Serve(Config),
    /// Check whether a configuration can be served.
    Check(Config),
    /// Talk to a server.
    Connect(connect::Args),
    /// Create a project.
    New(new::Args),
    /// Build and serve a project while it is edited.
    Develop(dev::Args),
    /// Show what a component needs and costs.
    Inspect(check::Args),
    /// Make a component.
    Componentize(componentize::Args),
    /// Run the scripts of a project.
    Test(test_command::Args),
    /// Ask a server whether it works.
    AskHealth(health::Args),
    /// Show what a server does.
    Watch(top::Args),
    /// Print a script for a shell.
    PrintCompletions(completions::Args),
    /// Write the man pages.
    WriteManPages(man::Args),
}

impl Args {
    /// Returns the log filter.
    pub(crate) fn log(&self) -> &str {
        let default = match (&self.command, self.serve.dev) {
            (Some(Command::Dev(_)), _) => "info,ws_host::actor=debug",
            (Some(_), _) => "warn",
            // The NATS client's log lines are left out, because this program reports the same things itself.
            (None, true) => "info,ws_host::actor=debug,async_nats=off",
            (None, false) => "info,async_nats=off",
        };
        self.log.as_deref().unwrap_or(default)
    }

    /// Returns the format of the log.
    pub(crate) fn log_format(&self) -> Format {
        self.log_format
    }

    /// Checks the flags, reads the configuration file if there is one, and returns the task.
    ///
    /// # Errors
    ///
    /// The error names the flag or the position in the file. It also says what is wrong and what is valid.
    pub(crate) fn into_task(self) -> Result<Task> {
        match self.command {
            Some(Command::Connect(args)) => return Ok(Task::Connect(args)),
            Some(Command::New(args)) => return Ok(Task::New(args)),
            Some(Command::Dev(args)) => return Ok(Task::Develop(args)),
            Some(Command::Check(args)) => return Ok(Task::Inspect(args)),
            Some(Command::Component(args)) => return Ok(Task::Componentize(args)),
            Some(Command::Test(args)) => return Ok(Task::Test(args)),
            Some(Command::Health(args)) => return Ok(Task::AskHealth(args)),
            Some(Command::Top(args)) => return Ok(Task::Watch(args)),
            Some(Command::Completions(args)) => return Ok(Task::PrintCompletions(args)),
            Some(Command::Man(args)) => return Ok(Task::WriteManPages(args)),
            None => {}
        }
        let Serve { check, no_watch, no_compiler_process, dev, .. } = self.serve;
        let mode = if dev { config::Mode::Development } else { config::Mode::Production };
        let mut config = self.serve.into_config(mode)?;
        if no_watch {
            config.host.watch = config::Watch::Off;
        }
        if !no_compiler_process {
            config.host.compile.program = Some(crate::THIS_PROGRAM.into());
        }
        Ok(if check { Task::Check(config) } else { Task::Serve(config) })
    }
}

impl Serve {
    fn into_config(self, mode: config::Mode) -> Result<Config> {
        if let Some(file) = &self.config {
            return Ok(config::read(file, mode)?);
        }
        if self.component.is_none() {
            return Err(anyhow!("nothing to serve: give --component FILE or --config FILE"));
        }
        let mut resource = schema::ResourceSection::default();
        resource.component = self.component;
        let mut server = schema::Server::default();
        self.listen.apply(&mut server);
        self.resource.apply(&mut resource);
        self.server.apply(&mut server);
        self.proxies.apply(&mut server);
        self.limits.apply(&mut server, &mut resource);
        self.timeouts.apply(&mut server, &mut resource);
        self.compression.apply(&mut resource);
        self.recovery.apply(&mut resource);
        self.cluster.apply(&mut server);
        self.traces.apply(&mut server);
        server.resources.push(resource);
        server.check(Path::new(""), mode).map_err(|error| anyhow!(with_flag(&error)))
    }
}

/// Returns the message of an error, with the flag in place of the key.
fn with_flag(error: &InvalidSetting) -> String {
    let flag = match error.key {
        "origins" => "origin",
        "auto-answers" => "auto-answer",
        "environment" => "env",
        "subprotocols" => "subprotocol",
        "trusted-proxies" => "trusted-proxy",
        "cluster.broker" => "cluster",
        "cluster.name" => "cluster-name",
        "cluster.credentials" => "cluster-credentials",
        "cluster.ca" => "cluster-ca",
        "cluster.cert" => "cluster-cert",
        "cluster.key" => "cluster-key",
        "cluster.listen" => "cluster-listen",
        "cluster.advertise" => "cluster-advertise",
        "cluster.secret" => "cluster-secret",
        "cluster.lease" => "cluster-lease",
        "cluster.replicas" => "cluster-replicas",
        "cluster.without-broker" => "cluster-without-broker",
        "traces.endpoint" => "traces",
        "traces.ratio" => "traces-ratio",
        "traces.service" => "traces-service",
        "traces.headers" => "traces-headers",
        other => other,
    };
    format!("--{flag} {}", error.why)
}
