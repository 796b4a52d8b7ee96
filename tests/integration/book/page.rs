//! Follows a page, from the first listing to the last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use ws_host_test_support::{host_binary, root};

use super::listing::{self, Listing, Mark};
use super::terminal::{Terminal, matches};

/// The ports in the pages. Each stands for one that the system has chosen.
const SERVER: &str = "8080";
const ADMIN: &str = "9090";
const BROKER: &str = "4222";

/// The name of listings that run in a browser.
const BROWSER: &str = "browser";

/// Follows a page. The error names the listing that is not true.
pub(super) fn follow(page: &str) -> Result<()> {
    let folder = TempDir::new()?;
    // As in a copy of the repository, after `make components`.
    fs::create_dir(folder.path().join("target"))?;
    let built = root().join("target/components");
    std::os::unix::fs::symlink(built, folder.path().join("target/components"))?;
    let mut reader = Reader {
        home: folder.path(),
        folder: folder.path().to_owned(),
        ports: BTreeMap::new(),
        terminals: BTreeMap::new(),
        unused: None,
    };
    for listing in listing::of_page(page)? {
        reader.follow(&listing).with_context(|| listing.place())?;
    }
    match reader.unused {
        Some(place) => bail!("{place}: no command uses this file"),
        None => Ok(()),
    }
}

/// Somebody who does what a page says.
struct Reader<'a> {
    home: &'a Path,
    /// The current folder.
    folder: PathBuf,
    /// The ports that stand in for those of the page.
    ports: BTreeMap<String, String>,
    terminals: BTreeMap<String, Running>,
    /// The place of a file that no command has read yet.
    unused: Option<String>,
}

/// A command that runs on.
enum Running {
    /// `ws-host connect`: prints what the page shows, and nothing else.
    Client(Terminal),
    /// A server, or a browser: it may print more than the page shows.
    Server(Terminal),
}

/// A command that has ended, and what of its output was not compared yet.
struct Printed {
    lines: Vec<String>,
    /// The page left lines out: the next expected line may come later.
    is_abridged: bool,
}

impl Reader<'_> {
    fn follow(&mut self, listing: &Listing) -> Result<()> {
        match &listing.mark {
            Some(Mark::NotRun) => return Ok(()),
            Some(Mark::CheckedBy(test)) => {
                let content =
                    fs::read_to_string(root().join(test)).with_context(|| test.clone())?;
                let is_read = content.contains("listings_checked_by(file!())");
                ensure!(
                    is_read || content.contains(&listing.page),
                    "{test} does not mention this page"
                );
                return Ok(());
            }
            Some(Mark::PartOf(file)) => {
                let content =
                    fs::read_to_string(root().join(file)).with_context(|| file.clone())?;
                ensure!(
                    content.contains(&listing.text),
                    "this is not part of {file}: copy it from there"
                );
                return Ok(());
            }
            None => {}
        }
        match (&*listing.language, &listing.name) {
            ("sh", _) => self.run(&listing.text).map(drop),
            ("console", name) => self.converse(name.as_deref(), &listing.text),
            ("js", Some(name)) if name == BROWSER => self.browse(&listing.text),
            (_, Some(name)) => self.save(name, listing),
            (language, None) => {
                bail!(
                    "what is this {language} for? Name the file (```{language} FILE), or see tests/integration/book.rs"
                )
            }
        }
    }

    fn save(&mut self, name: &str, listing: &Listing) -> Result<()> {
        let file = self.folder.join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let is_configuration = listing.language == "toml";
        let text = if is_configuration { any_port(&listing.text) } else { listing.text.clone() };
        self.unused = Some(listing.place());
        Ok(fs::write(file, text)?)
    }

    /// Runs commands to their end, in the current folder. Returns what they printed.
    fn run(&mut self, commands: &str) -> Result<String> {
        ensure!(!commands.lines().any(runs_on), "show a command that runs on in a console listing");
        self.unused = None;
        let current = self.home.join(".folder");
        // Tools print their output to the same terminal as their errors.
        let script =
            format!("exec 2>&1; trap 'pwd > {}' EXIT; {}", current.display(), self.here(commands));
        let mut bash = self.command("timeout");
        let output = bash.args(["300", "bash", "-euo", "pipefail", "-c", &script]).output()?;
        let printed = String::from_utf8(output.stdout)?;
        ensure!(output.status.success(), "{commands}{printed}{}", output.status);
        self.folder = fs::read_to_string(current)?.trim_end().into();
        Ok(printed)
    }

    fn converse(&mut self, name: Option<&str>, text: &str) -> Result<()> {
        let mut terminal = name.unwrap_or("").to_owned();
        let mut printed: Option<Printed> = None;
        for line in text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                printed.take().map_or(Ok(()), Printed::finish)?;
                if runs_on(command) {
                    let running = self.start(command).with_context(|| command.to_owned())?;
                    terminal = name.unwrap_or(running.default_name()).to_owned();
                    self.terminals.insert(terminal.clone(), running);
                } else {
                    let output = self.run(command)?;
                    let lines = output.lines().map(str::to_owned).collect();
                    printed = Some(Printed { lines, is_abridged: false });
                }
                continue;
            }
            let shown = self.here(line);
            match &mut printed {
                Some(printed) => printed.expect(&shown)?,
                None => {
                    let running = self.terminals.get_mut(&terminal);
                    let running = running
                        .with_context(|| format!("nothing runs in terminal {terminal:?}"))?;
                    if running.show(&shown)? {
                        self.unused = None;
                    }
                }
            }
        }
        printed.map_or(Ok(()), Printed::finish)
    }

    fn start(&mut self, command: &str) -> Result<Running> {
        self.unused = None;
        if command.contains("ws-host connect ") {
            // At a terminal, `ws-host connect` prints more than in a pipe.
            let mut script = self.command("script");
            script.args(["--quiet", "--flush", "--return", "--echo", "never", "--command"]);
            script.arg(self.here(command)).arg("/dev/null");
            return Terminal::start(script).map(Running::Client);
        }
        if let Some(arguments) = command.strip_prefix("nats-server") {
            return self.start_broker(arguments).map(Running::Server);
        }
        // A page with several servers gives each of them an address.
        let own = command.split_once("--listen 127.0.0.1:").map_or(SERVER, |(_, rest)| port(rest));
        let mut command = with_port(&any_port(&self.here(command)), own, "0");
        if !command.contains("--config") && !command.contains("--listen") {
            command += " --listen 127.0.0.1:0";
        }
        let mut bash = self.command("bash");
        bash.args(["-c", &format!("exec {command} 2>&1")]);
        let mut server = Terminal::start(bash)?;
        let banner = server.wait_for(|line| line.starts_with("To stop: "))?;
        for (stands_for, mark) in [(own, " at ws://127.0.0.1:"), (ADMIN, "at http://127.0.0.1:")] {
            let rest = banner.iter().find_map(|line| line.split_once(mark));
            let chosen = rest.map(|(_, rest)| (stands_for.to_owned(), port(rest).to_owned()));
            self.ports.extend(chosen);
        }
        let chosen = self.ports.get(own).context("no address of a server")?;
        ensure!(chosen != own, "set `listen` in the configuration: tests have no fixed ports");
        Ok(Running::Server(server))
    }

    /// Starts a NATS server on a port that it chooses.
    fn start_broker(&mut self, arguments: &str) -> Result<Terminal> {
        let mut bash = self.command("bash");
        let more = format!("--addr 127.0.0.1 --port -1 --store_dir {}", self.home.display());
        bash.args(["-c", &format!("exec nats-server {arguments} {more} 2>&1")]);
        let mut broker = Terminal::start(bash)?;
        let log = broker.wait_for(|line| line.ends_with("Server is ready"))?;
        let mark = "client connections on 127.0.0.1:";
        let chosen = log.iter().find_map(|line| line.split_once(mark));
        let (_, chosen) = chosen.context("no address of a broker")?;
        self.ports.insert(BROKER.to_owned(), port(chosen).to_owned());
        Ok(broker)
    }

    /// Runs a script in a page of a browser.
    fn browse(&mut self, script: &str) -> Result<()> {
        let server = self.ports.get(SERVER).context("no server runs")?;
        let mut node = self.command("node");
        node.arg(root().join("tests/clients/script.mjs")).arg(format!("127.0.0.1:{server}"));
        node.arg(self.here(script));
        self.terminals.insert(BROWSER.to_owned(), Running::Server(Terminal::start(node)?));
        Ok(())
    }

    /// Returns a command with our `ws-host` and the tools of the languages in its PATH, without what our own build has
    /// set.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("XDG_CACHE_HOME", self.home.join(".cache"));
        command.env_remove("CARGO_TARGET_DIR").env_remove("RUSTUP_TOOLCHAIN");
        // What tests/languages/install has installed. An environment of Python that is activated.
        let tools = root().join("target/languages/tools");
        command.env("VIRTUAL_ENV", tools.join("venv"));
        command.env("GOCACHE", tools.join("go-cache")).env("GOPATH", tools.join("go-path"));
        let host = host_binary().parent().map_or_else(PathBuf::new, Path::to_owned);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = [host, tools.join("venv/bin")].into_iter().chain(std::env::split_paths(&path));
        // Debian installs nats-server into /usr/sbin.
        let paths = paths.chain(std::iter::once("/usr/sbin".into()));
        command.env("PATH", std::env::join_paths(paths).expect("no path has a colon"));
        command
    }

    /// Returns a text of the page with the ports that are used here.
    fn here(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (stands_for, port)| with_port(&text, stands_for, port))
    }
}

impl Running {
    fn default_name(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Server(_) => "server",
        }
    }

    /// Expects or types a line. Returns whether it says that the server has read changed files.
    fn show(&mut self, line: &str) -> Result<bool> {
        match self {
            Self::Client(terminal) if is_printed_by_client(line) => terminal.expect_next(line)?,
            Self::Client(terminal) => terminal.enter(line)?,
            Self::Server(terminal) if line == "^C" => terminal.interrupt()?,
            Self::Server(terminal) => {
                terminal.expect(line)?;
                return Ok(line.contains("reloaded") || line.contains("built"));
            }
        }
        Ok(false)
    }
}

impl Printed {
    fn expect(&mut self, pattern: &str) -> Result<()> {
        if pattern == "…" {
            self.is_abridged = true;
            return Ok(());
        }
        let searched = if self.is_abridged { self.lines.len() } else { self.lines.len().min(1) };
        let found = self.lines[..searched].iter().position(|line| matches(pattern, line));
        let found = found.with_context(|| {
            format!("expected:\n{pattern}\nprinted:\n{}", self.lines.join("\n"))
        })?;
        self.lines.drain(..=found);
        self.is_abridged = false;
        Ok(())
    }

    fn finish(self) -> Result<()> {
        ensure!(self.is_abridged || self.lines.is_empty(), "not shown:\n{}", self.lines.join("\n"));
        Ok(())
    }
}

/// Returns whether a command does not end by itself.
fn runs_on(command: &str) -> bool {
    let serves = [
        "ws-host dev",
        "ws-host connect ",
        "ws-host --component ",
        "ws-host --config ",
        "nats-server",
    ];
    serves.iter().any(|start| command.starts_with(start)) && !command.contains("--check")
}

/// Returns whether `ws-host connect` prints this line; all others are typed.
fn is_printed_by_client(line: &str) -> bool {
    let starts = ["< ", "connected to ", "closed ", "connection lost", "ws-host: "];
    starts.iter().any(|start| line.starts_with(start))
}

/// Returns the port with which the rest of an address begins.
fn port(rest: &str) -> &str {
    rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default()
}

/// Lets the system choose the ports.
fn any_port(text: &str) -> String {
    with_port(&with_port(text, SERVER, "0"), ADMIN, "0")
}

fn with_port(text: &str, from: &str, to: &str) -> String {
    ["127.0.0.1", "localhost"].iter().fold(text.to_owned(), |text, host| {
        text.replace(&format!("{host}:{from}"), &format!("{host}:{to}"))
    })
}
