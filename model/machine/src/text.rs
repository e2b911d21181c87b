//! Immutable text that is cheap to clone.

use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// Immutable, shared text. Its beginning is kept beside the pointer, so that most texts that differ, and all that are
/// one, are told apart without reading them.
#[derive(Clone)]
pub struct Text {
    /// The first eight bytes, filled up with zeros; ordered like the texts.
    beginning: u64,
    whole: Arc<str>,
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.beginning == other.beginning
            && (Arc::ptr_eq(&self.whole, &other.whole) || self.whole == other.whole)
    }
}

impl Eq for Text {}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.beginning.cmp(&other.beginning).then_with(|| {
            if Arc::ptr_eq(&self.whole, &other.whole) {
                Ordering::Equal
            } else {
                self.whole.cmp(&other.whole)
            }
        })
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.whole.hash(state);
    }
}

impl Text {
    /// The text as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.whole
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
        &self.whole
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.whole
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.whole
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            beginning: beginning(text),
            whole: Arc::from(text),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

fn beginning(text: &str) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    u64::from_be_bytes(first)
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        &*self.whole == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.whole == *other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.whole, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)
    }
}
