//! Every function of the contract, with clients that the handler does not have, and with texts of any length: a named
//! error or an empty result, never a trap.
//!
//! The functions are read from `wit/`, so that a new one cannot be forgotten.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, root, wait_until};

const GUEST: &str = "guest-calling";

/// Longer than every limit.
const LONG: &str = "67108864";

/// A function that handlers import.
struct Function {
    /// `clients.send-text`. A method of a resource has the name of the interface, not of the resource.
    name: String,
    parameters: Vec<(String, String)>,
    result: String,
}

/// Reads the functions in all interfaces that handlers import.
fn functions() -> Result<Vec<Function>> {
    let mut functions = Vec::new();
    for file in fs::read_dir(root().join("wit"))? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "wit") {
            read_functions(&fs::read_to_string(path)?, &mut functions)?;
        }
    }
    ensure!(functions.len() > 70, "only {} functions were found", functions.len());
    Ok(functions)
}

fn read_functions(text: &str, functions: &mut Vec<Function>) -> Result<()> {
    let mut interface = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("interface ") {
            interface = name.trim_end_matches(" {");
        }
        let is_exported =
            interface.ends_with("-listener") || ["handler", "lifecycle"].contains(&interface);
        let Some((name, rest)) = line.trim().split_once(": func(").filter(|_| !is_exported) else {
            continue;
        };
        let (parameters, result) = rest.split_once(')').context("a function on one line")?;
        let parameters = parameters.split(", ").filter_map(|it| it.split_once(": "));
        functions.push(Function {
            name: format!("{interface}.{name}"),
            parameters: parameters.map(|(name, ty)| (name.to_owned(), ty.to_owned())).collect(),
            result: result.trim_start_matches(" -> ").trim_end_matches(';').to_owned(),
        });
    }
    Ok(())
}

impl Function {
    fn takes_a_client(&self) -> bool {
        self.parameters.iter().any(|(_, ty)| ty.contains("client-id"))
    }

    /// Returns the result that `types.client-id` promises for a client that the handler does not have.
    fn without_client(&self, client: &str) -> String {
        match &*self.name {
            // Exclude a client that is not there.
            "clients.set-except" => "ok".to_owned(),
            // All clients that the message did not reach.
            "clients.broadcast" => format!("[{client}]"),
            name if name.starts_with("handshake.") => "not-connecting".to_owned(),
            _ => match &*self.result {
                "result<_, error>" => "closed".to_owned(),
                "bool" => "false".to_owned(),
                "u32" => "0".to_owned(),
                list if list.starts_with("list<") => "[]".to_owned(),
                _ => "none".to_owned(),
            },
        }
    }
}

#[test]
fn client_that_the_handler_does_not_have_is_a_named_error_in_every_function() -> Result<()> {
    let flags = ["--instance-per", "path", "--path", "/*"];
    let server = TestServer::with_arguments(GUEST, &flags)?;
    let mut client = Client::connect_to(&server, "/here")?;
    let mut elsewhere = Client::connect_to(&server, "/elsewhere")?;
    let foreign = elsewhere.ask("id")?;
    let mut gone = Client::connect_to(&server, "/here")?;
    let closed = gone.ask("id")?;
    gone.close()?;
    wait_until(|| Ok(client.ask("clients")? == "1"))?;
    let clients = [&*foreign, &*closed, "0", "18446744073709551615"];
    for function in functions()?.iter().filter(|function| function.takes_a_client()) {
        for other in clients {
            let result = client.ask(&format!("{} {other} - 1", function.name))?;
            assert_eq!(result, function.without_client(other), "{} {other}", function.name);
        }
    }
    // The functions of `handshake`, while another client is connecting.
    for function in functions()?.iter().filter(|it| it.name.starts_with("handshake.")) {
        for other in clients {
            let call = format!("/here?{}+{other}+-+1", function.name);
            let mut connecting = Client::connect_to(&server, &call)?;
            assert_eq!(connecting.receive_text()?, "not-connecting", "{call}");
        }
    }
    // None of them has done anything to the client of the other instance.
    assert_eq!(elsewhere.ask("tags.tags-of me - 1")?, "[]");
    assert_eq!(elsewhere.ask("topics.topics-of me - 1")?, "[]");
    assert_eq!(elsewhere.ask("clients.attachment me - 1")?, "none");
    assert_eq!(elsewhere.ask("expiry.remaining me - 1")?, "none");
    Ok(())
}

#[test]
fn another_client_than_that_of_the_event_has_not_ended() -> Result<()> {
    let mut server = TestServer::serving(GUEST)?;
    let mut client = Client::connect(&server)?;
    Client::connect(&server)?.close()?;
    // A client that is still connected, 0 and 2^64 - 1.
    for _ in 0..3 {
        let line = server.wait_for_log("ended: ")?;
        ensure!(line.contains("of another none none none false none"), "{line}");
    }
    let line = server.wait_for_log("ended: ")?;
    ensure!(line.contains("of itself some some some true some"), "{line}");
    ensure!(client.ask("clients")? == "1");
    Ok(())
}

/// The results for an empty text and for one of 64 MiB.
const TEXTS: &[(&str, &str, &str, &str)] = &[
    ("clients.send-text", "message", "ok", "too-long"),
    ("clients.send-binary", "message", "ok", "too-long"),
    ("clients.send", "message", "ok", "too-long"),
    ("clients.broadcast", "message", "[]", "missed"),
    ("clients.set-compression", "how", "unknown", "unknown"),
    ("clients.ping", "payload", "ok", "too-long"),
    ("clients.pong", "payload", "ok", "too-long"),
    ("clients.close", "reason", "ok", "reason-too-long"),
    ("clients.attach", "attachment", "ok", "too-long"),
    ("handshake.choose-subprotocol", "name", "not-offered", "not-offered"),
    ("handshake.add-header", "name", "invalid-header", "too-long"),
    ("handshake.add-header", "value", "ok", "too-long"),
    ("handshake.set-body", "content-type", "invalid-header", "too-long"),
    ("handshake.set-body", "body", "ok", "too-long"),
    ("log.write", "level", "done", "done"),
    ("log.write", "message", "done", "done"),
    ("log.enabled", "level", "true", "true"),
    ("outgoing.add-subprotocol", "name", "invalid-subprotocol", "too-long"),
    ("outgoing.add-header", "name", "invalid-header", "too-long"),
    ("outgoing.add-header", "value", "ok", "too-long"),
    ("outgoing.connect", "url", "invalid-url", "too-long"),
    ("requests.parameter", "name", "none", "none"),
    ("requests.header", "name", "none", "none"),
    ("tags.tag", "tag", "invalid-tag", "invalid-tag"),
    ("tags.untag", "tag", "false", "false"),
    ("tags.clients-of", "tag", "[]", "[]"),
    ("tags.send-tagged", "tag", "invalid-tag", "invalid-tag"),
    ("tags.send-tagged", "message", "ok", "ok"),
    ("tags.close-tagged", "tag", "invalid-tag", "invalid-tag"),
    ("tags.close-tagged", "reason", "ok", "reason-too-long"),
    ("topics.subscribe", "topic", "invalid-topic", "invalid-topic"),
    ("topics.unsubscribe", "topic", "false", "false"),
    ("topics.subscribers", "topic", "0", "0"),
    ("topics.publish", "topic", "invalid-topic", "invalid-topic"),
    ("topics.publish", "message", "ok", "ok"),
];

#[test]
fn text_of_any_length_is_a_named_error_in_every_function() -> Result<()> {
    let server =
        TestServer::with_arguments(GUEST, &["--max-memory", "512MiB", "--max-cpu", "10s"])?;
    let mut client = Client::connect(&server)?;
    let mut expected: BTreeMap<_, _> = TEXTS
        .iter()
        .map(|(name, parameter, empty, long)| ((*name, *parameter), (*empty, *long)))
        .collect();
    let functions = functions()?;
    for function in &functions {
        for (parameter, ty) in &function.parameters {
            if !["string", "list<u8>", "message"].contains(&&**ty) {
                continue;
            }
            let key = (&*function.name, &**parameter);
            let (empty, long) =
                expected.remove(&key).with_context(|| format!("{key:?} is not in the table"))?;
            for (length, result) in [("0", empty), (LONG, long)] {
                let mut target = Client::connect(&server)?;
                let id = target.ask("id")?;
                let call = format!("{} {id} {parameter} {length}", function.name);
                let found = if function.name.starts_with("handshake.") {
                    let call = call.replace(' ', "+").replace(&id, "me");
                    Client::connect_to(&server, &format!("/?{call}"))?.receive_text()?
                } else {
                    client.ask(&call)?
                };
                let result = if result == "missed" { format!("[{id}]") } else { result.to_owned() };
                assert_eq!(found, result, "{call}");
            }
        }
    }
    ensure!(expected.is_empty(), "no functions any more: {expected:?}");
    Ok(())
}

/// A handler may keep numbers of clients in a file or a database. After a restart they must not name other clients.
#[test]
fn saved_numbers_of_clients_name_nobody_after_a_restart() -> Result<()> {
    let mut saved = Vec::new();
    for _ in 0..3 {
        let server = TestServer::serving(GUEST)?;
        let mut clients = Client::connect_many(&server, 50)?;
        let ids: Vec<_> =
            clients.iter_mut().map(|client| client.ask("id")).collect::<Result<_>>()?;
        for earlier in &saved {
            assert!(!ids.contains(earlier), "{earlier} names another client");
            for call in ["send-text", "close", "attach"] {
                let call = format!("clients.{call} {earlier} - 1");
                assert_eq!(clients[0].ask(&call)?, "closed", "{call}");
            }
            assert_eq!(clients[0].ask(&format!("requests.path {earlier} - 1"))?, "none");
        }
        // Nobody has got or lost anything.
        for (client, id) in clients.iter_mut().zip(&ids) {
            assert_eq!(client.ask("id")?, *id);
        }
        saved.extend(ids);
    }
    Ok(())
}
