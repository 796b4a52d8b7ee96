//! Uses each capability when a text message asks for it. Whatever fails is answered with the word of the error.

use std::time::Duration;

use ws_guest::keyvalue::{self, Bucket};
use ws_guest::{
    Client, ConnectError, ConnectOptions, Disconnection, Error, Handler, Handshake, Rejection,
    Timer, TimerError, Timers, broadcast, clients, config, connect_with, connections,
};

#[derive(Default)]
struct Capabilities;

fn answer(command: &str, key: &str, value: &str) -> Result<String, Error> {
    Ok(match command {
        "config" => config::get(key)?.unwrap_or_else(|| "nothing".into()),
        "config-all" => {
            let values = config::all()?;
            let values: Vec<_> =
                values.iter().map(|(key, text)| format!("{key:?}:{text:?}")).collect();
            format!("{{{}}}", values.join(","))
        }
        "count" => keyvalue::open("numbers")?.increment(key, 1)?.to_string(),
        "add" => keyvalue::open("numbers")?.increment(key, value.parse()?)?.to_string(),
        "connect" => {
            let options = ConnectOptions::new().subprotocol("relay")?;
            connect_with(key, &options.header("x-test", "of the handler")?)?;
            "done".into()
        }
        "remind" => {
            Timer::new(key.parse()?).set_durable(Duration::from_millis(value.parse()?))?;
            "done".into()
        }
        "forget" => Timer::new(key.parse()?).cancel().to_string(),
        "read" => std::fs::read_to_string(key)?,
        "url" => listed(connections().into_iter().filter_map(Client::url)),
        "say" => {
            broadcast(connections(), key);
            "said".into()
        }
        "leave" => {
            for server in connections() {
                server.close(1000.into(), "")?;
            }
            "left".into()
        }
        "wrong" | "set" | "get" | "has" | "delete" | "keys" | "swap" | "get-many" | "set-many"
        | "delete-many" => in_bucket(&keyvalue::open("texts")?, command, key, value)?,
        other => other.into(),
    })
}

fn in_bucket(
    bucket: &Bucket,
    command: &str,
    key: &str,
    value: &str,
) -> Result<String, keyvalue::Error> {
    let keys: Vec<&str> = key.split(',').collect();
    match command {
        "wrong" => return Ok(bucket.increment(key, 1)?.to_string()),
        "get" => return Ok(shown(bucket.get(key)?)),
        "has" => return Ok(bucket.exists(key)?.to_string()),
        "keys" => return Ok(listed(bucket.keys().collect::<Result<Vec<_>, _>>()?)),
        "swap" => {
            let (expected, new) = value.split_once(',').unwrap_or_default();
            // The expected value of a key without one.
            let expected = (expected != "nothing").then_some(expected.as_bytes());
            return Ok(bucket.compare_and_swap(key, expected, new)?.to_string());
        }
        "get-many" => return Ok(listed(bucket.get_many(&keys)?.into_iter().map(shown))),
        "set-many" => bucket.set_many(&keys.iter().map(|key| (key, value)).collect::<Vec<_>>())?,
        "delete-many" => bucket.delete_many(&keys)?,
        "delete" => bucket.delete(key)?,
        _ => bucket.set(key, value)?,
    }
    Ok("done".into())
}

fn shown(value: Option<Vec<u8>>) -> String {
    value.map_or_else(|| "nothing".into(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn listed(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<_> = texts.into_iter().collect();
    if texts.is_empty() { "nothing".into() } else { texts.join(",") }
}

fn word(error: &Error) -> &'static str {
    if let Some(error) = error.downcast_ref::<keyvalue::Error>() {
        error.kind().as_str()
    } else if let Some(error) = error.downcast_ref::<ConnectError>() {
        error.as_str()
    } else if let Some(error) = error.downcast_ref::<TimerError>() {
        error.as_str()
    } else if error.downcast_ref::<config::Error>().is_some() {
        "upstream"
    } else {
        "other"
    }
}

impl Handler for Capabilities {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        let request = handshake.request();
        if request.offered_subprotocols().iter().any(|name| name == "relay") {
            handshake.choose_subprotocol("relay")?;
            let header = request.header("x-test").unwrap_or_default();
            client.send_text(format!("x-test: {header}"))?;
        }
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        if client.url().is_some() {
            let subprotocol = client.request().subprotocol().unwrap_or_default();
            broadcast(clients(), &format!("{subprotocol}: {message}"));
            return Ok(());
        }
        let mut words = message.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let answer = answer(next(), next(), next());
        Ok(client.send_text(answer.unwrap_or_else(|error| format!("error: {}", word(&error))))?)
    }

    fn disconnected(&mut self, client: Client, end: &Disconnection) {
        if let Some(url) = client.url() {
            broadcast(clients(), &format!("{}: {url}", end.cause().as_str()));
        }
    }
}

impl Timers for Capabilities {
    fn fired(&mut self, timer: Timer) -> Result<(), Error> {
        broadcast(clients(), &format!("timer {}", timer.number()));
        Ok(())
    }
}

ws_guest::export!(Capabilities: Timers);
