//! Defects, each built into a world to show that its properties notice it.

#![expect(
    clippy::ptr_arg,
    reason = "all defects have one shape, and some add outputs"
)]

mod edge;
mod establishment;
mod tamper;
mod usage;

use m2m_machine::deviation::Deviation;
use m2m_machine::{Ae, Cse, ae, cse};

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
}

/// Every saboteur, chapter by chapter.
pub(crate) fn all() -> impl Iterator<Item = &'static Saboteur> {
    [establishment::ALL, usage::ALL, edge::ALL]
        .into_iter()
        .flatten()
}

/// The saboteur under which a requirement fails, if there is one.
pub(crate) fn against(id: &str) -> Option<&'static Saboteur> {
    let own = |s: &&Saboteur| s.kills.first() == Some(&id);
    all()
        .find(own)
        .or_else(|| all().find(|s| s.kills.contains(&id)))
}
