//! Keeps keys and values with the functions of the SDK, and sends the client each result. `-` is the bucket of the
//! actor.

use ws_guest::keyvalue::{self, Bucket};
use ws_guest::{Client, Error, Handler, config};

#[derive(Default)]
struct Ledger;

impl Handler for Ledger {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let words: Vec<&str> = message.split(' ').collect();
        let answer = match &words[..] {
            ["config", key] => outcome(config::get(key)),
            ["config-all"] => outcome(config::all()),
            [command, name, words @ ..] => match answer(command, name, words) {
                Ok(answer) => answer,
                Err(error) => format!("{}: {error}", error.kind().as_str()),
            },
            _ => "which bucket?".to_owned(),
        };
        Ok(client.send_text(answer)?)
    }
}

fn outcome<T: std::fmt::Debug>(result: Result<T, config::Error>) -> String {
    result.map_or_else(|error| format!("error: {error}"), |value| format!("{value:?}"))
}

fn answer(command: &str, name: &str, words: &[&str]) -> Result<String, keyvalue::Error> {
    let bucket = if name == "-" { keyvalue::open_own()? } else { keyvalue::open(name)? };
    Ok(match (command, words) {
        ("get", [key]) => text(bucket.get(key)?),
        ("set", [key, value]) => bucket.set(key, value).map(|()| "set".to_owned())?,
        ("delete", [key]) => bucket.delete(key).map(|()| "deleted".to_owned())?,
        ("exists", [key]) => bucket.exists(key)?.to_string(),
        ("increment", [key, by]) => {
            bucket.increment(key, by.parse().unwrap_or_default())?.to_string()
        }
        ("swap", [key, expected, value]) => {
            let expected = (*expected != "none").then_some(expected.as_bytes());
            bucket.compare_and_swap(key, expected, value)?.to_string()
        }
        ("append", [key, value]) => appended(&bucket, key, value)?,
        ("get-many", keys) => {
            let found = bucket.get_many(keys)?.into_iter().map(text);
            found.collect::<Vec<_>>().join(",")
        }
        // Sets several keys to the same value.
        ("set-many", [value, keys @ ..]) => {
            let pairs: Vec<_> = keys.iter().map(|key| (key, value)).collect();
            bucket.set_many(&pairs).map(|()| "set".to_owned())?
        }
        ("delete-many", keys) => bucket.delete_many(keys).map(|()| "deleted".to_owned())?,
        ("keys", []) => bucket.keys().collect::<Result<Vec<_>, _>>()?.join(","),
        ("count", []) => bucket.keys().collect::<Result<Vec<_>, _>>()?.len().to_string(),
        _ => format!("unknown: {command}"),
    })
}

/// Appends to a value, which changes once in between. Returns how often the change was computed, too.
fn appended(bucket: &Bucket, key: &str, value: &str) -> Result<String, keyvalue::Error> {
    let mut attempts = 0;
    let appended = bucket.update(key, |present| {
        attempts += 1;
        if attempts == 1 {
            // An error is seen in the answer: the change is then computed once.
            let _ = bucket.set(key, "between,");
        }
        [present.unwrap_or_default(), value.into()].concat()
    })?;
    Ok(format!("{} after {attempts} attempts", text(Some(appended))))
}

fn text(value: Option<Vec<u8>>) -> String {
    value.map_or("none".to_owned(), |value| String::from_utf8_lossy(&value).into_owned())
}

ws_guest::export!(Ledger);
