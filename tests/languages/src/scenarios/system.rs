//! The handler `capabilities`: files and HTTP requests, with the ordinary functions of the languages.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};

use super::capabilities::{Scene, expect_answers};
use crate::build::Components;

/// The languages whose standard library reads files.
pub(super) const FILES: &[super::Scenario] = &[super::Scenario {
    name: "files_of_a_granted_folder_are_read",
    run: files_of_a_granted_folder_are_read,
}];

/// The languages that have `fetch`.
pub(super) const FETCH: &[super::Scenario] = &[super::Scenario {
    name: "fetch_gets_the_response_of_a_granted_host",
    run: fetch_gets_the_response_of_a_granted_host,
}];

fn files_of_a_granted_folder_are_read(components: &Components) -> Result<()> {
    let scene = Scene::new(components, "")?;
    expect_error(&scene, "read texts/welcome.txt")?;
    std::fs::create_dir(scene.folder().join("texts"))?;
    std::fs::write(scene.folder().join("texts/welcome.txt"), "gr\u{fc}\u{df} dich")?;
    let scene = scene.restart(components, "grant = [\"folder:texts\"]")?;
    // Go finds no folder that has a relative name.
    if components.language.name == "go" {
        expect_error(&scene, "read texts/welcome.txt")?;
    } else {
        let read = ("read texts/welcome.txt", "gr\u{fc}\u{df} dich");
        expect_answers(&mut scene.client()?, &[read])?;
    }
    let scene = scene.restart(components, "grant = [\"folder:texts::/data\"]")?;
    expect_answers(&mut scene.client()?, &[("read /data/welcome.txt", "gr\u{fc}\u{df} dich")])?;
    expect_error(&scene, "read /data/none.txt")?;
    expect_error(&scene, "read /data/../ws-host.toml")
}

/// The languages have different words for the same error.
fn expect_error(scene: &Scene, command: &str) -> Result<()> {
    let answer = scene.client()?.ask(command)?;
    ensure!(answer.starts_with("error: "), "{command}: {answer}");
    Ok(())
}

fn fetch_gets_the_response_of_a_granted_host(components: &Components) -> Result<()> {
    let (address, upstream) = answer_once()?;
    let url = format!("http://localhost:{}", address.port());
    let fetch = format!("fetch {url}/path?query");
    let scene = Scene::new(components, "")?;
    expect_error(&scene, &fetch)?;
    // The name `localhost` may have an address of this machine.
    let scene = scene.restart(components, &format!("grant = [{url:?}]"))?;
    expect_answers(&mut scene.client()?, &[(&fetch, "gr\u{fc}\u{df} dich")])?;
    let request = upstream.join().ok().context("the upstream panicked")??;
    ensure!(request == "GET /path?query HTTP/1.1\r\n", "{request:?}");
    Ok(())
}

/// Starts an HTTP server that answers one request, and returns its first line.
fn answer_once() -> Result<(SocketAddr, JoinHandle<Result<String>>)> {
    let listener = TcpListener::bind("localhost:0")?;
    let address = listener.local_addr()?;
    let answer = move || {
        let mut stream = BufReader::new(listener.accept()?.0);
        let mut first = String::new();
        stream.read_line(&mut first)?;
        let mut line = first.clone();
        while line != "\r\n" {
            line.clear();
            ensure!(stream.read_line(&mut line)? > 0, "the request ended early");
        }
        let response = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\ngr\u{fc}\u{df} dich";
        stream.get_mut().write_all(response.as_bytes())?;
        Ok(first)
    };
    Ok((address, std::thread::spawn(answer)))
}
