//! `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use std::borrow::Cow;

use http::header::{HeaderMap, SEC_WEBSOCKET_EXTENSIONS};

use super::headers::{is_token, unquote};

/// One element of the extension list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    pub(super) parameters: Vec<Parameter<'a>>,
}

/// A parameter of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    /// The value without quotes.
    pub(super) value: Option<Cow<'a, str>>,
}

/// Returns the extensions of all lines in their order. Returns `None` if a line violates the grammar, because such a
/// line must fail the connection. Examples are a semicolon with nothing after it, a value that is not a token, and an
/// unclosed quote.
///
/// Other errors in a client's offer do not fail the connection, but the offer is declined. Such an error is an unknown
/// extension, or a parameter that is unknown, is repeated or has an invalid value.
pub(super) fn extensions(headers: &HeaderMap) -> Option<Vec<Extension<'_>>> {
    let mut extensions = Vec::new();
    for line in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let mut rest = Rest(line.to_str().ok()?.trim());
        // A recipient must skip empty elements (RFC 9110 §5.6.1.2).
        while rest.skip(',') {}
        while !rest.is_empty() {
            extensions.push(extension(&mut rest)?);
            if !rest.is_empty() && !rest.skip(',') {
                return None;
            }
            while rest.skip(',') {}
        }
    }
    Some(extensions)
}

fn extension<'a>(rest: &mut Rest<'a>) -> Option<Extension<'a>> {
    let name = rest.token()?;
    let mut parameters = Vec::new();
    while rest.skip(';') {
        let name = rest.token()?;
        let value = if rest.skip('=') { Some(rest.value()?) } else { None };
        parameters.push(Parameter { name, value });
    }
    Some(Extension { name, parameters })
}

/// The unread rest of a line.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Skips a separator and the space around it. Returns whether there was a separator.
    fn skip(&mut self, separator: char) -> bool {
        match self.0.trim_start().strip_prefix(separator) {
            Some(rest) => {
                self.0 = rest.trim();
                true
            }
            None => false,
        }
    }

    fn token(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start();
        let end = rest.find([',', ';', '=', '"', ' ', '\t']).unwrap_or(rest.len());
        let (token, rest) = rest.split_at(end);
        self.0 = rest.trim_start();
        is_token(token).then_some(token)
    }

    /// Reads a token or a quoted string. §9.1: "When using the quoted-string syntax variant, the value after
    /// quoted-string unescaping MUST conform to the 'token' ABNF."
    fn value(&mut self) -> Option<Cow<'a, str>> {
        let Some(quoted) = self.0.strip_prefix('"') else {
            return self.token().map(Cow::Borrowed);
        };
        let (value, rest) = unquote(quoted)?;
        self.0 = rest.trim_start();
        is_token(&value).then_some(value)
    }
}
