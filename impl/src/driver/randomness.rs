//! Random bytes, fetched from the system many at a time: a step takes 64.

use m2m_machine::Fresh;

/// Random bytes of the system.
pub(super) struct Randomness {
    bytes: Box<[u8; RANDOM_BYTES]>,
    used: usize,
}

const RANDOM_BYTES: usize = 64 * FRESH_BYTES;
const FRESH_BYTES: usize = 64;

impl Randomness {
    pub(super) fn new() -> Self {
        Self {
            bytes: Box::new([0; RANDOM_BYTES]),
            used: RANDOM_BYTES,
        }
    }

    /// The tokens of one step.
    pub(super) fn fresh(&mut self) -> Fresh {
        if self.used + FRESH_BYTES > RANDOM_BYTES {
            getrandom::fill(&mut self.bytes[..]).expect("the system has random bytes");
            self.used = 0;
        }
        Fresh {
            session: self.take(),
            key: self.take(),
            key_id: self.take(),
        }
    }

    /// Takes bytes, and leaves none of them behind.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut token = [0; N];
        let taken = &mut self.bytes[self.used..self.used + N];
        token.copy_from_slice(taken);
        taken.fill(0);
        self.used += N;
        token
    }
}
