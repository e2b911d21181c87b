//! Randomness that a seed determines, so that a run can be repeated and judged again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// A stream of bytes that only the seed and the owner's name determine.
#[derive(Debug, Clone)]
pub struct Dice {
    root: [u8; 32],
    drawn: u64,
}

impl Dice {
    /// The stream of `owner` in the run with this seed.
    #[must_use]
    pub fn new(seed: u64, owner: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(owner.as_bytes());
        Self {
            root: hash.finalize().into(),
            drawn: 0,
        }
    }

    /// The next bytes, at most 32 at a time.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut hash = Sha256::new();
        hash.update(self.root);
        hash.update(self.drawn.to_be_bytes());
        self.drawn += 1;
        let block: [u8; 32] = hash.finalize().into();
        let mut out = [0; N];
        out.copy_from_slice(&block[..N]);
        out
    }

    /// A short name of lower-case letters and digits.
    pub fn name(&mut self) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let bytes = self.bytes::<6>();
        bytes
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
            .collect()
    }

    /// 128 bits, base64url.
    pub fn token(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<16>())
    }
}

/// A seed from the system, for a run that names none.
///
/// # Panics
/// If the system has no randomness to give.
#[must_use]
pub fn fresh_seed() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    // A number that JSON readers with 53-bit integers keep exactly.
    u64::from_be_bytes(bytes) >> 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let (mut one, mut other) = (Dice::new(7, "A"), Dice::new(7, "A"));

        let drawn = (one.name(), one.token(), one.bytes::<12>());

        assert_eq!(drawn, (other.name(), other.token(), other.bytes::<12>()));
    }

    #[test]
    fn two_owners_have_different_streams() {
        assert_ne!(Dice::new(7, "A").token(), Dice::new(7, "B").token());
    }
}
