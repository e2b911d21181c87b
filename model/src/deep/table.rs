//! A set of fingerprints of a fixed size: eight bytes for each slot, no locks.

use std::sync::atomic::{AtomicU64, Ordering};

/// The set.
pub(super) struct Table {
    slots: Box<[AtomicU64]>,
}

/// A slot in which nothing is.
const EMPTY: u64 = 0;

impl Table {
    /// A set that takes so many fingerprints while at least a quarter of it stays empty.
    pub(super) fn for_states(states: usize) -> Self {
        let wanted = states.saturating_add(states / 3).saturating_add(1_024);
        let slots = (0..wanted.next_power_of_two()).map(|_| AtomicU64::new(EMPTY));
        Self {
            slots: slots.collect(),
        }
    }

    /// Puts a fingerprint in; whether it is new.
    pub(super) fn insert(&self, fingerprint: u64) -> bool {
        // The one fingerprint that would look like nothing shares its place with another.
        let fingerprint = fingerprint.max(1);
        let last = self.slots.len() - 1;
        let spread = fingerprint
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(32);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are used"
        )]
        let mut at = spread as usize & last;
        for _ in 0..=last {
            let slot = &self.slots[at];
            match slot.compare_exchange(EMPTY, fingerprint, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(known) if known == fingerprint => return false,
                Err(_) => at = (at + 1) & last,
            }
        }
        // Full: nothing is new any more, and the bound on states has been reached long before.
        false
    }

    /// How many bytes it occupies.
    pub(super) fn bytes(&self) -> u64 {
        8 * u64::try_from(self.slots.len()).unwrap_or(u64::MAX / 8)
    }
}
