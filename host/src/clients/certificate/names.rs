//! The alternative names of a certificate's subject (RFC 5280 §4.2.1.6) as text.

use std::net::{Ipv4Addr, Ipv6Addr};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

/// The maximum number of names that are returned. A certificate whose names matter for admission has only a few, but a
/// certificate of 64 KiB could contain 30,000.
const MAX_NAMES: usize = 1000;

/// Returns the names, each with its kind as a prefix. Omits invalid names, and all names other than DNS names, email
/// addresses, URIs and IP addresses.
pub(super) fn format(certificate: &X509Certificate<'_>) -> Vec<String> {
    // §4.2: an extension must not occur twice. If it does, the certificate is treated as one without names.
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

/// §4.2.1.6: these names are ASCII and not empty. A name with a control character is treated as invalid. A program that
/// stops reading `good.example\0.evil.example` at the NUL would mistake it for another name.
fn text(kind: &str, name: &str) -> Option<String> {
    let is_valid_name = !name.is_empty() && name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_valid_name.then(|| format!("{kind}:{name}"))
}

/// §4.2.1.6: an address has four or sixteen bytes.
fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        Some(format!("ip:{}", Ipv4Addr::from(bytes)))
    } else if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
        Some(format!("ip:{}", Ipv6Addr::from(bytes)))
    } else {
        None
    }
}
