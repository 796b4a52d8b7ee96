//! Protocol versions, and sets of them (RFC 6455 §4.4).

use std::fmt;

/// A version of the protocol that this crate supports.
///
/// Exhaustive: no new version is expected, because the protocol has been stable since 2011. A caller should handle each
/// version, because the versions differ in what can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// draft-ietf-hybi-thewebsocketprotocol-00, also known as hixie-76. It has its own handshake and framing, and only
    /// text messages.
    Draft00,
    /// Draft 07. The framing and the accept key are those of the RFC.
    Draft07,
    /// Drafts 08 to 12, which share a version number. The framing and the accept key are those of the RFC.
    Draft08,
    /// RFC 6455.
    Rfc6455,
}

impl Version {
    const NEWEST_FIRST: [Self; 4] = [Self::Rfc6455, Self::Draft08, Self::Draft07, Self::Draft00];

    /// Returns the version's number in `Sec-WebSocket-Version`. Returns 0 for draft 00, which has no such header.
    pub fn number(self) -> u16 {
        match self {
            Self::Draft00 => 0,
            Self::Draft07 => 7,
            Self::Draft08 => 8,
            Self::Rfc6455 => 13,
        }
    }

    /// Returns the version with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::NEWEST_FIRST.into_iter().find(|version| version.number() == number)
    }

    /// Returns the version's text in `Sec-WebSocket-Version`. Draft 00 has none.
    pub(crate) fn in_header(self) -> Option<&'static str> {
        match self {
            Self::Draft00 => None,
            Self::Draft07 => Some("7"),
            Self::Draft08 => Some("8"),
            Self::Rfc6455 => Some("13"),
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The set of versions that a server supports. The default is only the RFC's version.
///
/// `Display` writes the set as in the `Sec-WebSocket-Version` header of a rejection: the newest first, and without
/// draft 00, which has no number in this header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions(u8);

impl Versions {
    /// Returns whether a version is in the set.
    #[must_use]
    pub fn contains(&self, version: Version) -> bool {
        self.0 & version.bit() != 0
    }

    /// Returns the versions of the set, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = Version> {
        Version::NEWEST_FIRST.into_iter().filter(|version| self.contains(*version))
    }
}

impl Default for Versions {
    fn default() -> Self {
        Self::from_iter([Version::Rfc6455])
    }
}

impl FromIterator<Version> for Versions {
    fn from_iter<I: IntoIterator<Item = Version>>(versions: I) -> Self {
        Self(versions.into_iter().fold(0, |set, version| set | version.bit()))
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, version) in self.iter().filter_map(Version::in_header).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{version}")?;
        }
        Ok(())
    }
}
