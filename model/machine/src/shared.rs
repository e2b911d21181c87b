//! Values that are shared between states and hashed at most once.

use alloc::sync::Arc;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::sync::atomic::{self, AtomicU64};

/// A shared, immutable value with a 64-bit hash that is computed when it is first asked for.
///
/// Hashing a `Shared` hashes only that number, so a state of many shared parts is cheap to fingerprint; a value that
/// nobody hashes costs nothing. Equality compares the numbers first, where both are known.
pub struct Shared<T>(Arc<Inner<T>>);

struct Inner<T> {
    /// [`UNKNOWN`] until it is asked for. The value never changes, so it does not matter who computes it.
    digest: AtomicU64,
    value: T,
}

/// Stands for a digest that is not computed yet; a value with this very digest is hashed each time.
const UNKNOWN: u64 = 0;

impl<T> Shared<T> {
    /// Shares a value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Arc::new(Inner {
            digest: AtomicU64::new(UNKNOWN),
            value,
        }))
    }

    fn known_digest(&self) -> u64 {
        self.0.digest.load(atomic::Ordering::Relaxed)
    }
}

impl<T: Clone> Shared<T> {
    /// The value, to be changed; whoever shares it keeps it as it was.
    pub fn make_mut(&mut self) -> &mut T {
        let inner = Arc::make_mut(&mut self.0);
        inner.digest = AtomicU64::new(UNKNOWN);
        &mut inner.value
    }
}

impl<T: Clone> Clone for Inner<T> {
    fn clone(&self) -> Self {
        Self {
            digest: AtomicU64::new(UNKNOWN),
            value: self.value.clone(),
        }
    }
}

impl<T: Hash> Shared<T> {
    /// The hash of the value; equal values have equal digests.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let known = self.known_digest();
        if known != UNKNOWN {
            return known;
        }
        let computed = digest(&self.0.value);
        self.0.digest.store(computed, atomic::Ordering::Relaxed);
        computed
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        let (own, their) = (self.known_digest(), other.known_digest());
        let may_be_equal = own == their || own == UNKNOWN || their == UNKNOWN;
        may_be_equal && self.0.value == other.0.value
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T: Ord> Ord for Shared<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.value.cmp(&other.0.value)
    }
}

impl<T: PartialOrd> PartialOrd for Shared<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.value.partial_cmp(&other.0.value)
    }
}

impl<T: Hash> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest());
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

/// A 64-bit digest of any hashable value, the same on every machine and in every run.
#[must_use]
pub fn digest<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = Fold(0x9e37_79b9_7f4a_7c15);
    value.hash(&mut hasher);
    hasher.finish()
}

/// Multiply-and-fold over eight bytes at a time; fixed seed, because digests are stored.
struct Fold(u64);

impl Fold {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(0xd6e8_feb8_6659_fd93_u64);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are folded")]
        let folded = (product as u64) ^ ((product >> 64) as u64);
        self.0 = folded.rotate_left(23).wrapping_add(word);
    }
}

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0_u8; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.mix(u64::from_le_bytes(word) ^ ((chunk.len() as u64) << 56));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.mix(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.mix(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }

    fn finish(&self) -> u64 {
        let x = self.0 ^ (self.0 >> 32);
        x.wrapping_mul(0x9fb2_1c65_1e98_df25)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_matter_who_has_asked_for_the_digest() {
        let (one, same, other) = (Shared::new("abc"), Shared::new("abc"), Shared::new("abd"));
        assert_eq!(one, same);

        assert_eq!(one.digest(), digest("abc"));

        assert_eq!(one, same);
        assert_ne!(one, other);
        assert_eq!(digest(&one), digest(&same));
        assert_ne!(digest(&one), digest(&other));
    }

    #[test]
    fn what_is_changed_is_changed_for_nobody_else() {
        let mut one = Shared::new("abc");
        let other = one.clone();
        let before = one.digest();

        *one.make_mut() = "abd";

        assert_eq!((*one, *other), ("abd", "abc"));
        assert_eq!((one.digest(), other.digest()), (digest("abd"), before));
        *one.make_mut() = "abc";
        assert_eq!(one, other);
    }

    #[test]
    fn equal_values_have_equal_digests_and_different_ones_differ() {
        assert_eq!(digest("abc"), digest("abc"));
        assert_ne!(digest("abc"), digest("abd"));
        assert_ne!(digest(&["a", "bc"][..]), digest(&["ab", "c"][..]));
        assert_ne!(digest(&[0_u8; 7][..]), digest(&[0_u8; 8][..]));
    }
}
