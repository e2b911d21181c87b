//! Situations that properties speak of.

use crate::look;
use crate::topology::Place;
use crate::wish::Wish;
use crate::world::{State, World};
use m2m_machine::ae::endpoint::Phase as AePhase;
use m2m_machine::record::{Phase, Stage};
use m2m_machine::status::Status;

pub(super) fn far_has_session(_: &World, state: &State) -> bool {
    !state.far().state().sessions.is_empty()
}

pub(super) fn near_is_active(_: &World, state: &State) -> bool {
    let mut sessions = state.near().state().sessions.iter();
    sessions.any(|(_, s)| s.phase == Phase::Active)
}

pub(super) fn all_hold_session(world: &World, state: &State) -> bool {
    let ids = look::identifiers(state);
    ids.iter().any(|id| look::is_complete(world, state, id))
}

pub(super) fn two_sessions(_: &World, state: &State) -> bool {
    state.near().state().sessions.len() >= 2
}

pub(super) fn success_under_way(_: &World, state: &State) -> bool {
    state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::response(primitive))
        .any(|response| look::session_in_success(response).is_some())
}

pub(super) fn question_under_way(_: &World, state: &State) -> bool {
    event_under_way(state, 50_001)
}

pub(super) fn event_under_way(state: &State, event: i64) -> bool {
    state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::request(primitive))
        .any(|request| look::event(request) == Some(event))
}

pub(super) fn hop_request_under_way(world: &World, state: &State) -> bool {
    state.in_flight().any(|(pair, to, primitive)| {
        let between = matches!(world.node(pair, to.other()), Place::Cse(_));
        between && look::request(primitive).is_some_and(|request| look::creates_session(request))
    })
}

pub(super) fn key_under_way(_: &World, state: &State) -> bool {
    state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::content(primitive))
        .any(|content| look::has_secret(&content.value))
}

pub(super) fn somebody_said_something(_: &World, state: &State) -> bool {
    state.ledger.consent.values().any(|c| c.yes + c.no > 0)
}

pub(super) fn somebody_said_no(_: &World, state: &State) -> bool {
    let refused = state.ledger.consent.values().any(|c| c.no > 0);
    let silent = state.aes.iter().any(|ae| {
        let mut sessions = ae.sessions();
        sessions.any(|(_, phase)| matches!(phase, AePhase::Refused(_)))
    });
    let abandoned = state.far().state().attempts.iter();
    let mut stages = abandoned.map(|(_, a)| matches!(a.stage, Stage::Abandoned { .. }));
    refused || silent && stages.any(|is| is)
}

pub(super) fn rest_after_create(world: &World, state: &State) -> bool {
    !look::creates(world, state).is_empty() && world.is_at_rest(state)
}

pub(super) fn rest_after_failure(world: &World, state: &State) -> bool {
    let failed = |key: &(u8, u64)| {
        let told = state.ledger.told.get(key);
        told.is_some_and(|told| told.finals > 0 && told.status != Status::CREATED.0)
    };
    look::creates(world, state).iter().any(failed) && world.is_at_rest(state)
}

pub(super) fn rest_after_leaving(world: &World, state: &State) -> bool {
    !look::left(world, state).is_empty() && world.is_at_rest(state)
}

pub(super) fn both_asked(world: &World, state: &State) -> bool {
    look::creates(world, state).len() >= 2 && world.is_at_rest(state)
}

pub(super) fn a_name_was_taken(_: &World, state: &State) -> bool {
    let mut told = state.ledger.told.values();
    told.any(|told| told.status == Status::CONFLICT.0)
}

pub(super) fn data_under_way(_: &World, state: &State) -> bool {
    state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::request(primitive))
        .any(|request| request.session.is_some() && look::event(request).is_none())
}

pub(super) fn plain_during_establishment(_: &World, state: &State) -> bool {
    let establishing = !state.near().state().attempts.is_empty();
    let plain = state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::request(primitive))
        .any(|request| look::is_plain(request));
    establishing && plain
}

pub(super) fn endpoint_is_waited_for(_: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| {
        let mut sessions = cse.state().sessions.iter();
        sessions.any(|(_, s)| match &s.phase {
            Phase::Terminating(state) => !state.endpoints.is_empty(),
            Phase::Pending { .. } | Phase::Active => false,
        })
    })
}

pub(super) fn hop_is_waited_for(_: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| {
        let mut sessions = cse.state().sessions.iter();
        sessions.any(|(_, s)| match &s.phase {
            Phase::Terminating(state) => !state.hops.is_empty(),
            Phase::Pending { .. } | Phase::Active => false,
        })
    })
}

pub(super) fn deleted_under_way(world: &World, state: &State) -> bool {
    state.in_flight().any(|(pair, to, primitive)| {
        let to_ae = matches!(world.node(pair, to), Place::Ae(_));
        to_ae && look::response(primitive).is_some_and(|r| r.status == Status::DELETED)
    })
}

pub(super) fn session_is_over(_: &World, state: &State) -> bool {
    state
        .cses
        .iter()
        .any(|cse| !cse.state().tombstones.is_empty())
}

pub(super) fn rest_after_end(world: &World, state: &State) -> bool {
    let asked = look::wished(world, state, |wish| matches!(wish, Wish::Terminate));
    let mut accepted = asked.iter().filter(|key| look::is_accepted_end(state, key));
    accepted.next().is_some() && world.is_at_rest(state)
}

/// The session has ended at the CSE at which the hop was deregistered.
pub(super) fn rest_after_dismissal(world: &World, state: &State) -> bool {
    let dismissed = look::wished(world, state, |wish| matches!(wish, Wish::DismissHop));
    let is_over = state.far().state().sessions.is_empty();
    !dismissed.is_empty() && is_over && world.is_at_rest(state)
}

pub(super) fn both_ended(world: &World, state: &State) -> bool {
    look::ended_by_wish(world, state) >= 2 && world.is_at_rest(state)
}

pub(super) fn rest_after_data_and_end(world: &World, state: &State) -> bool {
    let wrote = look::wished(world, state, |wish| matches!(wish, Wish::Write(_)));
    !wrote.is_empty() && rest_after_end(world, state)
}

pub(super) fn data_while_ending(world: &World, state: &State) -> bool {
    hop_is_waited_for(world, state) && data_under_way(world, state)
}

pub(super) fn data_after_end(world: &World, state: &State) -> bool {
    session_is_over(world, state) && data_under_way(world, state)
}

pub(super) fn target_has_erased(_: &World, state: &State) -> bool {
    let mut sessions = state.ae(1).sessions();
    sessions.any(|(_, phase)| matches!(phase, AePhase::Ended(_)))
}

pub(super) fn stranger_asked(world: &World, state: &State) -> bool {
    let misused = look::wished(world, state, |wish| {
        matches!(wish, Wish::Misuse(_) | Wish::Impersonate)
    });
    !misused.is_empty() && state.is_silent()
}

pub(super) fn one_of_two_ended(world: &World, state: &State) -> bool {
    look::established(state) >= 2 && rest_after_end(world, state)
}

pub(super) fn rest_after_et(world: &World, state: &State) -> bool {
    let ended = world.initial.cses.iter().any(|cse| {
        let mut sessions = cse.state().sessions.iter();
        sessions.any(|(id, _)| {
            cse.expiry_of(id)
                .is_some_and(|et| et.plus(2_000) <= state.now)
        })
    });
    ended && world.is_at_rest(state)
}

pub(super) fn termination_told(_: &World, state: &State) -> bool {
    state.ledger.ended.values().any(|times| *times > 0)
}

pub(super) fn data_between_cses(world: &World, state: &State) -> bool {
    state.in_flight().any(|(pair, to, primitive)| {
        let between = matches!(world.node(pair, to.other()), Place::Cse(_))
            && matches!(world.node(pair, to), Place::Cse(_));
        between && look::request(primitive).is_some_and(|r| r.session.is_some())
    })
}

pub(super) fn something_stored(_: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| !cse.state().stored.is_empty())
}

pub(super) fn stored_and_closed(world: &World, state: &State) -> bool {
    something_stored(world, state) && !look::is_night(state.now)
}

pub(super) fn rest_at_night(world: &World, state: &State) -> bool {
    let wrote = look::wished(world, state, |wish| matches!(wish, Wish::Write(_)));
    !wrote.is_empty() && look::is_night(state.now) && world.is_at_rest(state)
}

pub(super) fn stored_request_expired(_: &World, state: &State) -> bool {
    let mut told = state.ledger.told.values();
    told.any(|told| told.accepted > 0 && told.status == Status::REQUEST_TIMEOUT.0)
}

pub(super) fn data_was_written(_: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| !look::data(cse).is_empty())
}

pub(super) fn data_was_written_twice(_: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| look::data(cse).len() >= 2)
}

pub(super) fn context_has_entry(_: &World, state: &State) -> bool {
    state
        .cses
        .iter()
        .any(|cse| look::entries(cse).next().is_some())
}

pub(super) fn context_is_full(world: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| {
        let most = world.limits.context_entries as usize;
        look::entries(cse).count() >= most && look::data(cse).len() > most
    })
}

pub(super) fn update_under_way(_: &World, state: &State) -> bool {
    event_under_way(state, 50_002)
}

pub(super) fn target_was_told(_: &World, state: &State) -> bool {
    !state.ledger.updated.is_empty()
}

pub(super) fn sealed_under_way(_: &World, state: &State) -> bool {
    state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::content(primitive))
        .any(|content| look::sealed_in(&content.value).is_some())
}

pub(super) fn rest_after_data(world: &World, state: &State) -> bool {
    let asked = look::wished(world, state, |wish| {
        matches!(wish, Wish::Write(_) | Wish::Read { .. })
    });
    !asked.is_empty() && world.is_at_rest(state)
}

pub(super) fn data_in_two_sessions(world: &World, state: &State) -> bool {
    two_sessions(world, state) && data_under_way(world, state)
}

pub(super) fn store_is_full(world: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| {
        let most = world.limits.stored_requests as usize;
        cse.state().stored.len() >= most
    })
}

pub(super) fn forbidden_data_under_way(_: &World, state: &State) -> bool {
    state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::request(primitive))
        .any(|r| r.session.is_some() && r.operation == m2m_machine::primitive::Operation::Delete)
}

pub(super) fn link_is_down(_: &World, state: &State) -> bool {
    state.pairs.iter().any(|pair| pair.connections.is_empty())
}

pub(super) fn two_connections(_: &World, state: &State) -> bool {
    state.pairs.iter().any(|pair| pair.connections.len() >= 2)
}

pub(super) fn somebody_registers(_: &World, state: &State) -> bool {
    state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::request(primitive))
        .any(|request| request.resource_type == Some(2))
}

pub(super) fn request_without_link(_: &World, state: &State) -> bool {
    state.aes.iter().any(|ae| {
        let mut exchanges = ae.exchanges();
        ae.link().open().is_none()
            && exchanges.any(|(_, x)| x.stage == m2m_machine::ae::exchange::Stage::Waiting)
    })
}

pub(super) fn notice_is_held(_: &World, state: &State) -> bool {
    state.cses.iter().any(|cse| {
        let mut notices = cse.state().notices.iter();
        notices.any(|(_, notice)| cse.link_to(&notice.to).is_none())
    })
}

pub(super) fn link_is_closing(_: &World, state: &State) -> bool {
    state.pairs.iter().any(|pair| {
        let mut connections = pair.connections.iter();
        connections.any(|c| c.client.closing || c.server.closing)
    })
}

pub(super) fn somebody_was_answered(_: &World, state: &State) -> bool {
    state.ledger.told.values().any(|told| told.finals > 0)
}

pub(super) fn somebody_left(world: &World, state: &State) -> bool {
    !look::left(world, state).is_empty()
}

pub(super) fn question_waits(_: &World, state: &State) -> bool {
    let far = state.far();
    let mut attempts = far.state().attempts.iter();
    attempts.any(|(_, attempt)| {
        far.link_to(&m2m_machine::id::Entity::Ae(attempt.target.clone()))
            .is_none()
    })
}
