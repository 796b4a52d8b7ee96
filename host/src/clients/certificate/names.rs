//! The alternative names of a certificate's subject (RFC 5280 §4.2.1.6) as text.

use std::net::{Ipv4Addr, Ipv6Addr};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

/// How many are told. Who is let in by one of many names has a certificate with few of them; one of 64 KiB could
/// hold 30,000.
const MAX_NAMES: usize = 1000;

/// Each behind its kind. Others than these four, and what cannot be such a name, are left out.
pub(super) fn written(certificate: &X509Certificate<'_>) -> Vec<String> {
    // §4.2: an extension that stands twice is none.
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension.value.general_names.iter().filter_map(name).take(MAX_NAMES).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match *name {
        GeneralName::DNSName(name) => text("dns", name),
        GeneralName::RFC822Name(name) => text("email", name),
        GeneralName::URI(name) => text("uri", name),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    }
}

/// §4.2.1.6: these names are ASCII, and not empty. What has a control character has no such name: a program that reads
/// `good.example\0.evil.example` up to the zero would take it for another one.
fn text(kind: &str, name: &str) -> Option<String> {
    let is_valid_name = !name.is_empty() && name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_valid_name.then(|| format!("{kind}:{name}"))
}

/// §4.2.1.6: four octets or sixteen.
fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        Some(format!("ip:{}", Ipv4Addr::from(bytes)))
    } else if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
        Some(format!("ip:{}", Ipv6Addr::from(bytes)))
    } else {
        None
    }
}
