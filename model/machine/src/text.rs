//! Immutable text that is cheap to clone.

use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// Immutable text. What is short, as identifiers and names are, stands in the value itself; the rest is shared.
#[derive(Clone)]
pub struct Text {
    /// The first eight bytes, filled up with zeros; ordered like the texts, most of which it tells apart.
    beginning: u64,
    kept: Kept,
}

/// Each text is kept in one way only: the short in place, the others shared.
#[derive(Clone)]
enum Kept {
    InPlace(Short),
    Shared(Arc<str>),
}

/// Bytes that fit with their number and the tag in three words.
const SHORT_BYTES: usize = 22;

#[derive(Clone, Copy, Eq, PartialEq)]
struct Short {
    len: u8,
    /// Filled up with zeros.
    bytes: [u8; SHORT_BYTES],
}

impl Short {
    fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; SHORT_BYTES];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).ok()?;
        Some(Self { len, bytes })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.beginning == other.beginning && self.cmp_whole(other).is_eq()
    }
}

impl Eq for Text {}

impl Ord for Text {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.beginning
            .cmp(&other.beginning)
            .then_with(|| self.cmp_whole(other))
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As a text slice is.
        state.write(self.as_bytes());
        state.write_u8(0xff);
    }
}

impl Text {
    /// The text as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.kept {
            Kept::InPlace(short) => core::str::from_utf8(short.as_bytes()).unwrap_or_default(),
            Kept::Shared(whole) => whole,
        }
    }

    /// How texts of one beginning are ordered; kept out of the loops that mostly need the beginning.
    #[inline(never)]
    fn cmp_whole(&self, other: &Self) -> Ordering {
        match (&self.kept, &other.kept) {
            (Kept::InPlace(own), Kept::InPlace(their)) if own == their => Ordering::Equal,
            (Kept::Shared(own), Kept::Shared(their)) if Arc::ptr_eq(own, their) => Ordering::Equal,
            (Kept::InPlace(_) | Kept::Shared(_), Kept::InPlace(_) | Kept::Shared(_)) => {
                self.as_bytes().cmp(other.as_bytes())
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.kept {
            Kept::InPlace(short) => short.as_bytes(),
            Kept::Shared(whole) => whole.as_bytes(),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::from("")
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let short = Short::new(text);
        let padded: &[u8] = short.as_ref().map_or(text.as_bytes(), |s| &s.bytes);
        let first = padded.first_chunk().copied().unwrap_or_default();
        Self {
            beginning: u64::from_be_bytes(first),
            kept: short.map_or_else(|| Kept::Shared(Arc::from(text)), Kept::InPlace),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Of all lengths around the bound, with zeros at the end and characters of several bytes.
    fn samples() -> Vec<String> {
        let mut samples = Vec::new();
        for letter in ["a", "b", "\0", "\u{7f}", "é", "\u{1f600}"] {
            for count in 0..=SHORT_BYTES + 2 {
                samples.push(letter.repeat(count));
                samples.push("a".repeat(count) + letter);
                samples.push("a".repeat(count) + letter + "a");
            }
        }
        samples
    }

    #[test]
    fn a_text_reads_as_what_it_was_made_of() {
        for sample in samples() {
            assert_eq!(Text::from(sample.as_str()).as_str(), sample);
        }
    }

    #[test]
    fn texts_are_ordered_and_equal_as_slices_are() {
        let samples = samples();
        for one in &samples {
            for other in &samples {
                let (a, b) = (Text::from(one.as_str()), Text::from(other.as_str()));
                assert_eq!(a.cmp(&b), one.cmp(other), "{one:?} {other:?}");
                assert_eq!(a == b, one == other, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_text_has_the_room_of_four_words() {
        assert_eq!(size_of::<Text>(), 32);
    }
}
