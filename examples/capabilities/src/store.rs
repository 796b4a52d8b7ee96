//! Keys and values in a file: the module `keyvalue` of the SDK.

use ws_guest::keyvalue::{Error, open};

/// Counts a visit. The number outlives the server.
pub(crate) fn count_visit() -> Result<i64, Error> {
    open("numbers")?.increment("visits", 1)
}

/// Returns a number that was never returned before.
pub(crate) fn next_number() -> Result<u64, Error> {
    Ok(open("numbers")?.increment("last", 1)?.unsigned_abs())
}

/// Keeps a text. When this returns, the text is on the disk.
pub(crate) fn keep(name: &str, text: &str) -> Result<(), Error> {
    open("texts")?.set(name, text)
}

pub(crate) fn drop_text(name: &str) -> Result<(), Error> {
    open("texts")?.delete(name)
}

pub(crate) fn kept(name: &str) -> Result<Option<String>, Error> {
    let text = open("texts")?.get(name)?;
    Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
}
