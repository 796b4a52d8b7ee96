//! The WASI capabilities in a component, as functions that return errors as text. The text begins with the kind of the
//! error, followed by a colon.

use ws_guest_bindings::config::wasi::config::store as values;
use ws_guest_bindings::keyvalue::wasi::keyvalue::{atomics, batch, store};

pub(crate) mod config {
    use super::values::{self, Error};

    pub(crate) fn get(key: &str) -> Result<Option<String>, String> {
        values::get(key).map_err(text)
    }

    pub(crate) fn get_all() -> Result<Vec<(String, String)>, String> {
        values::get_all().map_err(text)
    }

    fn text(error: Error) -> String {
        match error {
            Error::Upstream(text) | Error::Io(text) => text,
        }
    }
}

pub(crate) mod keyvalue {
    use super::atomics::{self, Cas, CasError};
    use super::batch;
    use super::store::{self, Error};

    pub(crate) use super::store::Bucket;

    pub(crate) fn open(name: &str) -> Result<Bucket, String> {
        store::open(name).map_err(text)
    }

    pub(crate) fn get(bucket: &Bucket, key: &str) -> Result<Option<Vec<u8>>, String> {
        bucket.get(key).map_err(text)
    }

    pub(crate) fn set(bucket: &Bucket, key: &str, value: &[u8]) -> Result<(), String> {
        bucket.set(key, value).map_err(text)
    }

    pub(crate) fn delete(bucket: &Bucket, key: &str) -> Result<(), String> {
        bucket.delete(key).map_err(text)
    }

    pub(crate) fn exists(bucket: &Bucket, key: &str) -> Result<bool, String> {
        bucket.exists(key).map_err(text)
    }

    pub(crate) fn list_keys(
        bucket: &Bucket,
        cursor: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), String> {
        bucket.list_keys(cursor).map(|page| (page.keys, page.cursor)).map_err(text)
    }

    pub(crate) fn increment(bucket: &Bucket, key: &str, by: i64) -> Result<i64, String> {
        atomics::increment(bucket, key, by).map_err(text)
    }

    /// Sets the value if the present value is the expected one. The host refuses the swap if the value has changed
    /// since `current` returned it.
    pub(crate) fn compare_and_swap(
        bucket: &Bucket,
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<bool, String> {
        let cas = Cas::new(bucket, key).map_err(text)?;
        if cas.current().map_err(text)?.as_deref() != expected {
            return Ok(false);
        }
        match atomics::swap(cas, value) {
            Ok(()) => Ok(true),
            Err(CasError::CasFailed(_)) => Ok(false),
            Err(CasError::StoreError(error)) => Err(text(error)),
        }
    }

    pub(crate) fn get_many(bucket: &Bucket, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, String> {
        let pairs = batch::get_many(bucket, keys).map_err(text)?;
        Ok(pairs.into_iter().map(|pair| pair.map(|(_, value)| value)).collect())
    }

    pub(crate) fn set_many(bucket: &Bucket, pairs: &[(&str, &[u8])]) -> Result<(), String> {
        batch::set_many(bucket, pairs).map_err(text)
    }

    pub(crate) fn delete_many(bucket: &Bucket, keys: &[&str]) -> Result<(), String> {
        batch::delete_many(bucket, keys).map_err(text)
    }

    fn text(error: Error) -> String {
        match error {
            Error::NoSuchStore => "no-such-store: there is no such bucket".to_owned(),
            Error::AccessDenied => {
                "access-denied: add \"keyvalue:FILE\" to the resource's `grant`".to_owned()
            }
            Error::Other(text) => text,
        }
    }
}
