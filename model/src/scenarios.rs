//! What is searched: one row per scenario.

mod deep;
mod ending;
mod establishment;
mod letter;
mod linking;
mod living;
mod using;

use crate::liveness::Promise;
use crate::topology::{PAIR, Topology, timers};
use crate::wish::Wish;
use crate::world::Budget;
use m2m_machine::config::{Config, Limits};
use m2m_machine::deviation::Deviations;

/// A scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) about: &'static str,
    /// Who takes part.
    pub(crate) topology: &'static Topology,
    /// Where it begins.
    pub(crate) begin: Begin,
    /// What the applications want, by AE.
    pub(crate) scripts: &'static [&'static [Wish]],
    /// What an application that is asked for consent may say; nothing: it stays silent.
    pub(crate) verdicts: &'static [bool],
    /// How often the environment may interfere.
    pub(crate) budget: Budget,
    /// The links that may break.
    pub(crate) breaks: &'static [u8],
    /// The CSEs that may crash.
    pub(crate) crashes: &'static [u8],
    /// How far deadlines are looked at, in milliseconds from the beginning.
    pub(crate) horizon_ms: u64,
    /// Moments to which the clock may jump, in milliseconds from the beginning.
    pub(crate) phases: &'static [u64],
    /// What is changed in the configuration of the CSEs.
    pub(crate) adjust: fn(&mut Config),
    /// Identifiers of the properties that are looked at.
    pub(crate) properties: &'static [&'static str],
    /// What comes about in the end, whatever the environment does before: of a liveness scenario, whose budgets are
    /// endless.
    pub(crate) promises: &'static [Promise],
    /// Whether it belongs to the default run.
    pub(crate) by_default: bool,
}

impl Scenario {
    /// The limits that its CSEs are configured with.
    pub(crate) fn limits(&self) -> Limits {
        let mut config = self.topology.cse_config(0, timers(), Deviations::default());
        (self.adjust)(&mut config);
        config.limits
    }
}

/// Where a scenario begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Begin {
    /// Nobody knows anybody.
    Nothing,
    /// The AEs are registered, the CSEs have not met yet.
    Apart,
    /// CSEs and AEs are registered, AE2 may be asked.
    Registered,
    /// And AE1 may be asked too.
    Mutual,
    /// AE1 and AE2 are in a session.
    Established,
    /// In a session with a policy for the night.
    WithNight,
    /// In a session with a policy whose window opens in two seconds.
    WithShortly,
}

/// Nothing of the configuration is changed.
pub(crate) const fn as_it_is(_: &mut Config) {}

/// What most scenarios have in common.
const BASE: Scenario = Scenario {
    name: "",
    about: "",
    topology: &PAIR,
    begin: Begin::Registered,
    scripts: &[],
    verdicts: &[true],
    budget: NO_FAULTS,
    breaks: &[2],
    crashes: &[0, 1],
    horizon_ms: 75_000,
    phases: &[],
    adjust: as_it_is,
    properties: &[],
    promises: &[],
    by_default: true,
};

const NO_FAULTS: Budget = Budget {
    cuts: 0,
    losses: 0,
    crashes: 0,
    repeats: 0,
    races: 0,
    failures: 0,
};

/// Every scenario, chapter by chapter.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    let chapters = [
        establishment::ALL,
        using::ALL,
        ending::ALL,
        linking::ALL,
        letter::ALL,
        living::ALL,
        deep::ALL,
    ];
    chapters.into_iter().flatten()
}

/// The scenario of that name.
pub(crate) fn by_name(name: &str) -> Option<&'static Scenario> {
    all().find(|scenario| scenario.name == name)
}
