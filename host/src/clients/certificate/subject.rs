//! The name of a certificate's subject as text (RFC 4514). It is escaped so that no value can be mistaken for another
//! one.

use std::borrow::Cow;
use std::fmt::Write;

use x509_parser::asn1_rs::{Any, Class, Tag, ToDer};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::printable::is_control_or_invisible;

/// The characters of a value that are escaped with a backslash (RFC 4514 §2.4). RFC 4514 does not require this for the
/// equals sign. It is escaped here so that a search for `CN=admin` in a subject does not find it inside a company's
/// name.
const SPECIAL: &str = "\"+,;<>\\=";

/// Formats a name. Its last part comes first (RFC 4514 §2.1).
pub(super) fn format(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    let parts: Vec<_> = name.iter().collect();
    for part in parts.into_iter().rev() {
        // §2.2: a plus sign separates the attributes of one part.
        for (index, attribute) in part.iter().enumerate() {
            if index > 0 {
                text.push('+');
            } else if !text.is_empty() {
                text.push(',');
            }
            write_attribute(&mut text, attribute);
        }
    }
    text
}

fn write_attribute(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let kind = attribute.attr_type().to_id_string();
    let value = attribute.attr_value();
    match (short_name(&kind), characters(value)) {
        (Some(name), Some(characters)) => {
            text.push_str(name);
            text.push('=');
            write_escaped(text, &characters);
        }
        // §2.4: if an attribute has no short name or its value is not text, the DER encoding of the value is written in
        // hexadecimal.
        (name, _) => {
            text.push_str(name.unwrap_or(&kind));
            text.push_str("=#");
            for byte in value.to_der_vec().unwrap_or_default() {
                write_hexadecimal(text, byte);
            }
        }
    }
}

/// Returns the short name of an attribute: one of RFC 4514 §3, or another registered one that occurs in certificates.
fn short_name(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "givenName",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

/// Decodes a value that is text, in any of the text encodings.
fn characters<'a>(value: &Any<'a>) -> Option<Cow<'a, str>> {
    if value.header.class() != Class::Universal || value.header.is_constructed() {
        return None;
    }
    let bytes = value.data;
    match value.header.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        // T.61 is accepted only if it is ASCII, because implementations disagree about the rest.
        Tag::TeletexString if bytes.is_ascii() => {
            std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
        }
        Tag::BmpString => {
            let (units, []) = bytes.as_chunks() else { return None };
            let units = units.iter().copied().map(u16::from_be_bytes);
            char::decode_utf16(units).collect::<Result<String, _>>().ok().map(Cow::Owned)
        }
        Tag::UniversalString => {
            let (units, []) = bytes.as_chunks() else { return None };
            let units = units.iter().copied().map(u32::from_be_bytes);
            units.map(char::from_u32).collect::<Option<String>>().map(Cow::Owned)
        }
        _ => None,
    }
}

/// Writes a value with the escapes of RFC 4514 §2.4.
fn write_escaped(text: &mut String, value: &str) {
    let last = value.len().saturating_sub(1);
    for (index, character) in value.char_indices() {
        match character {
            ' ' if index == 0 || index == last => text.push_str("\\ "),
            '#' if index == 0 => text.push_str("\\#"),
            special if SPECIAL.contains(special) => {
                text.push('\\');
                text.push(special);
            }
            // §2.4 allows any character to be written as escaped bytes.
            hidden if is_control_or_invisible(hidden) => {
                for byte in hidden.encode_utf8(&mut [0; 4]).bytes() {
                    text.push('\\');
                    write_hexadecimal(text, byte);
                }
            }
            other => text.push(other),
        }
    }
}

fn write_hexadecimal(text: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{byte:02X}");
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    const CN: &[u8] = &[0x55, 4, 3];
    const O: &[u8] = &[0x55, 4, 10];
    const OU: &[u8] = &[0x55, 4, 11];
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;
    const UNIVERSAL: u8 = 0x1c;
    const BMP: u8 = 0x1e;

    fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = match content.len() {
            short @ ..128 => vec![short as u8],
            long => vec![0x82, (long >> 8) as u8, long as u8],
        };
        [&[tag][..], &length, content].concat()
    }

    fn attribute(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        encoded(0x30, &[encoded(6, kind), encoded(tag, value)].concat())
    }

    /// Formats a name that consists of parts. Each part has its own attributes.
    fn name(parts: &[&[Vec<u8>]]) -> String {
        let parts: Vec<Vec<u8>> =
            parts.iter().map(|attributes| encoded(0x31, &attributes.concat())).collect();
        let bytes = encoded(0x30, &parts.concat());
        let (_, name) = X509Name::from_der(&bytes).expect("a name");
        format(&name)
    }

    fn common(tag: u8, value: &[u8]) -> String {
        name(&[&[attribute(CN, tag, value)]])
    }

    #[test]
    fn parts_are_in_reverse_order_and_attributes_of_one_part_together() {
        let (o, ou) = (attribute(O, UTF8, b"Example"), attribute(OU, PRINTABLE, b"Sales"));
        let cn = attribute(CN, UTF8, b"J. Smith");
        assert_eq!(
            name(&[std::slice::from_ref(&o), &[ou.clone(), cn.clone()]]),
            "OU=Sales+CN=J. Smith,O=Example"
        );
        assert_eq!(name(&[&[o], &[ou], &[cn]]), "CN=J. Smith,OU=Sales,O=Example");
        assert_eq!(name(&[]), "");
    }

    #[test]
    fn no_value_can_be_read_as_another() {
        let company = attribute(O, UTF8, b"x, CN=admin");
        let cn = attribute(CN, UTF8, b"mallory");
        assert_eq!(name(&[&[company], &[cn]]), "CN=mallory,O=x\\, CN\\=admin");
        for (value, expected) in [
            ("a+CN=b", "a\\+CN\\=b"),
            ("a;b", "a\\;b"),
            ("\"a\"", "\\\"a\\\""),
            ("<a>", "\\<a\\>"),
            ("a\\,b", "a\\\\\\,b"),
            ("a\\", "a\\\\"),
            (" a ", "\\ a\\ "),
            ("  ", "\\ \\ "),
            (" ", "\\ "),
            ("#a#", "\\#a#"),
            (" #", "\\ #"),
            ("a b", "a b"),
            ("a\0b", "a\\00b"),
            ("a\r\nCN=b", "a\\0D\\0ACN\\=b"),
            ("\u{202e}a\u{85}", "\\E2\\80\\AEa\\C2\\85"),
            ("a\u{200b}\u{fe0f}", "a\\E2\\80\\8B\\EF\\B8\\8F"),
            ("Lučić é ", "Lučić é\\ "),
            ("é", "é"),
            ("", ""),
        ] {
            assert_eq!(common(UTF8, value.as_bytes()), format!("CN={expected}"), "{value:?}");
        }
    }

    #[test]
    fn text_of_every_encoding_is_text() {
        assert_eq!(common(PRINTABLE, b"a*b"), "CN=a*b");
        assert_eq!(common(TELETEX, b"abc"), "CN=abc");
        assert_eq!(common(BMP, &[0, b'a', 0x20, 0xac]), "CN=a€");
        assert_eq!(common(BMP, &[0, b',', 0, b' ']), "CN=\\,\\ ");
        assert_eq!(common(UNIVERSAL, &[0, 0, 0, b'a', 0, 1, 0xf6, 0]), "CN=a😀");
    }

    #[test]
    fn value_without_text_or_short_name_is_written_in_its_encoding() {
        assert_eq!(common(4, b"\x01\xff"), "CN=#040201FF");
        assert_eq!(common(TELETEX, b"\xe9"), "CN=#1401E9");
        assert_eq!(common(BMP, b"abc"), "CN=#1E03616263");
        assert_eq!(common(BMP, &[0xd8, 0]), "CN=#1E02D800");
        assert_eq!(common(UNIVERSAL, &[0, 0x11, 0, 0]), "CN=#1C0400110000");
        let unknown = attribute(&[0x2a, 3, 4], UTF8, b"CN=x");
        assert_eq!(name(&[&[unknown]]), "1.2.3.4=#0C04434E3D78");
        let email = attribute(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 9, 1], 0x16, b"a@b.example");
        assert_eq!(name(&[&[email]]), "emailAddress=a@b.example");
    }
}
