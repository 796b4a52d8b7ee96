//! A user and a password, and their conversion from a URL to Basic authentication.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

/// The error for a user name with a colon, or for control characters. Basic authentication cannot send these.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidCredentials;

/// Converts the `user:password` of a URL to the value of the header `Authorization` or `Proxy-Authorization`. The value
/// is marked as sensitive, so that it is not printed.
pub(crate) fn basic_auth(userinfo: &str) -> Result<Option<HeaderValue>, InvalidCredentials> {
    if userinfo.is_empty() {
        return Ok(None);
    }
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let user: Vec<u8> = percent_decode_str(user).collect();
    let password: Vec<u8> = percent_decode_str(password).collect();
    // RFC 7617 §2: the first colon ends the user name, and neither part may contain control characters.
    if user.contains(&b':') || [&user, &password].into_iter().flatten().any(u8::is_ascii_control) {
        return Err(InvalidCredentials);
    }
    let pair = STANDARD.encode([&user[..], b":", &password].concat());
    let mut value =
        HeaderValue::try_from(format!("Basic {pair}")).map_err(|_| InvalidCredentials)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Returns an invalid URL in a form that an error may show. If the text may contain a password, that part is left out.
pub(crate) fn redact(text: &str) -> String {
    let Some((secret, rest)) = text.rsplit_once('@') else { return text.to_owned() };
    let scheme = secret.split_once("://").map_or("", |(scheme, _)| scheme);
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}...@{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(userinfo: &str) -> String {
        let value = basic_auth(userinfo).unwrap().unwrap();
        assert!(value.is_sensitive());
        let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap().to_owned();
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
    }

    #[test]
    fn user_and_password_are_sent_decoded() {
        // The example of RFC 7617 §2.
        assert_eq!(basic_auth("Aladdin:open%20sesame").unwrap().unwrap(), {
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        });
        assert_eq!(sent("me:p%40ss:w%3Ard"), "me:p@ss:w:rd");
        assert_eq!(sent("J%C3%BCrg"), "J\u{fc}rg:");
        assert_eq!(sent(":token"), ":token");
        assert_eq!(basic_auth(""), Ok(None));
    }

    #[test]
    fn colon_in_the_user_and_control_characters_cannot_be_sent() {
        for userinfo in ["a%3Ab:c", "a:b%0d%0aX: y", "%00"] {
            assert_eq!(basic_auth(userinfo), Err(InvalidCredentials), "{userinfo}");
        }
    }

    #[test]
    fn text_of_an_error_has_no_password() {
        assert_eq!(redact("ws://me:se/cr@et@h/x"), "ws://...@h/x");
        assert_eq!(redact("me:secret@h"), "...@h");
        assert_eq!(redact("ws://a b/"), "ws://a b/");
    }
}
