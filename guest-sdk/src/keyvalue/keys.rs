//! The keys of a bucket, page by page.

use std::vec::IntoIter;

use super::Error;
use crate::sys::keyvalue as host;

/// The iterator over the keys of a [`Bucket`](super::Bucket). It ends after an error.
#[derive(Debug)]
pub struct Keys<'a> {
    bucket: &'a host::Bucket,
    page: IntoIter<String>,
    rest: Rest,
}

/// The pages that have not been read yet.
#[derive(Debug)]
enum Rest {
    /// All pages.
    All,
    /// The pages from this cursor on.
    From(String),
    None,
}

impl<'a> Keys<'a> {
    pub(super) fn of(bucket: &'a host::Bucket) -> Self {
        Self { bucket, page: IntoIter::default(), rest: Rest::All }
    }
}

impl Iterator for Keys<'_> {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(key) = self.page.next() {
                return Some(Ok(key));
            }
            let cursor = match std::mem::replace(&mut self.rest, Rest::None) {
                Rest::All => None,
                Rest::From(cursor) => Some(cursor),
                Rest::None => return None,
            };
            match host::list_keys(self.bucket, cursor.as_deref()) {
                Ok((keys, cursor)) => {
                    self.page = keys.into_iter();
                    self.rest = cursor.map_or(Rest::None, Rest::From);
                }
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}
