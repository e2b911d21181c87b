//! Named departures from the rules, for ablation only: a checker switches a rule off and sees what breaks.

/// A rule that is not followed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Deviation {
    /// An unconfirmed session lives for ever (without EST-14).
    NoLease,
    /// A repeated request is executed again (without USE-12, EST-13).
    NoOutcomeCache,
    /// The originator of a session request is not checked (without USE-02).
    AnyOriginator,
    /// Termination leaves stored requests alone (without END-05, END-08).
    StoredOutliveSession,
}

/// A set of deviations; empty in production.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Deviations(u64);

impl Deviations {
    /// The set of these deviations.
    #[must_use]
    pub fn of(deviations: &[Deviation]) -> Self {
        Self(deviations.iter().fold(0, |set, d| set | (1 << (*d as u64))))
    }

    /// Whether the rule is switched off.
    #[must_use]
    pub const fn has(self, deviation: Deviation) -> bool {
        self.0 & (1 << (deviation as u64)) != 0
    }
}
