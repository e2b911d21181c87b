//! The members of an object: few, read far more often than changed, and kept by the thousand.

use crate::attribute::Attribute;
use crate::value::Value;
use alloc::vec::{self, Vec};
use core::{fmt, slice};

/// Members by name, in the order of names. A sorted list: a tree would set aside room for eleven at once.
#[derive(Clone, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Members(Vec<(Attribute, Value)>);

impl Members {
    /// No members.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn place(&self, name: &Attribute) -> Result<usize, usize> {
        self.0.binary_search_by(|(own, _)| own.cmp(name))
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &Attribute) -> Option<&Value> {
        let place = self.place(name).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// The value of that name, to be changed.
    pub fn get_mut(&mut self, name: &Attribute) -> Option<&mut Value> {
        let place = self.place(name).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    /// Whether there is a member of that name.
    #[must_use]
    pub fn contains_key(&self, name: &Attribute) -> bool {
        self.place(name).is_ok()
    }

    /// Sets the value of that name; the value that it had.
    pub fn insert(&mut self, name: Attribute, value: Value) -> Option<Value> {
        match self.place(&name) {
            Ok(place) => {
                let (_, old) = self.0.get_mut(place)?;
                Some(core::mem::replace(old, value))
            }
            Err(place) => {
                self.0.insert(place, (name, value));
                None
            }
        }
    }

    /// Sets the value of that name if there is none.
    pub fn insert_missing(&mut self, name: Attribute, value: impl FnOnce() -> Value) {
        if let Err(place) = self.place(&name) {
            self.0.insert(place, (name, value()));
        }
    }

    /// Removes the member of that name; the value that it had.
    pub fn remove(&mut self, name: &Attribute) -> Option<Value> {
        let place = self.place(name).ok()?;
        Some(self.0.remove(place).1)
    }

    /// Keeps the members that are chosen.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&Attribute, &mut Value) -> bool) {
        self.0.retain_mut(|(name, value)| is_kept(name, value));
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All members in the order of their names.
    pub fn iter(&self) -> Iter<'_> {
        self.into_iter()
    }

    /// All members, their values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Attribute, &mut Value)> {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }

    /// The names.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Attribute> + Clone {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Walks over members.
pub type Iter<'a> = core::iter::Map<
    slice::Iter<'a, (Attribute, Value)>,
    fn(&'a (Attribute, Value)) -> (&'a Attribute, &'a Value),
>;

impl<'a> IntoIterator for &'a Members {
    type Item = (&'a Attribute, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl IntoIterator for Members {
    type Item = (Attribute, Value);
    type IntoIter = vec::IntoIter<(Attribute, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<(Attribute, Value)> for Members {
    fn extend<I: IntoIterator<Item = (Attribute, Value)>>(&mut self, members: I) {
        let members = members.into_iter();
        self.0.reserve(members.size_hint().0);
        for (name, value) in members {
            // What comes in order needs no search.
            if self.0.last().is_none_or(|(last, _)| *last < name) {
                self.0.push((name, value));
            } else {
                self.insert(name, value);
            }
        }
    }
}

impl FromIterator<(Attribute, Value)> for Members {
    fn from_iter<I: IntoIterator<Item = (Attribute, Value)>>(members: I) -> Self {
        let mut all = Self::new();
        all.extend(members);
        all
    }
}

impl<const N: usize> From<[(Attribute, Value); N]> for Members {
    fn from(members: [(Attribute, Value); N]) -> Self {
        members.into_iter().collect()
    }
}
