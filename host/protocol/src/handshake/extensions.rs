//! `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use std::borrow::Cow;

use http::header::{HeaderMap, SEC_WEBSOCKET_EXTENSIONS};

use super::headers::is_token;

/// One extension of a list, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    pub(super) parameters: Vec<Parameter<'a>>,
}

/// A parameter of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    /// Without the quotes, if it had any.
    pub(super) value: Option<Cow<'a, str>>,
}

/// The extensions of all lines, in their order; `None` if one is not what the grammar says, which must fail
/// the connection: a semicolon with nothing behind it, a value that is no token, an open quote.
///
/// What is right by the grammar is for the extension to judge, and its offer to be declined: a name that is not
/// known, a parameter that is not known, stands twice or has a value that it cannot have.
pub(super) fn extensions(headers: &HeaderMap) -> Option<Vec<Extension<'_>>> {
    let mut extensions = Vec::new();
    for line in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let mut rest = Rest(line.to_str().ok()?.trim());
        // Empty elements are skipped, as a recipient must (RFC 9110 §5.6.1.2).
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

/// What has not been read of a line.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a separator and the space around it, if it stands here.
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

    /// "When using the quoted-string syntax variant, the value after quoted-string unescaping MUST
    /// conform to the 'token' ABNF."
    fn value(&mut self) -> Option<Cow<'a, str>> {
        let Some(quoted) = self.0.strip_prefix('"') else {
            return self.token().map(Cow::Borrowed);
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((place, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = quoted[place + 1..].trim_start();
                    return is_token(&value).then_some(Cow::Owned(value));
                }
                '\\' => value.push(characters.next()?.1),
                _ => value.push(character),
            }
        }
        None
    }
}
