//! Keeps keys and values, and sends the client each result. `-` is the bucket of the actor.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package wasi:keyvalue@0.2.0-draft2;
            interface store {
                variant error { no-such-store, access-denied, other(string) }
                record key-response { keys: list<string>, cursor: option<string> }
                open: func(identifier: string) -> result<bucket, error>;
                resource bucket {
                    get: func(key: string) -> result<option<list<u8>>, error>;
                    set: func(key: string, value: list<u8>) -> result<_, error>;
                    delete: func(key: string) -> result<_, error>;
                    exists: func(key: string) -> result<bool, error>;
                    list-keys: func(cursor: option<string>) -> result<key-response, error>;
                }
            }
            interface atomics {
                use store.{bucket, error};
                variant cas-error { store-error(error), cas-failed(cas) }
                resource cas {
                    new: static func(bucket: borrow<bucket>, key: string) -> result<cas, error>;
                    current: func() -> result<option<list<u8>>, error>;
                }
                increment: func(bucket: borrow<bucket>, key: string, delta: s64) -> result<s64, error>;
                swap: func(cas: cas, value: list<u8>) -> result<_, cas-error>;
            }
            interface batch {
                use store.{bucket, error};
                get-many: func(bucket: borrow<bucket>, keys: list<string>)
                    -> result<list<option<tuple<string, list<u8>>>>, error>;
                set-many: func(bucket: borrow<bucket>, key-values: list<tuple<string, list<u8>>>)
                    -> result<_, error>;
                delete-many: func(bucket: borrow<bucket>, keys: list<string>) -> result<_, error>;
            }
            world imports { import store; import atomics; import batch; }
        ",
        world: "imports",
    });
}

use bindings::wasi::keyvalue::atomics::{Cas, CasError, increment, swap};
use bindings::wasi::keyvalue::batch::{delete_many, get_many, set_many};
use bindings::wasi::keyvalue::store::{self, Bucket};
use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Storing;

impl Handler for Storing {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let words: Vec<&str> = message.split(' ').collect();
        let answer = match answer(&words) {
            Ok(answer) => answer,
            Err(store::Error::NoSuchStore) => "error: no-such-store".to_owned(),
            Err(store::Error::AccessDenied) => "error: access-denied".to_owned(),
            Err(store::Error::Other(why)) => format!("error: {why}"),
        };
        Ok(client.send_text(&answer)?)
    }
}

fn answer(words: &[&str]) -> Result<String, store::Error> {
    let [command, name, words @ ..] = words else { return Ok("which bucket?".to_owned()) };
    let name = if *name == "-" { "" } else { name };
    let bucket = store::open(name)?;
    let number = |text: &str| text.parse::<usize>().unwrap_or_default();
    match (*command, words) {
        ("open", []) => Ok("open".to_owned()),
        ("set", [key, value]) => bucket.set(key, value.as_bytes()).map(|()| "set".to_owned()),
        ("get", [key]) => Ok(text(bucket.get(key)?)),
        ("delete", [key]) => bucket.delete(key).map(|()| "deleted".to_owned()),
        ("exists", [key]) => Ok(bucket.exists(key)?.to_string()),
        ("increment", [key, delta]) => {
            Ok(increment(&bucket, key, delta.parse().unwrap_or_default())?.to_string())
        }
        ("swap", [key, value]) => swapped(&bucket, key, value),
        // Key and value of these lengths.
        ("long", [key, value]) => {
            bucket.set(&"k".repeat(number(key)), &vec![b'v'; number(value)])?;
            Ok("set".to_owned())
        }
        // Sets keys from a number on, in one call.
        ("many", [from, count]) => {
            let keys = number(from)..number(from) + number(count);
            let pairs: Vec<_> = keys.map(|key| (format!("{key:07}"), Vec::new())).collect();
            set_many(&bucket, &pairs).map(|()| "set".to_owned())
        }
        ("get-many", keys) => {
            let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
            let found = get_many(&bucket, &keys)?;
            let found = found.into_iter().map(|pair| text(pair.map(|(_, value)| value)));
            Ok(found.collect::<Vec<_>>().join(","))
        }
        ("delete-many", keys) => {
            let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
            delete_many(&bucket, &keys).map(|()| "deleted".to_owned())
        }
        ("list", cursor) => {
            let page = bucket.list_keys(cursor.first().copied())?;
            Ok(format!("{} {:?}", page.keys.join(","), page.cursor))
        }
        ("count", []) => {
            let (mut keys, mut pages, mut cursor) = (0, 0, None);
            loop {
                let page = bucket.list_keys(cursor.as_deref())?;
                keys += page.keys.len();
                pages += 1;
                cursor = page.cursor;
                if cursor.is_none() {
                    return Ok(format!("{keys} keys on {pages} pages"));
                }
            }
        }
        // Opens the bucket again and again, and keeps all of them open.
        ("hoard", []) => {
            let mut open = Vec::new();
            loop {
                match store::open(name) {
                    Ok(bucket) => open.push(bucket),
                    Err(store::Error::Other(why)) => return Ok(format!("{}: {why}", open.len())),
                    Err(error) => return Err(error),
                }
            }
        }
        // Sets one key after another until that fails or a client gives up.
        ("fill", [length]) => {
            for key in 0.. {
                let value = vec![b'v'; number(length)];
                bucket.set(&format!("{key}"), &value)?;
            }
            Ok("never".to_owned())
        }
        _ => Ok(format!("unknown: {command}")),
    }
}

/// Swaps a value that changes in between, and then once more.
fn swapped(bucket: &Bucket, key: &str, value: &str) -> Result<String, store::Error> {
    let first = Cas::new(bucket, key)?;
    bucket.set(key, b"between")?;
    let again = match swap(first, value.as_bytes()) {
        Err(CasError::CasFailed(again)) => again,
        Err(CasError::StoreError(error)) => return Err(error),
        Ok(()) => return Ok("swapped too early".to_owned()),
    };
    let between = text(again.current()?);
    match swap(again, value.as_bytes()) {
        Ok(()) => Ok(format!("{between}, then {}", text(bucket.get(key)?))),
        Err(CasError::StoreError(error)) => Err(error),
        Err(CasError::CasFailed(_)) => Ok("failed twice".to_owned()),
    }
}

fn text(value: Option<Vec<u8>>) -> String {
    value.map_or("none".to_owned(), |value| String::from_utf8_lossy(&value).into_owned())
}

ws_guest::export!(Storing);
