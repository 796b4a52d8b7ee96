//! Keys and values in a file: the interface `wasi:keyvalue`.

wit_bindgen::generate!({
    inline: "
        package wasi:keyvalue@0.2.0-draft2;

        interface store {
            variant error { no-such-store, access-denied, other(string) }
            record key-response { keys: list<string>, cursor: option<string> }
            resource bucket {
                get: func(key: string) -> result<option<list<u8>>, error>;
                set: func(key: string, value: list<u8>) -> result<_, error>;
                delete: func(key: string) -> result<_, error>;
                exists: func(key: string) -> result<bool, error>;
                list-keys: func(cursor: option<string>) -> result<key-response, error>;
            }
            open: func(identifier: string) -> result<bucket, error>;
        }

        interface atomics {
            use store.{bucket, error};
            increment: func(bucket: borrow<bucket>, key: string, delta: s64) -> result<s64, error>;
        }

        world imports { import store; import atomics; }
    ",
    world: "imports",
});

use wasi::keyvalue::atomics::increment;
use wasi::keyvalue::store::{Error, open};

/// Counts a visit. The number outlives the server.
pub(crate) fn count_visit() -> Result<i64, Error> {
    increment(&open("numbers")?, "visits", 1)
}

/// Returns a number that was never returned before.
pub(crate) fn next_number() -> Result<u64, Error> {
    Ok(increment(&open("numbers")?, "last", 1)?.unsigned_abs())
}

/// Keeps a text. When this returns, the text is on the disk.
pub(crate) fn keep(name: &str, text: &str) -> Result<(), Error> {
    open("texts")?.set(name, text.as_bytes())
}

pub(crate) fn drop_text(name: &str) -> Result<(), Error> {
    open("texts")?.delete(name)
}

pub(crate) fn kept(name: &str) -> Result<Option<String>, Error> {
    let text = open("texts")?.get(name)?;
    Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
}
