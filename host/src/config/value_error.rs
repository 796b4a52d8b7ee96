//! Messages about values of the wrong type. They name the key, and say in plain words what is wrong.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Returns serde's message in plain words, and with the key of the value that it is about. `text` is the configuration
/// file, and `span` is the position of the value in it.
pub(super) fn describe(text: &str, message: &str, span: Option<Range<usize>>) -> String {
    let message = in_plain_words(message);
    match span.and_then(|span| key_of_value(text, span.start)) {
        Some(key) if !message.contains(&format!("`{key}`")) => format!("{key}: {message}"),
        _ => message,
    }
}

/// Returns the key whose value is at this position.
fn key_of_value(text: &str, position: usize) -> Option<String> {
    let document = DeTable::parse(text).ok()?;
    key_in(document.get_ref(), position)
}

fn key_in(table: &DeTable<'_>, position: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        // The span of a `[table]` covers only its header. So the content is searched even if the span does not contain
        // the position.
        let inner = match value.get_ref() {
            DeValue::Table(inner) => key_in(inner, position),
            DeValue::Array(items) => items
                .iter()
                .filter_map(|item| item.get_ref().as_table())
                .find_map(|item| key_in(item, position)),
            _ => None,
        };
        let is_here = || value.span().contains(&position).then(|| key.get_ref().to_string());
        inner.or_else(is_here)
    })
}

/// Replaces words of Rust's library in a message of serde.
fn in_plain_words(message: &str) -> String {
    for (name, plain) in [
        ("a nonzero usize", "a whole number that is more than 0"),
        ("usize", "a whole number"),
        ("u64", "a whole number"),
        ("u32", "a whole number"),
        ("u16", "a whole number"),
        ("u8", "a whole number"),
        ("f64", "a number"),
        ("a boolean", "true or false"),
    ] {
        if let Some(start) = message.strip_suffix(&format!("expected {name}")) {
            return format!("{start}expected {plain}");
        }
    }
    message
        .replace(
            "invalid socket address syntax",
            "expected an IP address and a port, such as 127.0.0.1:9090",
        )
        .replace("expected parsable string", "expected a size, such as 64KiB")
}
