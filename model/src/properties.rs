//! What is claimed: every property, with its witness, in a table per chapter.
//!
//! A property is looked at in every state, at every step, or where a world is at rest. It stands in a slot of the
//! search, because the checker knows conditions only as plain functions.

mod abroad;
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
        abroad::ALL,
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
        let (holds, occurs) = Slots::<World>::ALL[slot];
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

/// A model of a world, and how its states show those of the world.
pub(crate) trait OfWorld: stateright::Model {
    /// The world.
    fn world(&self) -> &World;
    /// The world's state.
    fn state(shown: &Self::State) -> &State;
}

impl OfWorld for World {
    fn world(&self) -> &World {
        self
    }

    fn state(shown: &State) -> &State {
        shown
    }
}

type Condition<M> = fn(&M, &<M as stateright::Model>::State) -> bool;

fn holds<M: OfWorld, const SLOT: usize>(model: &M, state: &M::State) -> bool {
    let world = model.world();
    world.properties[SLOT].holds(SLOT, world, M::state(state))
}

fn occurs<M: OfWorld, const SLOT: usize>(model: &M, state: &M::State) -> bool {
    let world = model.world();
    (world.properties[SLOT].witness)(world, M::state(state))
}

const fn slot<M: OfWorld, const SLOT: usize>() -> (Condition<M>, Condition<M>) {
    (holds::<M, SLOT>, occurs::<M, SLOT>)
}

/// How many properties one scenario can look at.
pub(crate) const SLOTS_MAX: usize = 48;

/// What the slots hold; the checker takes functions without a memory, so each slot has its own.
pub(crate) struct Slots<M>(core::marker::PhantomData<M>);

impl<M: OfWorld> Slots<M> {
    /// Of each slot whether its property holds, and whether its situation occurs.
    pub(crate) const ALL: [(Condition<M>, Condition<M>); SLOTS_MAX] = [
        slot::<M, 0>(),
        slot::<M, 1>(),
        slot::<M, 2>(),
        slot::<M, 3>(),
        slot::<M, 4>(),
        slot::<M, 5>(),
        slot::<M, 6>(),
        slot::<M, 7>(),
        slot::<M, 8>(),
        slot::<M, 9>(),
        slot::<M, 10>(),
        slot::<M, 11>(),
        slot::<M, 12>(),
        slot::<M, 13>(),
        slot::<M, 14>(),
        slot::<M, 15>(),
        slot::<M, 16>(),
        slot::<M, 17>(),
        slot::<M, 18>(),
        slot::<M, 19>(),
        slot::<M, 20>(),
        slot::<M, 21>(),
        slot::<M, 22>(),
        slot::<M, 23>(),
        slot::<M, 24>(),
        slot::<M, 25>(),
        slot::<M, 26>(),
        slot::<M, 27>(),
        slot::<M, 28>(),
        slot::<M, 29>(),
        slot::<M, 30>(),
        slot::<M, 31>(),
        slot::<M, 32>(),
        slot::<M, 33>(),
        slot::<M, 34>(),
        slot::<M, 35>(),
        slot::<M, 36>(),
        slot::<M, 37>(),
        slot::<M, 38>(),
        slot::<M, 39>(),
        slot::<M, 40>(),
        slot::<M, 41>(),
        slot::<M, 42>(),
        slot::<M, 43>(),
        slot::<M, 44>(),
        slot::<M, 45>(),
        slot::<M, 46>(),
        slot::<M, 47>(),
    ];
}

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
