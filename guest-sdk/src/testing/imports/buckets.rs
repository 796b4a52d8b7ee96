//! The interface `wasi:keyvalue`. It is granted, and its data is in memory. The limits are those of the host. But there
//! is no `max-size` and no `max-keys`.

use std::collections::BTreeMap;

use crate::testing::current::with;

const MAX_NAME: usize = 255;
const MAX_KEY: usize = 1 << 10;
const MAX_VALUE: usize = 1 << 20;
const MAX_KEYS: usize = 1000;

/// The values of a bucket, in the order of their keys.
type Values = BTreeMap<String, Vec<u8>>;

pub(crate) fn open(name: &str) -> Result<String, String> {
    check_length("the name of a bucket", name.len(), MAX_NAME)?;
    Ok(name.to_owned())
}

pub(crate) fn get(bucket: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
    let [value] = &mut get_many(bucket, &[key])?[..] else { return Ok(None) };
    Ok(value.take())
}

pub(crate) fn set(bucket: &str, key: &str, value: &[u8]) -> Result<(), String> {
    set_many(bucket, &[(key, value)])
}

pub(crate) fn delete(bucket: &str, key: &str) -> Result<(), String> {
    delete_many(bucket, &[key])
}

pub(crate) fn exists(bucket: &str, key: &str) -> Result<bool, String> {
    Ok(get(bucket, key)?.is_some())
}

pub(crate) fn list_keys(
    bucket: &str,
    cursor: Option<&str>,
) -> Result<(Vec<String>, Option<String>), String> {
    let after = cursor.unwrap_or_default();
    let keys: Vec<_> = with_values(bucket, |values| {
        let keys = values.keys().filter(|key| cursor.is_none() || key.as_str() > after);
        keys.take(MAX_KEYS).cloned().collect()
    });
    let cursor = (keys.len() == MAX_KEYS).then(|| keys.last().cloned()).flatten();
    Ok((keys, cursor))
}

pub(crate) fn increment(bucket: &str, key: &str, by: i64) -> Result<i64, String> {
    let old = get(bucket, key)?.map_or(Some(0), |value| str::from_utf8(&value).ok()?.parse().ok());
    let sum = old.and_then(|old: i64| old.checked_add(by));
    let sum =
        sum.ok_or_else(|| format!("not-a-number: {by} cannot be added to the value of {key}"))?;
    set(bucket, key, sum.to_string().as_bytes())?;
    Ok(sum)
}

pub(crate) fn compare_and_swap(
    bucket: &str,
    key: &str,
    expected: Option<&[u8]>,
    value: &[u8],
) -> Result<bool, String> {
    let is_expected = get(bucket, key)?.as_deref() == expected;
    if is_expected {
        set(bucket, key, value)?;
    }
    Ok(is_expected)
}

pub(crate) fn get_many(bucket: &str, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, String> {
    check_keys(keys.iter().copied())?;
    Ok(with_values(bucket, |values| keys.iter().map(|key| values.get(*key).cloned()).collect()))
}

pub(crate) fn set_many(bucket: &str, pairs: &[(&str, &[u8])]) -> Result<(), String> {
    check_keys(pairs.iter().map(|(key, _)| *key))?;
    pairs.iter().try_for_each(|(_, value)| check_length("a value", value.len(), MAX_VALUE))?;
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.to_vec()));
    with_values(bucket, |values| values.extend(pairs));
    Ok(())
}

pub(crate) fn delete_many(bucket: &str, keys: &[&str]) -> Result<(), String> {
    check_keys(keys.iter().copied())?;
    with_values(bucket, |values| values.retain(|key, _| !keys.contains(&key.as_str())));
    Ok(())
}

fn with_values<T>(bucket: &str, act: impl FnOnce(&mut Values) -> T) -> T {
    with(|fake| act(fake.buckets.entry(bucket.to_owned()).or_default()))
}

fn check_keys<'a>(keys: impl ExactSizeIterator<Item = &'a str>) -> Result<(), String> {
    if keys.len() > MAX_KEYS {
        return Err(format!("too-many: one call may name at most {MAX_KEYS} keys"));
    }
    let mut keys = keys;
    keys.try_for_each(|key| check_length("a key", key.len(), MAX_KEY))
}

fn check_length(what: &str, length: usize, max: usize) -> Result<(), String> {
    if length > max {
        Err(format!("too-long: {what} must have at most {max} bytes"))
    } else {
        Ok(())
    }
}
