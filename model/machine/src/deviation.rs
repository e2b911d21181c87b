//! Named departures from the rules, for ablation only: a checker switches a rule off and sees what breaks.

/// A rule that is not followed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Deviation {
    /// A session is in use at a hop as soon as it is made, and waits for no confirmation (without EST-14, EST-63).
    NoLease,
    /// A repeated request is carried out again (without USE-12, EST-13).
    NoOutcomeCache,
    /// The originator of a session request is not checked (without USE-02).
    AnyOriginator,
    /// Termination leaves stored requests alone (without END-05, END-08).
    StoredOutliveSession,
    /// What is asked of a peer is waited for without end (without EST-57, EST-64, END-10, END-33).
    NoDeadlines,
    /// The session of a hop is called `s1` as in the figures, whatever stands there (without EST-22).
    NamesOfFigures,
    /// Nothing follows a refusal, because the flows draw no step after it (without EST-11, EST-18, EST-55).
    RefusalChangesNothing,
    /// A blocking request under a schedule is stored like any other (without USE-33, USE-44).
    BlockingIsStored,
    /// A session that is ending is used as before (without END-06, END-07).
    UseWhileEnding,
    /// Policies that contradict each other stand side by side (without POL-14, USE-28).
    RivalPolicies,
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
