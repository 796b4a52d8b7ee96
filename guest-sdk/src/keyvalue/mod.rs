//! A key-value store in a file of the host. Its data outlives the instance, a reload, a crash and a restart.
//!
//! The configuration must grant the file with `grant = ["keyvalue:FILE"]`.
//!
//! ```
//! use ws_guest::{Client, Error, keyvalue};
//!
//! fn count_visit(client: Client) -> Result<(), Error> {
//!     let visits = keyvalue::open("numbers")?.increment("visits", 1)?;
//!     Ok(client.send_text(format!("visit {visits}"))?)
//! }
//! ```
//!
//! When a function that changes data returns, the change is on the disk. Each change happens completely or not at all.
//! While a handler waits for the disk, the other instances of the host continue.
//!
//! A handler that calls none of these functions does not import `wasi:keyvalue`.

mod error;
mod keys;

pub use self::error::{Error, ErrorKind};
pub use self::keys::Keys;
use crate::sys::keyvalue as host;

/// Opens the bucket with this name. The bucket is shared by all instances of all resources that are granted the same
/// file.
///
/// # Errors
///
/// Returns [`Error`] if the configuration grants no file, or if the name has more than 255 bytes.
pub fn open(name: impl AsRef<str>) -> Result<Bucket, Error> {
    Ok(Bucket(host::open(name.as_ref())?))
}

/// Opens the bucket of this actor, for example of the room at a path.
///
/// # Errors
///
/// Returns [`Error`] if the configuration grants no file, or if each client has its own instance
/// ([`ErrorKind::NoOwnBucket`]).
pub fn open_own() -> Result<Bucket, Error> {
    open("")
}

/// A bucket: keys and values under a common name. A key has at most 1 KiB, and a value at most 1 MiB.
///
/// The number of open buckets of an instance is limited. Keep a bucket in the handler, or open it in each event. A
/// bucket is closed when it is dropped. All functions return [`Error`] if the file cannot be read or written.
#[derive(Debug)]
pub struct Bucket(host::Bucket);

impl Bucket {
    /// Returns the value of a key, or `None` if the key does not exist.
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if the value cannot be read.
    pub fn get(&self, key: impl AsRef<str>) -> Result<Option<Vec<u8>>, Error> {
        Ok(host::get(&self.0, key.as_ref())?)
    }

    /// Sets a value. The value is on the disk when this function returns.
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if a limit is reached, or the value cannot be written.
    pub fn set(&self, key: impl AsRef<str>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        Ok(host::set(&self.0, key.as_ref(), value.as_ref())?)
    }

    /// Removes a key. The key need not exist.
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if the file cannot be written.
    pub fn delete(&self, key: impl AsRef<str>) -> Result<(), Error> {
        Ok(host::delete(&self.0, key.as_ref())?)
    }

    /// Returns whether a key exists.
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if the file cannot be read.
    pub fn exists(&self, key: impl AsRef<str>) -> Result<bool, Error> {
        Ok(host::exists(&self.0, key.as_ref())?)
    }

    /// Returns all keys, in the order of their bytes. The keys are read from the host in pages of 1,000, when they are
    /// needed. Keys may be added and removed between two pages.
    pub fn keys(&self) -> Keys<'_> {
        Keys::of(&self.0)
    }

    /// Adds `by` to a value that is a number in decimal digits, and returns the sum. This is atomic: no other instance
    /// can change the value in between. A key without a value counts as 0.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::NotANumber`] if the value is not a number of this form, or if the sum has more than 64
    /// bits.
    pub fn increment(&self, key: impl AsRef<str>, by: i64) -> Result<i64, Error> {
        Ok(host::increment(&self.0, key.as_ref(), by)?)
    }

    /// Sets a value if the present value is the expected one. If `None` is expected, the key must not exist. This is
    /// atomic: no other instance can change the value in between. Returns whether the value was set.
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if a limit is reached, or the value cannot be read or written.
    pub fn compare_and_swap(
        &self,
        key: impl AsRef<str>,
        expected: Option<&[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        Ok(host::compare_and_swap(&self.0, key.as_ref(), expected, value.as_ref())?)
    }

    /// Replaces a value with the one that `change` computes from it, and returns the new value. If another instance
    /// changes the value in between, `change` is called again with that instance's value.
    ///
    /// ```
    /// # use ws_guest::keyvalue::{Bucket, Error};
    /// # fn append(bucket: &Bucket) -> Result<(), Error> {
    /// bucket.update("names", |names| [names.unwrap_or_default(), b"Ada\n".to_vec()].concat())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if a limit is reached, or the value cannot be read or written.
    pub fn update(
        &self,
        key: impl AsRef<str>,
        mut change: impl FnMut(Option<Vec<u8>>) -> Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let key = key.as_ref();
        loop {
            let present = self.get(key)?;
            let value = change(present.clone());
            if self.compare_and_swap(key, present.as_deref(), &value)? {
                return Ok(value);
            }
        }
    }

    /// Returns the values of up to 1,000 keys, in the order of the keys.
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if there are too many keys, or the values cannot be read.
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        Ok(host::get_many(&self.0, &texts(keys))?)
    }

    /// Sets the values of up to 1,000 keys. Either all of them are set or none.
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if there are too many keys, a limit is reached, or the values cannot be written.
    pub fn set_many<K: AsRef<str>, V: AsRef<[u8]>>(&self, pairs: &[(K, V)]) -> Result<(), Error> {
        let pairs: Vec<_> =
            pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        Ok(host::set_many(&self.0, &pairs)?)
    }

    /// Removes up to 1,000 keys. Either all of them are removed or none.
    ///
    /// # Errors
    ///
    /// Returns [`Error`] if there are too many keys, or the file cannot be written.
    pub fn delete_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<(), Error> {
        Ok(host::delete_many(&self.0, &texts(keys))?)
    }
}

fn texts<K: AsRef<str>>(keys: &[K]) -> Vec<&str> {
    keys.iter().map(AsRef::as_ref).collect()
}
