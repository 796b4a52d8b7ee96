//! `ws-host dev` with the project of the chat: what a person sees who edits the handler while a client is connected.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, host_binary};

use super::expect;
use crate::build::{Components, copy_of, prepare};

super::scenarios! { dev_serves_each_edit_and_shows_the_line_of_a_mistake }

/// How long a build may take, beside those of other languages.
const BUILD: Duration = Duration::from_secs(120);

/// A line that no language accepts.
const MISTAKE: &str = "= 1;";

/// What ends the message about a build that failed.
const STILL_SERVED: &str = "the last good build is still served";

fn dev_serves_each_edit_and_shows_the_line_of_a_mistake(components: &Components) -> Result<()> {
    let language = components.language;
    let project = copy_of(language, "chat", "developing")?;
    let handler = project.join(language.handler);
    let source = fs::read_to_string(&handler)?;
    let saying = |word: &str| source.replace(" joined", &format!(" {word}"));
    ensure!(saying("came") != source, "{handler:?} does not say that a client joined");

    let mut server = dev(&project)?;
    let mut ada = Client::connect_to(&server, "/?name=Ada")?;
    expect(&mut ada, &["* you are Ada"])?;
    expect_guest(&server, &mut ada, "* guest-2 joined")?;

    fs::write(&handler, saying("came"))?;
    server.wait_for_slow_log("reloaded the component", BUILD)?;
    expect_guest(&server, &mut ada, "* guest-3 came")?;

    let line = source.lines().count() + 1;
    fs::write(&handler, format!("{}\n{MISTAKE}\n", saying("is lost").trim_end()))?;
    let place = place(language.name, language.handler, line);
    let shown = server.wait_for_slow_log(&place, BUILD).context(place)?;
    server.wait_for_log(STILL_SERVED).context(shown)?;
    expect_guest(&server, &mut ada, "* guest-4 came")?;

    fs::write(&handler, saying("is here"))?;
    server.wait_for_slow_log("reloaded the component", BUILD)?;
    expect_guest(&server, &mut ada, "* guest-5 is here")
}

/// Runs `ws-host dev` as in a terminal.
fn dev(project: &Path) -> Result<TestServer> {
    let mut command = Command::new(host_binary());
    command.args(["dev", ".", "--listen", "127.0.0.1:0"]);
    prepare(&mut command, project)?;
    TestServer::spawn(command)
}

/// Connects a guest, and closes its connection again. The other client must be told of both.
fn expect_guest(server: &TestServer, other: &mut Client, arrival: &str) -> Result<()> {
    let mut guest = Client::connect(server)?;
    expect(other, &[arrival])?;
    let name = guest.receive_text()?;
    let name = name.strip_prefix("* you are ").context(name.clone())?.to_owned();
    expect(&mut guest, &["* here: Ada"])?;
    guest.close()?;
    expect(other, &[&format!("* {name} left")])
}

/// Returns how the compiler of a language writes a place in the handler.
fn place(language: &str, handler: &str, line: usize) -> String {
    match language {
        "ts" => format!("{handler}({line},"),
        "python" => format!("\"{handler}\", line {line}"),
        _ => format!("{handler}:{line}:"),
    }
}
