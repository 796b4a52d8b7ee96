//! Masking (RFC 6455 §5.3).

/// A masking key, turned so that its first octet belongs to the next octet of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaskKey([u8; 4]);

impl MaskKey {
    pub(crate) fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    pub(crate) fn octets(self) -> [u8; 4] {
        self.0
    }

    /// Masks or unmasks in place; the key goes on where this part of the payload ended.
    pub(crate) fn apply(&mut self, payload: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (chunks, rest) = payload.as_chunks_mut::<8>();
        for chunk in chunks {
            *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
        }
        for (octet, key) in rest.iter_mut().zip(self.0.into_iter().cycle()) {
            *octet ^= key;
        }
        self.0.rotate_left(rest.len() % 4);
    }
}
