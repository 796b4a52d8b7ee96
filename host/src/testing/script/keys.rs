//! The keys of a step.

use std::time::Duration;

use toml::{Table, Value};

use crate::config::suggestion;

/// Why a step cannot be used.
pub(super) type Problem = String;

/// The keys of one table. A key that is never read is unknown.
pub(super) struct Keys {
    table: Table,
    known: Vec<&'static str>,
}

impl Keys {
    pub(super) fn new(table: Table) -> Self {
        Self { table, known: Vec::new() }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    /// Removes a key and returns its value, if the key is there.
    pub(super) fn value(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, Problem> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(key, "a string", &other)),
        }
    }

    pub(super) fn needed_text(&mut self, key: &'static str) -> Result<String, Problem> {
        self.text(key)?.ok_or_else(|| format!("`{key}` is missing"))
    }

    /// Removes a key whose value is a string or a list of strings. Returns the strings.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Vec<String>, Problem> {
        let wanted = "a string or a list of strings";
        match self.value(key) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(list)) => {
                let text = |value| match value {
                    Value::String(text) => Ok(text),
                    other => Err(wrong(key, wanted, &other)),
                };
                list.into_iter().map(text).collect()
            }
            Some(other) => Err(wrong(key, wanted, &other)),
        }
    }

    /// Removes a key whose value is hexadecimal, such as `"00 ff"`. Returns the decoded bytes.
    pub(super) fn bytes(&mut self, key: &'static str) -> Result<Option<Vec<u8>>, Problem> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let digits: Vec<char> = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        let byte = |pair: &[char]| match pair {
            [high, low] => Some((high.to_digit(16)? * 16 + low.to_digit(16)?) as u8),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        bytes.map(Some).ok_or_else(|| {
            format!("`{key}` must be bytes in hexadecimal, such as \"00 ff\", not {text:?}")
        })
    }

    pub(super) fn number<T: TryFrom<i64>>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<T>, Problem> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Integer(number)) => T::try_from(number)
                .map(Some)
                .map_err(|_| format!("`{key}` is out of range: {number}")),
            Some(other) => Err(wrong(key, "a number", &other)),
        }
    }

    /// Removes a key whose value is a duration, such as `"30s"`. Returns the duration.
    pub(super) fn time(&mut self, key: &'static str) -> Result<Option<Duration>, Problem> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        humantime::parse_duration(&text).map(Some).map_err(|error| {
            format!("`{key}` must be a time such as \"500ms\" or \"30s\", not {text:?}: {error}")
        })
    }

    /// Removes a key whose only possible value is `true`. Returns whether the key was there. `false` is refused,
    /// because the key names what the step does.
    pub(super) fn is_true(&mut self, key: &'static str) -> Result<bool, Problem> {
        match self.value(key) {
            None => Ok(false),
            Some(Value::Boolean(true)) => Ok(true),
            Some(other) => Err(format!("`{key}` must be true, not {other}")),
        }
    }

    /// Checks that every key has been read.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(suggestion(unknown, &self.known)),
        }
    }
}

fn wrong(key: &str, wanted: &str, value: &Value) -> Problem {
    format!("`{key}` must be {wanted}, not the {} {value}", value.type_str())
}
