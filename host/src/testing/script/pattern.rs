//! Conditions for a text or a message.

use std::fmt;

use regex::Regex;

use super::keys::{Keys, Problem};
use crate::testing::Received;

/// A condition for a text.
#[derive(Clone, Debug)]
pub(super) enum TextPattern {
    /// The text must be equal to this string.
    Is(String),
    /// The text must contain this string.
    Contains(String),
    /// The regular expression must match the whole text.
    Matches(Regex),
}

/// A condition for a message.
#[derive(Clone, Debug)]
pub(super) enum MessagePattern {
    Text(TextPattern),
    /// The message must be a text message with this JSON. The formatting of the JSON does not matter.
    Json(serde_json::Value),
    Binary(Vec<u8>),
}

impl TextPattern {
    /// Reads `text`, `contains` or `matches`. There may be at most one of them.
    pub(super) fn read(keys: &mut Keys) -> Result<Option<Self>, Problem> {
        let found = [
            keys.text("text")?.map(Self::Is),
            keys.text("contains")?.map(Self::Contains),
            keys.text("matches")?.map(|regex| Self::matches(&regex)).transpose()?,
        ];
        one_of(found, "`text`, `contains` and `matches`")
    }

    fn matches(regex: &str) -> Result<Self, Problem> {
        // The expression must match the whole text. To match a part, a test can use `contains`, or `.*` in the
        // expression.
        Regex::new(&format!("^(?:{regex})$")).map(Self::Matches).map_err(|error| {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            format!(
                "`matches` is not a valid regular expression: {}",
                last.trim_start_matches("error: ")
            )
        })
    }

    pub(super) fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Is(expected) => text == expected,
            Self::Contains(part) => text.contains(part),
            Self::Matches(regex) => regex.is_match(text),
        }
    }
}

impl MessagePattern {
    /// Reads a condition for a message. Exactly one condition must be given.
    pub(super) fn read(keys: &mut Keys) -> Result<Self, Problem> {
        let found = [
            TextPattern::read(keys)?.map(Self::Text),
            json(keys)?.map(Self::Json),
            keys.bytes("bytes")?.map(Self::Binary),
        ];
        let all = "`text`, `contains`, `matches`, `json` and `bytes`";
        one_of(found, all)?.ok_or_else(|| format!("the step needs one of {all}"))
    }

    pub(super) fn accepts(&self, received: &Received) -> bool {
        match (self, received) {
            (Self::Text(pattern), Received::Text(text)) => pattern.accepts(text),
            (Self::Json(expected), Received::Text(text)) => {
                serde_json::from_str::<serde_json::Value>(text).is_ok_and(|json| json == *expected)
            }
            (Self::Binary(expected), Received::Binary(bytes)) => bytes == expected,
            _ => false,
        }
    }
}

/// Reads `json`. Its value may be of any kind, and is converted to JSON.
pub(super) fn json(keys: &mut Keys) -> Result<Option<serde_json::Value>, Problem> {
    let Some(value) = keys.value("json") else { return Ok(None) };
    serde_json::to_value(value).map(Some).map_err(|error| format!("`json`: {error}"))
}

/// Returns the value that was found, if any. It is an error if several values were found.
pub(super) fn one_of<T, const N: usize>(
    found: [Option<T>; N],
    all: &str,
) -> Result<Option<T>, Problem> {
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(format!("only one of {all} can be given")),
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(text) => write!(f, "{text:?}"),
            Self::Contains(part) => write!(f, "with {part:?} in it"),
            Self::Matches(regex) => {
                let whole = regex.as_str();
                let inner = whole.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
                write!(f, "that matches /{}/", inner.unwrap_or(whole))
            }
        }
    }
}

impl fmt::Display for MessagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(pattern) => write!(f, "text {pattern}"),
            Self::Json(json) => write!(f, "text with the JSON {json}"),
            Self::Binary(bytes) => Received::Binary(bytes.clone()).fmt(f),
        }
    }
}
