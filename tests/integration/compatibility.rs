//! Prebuilt components in several languages, and versions of the contract that are not served.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, Response, TestServer, handshake, masked_frame, root, skip};

use crate::loading::component_fails;

fn kept(name: &str) -> PathBuf {
    root().join("tests/compatibility").join(name)
}

/// Serves a handler that uses a bit of everything, and checks all of it.
fn serves(component: &Path, language: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("handler.wasm");
    fs::copy(component, &file).with_context(|| format!("{}", component.display()))?;
    let mut server = TestServer::serving_file(&file, &["--admin", "127.0.0.1:0", "--no-watch"])?;
    let admin = server.admin()?;
    let address = server.address();

    let refused = Response::to(address, &handshake("/?refused", "Connection: close\r\n"))?;
    ensure!(refused.status == 401 && refused.body == "who are you?\n", "{refused:?}");
    ensure!(refused.header("www-authenticate") == Some("Test"), "{refused:?}");

    let more = "Sec-WebSocket-Protocol: first, second\r\nX-Test: yes\r\n";
    let (mut first, response) = Client::open(address, &handshake("/", more))?;
    ensure!(response.header("sec-websocket-protocol") == Some("second"), "{response:?}");
    ensure!(response.header("x-written-in") == Some(language), "{response:?}");
    let mut second = Client::connect(&server)?;

    ensure!(first.ask("hello")? == "hello");
    ensure!(first.ask("about")? == "/ yes");
    first.send_frame(0x82, b"bytes")?;
    ensure!(first.receive()?.payload == b"bytes");
    first.send_frame(0x8a, b"")?;
    ensure!(first.receive_text()? == "pong");

    let at_once = ["one", "two", "three"];
    first.send(&at_once.map(|text| masked_frame(0x81, text.as_bytes())).concat())?;
    for text in at_once {
        ensure!(first.receive_text()? == text);
    }

    first.send_text("fragments in pieces")?;
    let pieces = [first.receive()?, first.receive()?, first.receive()?];
    ensure!(pieces.each_ref().map(|frame| frame.first) == [0x01, 0x00, 0x80], "{pieces:?}");
    let whole = pieces.map(|frame| frame.payload).concat();
    ensure!(whole == b"in pieces", "{whole:?}");

    ensure!(first.ask("others listen")? == "missed: 0");
    ensure!(second.receive_text()? == "listen");
    first.send_text("publish news")?;
    for client in [&mut first, &mut second] {
        let news = client.receive()?;
        ensure!((news.first, &*news.payload) == (0x82, b"news"), "{news:?}");
    }
    first.send_text("timer")?;
    ensure!(first.receive_text()? == "fired");
    ensure!(first.ask("tag blue")? == "tags: blue");

    ensure!(first.ask("close 1005")? == "not closed: invalid-code");
    first.send_text("close 4000")?;
    ensure!(first.expect_close(4000)? == "as you like");
    // The cause is known only after the connection has ended.
    while second.ask("cause")?.is_empty() {}
    ensure!(second.ask("cause")?.starts_with("handler "));

    let said = post(admin, "/resources/handler/messages", "said")?;
    ensure!((said.status, &*said.body) == (200, "text/x: said"), "{said:?}");
    let refused = post(admin, "/resources/handler/messages", "")?;
    ensure!((refused.status, &*refused.body) == (422, "nothing was said\n"), "{refused:?}");

    let counted: u64 = second.ask("count")?.parse()?;
    fs::write(&file, [&fs::read(component)?, EMPTY_SECTION].concat())?;
    let reloaded = post(admin, "/reload", "")?;
    ensure!(reloaded.status == 200, "{reloaded:?}");
    ensure!(second.ask("count")?.parse::<u64>()? == counted + 1, "the state was not handed over");
    second.close()
}

/// An empty custom section without a name: it changes the file and not its behaviour.
const EMPTY_SECTION: &[u8] = &[0, 1, 0];

/// How long loading a component may take. An interpreter of 18 MB takes a minute while other tests compile as well.
const LOADING: Duration = Duration::from_secs(300);

fn post(admin: SocketAddr, path: &str, body: &str) -> Result<Response> {
    let length = body.len();
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(LOADING))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/x\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut response = Response::read_head(&mut stream)?;
    stream.read_to_string(&mut response.body)?;
    Ok(response)
}

#[test]
fn prebuilt_rust_component_is_served() -> Result<()> {
    serves(&kept("rust/handler.wasm"), "rust")
}

#[test]
fn prebuilt_c_component_is_served() -> Result<()> {
    serves(&kept("c/handler.wasm"), "c")
}

#[test]
fn prebuilt_javascript_component_is_served() -> Result<()> {
    serves(&kept("js/handler.wasm"), "js")
}

/// Serves a component that `make compatibility` built, or reports that the test is skipped.
fn serves_built(language: &str) -> Result<()> {
    let component = root().join("target/compatibility").join(language).with_extension("wasm");
    if component.exists() {
        serves(&component, language)
    } else {
        skip(&format!("there is no {}: `make compatibility` builds it", component.display()))
    }
}

#[test]
fn python_component_is_served() -> Result<()> {
    serves_built("python")
}

#[test]
fn go_component_is_served() -> Result<()> {
    serves_built("go")
}

/// Rewrites the Rust component as if built for `version` of the contract, which must be as long as the old one.
fn of_version(folder: &Path, version: &str) -> Result<PathBuf> {
    let mut bytes = fs::read(kept("rust/handler.wasm"))?;
    let (old, new) = ("@0.1.0", format!("@{version}"));
    ensure!(old.len() == new.len());
    let interface = b"ws-host:socket/";
    let mut changed = 0;
    for at in 0..bytes.len() - 40 {
        if bytes[at..].starts_with(interface) {
            let name = &bytes[at..at + 40];
            let version = name.windows(old.len()).position(|found| found == old.as_bytes());
            if let Some(version) = version {
                bytes[at + version..at + version + old.len()].copy_from_slice(new.as_bytes());
                changed += 1;
            }
        }
    }
    ensure!(changed > 0, "the component holds no such name");
    let path = folder.join("versioned.wasm");
    fs::write(&path, bytes)?;
    Ok(path)
}

#[test]
fn component_of_a_compatible_version_is_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = TestServer::serving_file(&of_version(folder.path(), "0.1.7")?, &[])?;
    let mut client = Client::connect(&server)?;
    ensure!(client.ask("fragments x")? == "x");
    client.close()
}

#[test]
fn error_for_an_incompatible_version_names_it_and_those_that_are_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for version in ["0.2.0", "1.0.0"] {
        let wanted = format!("was built for ws-host:socket@{version}");
        let other = of_version(folder.path(), version)?;
        component_fails(
            &other,
            &[&wanted, "serves ws-host:socket@0.1.0", "build it with the SDK or the WIT files"],
        );
    }
    Ok(())
}

/// Writes a component that is checked in as text.
fn from_text(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name).with_extension("wasm");
    fs::write(&path, wat::parse_file(kept(name))?)?;
    Ok(path)
}

#[test]
fn error_for_a_prerelease_component_says_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let words = [
        "this host's ws-host:socket@0.1.0",
        "defines differently",
        "build it with",
        "clients@0.1.0",
    ];
    component_fails(&from_text(folder.path(), "earlier.wat")?, &words);
    Ok(())
}

#[test]
fn error_for_a_later_component_says_what_this_host_lacks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let later = from_text(folder.path(), "later.wat")?;
    let words = |built_for| {
        [
            built_for,
            "this host's ws-host:socket@0.1.0",
            "run it with the host that it was built for",
            "grown",
        ]
    };
    component_fails(&later, &words("imports a part of ws-host:socket@0.1.0 that"));
    let text = fs::read_to_string(kept("later.wat"))?.replace("@0.1.0", "@0.1.7");
    fs::write(&later, wat::parse_str(text)?)?;
    component_fails(&later, &words("imports a part of ws-host:socket@0.1.7 that"));
    Ok(())
}
