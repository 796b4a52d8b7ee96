//! The one normal form of a path.

use std::borrow::Cow;
use std::fmt::Write;

/// A path in the form in which paths are compared, name instances and are shown to handlers.
///
/// What RFC 3986 §6.2.2 calls equivalent becomes equal, and so does what the URL standard makes of a path
/// before a browser sends it:
///
/// - What cannot stand in a path is percent-encoded: `ä` is `%C3%A4`.
/// - Percent-encoded letters, digits, `-`, `.`, `_` and `~` are decoded: `%7E` is `~`.
/// - The digits of what stays encoded are in upper case: `%2f` is `%2F`, and never a slash.
/// - A `%` that begins no encoding is `%25`, so that the form of the form is the form.
///
/// Segments `.` and `..` stay: clients resolve them before they ask, and a proxy in front of the server has
/// perhaps decided by the path as it stands.
pub(crate) fn normalized(path: &str) -> Cow<'_, str> {
    // Most are, and need no memory.
    if path.bytes().all(may_stand) {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, encoded(behind)) {
            (b'%', Some(byte)) => {
                rest = &behind[2..];
                push(&mut normal, byte, is_unreserved);
            }
            _ => push(&mut normal, byte, may_stand),
        }
    }
    if normal == path { Cow::Borrowed(path) } else { Cow::Owned(normal) }
}

/// Appends an octet, as itself or encoded.
fn push(normal: &mut String, byte: u8, is_plain: impl Fn(u8) -> bool) {
    if is_plain(byte) {
        normal.push(char::from(byte));
    } else {
        // Writing to a string never fails.
        let _ = write!(normal, "%{byte:02X}");
    }
}

/// RFC 3986 §2.1: the octet of which these are the digits, if they are some.
fn encoded(digits: &[u8]) -> Option<u8> {
    let digit = |place| char::from(*digits.get(place)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986 §3.3: `pchar`, and the slash between segments.
fn may_stand(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=:@/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equivalent_is_equal() {
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
    fn form_of_the_form_is_the_form() {
        let letters = ["%", "4", "1", "a", "F", "/", "\u{e4}", "~", "{"];
        for number in 0..letters.len().pow(5) {
            let letter = |place| letters[number / letters.len().pow(place) % letters.len()];
            let path: String = (0..5).map(letter).collect();
            let normal = normalized(&path).into_owned();
            assert_eq!(normalized(&normal), normal, "{path:?}");
            assert!(normal.is_ascii());
        }
    }

    #[test]
    fn path_in_its_normal_form_is_lent() {
        assert!(matches!(normalized("/chat/%20"), Cow::Borrowed(_)));
    }
}
