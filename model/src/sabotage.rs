//! Defects, each built into a world to show that its properties notice it.

#![expect(
    clippy::ptr_arg,
    reason = "all defects have one shape, and some add outputs"
)]

mod edge;
mod establishment;
mod host;
mod letter;
mod livelock;
mod tamper;
mod usage;

use m2m_machine::config::Config;
use m2m_machine::deviation::Deviation;
use m2m_machine::record::Record;
use m2m_machine::{Ae, Cse, Timestamp, ae, cse};
use std::collections::BTreeSet;

/// A named defect.
#[derive(Debug)]
pub(crate) struct Saboteur {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) defect: Defect,
    /// Whether keys are not random.
    pub(crate) reuses_keys: bool,
    /// The scenario in which it is looked for.
    pub(crate) scenario: &'static str,
    /// The properties that must fail.
    pub(crate) kills: &'static [&'static str],
}

/// Changes what a CSE sends: before, after, input, outputs.
pub(crate) type Tamper = fn(&Cse, &Cse, &cse::Input, &mut Vec<cse::Output>);
/// Changes what an AE sends.
pub(crate) type TamperAe = fn(&Ae, &Ae, &ae::Input, &mut Vec<ae::Output>);

/// What a saboteur does.
#[derive(Debug)]
pub(crate) enum Defect {
    /// Switches rules off in the machines of the CSEs.
    Machine(&'static [Deviation]),
    /// Drops, doubles, reorders or forges what a CSE sends.
    Outputs(Tamper),
    /// Both.
    Both(&'static [Deviation], Tamper),
    /// Lets a CSE send before it stores.
    NotStored(fn(&cse::Input, &[cse::Output]) -> bool),
    /// Drops, doubles, reorders or forges what an AE sends.
    AeOutputs(TamperAe),
    /// Switches rules off, and changes what CSEs and AEs send.
    Everywhere(&'static [Deviation], Tamper, TamperAe),
    /// Tells a CSE something else than what happened.
    Inputs(fn(&Cse, &mut cse::Input)),
    /// The clock of every CSE is late by so many milliseconds.
    Late(u64),
    /// Hands a CSE another configuration.
    Configured(fn(&mut Config)),
    /// What the store gives back after a crash: of the machine before the last step, and after it.
    Restart(fn(&Cse, &Cse) -> Vec<Record>),
}

impl Defect {
    /// What a CSE is told of that input, and when it thinks it is.
    pub(crate) fn perceived(
        &self,
        machine: &Cse,
        now: Timestamp,
        mut input: cse::Input,
    ) -> (Timestamp, cse::Input) {
        match self {
            Self::Inputs(change) => {
                change(machine, &mut input);
                (now, input)
            }
            Self::Late(by) => (now.minus(*by), input),
            Self::Machine(_)
            | Self::Outputs(_)
            | Self::Both(..)
            | Self::NotStored(_)
            | Self::AeOutputs(_)
            | Self::Everywhere(..)
            | Self::Configured(_)
            | Self::Restart(_) => (now, input),
        }
    }
}

/// Every saboteur, chapter by chapter.
pub(crate) fn all() -> impl Iterator<Item = &'static Saboteur> {
    [
        livelock::ALL,
        establishment::ALL,
        usage::ALL,
        edge::ALL,
        host::ALL,
    ]
    .into_iter()
    .flatten()
}

/// The flows read to the letter: one defect for each of their holes, in the order of the holes.
pub(crate) fn of_the_letter() -> impl Iterator<Item = &'static Saboteur> {
    letter::ALL.iter()
}

/// The saboteur of that name.
pub(crate) fn by_name(name: &str) -> Option<&'static Saboteur> {
    all().chain(of_the_letter()).find(|s| s.name == name)
}

/// The saboteurs under which a requirement fails: first those at home in the scenario, then those that aim at it.
pub(crate) fn against(id: &str, scenario: &str) -> Vec<&'static Saboteur> {
    let every = all().chain(of_the_letter());
    let mut found: Vec<_> = every.filter(|s| s.kills.contains(&id)).collect();
    found.sort_by_key(|s| (s.scenario != scenario, s.kills.first() != Some(&id)));
    found
}

/// Every requirement that some saboteur breaks.
pub(crate) fn breakable() -> BTreeSet<&'static str> {
    let every = all().chain(of_the_letter());
    every.flat_map(|s| s.kills.iter().copied()).collect()
}
