//! Establishment: from the CREATE of AE1 to an ACTIVE session on every hop, and every way in which that fails.

use super::{Check, Property};
use crate::happening::{CseStep, Scene};
use crate::look;
use crate::world::{State, World};
use m2m_machine::record::Phase;

/// The table.
pub(crate) static ALL: &[Property] = &[
    Property {
        name: "EST-01 a session exists at the target's CSE only after the target said yes",
        check: Check::Always(est_01),
        witness: far_has_session,
    },
    Property {
        name: "EST-03 a CSE upstream is ACTIVE only after the CSE downstream has created the session",
        check: Check::CseStep(est_03),
        witness: near_is_active,
    },
    Property {
        name: "EST-04 success reaches AE1 only after every hop has created the session",
        check: Check::CseStep(est_04),
        witness: success_under_way,
    },
    Property {
        name: "EST-13 a repeated CREATE yields no second session, identifier or question",
        check: Check::Always(est_13),
        witness: near_is_active,
    },
    Property {
        name: "EST-15 each CREATE of a session is answered exactly once",
        check: Check::AtRest(est_15),
        witness: at_rest_after_create,
    },
];

fn est_01(_: &World, state: &State) -> bool {
    let far = state.far();
    far.state().sessions.iter().all(|(id, session)| {
        let said_yes = |((_, asked), consent): (&(u8, _), &crate::ledger::Consent)| {
            asked == id && consent.yes > 0
        };
        session.target.registrar().as_ref() != Some(&far.config().cse_id)
            || state.ledger.consent.iter().any(said_yes)
    })
}

fn est_03(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let beyond = scene.state.cses.get(usize::from(step.at) + 1);
    look::became_active(step).all(|id| {
        beyond.is_none_or(|cse| cse.state().sessions.has(id) || cse.state().tombstones.has(id))
    })
}

fn est_04(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_responses(step).all(|(_, response)| {
        let Some(id) = look::session_in_success(response) else {
            return true;
        };
        let beyond = scene.state.cses.iter().skip(usize::from(step.at) + 1);
        beyond
            .into_iter()
            .all(|cse| cse.state().sessions.has(&id) || cse.state().tombstones.has(&id))
    })
}

fn est_13(world: &World, state: &State) -> bool {
    let asked_once = state.ledger.consent.values().all(|c| c.asked <= 1);
    let wished = look::creates(world, state).len();
    let most = state.cses.iter().map(|cse| cse.state().sessions.len()).max();
    asked_once && most.unwrap_or(0) <= wished && usize::from(state.tokens) <= wished
}

fn est_15(world: &World, state: &State) -> bool {
    let told = &state.ledger.told;
    let once = |key: &(u8, u64)| told.get(key).is_some_and(|told| told.finals == 1);
    look::creates(world, state).iter().all(once)
}

fn far_has_session(_: &World, state: &State) -> bool {
    !state.far().state().sessions.is_empty()
}

fn near_is_active(_: &World, state: &State) -> bool {
    state
        .near()
        .state()
        .sessions
        .iter()
        .any(|(_, s)| s.phase == Phase::Active)
}

fn success_under_way(_: &World, state: &State) -> bool {
    state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::response(primitive))
        .any(|response| look::session_in_success(response).is_some())
}

fn at_rest_after_create(world: &World, state: &State) -> bool {
    !look::creates(world, state).is_empty() && world.is_at_rest(state)
}
