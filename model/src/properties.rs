//! What is claimed: every property, with its witness, in a table per chapter.
//!
//! A property is looked at in every state, at every step, or where a world is at rest. It stands in a slot of the
//! search, because the checker knows conditions only as plain functions.

mod establishment;
mod link;
mod policy;
mod termination;
mod usage;
mod witness;

use crate::happening::{AeStep, CseStep, Scene};
use crate::world::{State, World};

/// A property of the catalogue.
#[derive(Debug)]
pub(crate) struct Property {
    /// Identifier and sentence.
    pub(crate) name: &'static str,
    /// What must hold.
    pub(crate) check: Check,
    /// The situation that it speaks of: it must occur.
    pub(crate) witness: fn(&World, &State) -> bool,
}

/// When and how a property is looked at.
#[derive(Debug)]
pub(crate) enum Check {
    /// In every state.
    Always(fn(&World, &State) -> bool),
    /// At every step of a CSE.
    CseStep(fn(&Scene<'_>, &CseStep<'_>) -> bool),
    /// At every step of an AE.
    AeStep(fn(&Scene<'_>, &AeStep<'_>) -> bool),
    /// Where nothing is on its way, nothing is due, and all links are up.
    AtRest(fn(&World, &State) -> bool),
}

impl Property {
    /// The identifier of its requirement.
    pub(crate) fn id(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }

    /// Whether it holds in a state, as far as the state can tell.
    pub(crate) fn holds(&self, slot: usize, world: &World, state: &State) -> bool {
        match self.check {
            Check::Always(holds) => holds(world, state),
            Check::CseStep(_) | Check::AeStep(_) => state.ledger.broken & (1 << slot) == 0,
            Check::AtRest(holds) => !world.is_at_rest(state) || holds(world, state),
        }
    }
}

/// Every property, chapter by chapter.
pub(crate) fn all() -> impl Iterator<Item = &'static Property> {
    [
        link::ALL,
        establishment::ALL,
        policy::ALL,
        usage::ALL,
        termination::ALL,
    ]
    .into_iter()
    .flatten()
}

/// The properties of those identifiers.
pub(crate) fn of(ids: &[&str]) -> Vec<&'static Property> {
    all()
        .filter(|property| ids.contains(&property.id()))
        .collect()
}

/// What the checker looks at: the structural truths of the machines, and each property with its witness.
pub(crate) fn in_slots(world: &World) -> Vec<stateright::Property<World>> {
    let mut rows = vec![stateright::Property::always(STRUCTURE, structure)];
    for (slot, property) in world.properties.iter().enumerate() {
        let (holds, occurs) = SLOTS[slot];
        rows.push(stateright::Property::always(property.name, holds));
        rows.push(stateright::Property::sometimes(OCCURS[slot], occurs));
    }
    rows
}

/// Whether every machine keeps its structural truths.
pub(crate) fn structure(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| cse.violation().is_none())
        && state.aes.iter().all(|ae| ae.violation().is_none())
}

/// Whether the machines that a step has changed keep their structural truths.
pub(crate) fn change_keeps_structure(world: &World, before: &State, after: &State) -> bool {
    let cses = before.cses.iter().zip(&after.cses);
    let aes = before.aes.iter().zip(&after.aes);
    let mut cses = cses.filter(|(one, two)| one.digest() != two.digest());
    let mut aes = aes.filter(|(one, two)| one.digest() != two.digest());
    cses.all(|(_, cse)| world.memo.is_whole_cse(cse))
        && aes.all(|(_, ae)| world.memo.is_whole_ae(ae))
}

/// What every scenario claims besides its properties.
pub(crate) const STRUCTURE: &str = "no machine violates its structure";

type Condition = fn(&World, &State) -> bool;

fn holds<const SLOT: usize>(world: &World, state: &State) -> bool {
    world.properties[SLOT].holds(SLOT, world, state)
}

fn occurs<const SLOT: usize>(world: &World, state: &State) -> bool {
    (world.properties[SLOT].witness)(world, state)
}

const fn slot<const SLOT: usize>() -> (Condition, Condition) {
    (holds::<SLOT>, occurs::<SLOT>)
}

/// How many properties one scenario can look at.
pub(crate) const SLOTS_MAX: usize = 48;

const SLOTS: [(Condition, Condition); SLOTS_MAX] = [
    slot::<0>(),
    slot::<1>(),
    slot::<2>(),
    slot::<3>(),
    slot::<4>(),
    slot::<5>(),
    slot::<6>(),
    slot::<7>(),
    slot::<8>(),
    slot::<9>(),
    slot::<10>(),
    slot::<11>(),
    slot::<12>(),
    slot::<13>(),
    slot::<14>(),
    slot::<15>(),
    slot::<16>(),
    slot::<17>(),
    slot::<18>(),
    slot::<19>(),
    slot::<20>(),
    slot::<21>(),
    slot::<22>(),
    slot::<23>(),
    slot::<24>(),
    slot::<25>(),
    slot::<26>(),
    slot::<27>(),
    slot::<28>(),
    slot::<29>(),
    slot::<30>(),
    slot::<31>(),
    slot::<32>(),
    slot::<33>(),
    slot::<34>(),
    slot::<35>(),
    slot::<36>(),
    slot::<37>(),
    slot::<38>(),
    slot::<39>(),
    slot::<40>(),
    slot::<41>(),
    slot::<42>(),
    slot::<43>(),
    slot::<44>(),
    slot::<45>(),
    slot::<46>(),
    slot::<47>(),
];

/// The names of the witnesses in their slots.
pub(crate) const OCCURS: [&str; SLOTS_MAX] = [
    "witness 0",
    "witness 1",
    "witness 2",
    "witness 3",
    "witness 4",
    "witness 5",
    "witness 6",
    "witness 7",
    "witness 8",
    "witness 9",
    "witness 10",
    "witness 11",
    "witness 12",
    "witness 13",
    "witness 14",
    "witness 15",
    "witness 16",
    "witness 17",
    "witness 18",
    "witness 19",
    "witness 20",
    "witness 21",
    "witness 22",
    "witness 23",
    "witness 24",
    "witness 25",
    "witness 26",
    "witness 27",
    "witness 28",
    "witness 29",
    "witness 30",
    "witness 31",
    "witness 32",
    "witness 33",
    "witness 34",
    "witness 35",
    "witness 36",
    "witness 37",
    "witness 38",
    "witness 39",
    "witness 40",
    "witness 41",
    "witness 42",
    "witness 43",
    "witness 44",
    "witness 45",
    "witness 46",
    "witness 47",
];
