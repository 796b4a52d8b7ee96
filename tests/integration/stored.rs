//! Keys and values of handlers (`wasi:keyvalue`) in a file.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, component, host_binary, startup_error};

use crate::configured::{Configuration, ask_admin};

/// A folder for a store.
struct Store(tempfile::TempDir);

impl Store {
    fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn grant(&self) -> String {
        format!("keyvalue:{}", self.file().display())
    }

    fn serve(&self) -> Result<(TestServer, Client)> {
        TestServer::with_client("guest-storing", &["--grant", &self.grant()])
    }
}

/// A resource with the store `store` beside the configuration.
fn resource(path: &str, settings: &str) -> String {
    let name = path.split('/').nth(1).unwrap_or_default();
    format!(
        "[[resource]]\nname = \"{name}\"\npath = \"{path}\"\ncomponent = \"{{{{guest-storing}}}}\"\n\
         grant = [\"keyvalue:store\"]\n{settings}\n"
    )
}

fn configuration(resources: &[String]) -> String {
    let admin = "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n";
    format!("{admin}{}", resources.concat())
}

#[test]
fn values_are_set_and_read_by_key() -> Result<()> {
    let store = Store::new()?;
    let (_server, mut client) = store.serve()?;
    for (question, answer) in [
        ("get shared a", "none"),
        ("exists shared a", "false"),
        ("set shared a one", "set"),
        ("get shared a", "one"),
        ("exists shared a", "true"),
        ("get other a", "none"),
        ("get - a", "none"),
        ("list shared", "a None"),
        ("delete shared a", "deleted"),
        ("delete shared a", "deleted"),
        ("get shared a", "none"),
    ] {
        assert_eq!(client.ask(question)?, answer, "{question}");
    }
    Ok(())
}

#[test]
fn numbers_are_added_and_values_swapped_atomically() -> Result<()> {
    let store = Store::new()?;
    let (_server, mut client) = store.serve()?;
    assert_eq!(client.ask("increment shared n 5")?, "5");
    assert_eq!(client.ask("increment shared n -7")?, "-2");
    assert_eq!(client.ask("get shared n")?, "-2");
    client.ask("set shared text some")?;
    let answer = client.ask("increment shared text 1")?;
    assert!(answer.starts_with("error: not-a-number"), "{answer}");
    assert_eq!(client.ask("swap shared n mine")?, "between, then mine");
    assert_eq!(client.ask("swap shared new mine")?, "between, then mine");
    Ok(())
}

#[test]
fn several_keys_are_one_call() -> Result<()> {
    let store = Store::new()?;
    let (_server, mut client) = store.serve()?;
    client.ask("set shared a one")?;
    client.ask("set shared b two")?;
    assert_eq!(client.ask("get-many shared b none a")?, "two,none,one");
    assert_eq!(client.ask("delete-many shared a none")?, "deleted");
    assert_eq!(client.ask("get-many shared b a")?, "two,none");
    assert_eq!(client.ask("many shared 0 1000")?, "set");
    let answer = client.ask("many shared 0 1001")?;
    assert!(answer.starts_with("error: too-many"), "{answer}");
    Ok(())
}

#[test]
fn store_that_is_not_granted_is_denied_and_the_log_names_the_grant() -> Result<()> {
    let (mut server, mut client) = TestServer::with_client("guest-storing", &[])?;
    assert_eq!(client.ask("open shared")?, "error: access-denied");
    let line = server.wait_for_log("keys and values (wasi:keyvalue)")?;
    assert!(line.contains("guest-storing.wasm") && line.contains("keyvalue:FILE"), "{line}");
    Ok(())
}

#[test]
fn buckets_with_a_name_are_shared_and_the_others_belong_to_actors() -> Result<()> {
    let text = configuration(&[
        resource("/room/{id}", "instance-per = \"path\""),
        resource("/other/{id}", "instance-per = \"path\""),
        resource("/client", "instance-per = \"client\""),
    ]);
    let configuration = Configuration::new(&text)?;
    for is_again in [false, true] {
        let server = configuration.serve()?;
        let mut clients = Vec::new();
        for path in ["/room/1", "/room/2", "/other/1", "/client"] {
            clients.push((path, Client::connect_to(&server, path)?));
        }
        for (path, client) in &mut clients {
            if !is_again {
                client.ask(&format!("set shared {path} {path}"))?;
            }
            if *path == "/client" {
                let answer = client.ask("get - mine")?;
                assert!(answer.starts_with("error: no-own-bucket"), "{answer}");
                continue;
            }
            if !is_again {
                assert_eq!(client.ask("get - mine")?, "none");
                client.ask(&format!("set - mine {path}"))?;
            }
            assert_eq!(client.ask("get - mine")?, *path, "of each actor, also after a restart");
        }
        for (path, client) in &mut clients {
            assert_eq!(client.ask("count shared")?, "4 keys on 1 pages", "{path}");
        }
        server.signal(Signal::TERM)?;
        server.wait()?;
    }
    Ok(())
}

/// Each client writes as fast as it is answered, until the server is killed.
#[test]
fn everything_that_was_acknowledged_is_there_after_a_crash() -> Result<()> {
    const CLIENTS: usize = 4;
    let store = Store::new()?;
    let grant = store.grant();
    let (mut written, mut rounds) = (vec![0; CLIENTS], 0);
    while rounds < 3 {
        rounds += 1;
        let arguments = ["--grant", &grant, "--instances", "4"];
        let server = TestServer::with_arguments("guest-storing", &arguments)?;
        let mut clients = Client::connect_many(&server, CLIENTS)?;
        for (number, client) in clients.iter_mut().enumerate() {
            for key in 0..written[number] {
                let answer = client.ask(&format!("get shared {number}.{key}"))?;
                assert_eq!(answer, key.to_string(), "client {number}, round {rounds}");
            }
        }
        let address = server.address();
        let writing: Vec<_> = written
            .iter()
            .enumerate()
            .map(|(number, &first)| {
                let mut client = Client::connect_at(address, "/")?;
                Ok(std::thread::spawn(move || {
                    let mut key = first;
                    while let Ok(answer) = client.ask(&format!("set shared {number}.{key} {key}")) {
                        assert_eq!(answer, "set");
                        key += 1;
                    }
                    key
                }))
            })
            .collect::<Result<_>>()?;
        // All of them have written something, and go on.
        for (number, &first) in written.iter().enumerate() {
            let last = first + 20;
            while clients[number].ask(&format!("exists shared {number}.{last}"))? == "false" {}
        }
        server.signal(Signal::KILL)?;
        for (count, writing) in written.iter_mut().zip(writing) {
            *count = writing.join().map_err(|_| anyhow::anyhow!("a client failed"))?;
        }
    }
    assert!(written.iter().all(|count| *count >= 60), "{written:?}");
    let (_server, mut client) = store.serve()?;
    for (number, count) in written.into_iter().enumerate() {
        let answer = client.ask(&format!("get shared {number}.{}", count - 1))?;
        assert_eq!(answer, (count - 1).to_string());
    }
    Ok(())
}

#[test]
fn second_process_with_the_same_file_is_refused() -> Result<()> {
    let store = Store::new()?;
    let (_server, mut client) = store.serve()?;
    client.ask("set shared a one")?;
    let error = startup_error("guest-storing", &["--grant", &store.grant()])?;
    let file = store.file().display().to_string();
    assert!(error.contains(&file) && error.contains("another process"), "{error}");
    assert_eq!(client.ask("get shared a")?, "one");
    Ok(())
}

#[test]
fn store_stays_open_over_reloads() -> Result<()> {
    let text = |max_keys: usize, paths: &[&str]| {
        let settings = format!("keyvalue = {{ max-keys = {max_keys} }}");
        let resources: Vec<_> = paths.iter().map(|path| resource(path, &settings)).collect();
        configuration(&resources)
    };
    let configuration = Configuration::new(&text(2, &["/a", "/b"]))?;
    let mut server = configuration.serve()?;
    let admin = server.admin()?;
    let mut a = Client::connect_to(&server, "/a")?;
    let mut b = Client::connect_to(&server, "/b")?;
    a.ask("set shared first 1")?;
    assert_eq!(b.ask("get shared first")?, "1", "both resources share the file");
    // Hot reload: the same settings, and the component again.
    let response = ask_admin(admin, "POST /reload", "", b"")?;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(a.ask("get shared first")?, "1");
    b.ask("set shared second 2")?;
    assert!(a.ask("set shared third 3")?.starts_with("error: full"));
    // New limits.
    configuration.write(&text(3, &["/a", "/b"]))?;
    let response = ask_admin(admin, "POST /reload", "", b"")?;
    assert!(response.body.contains("changed a") && response.body.contains("b"), "{response:?}");
    assert_eq!(a.ask("set shared third 3")?, "set");
    // One resource ends; the other one keeps the file.
    configuration.write(&text(3, &["/a"]))?;
    ask_admin(admin, "POST /reload", "", b"")?;
    assert_eq!(a.ask("count shared")?, "3 keys on 1 pages");
    // And comes back, while the file is open, or closing.
    configuration.write(&text(3, &["/b"]))?;
    ask_admin(admin, "POST /reload", "", b"")?;
    configuration.write(&text(3, &["/a"]))?;
    let response = ask_admin(admin, "POST /reload", "", b"")?;
    assert!(response.body.contains("added a"), "{response:?}");
    let mut a = Client::connect_to(&server, "/a")?;
    assert_eq!(a.ask("get shared third")?, "3");
    Ok(())
}

#[test]
fn full_store_is_an_error_that_the_log_reports() -> Result<()> {
    let settings = "keyvalue = { max-size = \"1KiB\", max-keys = 10 }";
    let configuration = Configuration::new(&configuration(&[resource("/a", settings)]))?;
    let mut server = configuration.serve()?;
    let mut client = Client::connect_to(&server, "/a")?;
    let answer = client.ask("fill shared 1")?;
    assert!(answer.starts_with("error: full") && answer.contains("keyvalue.max-keys"), "{answer}");
    assert_eq!(client.ask("count shared")?, "10 keys on 1 pages");
    server.wait_for_log("keyvalue.max-keys")?;
    client.ask("delete shared 0")?;
    let answer = client.ask("long shared 1 1000")?;
    assert!(answer.starts_with("error: full") && answer.contains("keyvalue.max-size"), "{answer}");
    // What is there can be replaced and deleted.
    assert_eq!(client.ask("set shared 1 x")?, "set");
    Ok(())
}

#[test]
fn what_handlers_ask_for_is_bounded() -> Result<()> {
    let store = Store::new()?;
    let (_server, mut client) = store.serve()?;
    for (question, word) in [
        ("long shared 1025 1", "too-long"),
        ("long shared 1 1048577", "too-long"),
        ("long shared 40000000 1", "too-long"),
    ] {
        let answer = client.ask(question)?;
        assert!(answer.starts_with(&format!("error: {word}")), "{question}: {answer}");
    }
    assert_eq!(client.ask("long shared 1024 1048576")?, "set");
    let answer = client.ask(&format!("open {}", "n".repeat(256)))?;
    assert!(answer.starts_with("error: too-long"), "{answer}");
    let answer = client.ask("hoard shared")?;
    let (open, why) = answer.split_once(": ").context("an answer")?;
    assert!(open.parse::<usize>()? < 1_000 && why.starts_with("too-many"), "{answer}");
    assert_eq!(client.ask("get shared none")?, "none", "what was hoarded is closed");
    Ok(())
}

#[test]
fn many_keys_are_listed_in_pages_from_any_position() -> Result<()> {
    let store = Store::new()?;
    let (_server, mut client) = store.serve()?;
    for first in (0..20_000).step_by(1_000) {
        assert_eq!(client.ask(&format!("many shared {first} 1000"))?, "set");
    }
    assert_eq!(client.ask("count shared")?, "20000 keys on 20 pages");
    // A position that no page returned is a position, too.
    assert_eq!(client.ask("list shared 0019997x")?, "0019998,0019999 None");
    assert_eq!(client.ask("list shared zzz")?, " None");
    let answer = client.ask(&format!("list shared {}", "z".repeat(1_025)))?;
    assert!(answer.starts_with("error: too-long"), "{answer}");
    Ok(())
}

#[test]
fn files_that_are_wrong_are_refused() -> Result<()> {
    let store = Store::new()?;
    let text = store.0.path().join("text");
    std::fs::write(&text, "not a store\n".repeat(1_000))?;
    let (text, folder) = (text.display(), store.0.path().display());
    for (grant, words) in [
        ("keyvalue".to_owned(), "must name a file: \"keyvalue:FILE\""),
        (format!("keyvalue:{text}"), "it is not a store of ws-host"),
        (format!("keyvalue:{folder}"), "which is not a regular file"),
        (format!("keyvalue:{folder}/none/store"), "there is no folder"),
    ] {
        let error = startup_error("guest-storing", &["--grant", &grant])?;
        assert!(error.contains(words), "{grant}: {error}");
    }
    let two = [store.grant(), format!("keyvalue:{folder}/second")];
    let error = startup_error("guest-storing", &["--grant", &two[0], "--grant", &two[1]])?;
    assert!(error.contains("two files"), "{error}");
    Ok(())
}

#[test]
fn file_in_the_current_folder_needs_no_path() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(host_binary());
    command.arg("--component").arg(component("guest-storing")).current_dir(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--grant", "keyvalue:store"]);
    let server = TestServer::spawn(command)?;
    assert_eq!(Client::connect(&server)?.ask("set shared a one")?, "set");
    assert!(folder.path().join("store").is_file());
    Ok(())
}
