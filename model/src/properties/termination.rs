//! Termination: how a session ends, who is told, and what is left.

use super::witness::*;
use super::{Check, Property};
use crate::happening::{CseStep, Scene};
use crate::look;
use crate::topology::Place;
use crate::wish::Wish;
use crate::world::{State, World};
use m2m_machine::ae::endpoint::Phase as AePhase;
use m2m_machine::cse::{Input, Timer};
use m2m_machine::id::CseId;
use m2m_machine::primitive::Operation;
use m2m_machine::record::Phase;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;

/// The table.
pub(crate) static ALL: &[Property] = &[
    Property {
        name: "END-01 the target's CSE deletes only after its endpoint answered or was given up",
        check: Check::CseStep(end_01),
        witness: endpoint_is_waited_for,
    },
    Property {
        name: "END-02 a CSE confirms only after every hop it asked has answered",
        check: Check::CseStep(end_02),
        witness: hop_is_waited_for,
    },
    Property {
        name: "END-03 an endpoint gets 2002 only when no CSE holds the session",
        check: Check::CseStep(end_03),
        witness: deleted_under_way,
    },
    Property {
        name: "END-04 when a termination is complete nobody holds credentials",
        check: Check::AtRest(end_04),
        witness: rest_after_end,
    },
    Property {
        name: "END-05 no part of a session outlives it",
        check: Check::Always(end_05),
        witness: session_is_over,
    },
    Property {
        name: "END-06 a CSE that has begun to terminate a session takes up no data of it",
        check: Check::CseStep(end_06),
        witness: data_while_ending,
    },
    Property {
        name: "END-07 nothing is served for an endpoint that has erased the session",
        check: Check::CseStep(end_07),
        witness: target_has_erased,
    },
    Property {
        name: "END-08 each stored or open request of a session that ends is settled exactly once",
        check: Check::AtRest(end_08),
        witness: rest_after_data_and_end,
    },
    Property {
        name: "END-09 a DELETE of a session that is gone changes nothing and is answered 4004",
        check: Check::CseStep(end_09),
        witness: session_is_over,
    },
    Property {
        name: "END-10 after an accepted DELETE nobody holds the session",
        check: Check::AtRest(end_10),
        witness: rest_after_end,
    },
    Property {
        name: "END-11 DELETEs that cross both come to an end",
        check: Check::AtRest(end_11),
        witness: both_ended,
    },
    Property {
        name: "END-12 the loss of the initiator during establishment leaves nothing behind",
        check: Check::AtRest(end_12),
        witness: rest_after_leaving,
    },
    Property {
        name: "END-13 only an endpoint, a hop, the CSE itself or time ends a session",
        check: Check::CseStep(end_13),
        witness: stranger_asked,
    },
    Property {
        name: "END-14 a terminated identifier never becomes valid again",
        check: Check::CseStep(end_14),
        witness: session_is_over,
    },
    Property {
        name: "END-15 exactly the addressed session ends",
        check: Check::CseStep(end_15),
        witness: one_of_two_ended,
    },
    Property {
        name: "END-16 an endpoint only delays a termination",
        check: Check::AtRest(end_16),
        witness: rest_after_end,
    },
    Property {
        name: "END-17 after its et a session is gone on every node",
        check: Check::AtRest(end_17),
        witness: rest_after_et,
    },
    Property {
        name: "END-18 deregistration of an endpoint ends its sessions everywhere",
        check: Check::AtRest(end_18),
        witness: rest_after_leaving,
    },
    Property {
        name: "END-38 a session ends where its hop is no longer registered, and its endpoint there learns of it",
        check: Check::AtRest(end_38),
        witness: rest_after_dismissal,
    },
    Property {
        name: "END-19 the subscription of an endpoint survives the end of a session",
        check: Check::Always(end_19),
        witness: session_is_over,
    },
    Property {
        name: "END-20 an endpoint is told of the end once, and not before it was asked",
        check: Check::Always(end_20),
        witness: termination_told,
    },
    Property {
        name: "END-21 an endpoint that is reachable learns of the end",
        check: Check::AtRest(end_21),
        witness: rest_after_end,
    },
    Property {
        name: "END-22 a tombstone permits no use",
        check: Check::CseStep(end_22),
        witness: data_after_end,
    },
    Property {
        name: "END-23 after the end the context cannot be read",
        check: Check::Always(end_23),
        witness: session_is_over,
    },
    Property {
        name: "END-24 a session that is ending never comes back into use, also not by a restart",
        check: Check::CseStep(end_24),
        witness: hop_is_waited_for,
    },
    Property {
        name: "END-33 a DELETE that nothing disturbs is not answered 5107",
        check: Check::AtRest(end_33),
        witness: rest_after_end,
    },
];

fn end_33(world: &World, state: &State) -> bool {
    let undisturbed = state.left == world.scenario.budget;
    let asked = look::wished(world, state, |wish| matches!(wish, Wish::Terminate));
    let unreached = |key: &(u8, u64)| {
        let told = state.ledger.told.get(key);
        told.is_some_and(|told| told.status == Status::REMOTE_ENTITY_NOT_REACHABLE.0)
    };
    !undisturbed || !asked.iter().any(unreached)
}

fn end_01(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::went(step).all(|session| {
        let Phase::Terminating(state) = &session.phase else {
            return true;
        };
        if state.endpoints.is_empty() {
            return true;
        }
        match step.input {
            Input::Received { link, primitive } => {
                let peer = scene.peer(Place::Cse(step.at), *link);
                let answered = look::response(primitive).is_some();
                let crossing = look::request(primitive).is_some_and(|r| {
                    r.operation == Operation::Delete && matches!(peer, Some(Place::Cse(_)))
                });
                let leaves = look::request(primitive).is_some_and(|r| {
                    r.operation == Operation::Delete && matches!(peer, Some(Place::Ae(_)))
                });
                answered && matches!(peer, Some(Place::Ae(_))) || crossing || leaves
            }
            Input::Elapsed(timer) => match timer {
                Timer::Termination(_) | Timer::SessionExpiry(_) | Timer::Outgoing(..) => true,
                Timer::Redial
                | Timer::Answer(_)
                | Timer::Attempt(_)
                | Timer::Lease(_)
                | Timer::HopGrace(_)
                | Timer::TombstoneRetry(_)
                | Timer::UndoRetry(_)
                | Timer::TombstoneEnd(_)
                | Timer::Window(_)
                | Timer::StoredExpiry(_)
                | Timer::ResourceExpiry(_)
                | Timer::Outcome(_)
                | Timer::DialRegistree(_)
                | Timer::Reachable(_)
                | Timer::Notifications(_)
                | Timer::Interrupted(_) => false,
            },
            Input::LinkOpened { .. }
            | Input::LinkLost { .. }
            | Input::DialFailed
            | Input::RegistreeNotReached { .. }
            | Input::Undecodable { .. }
            | Input::StoreFailing(_)
            | Input::Stopping { .. } => false,
        }
    })
}

fn end_02(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::confirmed_ends(step).all(|(session, _)| {
        let tombstone = step.after.state().tombstones.get(&session.id);
        let crossing = look::is_delete_of_hop(step);
        crossing || tombstone.is_some_and(|row| row.hops.is_empty())
    })
}

fn end_03(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::confirmed_ends(step).all(|(session, to_ae)| {
        let others = (0_u8..)
            .zip(&scene.state.cses)
            .filter(|(at, _)| *at != step.at);
        !to_ae
            || others
                .map(|(_, cse)| cse.state())
                .all(|durable| !durable.sessions.has(&session.id))
    })
}

fn end_04(_: &World, state: &State) -> bool {
    let mut over = state
        .cses
        .iter()
        .flat_map(|cse| cse.state().tombstones.iter());
    over.all(|(id, _)| look::is_nowhere(state, id))
}

fn end_05(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let durable = cse.state();
        let has = |id| durable.sessions.has(id);
        let stored = durable
            .stored
            .iter()
            .all(|(_, row)| row.session.as_ref().is_none_or(has));
        let parts = durable.tree.iter().all(|row| {
            let top = durable
                .tree
                .ancestry(&row.id)
                .any(|r| r.resource_type == ResourceType::Session);
            let is_part = match row.resource_type {
                ResourceType::SessionEndpoint
                | ResourceType::NextHop
                | ResourceType::SessionPolicy
                | ResourceType::SessionContext
                | ResourceType::SessionContextEntry => true,
                ResourceType::AccessControlPolicy
                | ResourceType::Ae
                | ResourceType::Container
                | ResourceType::ContentInstance
                | ResourceType::CseBase
                | ResourceType::Group
                | ResourceType::Node
                | ResourceType::Schedule
                | ResourceType::PollingChannel
                | ResourceType::RemoteCse
                | ResourceType::Request
                | ResourceType::Subscription
                | ResourceType::FlexContainer
                | ResourceType::Sessions
                | ResourceType::Session => false,
            };
            !is_part || top
        });
        stored && parts
    })
}

fn end_06(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::taken_up(step).is_none_or(|taken| {
        let session = step.before.state().sessions.get(taken.session);
        let ending = session.is_some_and(|s| matches!(s.phase, Phase::Terminating(_)));
        !ending || look::is_remembered(step, &taken)
    })
}

fn end_07(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::taken_up(step).is_none_or(|taken| {
        let target = step
            .before
            .state()
            .sessions
            .get(taken.session)
            .map(|s| &s.target);
        let Some(target) = target.filter(|_| taken.is_served) else {
            return true;
        };
        let topology = scene.world.scenario.topology;
        (0_u8..).zip(&scene.state.aes).all(|(at, ae)| {
            let erased = matches!(ae.phase(taken.session), Some(AePhase::Ended(_)));
            topology.ae_id(at) != *target || !erased
        })
    })
}

fn end_08(world: &World, state: &State) -> bool {
    let over = (0_u8..=1).filter_map(|ae| look::first_session(world, ae));
    let mut over = over.filter(|id| look::is_nowhere(state, id));
    let nothing_stored = state.cses.iter().all(|cse| cse.state().stored.is_empty());
    let wished = look::wished(world, state, |wish| {
        matches!(wish, Wish::Write(_) | Wish::Read { .. })
    });
    let settled = |key: &(u8, u64)| state.ledger.told.get(key).is_some_and(|t| t.finals == 1);
    over.next().is_none() || nothing_stored && wished.iter().all(settled)
}

fn end_09(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some(request) = look::received_request(step) else {
        return true;
    };
    let of_session = request.operation == Operation::Delete
        && (request.to.contains("/sessions/") || request.to.contains("/ses"));
    let nothing_there =
        step.before.state().sessions.is_empty() && step.before.state().attempts.is_empty();
    if !of_session || !nothing_there || request.to.ends_with("/sessions") {
        return true;
    }
    let remembered = look::is_known_request(step, request);
    let sessions_same = step.before.state().tombstones == step.after.state().tombstones;
    let answers = look::sent_responses(step).all(|(_, response)| {
        remembered
            || response.status == Status::NOT_FOUND
            || response.status == Status::REQUEST_TIMEOUT
    });
    sessions_same && answers
}

fn end_10(world: &World, state: &State) -> bool {
    let asked = look::wished(world, state, |wish| matches!(wish, Wish::Terminate));
    let mut asked = asked.iter().filter_map(|key| {
        let id = look::first_session(world, key.0)?;
        Some((look::is_accepted_end(state, key), id))
    });
    asked.all(|(accepted, id)| {
        let holders = state
            .cses
            .iter()
            .filter(|cse| cse.state().sessions.has(&id));
        // A CSE that has deleted it had accepted the DELETE, whatever became of the answer.
        let on_some_hops = (1..state.cses.len()).contains(&holders.count());
        !on_some_hops && (!accepted || look::is_nowhere(state, &id))
    })
}

fn end_11(world: &World, state: &State) -> bool {
    let asked = look::wished(world, state, |wish| matches!(wish, Wish::Terminate));
    let told = |key: &(u8, u64)| state.ledger.told.get(key).is_some_and(|t| t.finals == 1);
    asked.iter().all(told) && end_10(world, state)
}

fn end_12(world: &World, state: &State) -> bool {
    let left = look::left(world, state);
    let no_attempts = state.cses.iter().all(|cse| cse.state().attempts.is_empty());
    !left.contains(&0) || look::identifiers(state).is_empty() && no_attempts
}

fn end_13(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Input::Received { link, .. } = step.input else {
        return true;
    };
    let Some(Place::Ae(ae)) = scene.peer(Place::Cse(step.at), *link) else {
        return true;
    };
    let me = scene.world.scenario.topology.ae_id(ae);
    let sessions = step.before.state().sessions.iter();
    let mut others = sessions.filter(|(_, s)| s.initiator != me && s.target != me);
    others.all(|(id, s)| {
        let after = step.after.state().sessions.get(id);
        after.is_some_and(|after| after.phase == s.phase)
    })
}

fn end_14(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let over = &step.before.state().tombstones;
    look::became_known(step).all(|session| !over.has(&session.id))
}

fn end_15(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some(request) = look::received_request(step) else {
        return true;
    };
    let after = &step.after.state().sessions;
    let before = step.before.state();
    let ends = before.sessions.iter().filter(|(id, session)| {
        let was_ending = matches!(session.phase, Phase::Terminating(_));
        let is_ending = after
            .get(id)
            .is_none_or(|s| matches!(s.phase, Phase::Terminating(_)));
        !was_ending && is_ending
    });
    let addressed = |session: &m2m_machine::record::Session| {
        let path = before.tree.path(&session.resource);
        request.to.ends_with(path.as_str())
            || request.to.ends_with(session.resource.as_str())
            || request.session.as_ref() == Some(&session.id)
    };
    let to_session = request.operation == Operation::Delete && request.to.contains("ses");
    !to_session || ends.into_iter().all(|(_, session)| addressed(session))
}

fn end_16(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let mut sessions = cse.state().sessions.iter();
        sessions.all(|(_, s)| !matches!(s.phase, Phase::Terminating(_)))
    })
}

fn end_17(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let mut sessions = cse.state().sessions.iter();
        sessions.all(|(id, _)| {
            cse.expiry_of(id)
                .is_some_and(|et| state.now < et.plus(2_000))
        })
    }) && state.aes.iter().all(|ae| {
        let mut sessions = ae.sessions();
        sessions.all(|(id, _)| ae.session(id).is_none_or(|m| state.now < m.expires))
    })
}

fn end_18(world: &World, state: &State) -> bool {
    look::left(world, state).into_iter().all(|ae| {
        let gone = world.scenario.topology.ae_id(ae);
        let at_cses = state.cses.iter().any(|cse| {
            let mut sessions = cse.state().sessions.iter();
            sessions.any(|(_, s)| s.initiator == gone || s.target == gone)
        });
        let mut aes = state.aes.iter().filter(|ae| look::is_registered(state, ae));
        let at_aes = aes.any(|ae| {
            let mut sessions = ae.sessions();
            sessions.any(|(id, _)| {
                let member = ae.session(id);
                member.is_some_and(|m| m.initiator == gone || m.target == gone)
            })
        });
        !at_cses && !at_aes
    })
}

fn end_38(world: &World, state: &State) -> bool {
    let is_over = state.cses.iter().all(|cse| {
        let is_known = |hop: &CseId| cse.state().neighbours.get(hop).is_some();
        cse.state().sessions.iter().all(|(_, session)| {
            let hops = cse.hops_of(session);
            session.hop_lost.is_none() && hops.iter().all(|hop| is_known(&hop.cse))
        })
    });
    is_over && end_21(world, state)
}

fn end_19(world: &World, state: &State) -> bool {
    let far = state.far();
    let tree = &far.state().tree;
    let subscribed = || {
        tree.iter()
            .any(|r| r.resource_type == ResourceType::Subscription)
    };
    let left = look::wished(world, state, |wish| matches!(wish, Wish::Deregister));
    left.iter().any(|(ae, _)| *ae == 1) || subscribed()
}

fn end_20(_: &World, state: &State) -> bool {
    state.ledger.ended.values().all(|times| *times <= 1)
}

fn end_21(_: &World, state: &State) -> bool {
    let home = |ae: &m2m_machine::Ae| {
        let known = ae.identity().and_then(|identity| identity.id.registrar());
        state
            .cses
            .iter()
            .find(|cse| Some(&cse.config().cse_id) == known.as_ref())
    };
    let mut aes = state.aes.iter().filter(|ae| look::is_registered(state, ae));
    aes.all(|ae| {
        ae.sessions()
            .filter(|(_, phase)| look::is_member(phase))
            .all(|(id, _)| home(ae).is_none_or(|cse| cse.state().sessions.has(id)))
    })
}

fn end_22(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::taken_up(step).is_none_or(|taken| {
        !step.before.state().tombstones.has(taken.session) || look::is_remembered(step, &taken)
    })
}

fn end_23(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let durable = cse.state();
        let contexts = durable.tree.iter();
        let logs = contexts.filter(|r| r.resource_type == ResourceType::SessionContext);
        logs.count() == durable.sessions.len()
    })
}

fn end_24(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let after = &step.after.state().sessions;
    let mut before = step.before.state().sessions.iter();
    before.all(|(id, session)| {
        let was_ending = matches!(session.phase, Phase::Terminating(_));
        let is_used = after
            .get(id)
            .is_some_and(|s| !matches!(s.phase, Phase::Terminating(_)));
        !was_ending || !is_used
    })
}
