//! Structural truths.
/// A structural truth that a state violates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Invariant {}
