//! Establishment: from the CREATE of AE1 to an ACTIVE session on every hop, and every way in which that fails.

use super::witness::*;
use super::{Check, Property};
use crate::happening::{CseStep, Scene};
use crate::look;
use crate::topology::Place;
use crate::world::{State, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::Input;
use m2m_machine::id::SessionId;
use m2m_machine::record::{Phase, Stage};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The table.
pub(crate) static ALL: &[Property] = &[
    Property {
        name: "EST-01 a session exists at the target's CSE only after the target said yes",
        check: Check::Always(est_01),
        witness: far_has_session,
    },
    Property {
        name: "EST-02 a session exists at a CSE upstream only after the CSE downstream answered yes",
        check: Check::CseStep(est_02),
        witness: near_is_active,
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
        name: "EST-05 no two establishments get the same session identifier",
        check: Check::Always(est_05),
        witness: two_sessions,
    },
    Property {
        name: "EST-06 all who hold a session agree on its initiator, target, endpoints and key",
        check: Check::Always(est_06),
        witness: all_hold_session,
    },
    Property {
        name: "EST-07 a session has one endpoint resource for each endpoint, and no other",
        check: Check::Always(est_07),
        witness: far_has_session,
    },
    Property {
        name: "EST-08 two CSEs name each other as hops, and the hops form a path",
        check: Check::Always(est_08),
        witness: all_hold_session,
    },
    Property {
        name: "EST-09 an establishment notification goes to the subscribed target only",
        check: Check::CseStep(est_09),
        witness: question_under_way,
    },
    Property {
        name: "EST-10 a session request is forwarded only to a neighbour that said it speaks sessions",
        check: Check::CseStep(est_10),
        witness: hop_request_under_way,
    },
    Property {
        name: "EST-11 after a failure nobody holds anything of the attempt",
        check: Check::AtRest(est_11),
        witness: rest_after_failure,
    },
    Property {
        name: "EST-12 at most one verdict counts, and a repeated notification asks nobody again",
        check: Check::Always(est_12),
        witness: somebody_said_something,
    },
    Property {
        name: "EST-13 a repeated CREATE yields no second session, identifier or question",
        check: Check::Always(est_13),
        witness: near_is_active,
    },
    Property {
        name: "EST-14 a session that exists somewhere exists everywhere on its path, or disappears",
        check: Check::AtRest(est_14),
        witness: rest_after_create,
    },
    Property {
        name: "EST-15 each CREATE of a session is answered exactly once",
        check: Check::AtRest(est_15),
        witness: rest_after_create,
    },
    Property {
        name: "EST-16 no session is made once the request for it has expired",
        check: Check::CseStep(est_16),
        witness: near_is_active,
    },
    Property {
        name: "EST-17 only the endpoints and the CSEs of the path ever see the key",
        check: Check::Always(est_17),
        witness: key_under_way,
    },
    Property {
        name: "EST-18 who refuses or stays silent keeps no key, and no CSE keeps it either",
        check: Check::Always(est_18),
        witness: somebody_said_no,
    },
    Property {
        name: "EST-19 no key and no key identifier is used in two sessions",
        check: Check::Always(est_19),
        witness: two_sessions,
    },
    Property {
        name: "EST-20 data is taken up only in an ACTIVE session, or a PENDING one from the hop upstream",
        check: Check::CseStep(est_20),
        witness: data_under_way,
    },
    Property {
        name: "EST-21 crossing requests give complete sessions or none, and never a mixture",
        check: Check::AtRest(est_21),
        witness: both_asked,
    },
    Property {
        name: "EST-22 two resources never share a name under one parent",
        check: Check::Always(est_22),
        witness: a_name_was_taken,
    },
    Property {
        name: "EST-28 deregistration during an establishment never ends in an ACTIVE session",
        check: Check::AtRest(est_28),
        witness: rest_after_leaving,
    },
    Property {
        name: "EST-29 a session request visits no CSE twice",
        check: Check::CseStep(est_29),
        witness: hop_request_under_way,
    },
    Property {
        name: "EST-31 a request without session goes on at once, whatever is being established",
        check: Check::CseStep(est_31),
        witness: plain_during_establishment,
    },
    Property {
        name: "EST-27 a session ends not after its parents, and at the same time on all hops",
        check: Check::Always(est_27),
        witness: all_hold_session,
    },
];

fn est_01(_: &World, state: &State) -> bool {
    let far = state.far();
    far.state().sessions.iter().all(|(id, session)| {
        let said_yes = state
            .ledger
            .consent
            .iter()
            .any(|((_, asked), consent)| asked == id && consent.yes > 0);
        let is_target = session.target.registrar().as_ref() == Some(&far.config().cse_id);
        !is_target || said_yes
    })
}

fn est_02(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let at = Place::Cse(step.at);
    let answer = match step.input {
        Input::Received { link, primitive } => look::response(primitive).map(|r| (*link, r)),
        Input::LinkOpened { .. }
        | Input::LinkLost { .. }
        | Input::DialFailed
        | Input::RegistreeNotReached { .. }
        | Input::Undecodable { .. }
        | Input::Elapsed(_)
        | Input::StoreFailing(_)
        | Input::Stopping { .. } => None,
    };
    look::became_known(step).all(|session| {
        let beyond = session.target.registrar() != Some(step.after.config().cse_id.clone());
        let positive = answer.is_some_and(|(link, response)| {
            let from_hop = matches!(scene.peer(at, link), Some(Place::Cse(_)));
            from_hop && response.status == Status::CREATED
        });
        !beyond || positive
    })
}

fn est_03(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::became_active(step).all(|id| {
        let session = step.after.state().sessions.get(id);
        let hop = session.and_then(|s| look::hop_towards_target(step.after, s));
        let Some(hop) = hop else { return true };
        let beyond = scene
            .state
            .cses
            .iter()
            .find(|cse| cse.config().cse_id == hop);
        beyond.is_none_or(|cse| cse.state().sessions.has(id) || cse.state().tombstones.has(id))
    })
}

fn est_04(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_responses(step).all(|(_, response)| {
        let Some(id) = look::session_in_success(response) else {
            return true;
        };
        let others = (0_u8..)
            .zip(&scene.state.cses)
            .filter(|(at, _)| *at != step.at);
        others
            .map(|(_, cse)| cse.state())
            .all(|durable| durable.sessions.has(&id) || durable.tombstones.has(&id))
    })
}

fn est_05(_: &World, state: &State) -> bool {
    let mut seen = BTreeSet::new();
    let told = state.ledger.told.values();
    told.filter_map(|told| told.session.as_ref())
        .all(|id| seen.insert(id))
}

fn est_06(world: &World, state: &State) -> bool {
    let mut known = BTreeMap::new();
    let mut agrees = |id, what| *known.entry(id).or_insert_with(|| Clone::clone(&what)) == what;
    for cse in &state.cses {
        for (id, session) in cse.state().sessions.iter() {
            let key = session.credentials.key_id.clone();
            let ends: BTreeMap<_, _> = cse.endpoints_of(session).into_iter().collect();
            let what = (session.initiator.clone(), session.target.clone(), key, ends);
            if !agrees(id.clone(), what) {
                return false;
            }
        }
    }
    for (at, ae) in (0_u8..).zip(&state.aes) {
        for (id, _) in ae.sessions() {
            let Some(member) = ae.session(id) else {
                continue;
            };
            let me = world.scenario.topology.ae_id(at);
            let is_initiator = member.initiator == me;
            let (own, peer) = (member.paths.clone(), member.peer_paths.clone());
            let (first, second) = if is_initiator {
                (own, peer)
            } else {
                (peer, own)
            };
            let ends = BTreeMap::from([
                (member.initiator.clone(), first),
                (member.target.clone(), second),
            ]);
            let key = member.key.id.clone();
            let what = (member.initiator.clone(), member.target.clone(), key, ends);
            if !agrees(id.clone(), what) {
                return false;
            }
        }
    }
    true
}

fn est_07(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        cse.state().sessions.iter().all(|(_, session)| {
            let ends: Vec<_> = cse
                .endpoints_of(session)
                .into_iter()
                .map(|(ae, _)| ae)
                .collect();
            ends == [session.initiator.clone(), session.target.clone()]
        })
    })
}

fn est_08(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        cse.state().sessions.iter().all(|(id, session)| {
            let hops = cse.hops_of(session);
            let local = [&session.initiator, &session.target]
                .into_iter()
                .filter(|ae| ae.registrar().as_ref() == Some(&cse.config().cse_id))
                .count();
            hops.len() == 2 - local && hops.iter().all(|hop| look::names_back(state, cse, id, hop))
        })
    })
}

fn est_09(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_requests(step).all(|(link, request)| {
        if look::event(request) != Some(50_001) {
            return true;
        }
        let targets = look::told_of(request)
            .and_then(|session| session.get(&Attribute::SessionTargets)?.as_texts())
            .unwrap_or_default();
        let topology = scene.world.scenario.topology;
        match scene.peer(Place::Cse(step.at), link) {
            Some(Place::Ae(ae)) => targets.contains(&topology.ae_id(ae).0),
            Some(Place::Cse(_)) | None => false,
        }
    })
}

fn est_10(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_requests(step).all(|(link, request)| {
        if !look::creates_session(request) {
            return true;
        }
        let Some(Place::Cse(peer)) = scene.peer(Place::Cse(step.at), link) else {
            return false;
        };
        let peer = &scene.state.cses[usize::from(peer)].config().cse_id;
        let neighbour = step.after.state().neighbours.get(peer);
        neighbour.is_some_and(|row| row.speaks_sessions == Some(true))
    })
}

fn est_11(world: &World, state: &State) -> bool {
    let attempts_over = state.cses.iter().all(|cse| {
        let mut attempts = cse.state().attempts.iter();
        attempts.all(|(_, attempt)| matches!(attempt.stage, Stage::Abandoned { .. }))
    });
    let failed = look::creates(world, state).iter().all(|key| {
        state
            .ledger
            .told
            .get(key)
            .is_none_or(|told| told.session.is_none())
    });
    let began_without = world
        .initial
        .cses
        .iter()
        .all(|cse| cse.state().sessions.is_empty());
    attempts_over && (!failed || !began_without || look::identifiers(state).is_empty())
}

fn est_12(_: &World, state: &State) -> bool {
    let consent = &state.ledger.consent;
    consent.values().all(|c| c.asked <= 1 && c.yes + c.no <= 1)
}

fn est_13(world: &World, state: &State) -> bool {
    let wished = look::creates(world, state).len() + usize::from(world.initial.tokens);
    let most = state.cses.iter().map(|cse| {
        let durable = cse.state();
        durable.sessions.len() + durable.attempts.len()
    });
    let asked = state.ledger.consent.len();
    most.max().unwrap_or(0) <= wished
        && usize::from(state.tokens) <= wished
        && asked <= wished
        && is_asked_by_one_name(state)
}

/// Whether each question that is under way has one request identifier, however often it is sent.
fn is_asked_by_one_name(state: &State) -> bool {
    let mut names = BTreeMap::new();
    let requests = state.in_flight().filter_map(|(_, _, p)| look::request(p));
    let mut questions = requests.filter(|request| look::event(request) == Some(50_001));
    questions.all(|request| {
        let first = names.entry(&request.session).or_insert(&request.request_id);
        *first == &request.request_id
    })
}

fn est_14(world: &World, state: &State) -> bool {
    look::identifiers(state)
        .iter()
        .all(|id| look::is_complete(world, state, id))
}

fn est_15(world: &World, state: &State) -> bool {
    let told = &state.ledger.told;
    let once = |key: &(u8, u64)| told.get(key).is_some_and(|told| told.finals == 1);
    look::creates(world, state).iter().all(once)
}

fn est_16(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::became_known(step).all(|session| {
        let attempt = step.before.state().attempts.get(&session.id);
        attempt.is_none_or(|attempt| scene.now < attempt.requester.expires)
    })
}

fn est_17(world: &World, state: &State) -> bool {
    let strangers_know_nothing = (2_u8..).zip(state.aes.iter().skip(2)).all(|(at, ae)| {
        let me = world.scenario.topology.ae_id(at);
        let is_end = |id| {
            ae.session(id)
                .is_none_or(|m| m.initiator == me || m.target == me)
        };
        ae.sessions().all(|(id, _)| is_end(id))
    });
    let messages_stay = state.in_flight().all(|(pair, to, primitive)| {
        let secret = look::content(primitive).is_some_and(|c| look::has_secret(&c.value));
        if !secret {
            return true;
        }
        let ends = look::parties(primitive);
        match world.node(pair, to) {
            Place::Cse(_) => true,
            Place::Ae(ae) => ends.contains(&world.scenario.topology.ae_id(ae).0),
        }
    });
    strangers_know_nothing && messages_stay
}

fn est_18(world: &World, state: &State) -> bool {
    let refused = state.ledger.consent.iter().filter(|(_, c)| c.no > 0);
    let refusal_ends_it = refused.map(|((ae, id), _)| (*ae, id)).all(|(ae, id)| {
        let nowhere = state.cses.iter().all(|cse| !cse.state().sessions.has(id));
        nowhere && state.ae(ae).key(id).is_none()
    });
    let abandoned_without_key = state.cses.iter().all(|cse| {
        let mut attempts = cse.state().attempts.iter();
        attempts.all(|(id, attempt)| match attempt.stage {
            Stage::Abandoned { .. } => attempt.credentials.key.is_none(),
            Stage::AwaitingCapability => true,
            Stage::Asked => !was_refused(state, id) || !world.is_at_rest(state),
        })
    });
    refusal_ends_it && abandoned_without_key
}

fn was_refused(state: &State, id: &SessionId) -> bool {
    let mut consent = state.ledger.consent.iter();
    consent.any(|((_, asked), consent)| asked == id && consent.no > 0)
}

fn est_19(_: &World, state: &State) -> bool {
    let mut used = BTreeMap::new();
    let rows = state.cses.iter().flat_map(|cse| {
        let durable = cse.state();
        let sessions = durable.sessions.iter().map(|(id, s)| (id, &s.credentials));
        let attempts = durable.attempts.iter().map(|(id, a)| (id, &a.credentials));
        sessions.chain(attempts)
    });
    for (id, credentials) in rows {
        let name = credentials.key_id.0.clone();
        let secret = credentials.key.as_ref().map(|key| key.0.clone());
        for key in [Some(name), secret].into_iter().flatten() {
            if *used.entry(key).or_insert(id) != id {
                return false;
            }
        }
    }
    true
}

fn est_20(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some(taken) = look::taken_up(step) else {
        return true;
    };
    let Some(session) = step.before.state().sessions.get(taken.session) else {
        return look::is_remembered(step, &taken);
    };
    match session.phase {
        Phase::Active => true,
        Phase::Pending { .. } => {
            let peer = scene.peer(Place::Cse(step.at), taken.link);
            let upstream = look::place_of(scene.state, session.upstream.as_ref());
            peer.is_some() && peer == upstream
        }
        Phase::Terminating(_) => look::is_remembered(step, &taken),
    }
}

fn est_21(world: &World, state: &State) -> bool {
    let ids = look::identifiers(state);
    ids.len() <= 2
        && ids.iter().all(|id| look::is_complete(world, state, id))
        && est_19(world, state)
        && est_06(world, state)
}

fn est_22(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let mut names = BTreeSet::new();
        let mut rows = cse.state().tree.iter();
        rows.all(|row| names.insert((&row.parent, &row.name)))
    })
}

fn est_27(_: &World, state: &State) -> bool {
    let mut ends = BTreeMap::new();
    for cse in &state.cses {
        let tree = &cse.state().tree;
        let changing = !cse.state().changes.is_empty();
        for (id, session) in cse.state().sessions.iter() {
            let expires = cse.expiry_of(id);
            let parents = tree.ancestry(&session.resource).skip(1);
            if parents
                .filter_map(|r| r.expires)
                .any(|at| expires > Some(at))
            {
                return false;
            }
            if session.phase == Phase::Active
                && !changing
                && *ends.entry(id.clone()).or_insert(expires) != expires
            {
                return false;
            }
        }
    }
    true
}

fn est_28(world: &World, state: &State) -> bool {
    look::left(world, state).into_iter().all(|ae| {
        let gone = world.scenario.topology.ae_id(ae);
        state.cses.iter().all(|cse| {
            let mut sessions = cse.state().sessions.iter();
            sessions.all(|(_, s)| s.initiator != gone && s.target != gone)
        })
    })
}

fn est_29(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_requests(step).all(|(link, request)| {
        let members = request
            .content
            .as_ref()
            .and_then(|c| c.members_of(ResourceType::Session));
        let visited = members
            .and_then(|m| m.get(&Attribute::Visited))
            .and_then(Value::as_texts)
            .unwrap_or_default();
        let distinct: BTreeSet<_> = visited.iter().collect();
        let Some(Place::Cse(peer)) = scene.peer(Place::Cse(step.at), link) else {
            return true;
        };
        let next = &scene.state.cses[usize::from(peer)].config().cse_id.0;
        distinct.len() == visited.len() && !visited.contains(next)
    })
}

fn est_31(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some(request) = look::plain_request(step) else {
        return true;
    };
    let beyond = scene.state.pairs.last().is_some_and(|pair| {
        pair.connections
            .last()
            .is_some_and(|c| c.client.link.is_some())
    });
    let goes_on = look::sent_requests(step).any(|(_, sent)| sent.to == request.to);
    let answered = look::sent_responses(step).next().is_some();
    !beyond || goes_on || answered || look::is_open(step.before, request)
}
