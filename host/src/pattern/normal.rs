//! The normal form of paths.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns the normal form of a path. The host uses this form to compare paths and to name instances, and handlers see
/// paths in this form.
///
/// Paths that RFC 3986 §6.2.2 calls equivalent have the same normal form. A path and the form in which browsers send
/// it, following the URL standard, also have the same normal form:
///
/// - Characters that may not appear in a path are percent-encoded: `ä` becomes `%C3%A4`.
/// - Percent-encoded letters, digits, `-`, `.`, `_` and `~` are decoded: `%7E` becomes `~`.
/// - All other encoded characters stay encoded, with upper-case digits: `%2f` becomes `%2F`, which is not a slash.
/// - A `%` that does not begin an encoding becomes `%25`. So a path that is already in normal form stays the same.
///
/// The segments `.` and `..` are kept. Clients resolve them before they send a request. A proxy in front of the server
/// may have made a decision based on the path as it is.
pub(crate) fn normalized(path: &str) -> Cow<'_, str> {
    // Most paths need no change, and so no allocation.
    if path.bytes().all(is_path_char) {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, decode_hex(after)) {
            (b'%', Some(byte)) => {
                rest = &after[2..];
                push(&mut normal, byte, is_unreserved);
            }
            _ => push(&mut normal, byte, is_path_char),
        }
    }
    if normal == path { Cow::Borrowed(path) } else { Cow::Owned(normal) }
}

/// Appends a byte, percent-encoded unless it is plain.
fn push(normal: &mut String, byte: u8, is_plain: impl Fn(u8) -> bool) {
    if is_plain(byte) {
        normal.push(char::from(byte));
    } else {
        // Writing to a string never fails.
        let _ = write!(normal, "%{byte:02X}");
    }
}

/// Decodes the two hexadecimal digits of a percent-encoding (RFC 3986 §2.1).
fn decode_hex(digits: &[u8]) -> Option<u8> {
    let digit = |index| char::from(*digits.get(index)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// Returns whether RFC 3986 §2.3 calls a character unreserved.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Returns whether a character may appear in a path: a `pchar` of RFC 3986 §3.3, or a slash.
fn is_path_char(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=:@/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_paths_have_the_same_normal_form() {
        for (path, normal) in [
            ("/", "/"),
            ("", ""),
            ("/a/b-c_d.e~f/0", "/a/b-c_d.e~f/0"),
            ("/r\u{e4}ume", "/r%C3%A4ume"),
            ("/r%c3%a4ume", "/r%C3%A4ume"),
            ("/\u{1f600}", "/%F0%9F%98%80"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%2Fb", "/a%2Fb"),
            ("/%7Eme/%61%2e%5F%2d", "/~me/a._-"),
            ("/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
            ("/%21%3A%2a", "/%21%3A%2A"),
            ("/a b\"<>\\^`{|}[]", "/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D"),
            ("/a/../b/./%2e%2E", "/a/../b/./.."),
            ("/100%", "/100%25"),
            ("/%zz%4", "/%25zz%254"),
            ("/%%34%31", "/%2541"),
            ("/%00\0", "/%00%00"),
        ] {
            assert_eq!(normalized(path), normal, "{path:?}");
        }
    }

    #[test]
    fn normal_form_of_a_normal_form_is_itself() {
        let letters = ["%", "4", "1", "a", "F", "/", "\u{e4}", "~", "{"];
        for number in 0..letters.len().pow(5) {
            let letter = |index| letters[number / letters.len().pow(index) % letters.len()];
            let path: String = (0..5).map(letter).collect();
            let normal = normalized(&path).into_owned();
            assert_eq!(normalized(&normal), normal, "{path:?}");
            assert!(normal.is_ascii());
        }
    }

    #[test]
    fn path_in_normal_form_is_borrowed() {
        assert!(matches!(normalized("/chat/%20"), Cow::Borrowed(_)));
    }
}
