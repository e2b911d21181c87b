//! Defects, each built into a world to show that its properties notice it.

use m2m_machine::deviation::Deviation;
use m2m_machine::{Ae, Cse, ae, cse};

/// A named defect.
#[derive(Debug)]
pub(crate) struct Saboteur {
    /// Its name.
    pub(crate) name: &'static str,
    /// The requirement that it breaks.
    pub(crate) rule: &'static str,
    /// What it does.
    pub(crate) defect: Defect,
    /// Whether random tokens are not random.
    pub(crate) reuses_tokens: bool,
    /// The scenario in which it is looked for.
    pub(crate) scenario: &'static str,
    /// The property that must fail.
    pub(crate) kills: &'static str,
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
    /// Lets a CSE send before it stores.
    NotStored(fn(&cse::Input, &[cse::Output]) -> bool),
    /// Drops, doubles, reorders or forges what an AE sends.
    AeOutputs(TamperAe),
}
