//! What a machine cannot know by itself: the time and unguessable tokens.

use crate::text::Text;
use alloc::string::String;

/// Milliseconds since 1970-01-01T00:00:00 UTC.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment `milliseconds` later; saturates.
    #[must_use]
    pub const fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// The moment `milliseconds` earlier; saturates.
    #[must_use]
    pub const fn minus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_sub(milliseconds))
    }
}

/// What enters a step from outside besides its input.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Env {
    /// The host's clock, read once per step.
    pub now: Timestamp,
    /// Tokens no one can guess; drawn anew for each step.
    pub fresh: Fresh,
}

/// Independent random tokens of one step.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Fresh {
    /// For a session identifier.
    pub session: [u8; 16],
    /// For a session key.
    pub key: [u8; 32],
    /// For a key identifier.
    pub key_id: [u8; 16],
}

impl core::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Fresh(..)")
    }
}

impl Fresh {
    /// Tokens that differ from those of every other `number`; for checkers and tests, never for a network.
    #[must_use]
    pub const fn predictable(number: u8) -> Self {
        let mut fresh = Self {
            session: [0; 16],
            key: [0; 32],
            key_id: [0; 16],
        };
        fresh.session[15] = number;
        fresh.key[31] = number;
        fresh.key_id[15] = number;
        fresh
    }
}

/// Base64url without padding (RFC 4648 section 5), the spelling of all tokens on the wire.
#[must_use]
pub fn base64url(bytes: &[u8]) -> Text {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_u32, |word, (at, byte)| {
            word | (u32::from(*byte) << (16 - 8 * at))
        });
        for at in 0..=chunk.len() {
            let index = (word >> (18 - 6 * at)) & 63;
            text.push(char::from(
                ALPHABET.get(index as usize).copied().unwrap_or(b'A'),
            ));
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_spelled_in_base64url_without_padding() {
        let key: alloc::vec::Vec<u8> = (0..32).collect();
        assert_eq!(
            base64url(&key),
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
        );
        assert_eq!(base64url(&[0; 16]).len(), 22);
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }
}
