//! What happens in a step, for the ledger and for properties about steps.

use crate::interpret::{Turn, find};
use crate::properties::{Check, Property};
use crate::topology::Place;
use crate::world::{State, World};
use m2m_machine::ae::command::Event;
use m2m_machine::id::LinkId;
use m2m_machine::{Ae, Cse, Timestamp, ae, cse};

/// A step of a CSE.
pub(crate) struct CseStep<'a> {
    /// Which CSE.
    pub(crate) at: u8,
    /// As it was.
    pub(crate) before: &'a Cse,
    /// As it is.
    pub(crate) after: &'a Cse,
    /// What happened to it.
    pub(crate) input: &'a cse::Input,
    /// What it wants done.
    pub(crate) outputs: &'a [cse::Output],
}

/// A step of an AE.
pub(crate) struct AeStep<'a> {
    /// As it was.
    pub(crate) before: &'a Ae,
    /// As it is.
    pub(crate) after: &'a Ae,
    /// What it wants done.
    pub(crate) outputs: &'a [ae::Output],
}

/// The world in which a step happens, before it.
pub(crate) struct Scene<'a> {
    /// The world.
    pub(crate) world: &'a World,
    /// Its state before the step.
    pub(crate) state: &'a State,
    /// When.
    pub(crate) now: Timestamp,
}

impl Scene<'_> {
    /// Who is at the other end of a link.
    pub(crate) fn peer(&self, node: Place, link: LinkId) -> Option<Place> {
        let (pair, _, side) = find(self.world, self.state, node, link)?;
        Some(self.world.node(pair, side.other()))
    }
}

/// A step of either kind of node.
pub(crate) trait Step {
    /// Whether the step keeps the property.
    fn keeps(&self, property: &Property, scene: &Scene<'_>) -> bool;
}

impl Step for CseStep<'_> {
    fn keeps(&self, property: &Property, scene: &Scene<'_>) -> bool {
        match property.check {
            Check::CseStep(holds) => holds(scene, self),
            Check::AeStep(_) | Check::Always(_) | Check::AtRest(_) => true,
        }
    }
}

impl Step for AeStep<'_> {
    fn keeps(&self, property: &Property, scene: &Scene<'_>) -> bool {
        match property.check {
            Check::AeStep(holds) => holds(scene, self),
            Check::CseStep(_) | Check::Always(_) | Check::AtRest(_) => true,
        }
    }
}

/// Looks at a step with the eyes of every property about steps.
pub(crate) fn note(turn: &mut Turn<'_>, step: &impl Step) {
    let mut broken = 0;
    let scene = Scene {
        world: turn.world,
        state: &turn.state,
        now: turn.state.now,
    };
    for (slot, property) in turn.world.properties.iter().enumerate() {
        if !step.keeps(property, &scene) {
            broken |= 1 << slot;
        }
    }
    if broken & !turn.state.ledger.broken != 0 {
        turn.record(|ledger| ledger.broken |= broken);
    }
}

/// An AE told its application something.
pub(crate) fn reported(turn: &mut Turn<'_>, at: u8, event: &Event) {
    match event {
        Event::Registered { tag, .. }
        | Event::Discovered { tag, .. }
        | Event::Decided { tag, .. } => told(turn, at, *tag, 2000),
        Event::Answered { tag, response, .. } => told(turn, at, *tag, response.status.0),
        Event::Refused { tag, .. } => told(turn, at, *tag, 0),
        Event::Established { tag, session } => {
            told(turn, at, *tag, 2001);
            turn.record(|ledger| {
                ledger.told.entry((at, *tag)).or_default().session = Some(session.clone());
            });
        }
        Event::Accepted { tag, .. } => turn.record(|ledger| {
            let told = ledger.told.entry((at, *tag)).or_default();
            told.accepted = told.accepted.saturating_add(1);
        }),
        Event::Consent(question) => turn.record(|ledger| {
            let key = (at, question.session.clone());
            let consent = ledger.consent.entry(key).or_default();
            consent.asked = consent.asked.saturating_add(1);
        }),
        Event::Ended { session, .. } => turn.record(|ledger| {
            let times = ledger.ended.entry((at, session.clone())).or_default();
            *times = times.saturating_add(1);
        }),
        Event::Updated { resource, .. } => turn.record(|ledger| {
            let times = ledger.updated.entry((at, resource.clone())).or_default();
            *times = times.saturating_add(1);
        }),
        Event::Connected
        | Event::Disconnected
        | Event::Result { .. }
        | Event::Silent { .. }
        | Event::Notified { .. }
        | Event::LimitReached(_) => {}
    }
}

fn told(turn: &mut Turn<'_>, at: u8, tag: u64, status: u16) {
    // What the model itself decides for an application has no tag of its own.
    if tag == u64::MAX {
        return;
    }
    turn.record(|ledger| {
        let told = ledger.told.entry((at, tag)).or_default();
        told.finals = told.finals.saturating_add(1);
        told.status = status;
    });
}
