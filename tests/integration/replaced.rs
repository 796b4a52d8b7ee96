//! Files that are replaced ten times in a row, in every layout: the server must notice each time.

use std::net::SocketAddr;
use std::thread::ScopedJoinHandle;

use anyhow::{Context, Result, anyhow, ensure};
use ws_host_test_support::{Client, Response, TestServer, component};

use crate::encrypted::{Authority, Shown, shown_by};
use crate::keeper::Keeper;
use crate::layouts::{ALL, Laid, Layout};

const ROUNDS: u8 = 10;

/// Runs a test in all layouts at once; it mostly waits.
fn in_every_layout(test: impl Fn(Layout) -> Result<()> + Sync) -> Result<()> {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let test = &test;
        let threads = ALL.map(|layout| (layout, scope.spawn(move || test(layout))));
        let failure = |(layout, thread): (Layout, ScopedJoinHandle<'_, Result<()>>)| {
            let outcome = thread.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked")));
            outcome.err().map(|error| format!("{layout:?}: {error:#}"))
        };
        threads.into_iter().filter_map(failure).collect()
    });
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

#[test]
fn component_is_reloaded_each_time_that_it_is_replaced() -> Result<()> {
    let keeper = Keeper::new()?;
    in_every_layout(|layout| {
        let mut laid = Laid::out(layout, &[("keeper.wasm", &keeper.version(1)?)])?;
        let mut server = TestServer::serving_file(&laid.path("keeper.wasm"), &[])?;
        let mut client = Client::connect(&server)?;
        for round in 1..=ROUNDS {
            let version = 1 + round % 2;
            laid.replace(&[("keeper.wasm", &keeper.version(version)?)])?;
            let noticed = server.wait_for_log("reloaded the component");
            noticed.with_context(|| format!("replacement {round}"))?;
            ensure!(client.ask("version")? == version.to_string(), "replacement {round}");
        }
        client.close()
    })
}

#[test]
fn certificate_is_used_each_time_that_it_is_replaced() -> Result<()> {
    let authority = Authority::new()?;
    in_every_layout(|layout| {
        let pem = |shown: &Shown| -> Result<[Vec<u8>; 2]> {
            let folder = tempfile::tempdir()?;
            let (certificate, key) = shown.write(folder.path(), "")?;
            Ok([std::fs::read(certificate)?, std::fs::read(key)?])
        };
        let [certificate, key] = pem(&authority.vouch_for("0")?)?;
        let mut laid = Laid::out(layout, &[("tls.crt", &certificate), ("tls.key", &key)])?;
        let flags = [&laid.argument("tls.crt")?, &laid.argument("tls.key")?];
        let flags = ["--tls-cert", flags[0], "--tls-key", flags[1]];
        let mut server = TestServer::with_arguments("echo", &flags)?;
        for round in 1..=ROUNDS {
            let new = authority.vouch_for(&round.to_string())?;
            let [certificate, key] = pem(&new)?;
            laid.replace(&[("tls.crt", &certificate), ("tls.key", &key)])?;
            // The server may read one of the two files before the other is replaced.
            while shown_by(authority.connect(&server)?.stream())? != new.certificate {
                let noticed = server.wait_for_log("the certificate was reloaded");
                noticed.with_context(|| format!("replacement {round}"))?;
            }
        }
        Ok(())
    })
}

#[test]
fn client_ca_is_used_each_time_that_it_is_replaced() -> Result<()> {
    let authority = Authority::new()?;
    let others = [Authority::new()?, Authority::new()?];
    let clients = [others[0].vouch_for("one")?, others[1].vouch_for("other")?];
    let files = [std::fs::read(others[0].file())?, std::fs::read(others[1].file())?];
    let flags = authority.flags()?;
    let is_let_in = |server: SocketAddr, client: &Shown| {
        let stream = authority.ask().showing(client).connect(server);
        // With TLS 1.3 the client sees the refusal only when it reads.
        stream.and_then(Client::greet).is_ok()
    };
    in_every_layout(|layout| {
        let mut laid = Laid::out(layout, &[("ca.pem", &files[0])])?;
        let ca = laid.argument("ca.pem")?;
        let more = ["--tls-client-ca", &ca, "--tls-client-auth", "required"];
        let all: Vec<&str> = flags.iter().map(String::as_str).chain(more).collect();
        let mut server = TestServer::with_arguments("echo", &all)?;
        ensure!(is_let_in(server.address(), &clients[0]), "before the first replacement");
        for round in 1..=usize::from(ROUNDS) {
            laid.replace(&[("ca.pem", &files[round % 2])])?;
            while !is_let_in(server.address(), &clients[round % 2]) {
                let noticed = server.wait_for_log("the certificate was reloaded");
                noticed.with_context(|| format!("replacement {round}"))?;
            }
            ensure!(!is_let_in(server.address(), &clients[1 - round % 2]), "replacement {round}");
        }
        Ok(())
    })
}

#[test]
fn static_files_follow_the_folder() -> Result<()> {
    in_every_layout(|layout| {
        let mut laid = Laid::out(layout, &[("page", b"0")])?;
        let page = laid.path("page");
        let folder = page.parent().and_then(|folder| folder.to_str()).context("no folder")?;
        let server = TestServer::with_arguments("echo", &["--static", folder])?;
        for round in 1..=ROUNDS {
            let content = round.to_string();
            laid.replace(&[("page", content.as_bytes())])?;
            let request = "GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            let response = Response::to(server.address(), request)?;
            ensure!(response.status == 200 && response.body == content, "{response:?}");
        }
        Ok(())
    })
}

#[test]
fn component_that_is_replaced_while_the_server_loads_it_is_reloaded() -> Result<()> {
    let keeper = Keeper::new()?;
    // The second component takes a while to compile, as the cache is empty.
    let cache = tempfile::tempdir()?;
    let text = format!(
        "listen = \"127.0.0.1:0\"\ncache = {:?}\n\
         [[resource]]\npath = \"/\"\ncomponent = {:?}\n\
         [[resource]]\npath = \"/slow\"\ncomponent = {:?}\n",
        cache.path().join("cache"),
        keeper.file(),
        component("guest-about"),
    );
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("ws-host.toml");
    std::fs::write(&file, text)?;
    let compiled = || -> Result<bool> {
        let mut folders = vec![cache.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)?.map_while(Result::ok) {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    };
    let replacing = std::thread::scope(|scope| -> Result<TestServer> {
        let server = scope.spawn(|| TestServer::configured(&file));
        // Once the cache holds a file, the first component has been read, and the server does not listen yet.
        while !compiled()? && !server.is_finished() {
            std::thread::yield_now();
        }
        keeper.replace_with(2)?;
        server.join().ok().context("a thread panicked")?
    });
    let mut server = replacing?;
    server.wait_for_log("reloaded the component")?;
    ensure!(Client::connect(&server)?.ask("version")? == "2");
    Ok(())
}
