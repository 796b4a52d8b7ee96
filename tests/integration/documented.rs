//! Listings of `docs/` that need what a reader of the book does not have here: certificates, a client of NATS, another
//! machine. `book.rs` follows all others.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{
    Backend, Broker, Client, TestServer, component, host_binary, is_installed, poll_until, root,
};

use crate::book::listings_checked_by;
use crate::configured::Configuration;
use crate::core_modules::ECHO;
use crate::encrypted::Authority;
use crate::hosts::{Host, probe, receive};
use crate::prometheus::Prometheus;

/// Returns the only listing of a page that these tests check, among those of the language.
fn listing(page: &str, language: &str) -> Result<String> {
    let mut found = listings_checked_by(file!())?;
    found.retain(|listing| listing.page == page && listing.language == language);
    ensure!(found.len() == 1, "{page} has {} such listings", found.len());
    Ok(found.remove(0).text)
}

/// Writes the files that the configurations of the pages name.
fn write_files(folder: &Path) -> Result<()> {
    fs::create_dir(folder.join("handlers"))?;
    for name in ["chat", "rooms"] {
        for file in [format!("{name}.wasm"), format!("handlers/{name}.wasm")] {
            fs::copy(component(name), folder.join(file))?;
        }
    }
    let authority = Authority::new()?;
    authority.vouch_for("localhost")?.write(folder, "")?;
    fs::write(folder.join("peer.key"), "a secret that nobody guesses")?;
    let user = "-----BEGIN NATS USER JWT-----\nx\n------END NATS USER JWT------\n\
                -----BEGIN USER NKEY SEED-----\nx\n------END USER NKEY SEED------\n";
    Ok(fs::write(folder.join("nats.creds"), user)?)
}

#[test]
fn configurations_are_accepted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    write_files(folder.path())?;
    let (mut page, mut whole, mut checked) = (String::new(), toml::Table::new(), 0);
    for listing in listings_checked_by(file!())?.iter().filter(|it| it.language == "toml") {
        if page != listing.page {
            // A page begins with the smallest configuration, and its listings change tables of it.
            page.clone_from(&listing.page);
            whole = "[[resource]]\ncomponent = \"chat.wasm\"".parse()?;
        }
        whole.extend(listing.text.parse::<toml::Table>()?);
        let file = folder.path().join("ws-host.toml");
        fs::write(&file, whole.to_string())?;
        let output =
            Command::new(host_binary()).arg("--check").arg("--config").arg(file).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {said}\n{whole}", listing.place());
        checked += 1;
    }
    ensure!(checked > 4, "{checked}");
    Ok(())
}

#[test]
fn message_of_a_backend_reaches_subscribers() -> Result<()> {
    // nats pub SUBJECT 'PAYLOAD'
    let command = listing("cluster.md", "sh")?;
    let arguments = command.trim().strip_prefix("nats pub ").context("another command")?;
    let (subject, payload) = arguments.split_once(' ').context("no payload")?;
    let payload = payload.trim_matches('\'');
    let broker = Broker::start()?;
    let mut backend = Backend::connect(broker.address())?;
    let configuration = Configuration::new(&format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\ncluster.broker = {:?}\n\
         [[resource]]\nname = \"chat\"\ncomponent = \"{{{{guest-keeper}}}}\"",
        broker.url()
    ))?;
    let mut server = TestServer::configured(&configuration.file())?;
    let host = Host { admin: server.admin()?, server };
    host.wait_until_ready()?;
    let (_, topic) = subject.split_once(".chat.").context("another resource")?;
    let mut client = Client::connect(&host.server)?;
    ensure!(client.ask(&format!("subscribe {topic}"))? == "Ok(())");
    probe(&mut client, subject, &mut backend)?;
    backend.publish(subject, payload.as_bytes())?;
    assert_eq!(receive(&mut client)?, payload);
    Ok(())
}

#[test]
fn core_module_becomes_a_component() -> Result<()> {
    let listing = listing("command-line.md", "console")?;
    let command = listing.trim().strip_prefix("$ ws-host ").context("another command")?;
    let arguments: Vec<&str> = command.split(' ').collect();
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("build"))?;
    fs::write(folder.path().join("build/party.core.wasm"), wat::parse_str(ECHO)?)?;
    let output =
        Command::new(host_binary()).args(&arguments).current_dir(folder.path()).output()?;
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let made = folder.path().join(arguments.last().context("no output")?);
    let server = TestServer::serving_file(&made, &[])?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn embedding_example_starts_as_its_page_says() -> Result<()> {
    let listing = listing("embedding.md", "sh")?;
    let command = listing.lines().last().context("no command")?;
    let arguments = command.strip_prefix("cargo run --release -p embedding -- ");
    // The same program, which was built with the tests.
    let mut program = Command::new(root().join("target/debug/embedding"));
    program.args(arguments.context("another command")?.split(' ')).current_dir(root());
    let server = TestServer::spawn(program)?;
    assert_eq!(Client::connect_to(&server, "/echo")?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn prometheus_scrapes_with_a_token() -> Result<()> {
    if !is_installed("prometheus")? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let token = folder.path().join("ws-host.token");
    fs::write(&token, "a-token-that-nobody-guesses")?;
    let token = token.to_str().context("a path that is not UTF-8")?;
    let (_server, admin) = TestServer::with_admin("echo", &["--admin-token", token])?;
    let listing = listing("metrics.md", "yaml")?;
    let here = listing.replace("/etc/prometheus/ws-host.token", token);
    let here = here.replace("10.0.0.5:9090", &admin.to_string());
    ensure!(here.contains(token) && here.contains(&admin.to_string()), "{here}");
    let prometheus = Prometheus::configured(&here)?;
    let up = "up{job=\"ws-host\"}";
    poll_until(|| prometheus.query(up), |found| found == &[1.0]).context("it does not scrape")?;
    Ok(())
}
