//! Masking (RFC 6455 §5.3).

/// A masking key, rotated so that its first byte applies to the next byte of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaskKey([u8; 4]);

impl MaskKey {
    pub(crate) fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    pub(crate) fn to_bytes(self) -> [u8; 4] {
        self.0
    }

    /// Masks or unmasks part of a payload in place. The next call continues with the next part.
    pub(crate) fn apply(&mut self, payload: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (chunks, rest) = payload.as_chunks_mut::<8>();
        for chunk in chunks {
            *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(self.0.into_iter().cycle()) {
            *byte ^= key;
        }
        self.0.rotate_left(rest.len() % 4);
    }
}
