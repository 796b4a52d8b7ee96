use rcgen::string::Ia5String;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair, SanType};

use super::*;

/// The identifier of the extension for alternative names (RFC 5280 §4.2.1.6).
const SUBJECT_ALT_NAME: [u64; 4] = [2, 5, 29, 17];

const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

fn signed(params: &CertificateParams) -> Certificate {
    let key = KeyPair::generate().expect("a key");
    Certificate::new(params.self_signed(&key).expect("a certificate").der())
}

fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ ..128 => vec![short as u8],
        medium @ ..0x1_0000 => vec![0x82, (medium >> 8) as u8, medium as u8],
        long => vec![0x83, (long >> 16) as u8, (long >> 8) as u8, long as u8],
    };
    [&[tag][..], &length, content].concat()
}

/// Creates a certificate whose extension for alternative names consists of `bytes`.
fn with_extension(bytes: Vec<u8>) -> Certificate {
    let mut params = CertificateParams::default();
    let extension = CustomExtension::from_oid_content(&SUBJECT_ALT_NAME, bytes);
    params.custom_extensions.push(extension);
    signed(&params)
}

/// Creates a certificate with alternative names. The names may be invalid.
fn with_names(names: &[(u8, &[u8])]) -> Certificate {
    let names: Vec<u8> = names.iter().flat_map(|(tag, name)| encoded(*tag, name)).collect();
    with_extension(encoded(0x30, &names))
}

fn alice() -> Certificate {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, "alice");
    let text = |text| Ia5String::try_from(text).expect("ASCII");
    params.subject_alt_names = vec![
        SanType::DnsName(text("alice.Example.com")),
        SanType::Rfc822Name(text("alice@example.com")),
        SanType::URI(text("spiffe://example.com/alice")),
        SanType::OtherName((vec![1, 3, 6, 1], "alice".into())),
        SanType::IpAddress([192, 0, 2, 1].into()),
        SanType::IpAddress([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()),
    ];
    signed(&params)
}

#[test]
fn names_have_their_kind_as_a_prefix_and_other_kinds_are_left_out() {
    let alice = alice();
    assert_eq!(alice.subject(), Some("CN=alice,O=Example"));
    assert_eq!(
        alice.names(),
        [
            "dns:alice.Example.com",
            "email:alice@example.com",
            "uri:spiffe://example.com/alice",
            "ip:192.0.2.1",
            "ip:2001:db8::1",
        ]
    );
    assert_eq!(signed(&CertificateParams::default()).names(), [""; 0]);
}

#[test]
fn fingerprint_is_the_sha_256_of_the_der_bytes() {
    let empty = Certificate::new(b"");
    let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(empty.fingerprint(), expected);
    assert_eq!(empty.der(), b"");
    let alice = alice();
    assert_eq!(Certificate::new(alice.der()).fingerprint(), alice.fingerprint());
    assert_ne!(alice.fingerprint(), expected);
}

#[test]
fn invalid_names_are_left_out() {
    let certificate = with_names(&[
        (DNS, b"good.example\0.evil.example"),
        (EMAIL, b"alice@example.com\r\nbob@example.com"),
        (URI, b"https://ex\xc3\xa4mple.com"),
        (DNS, b"\xff"),
        (DNS, b""),
        (IP, b""),
        (IP, &[127, 0, 0]),
        (IP, &[127, 0, 0, 1, 0]),
        // An address with a mask, as in name constraints (RFC 5280 §4.2.1.10).
        (IP, &[10, 0, 0, 0, 255, 0, 0, 0]),
        (IP, &[0; 17]),
        // An invalid directory name, and kinds that do not exist.
        (0xa4, b"alice"),
        (0x88, &[0x2a, 3]),
        (0x9e, b"dns.example"),
        (DNS, b"last.example"),
    ]);
    assert_eq!(certificate.names(), ["dns:last.example"]);
}

#[test]
fn many_and_long_names_are_bounded() {
    let numbers: Vec<String> = (0..10_000).map(|number| format!("n{number}")).collect();
    let names: Vec<_> = numbers.iter().map(|name| (DNS, name.as_bytes())).collect();
    let returned = with_names(&names).names();
    assert_eq!((returned.len(), returned[999].as_str()), (1000, "dns:n999"));
    let long = "x".repeat(60_000);
    assert_eq!(with_names(&[(DNS, long.as_bytes())]).names(), [format!("dns:{long}")]);
}

#[test]
fn malformed_or_repeated_extension_has_no_names() {
    let name = encoded(DNS, b"a.example");
    for bytes in [
        Vec::new(),
        vec![0x30],
        vec![0x30, 0x80],
        vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        vec![0x30, 0xff],
        encoded(0x31, &name),
        encoded(0x30, &[&name[..], &[DNS, 0x7f, b'b']].concat()),
        encoded(
            0x30,
            &[&name[..], &[DNS, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat(),
        ),
    ] {
        assert_eq!(with_extension(bytes.clone()).names(), [""; 0], "{bytes:x?}");
    }
    let mut params = CertificateParams::default();
    for _ in 0..2 {
        let bytes = encoded(0x30, &name);
        let extension = CustomExtension::from_oid_content(&SUBJECT_ALT_NAME, bytes);
        params.custom_extensions.push(extension);
    }
    assert_eq!(signed(&params).names(), [""; 0]);
}

#[test]
fn cut_or_changed_certificate_never_causes_a_panic() {
    let whole = alice().der().to_vec();
    let read = |der: &[u8]| {
        let certificate = Certificate::new(der);
        let _ = (certificate.subject(), certificate.names(), certificate.fingerprint());
        format!("{certificate:?}")
    };
    for length in 0..whole.len() {
        assert_eq!(read(&whole[..length]), "Certificate(None)", "cut at {length}");
    }
    for index in 0..whole.len() {
        for byte in [0, 1, 0x30, 0x7f, 0x80, 0x84, 0xff, whole[index].wrapping_add(1)] {
            let mut changed = whole.clone();
            changed[index] = byte;
            read(&changed);
        }
    }
}
