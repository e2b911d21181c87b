//! Usage: what is forwarded, stored and served in a session, what is recorded, and who is told.

use super::witness::*;
use super::{Check, Property};
use crate::happening::{CseStep, Scene};
use crate::look;
use crate::topology::Place;
use crate::wish::Wish;
use crate::world::{State, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::{Input, Output};
use m2m_machine::primitive::{Operation, ResponseMode, When};
use m2m_machine::record::{Phase, Record, Update};
use m2m_machine::resource::ResourceType;
use m2m_machine::schedule;
use m2m_machine::status::Status;
use m2m_machine::value::Value;
use std::collections::BTreeSet;

/// The table.
pub(crate) static ALL: &[Property] = &[
    Property {
        name: "USE-01 data goes on or is served only where an endpoint's path covers its target",
        check: Check::CseStep(use_01),
        witness: data_under_way,
    },
    Property {
        name: "USE-02 data goes on or is served only for an endpoint of its session",
        check: Check::CseStep(use_02),
        witness: data_under_way,
    },
    Property {
        name: "USE-03 data goes on or is served only while the session is in use and not expired",
        check: Check::CseStep(use_03),
        witness: data_under_way,
    },
    Property {
        name: "USE-04 data goes to the hop that leads to its target and is taken from the one it came by",
        check: Check::CseStep(use_04),
        witness: data_between_cses,
    },
    Property {
        name: "USE-05 a CSE serves what it hosts, and forwards what it does not",
        check: Check::CseStep(use_05),
        witness: data_between_cses,
    },
    Property {
        name: "USE-06 nothing under a schedule is forwarded while its window is closed",
        check: Check::CseStep(use_06),
        witness: stored_and_closed,
    },
    Property {
        name: "USE-07 a stored request is never sent after its expiration",
        check: Check::CseStep(use_07),
        witness: something_stored,
    },
    Property {
        name: "USE-08 an acknowledged request is stored until it is settled, crash or not",
        check: Check::Always(use_08),
        witness: something_stored,
    },
    Property {
        name: "USE-09 storage is acknowledged only after the request is stored",
        check: Check::CseStep(use_09),
        witness: something_stored,
    },
    Property {
        name: "USE-10 a stored request is delivered once its window opens, and its result arrives",
        check: Check::AtRest(use_10),
        witness: rest_at_night,
    },
    Property {
        name: "USE-11 a stored request that expires gives exactly one error",
        check: Check::AtRest(use_11),
        witness: stored_request_expired,
    },
    Property {
        name: "USE-12 one request changes its target at most once",
        check: Check::Always(use_12),
        witness: data_was_written,
    },
    Property {
        name: "USE-13 requests of one originator to one target are served in the order of acceptance",
        check: Check::Always(use_13),
        witness: data_was_written_twice,
    },
    Property {
        name: "USE-14 a hosting CSE neither stores nor defers what it serves",
        check: Check::CseStep(use_14),
        witness: data_was_written,
    },
    Property {
        name: "USE-15 each request has one response, with its own identifiers",
        check: Check::CseStep(use_15),
        witness: data_was_written,
    },
    Property {
        name: "USE-16 the context entry is written before the response leaves",
        check: Check::CseStep(use_16),
        witness: context_has_entry,
    },
    Property {
        name: "USE-17 there is one entry per request and CSE",
        check: Check::Always(use_17),
        witness: context_has_entry,
    },
    Property {
        name: "USE-18 the context keeps within its bounds",
        check: Check::Always(use_18),
        witness: context_is_full,
    },
    Property {
        name: "USE-19 context entries contain neither keys nor content",
        check: Check::Always(use_19),
        witness: context_has_entry,
    },
    Property {
        name: "USE-20 an endpoint is notified only of what is committed",
        check: Check::CseStep(use_20),
        witness: update_under_way,
    },
    Property {
        name: "USE-21 each committed update is told to the endpoint that owns the target",
        check: Check::AtRest(use_21),
        witness: rest_after_data,
    },
    Property {
        name: "USE-22 who reads after a notification gets that update or a later one",
        check: Check::CseStep(use_22),
        witness: target_was_told,
    },
    Property {
        name: "USE-23 an update is answered whether or not its notification is acknowledged",
        check: Check::CseStep(use_23),
        witness: update_under_way,
    },
    Property {
        name: "USE-24 data of a session is sealed with its key on every link",
        check: Check::Always(use_24),
        witness: sealed_under_way,
    },
    Property {
        name: "USE-25 with an end-to-end key no CSE holds the key",
        check: Check::Always(use_25),
        witness: sealed_under_way,
    },
    Property {
        name: "USE-27 a request of one session touches nothing that only another covers",
        check: Check::CseStep(use_27),
        witness: data_in_two_sessions,
    },
    Property {
        name: "USE-30 what is stored stays within the limit, and more is refused",
        check: Check::Always(use_30),
        witness: store_is_full,
    },
    Property {
        name: "USE-31 two CSEs that store for each other both deliver",
        check: Check::AtRest(use_31),
        witness: rest_at_night,
    },
    Property {
        name: "USE-32 an unknown session is answered 4004 and nothing else happens",
        check: Check::CseStep(use_32),
        witness: data_after_end,
    },
    Property {
        name: "USE-33 a blocking request is answered in its time",
        check: Check::AtRest(use_33),
        witness: rest_after_data,
    },
    Property {
        name: "USE-34 access control of the target applies inside a session",
        check: Check::CseStep(use_34),
        witness: forbidden_data_under_way,
    },
];

fn use_01(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::taken_up(step).is_none_or(|taken| {
        look::covering(step.before, taken.session, &taken.request.to).is_some()
            || look::is_remembered(step, &taken)
    })
}

fn use_02(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::taken_up(step).is_none_or(|taken| {
        let session = step.before.state().sessions.get(taken.session);
        let from = look::originator(step.before, &taken);
        let is_end = session.is_some_and(|s| s.initiator.0 == from || s.target.0 == from);
        is_end || look::is_remembered(step, &taken)
    })
}

fn use_03(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::taken_up(step).is_none_or(|taken| {
        let session = step.before.state().sessions.get(taken.session);
        let in_use = session.is_some_and(|s| !matches!(s.phase, Phase::Terminating(_)));
        let lives = step
            .before
            .expiry_of(taken.session)
            .is_some_and(|et| scene.now < et);
        in_use && lives || look::is_remembered(step, &taken)
    })
}

fn use_04(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let at = Place::Cse(step.at);
    look::forwarded(step).all(|(link, request)| {
        let id = request.session.as_ref();
        let session = id.and_then(|id| step.after.state().sessions.get(id));
        let Some(session) = session else { return false };
        let owner = look::covering(step.after, &session.id, &request.to);
        let hops = step.after.hops_of(session);
        let leads =
            owner.and_then(|owner| hops.into_iter().find(|h| h.endpoints.contains(&owner.0)));
        let expected = look::place_of(scene.state, leads.map(|hop| hop.cse).as_ref());
        expected.is_some() && scene.peer(at, link) == expected
    })
}

fn use_05(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::taken_up(step).is_none_or(|taken| {
        let goes_on = look::forwarded(step).any(|(_, sent)| sent.to == taken.request.to);
        let written = look::data(step.after).len() > look::data(step.before).len();
        if taken.is_served { !goes_on } else { !written }
    })
}

fn use_06(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let stored = &step.before.state().stored;
    look::forwarded(step).all(|(_, request)| {
        let row = stored
            .iter()
            .find(|(_, row)| row.request_id == request.request_id);
        let window = match row {
            Some((_, row)) => row.window.clone(),
            None => look::window_of(step, request),
        };
        schedule::is_open(&window, scene.now)
    })
}

fn use_07(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::forwarded(step).all(|(_, request)| match request.request_expiration {
        Some(When::At(at)) => scene.now < at,
        Some(When::After(_)) | None => true,
    })
}

fn use_08(world: &World, state: &State) -> bool {
    let writes = look::wished(world, state, |wish| matches!(wish, Wish::Write(_)));
    writes.iter().all(|key| {
        let told = state.ledger.told.get(key);
        let waits = told.is_some_and(|told| told.accepted > 0 && told.finals == 0);
        let home = world.scenario.topology.aes[usize::from(key.0)].home;
        let durable = state.cses[usize::from(home)].state();
        let kept = durable.stored.iter().next().is_some();
        let settled = durable.tree.iter().any(look::is_settled_request);
        !waits || kept || settled
    })
}

fn use_09(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let mut stored = false;
    for output in step.outputs {
        match output {
            Output::Persist(updates) => {
                stored |= updates.iter().any(|update| match update {
                    Update::Put(Record::Stored(_)) => true,
                    Update::Put(Record::Resource(r)) => r.resource_type == ResourceType::Request,
                    Update::Put(_) | Update::Delete(_) => false,
                });
            }
            Output::Send { primitive, .. } => {
                let acknowledges = look::response(primitive).is_some_and(|response| {
                    response.status == Status::ACCEPTED_ASYNCH
                        || response.status == Status::ACCEPTED_SYNCH
                });
                let again = look::received_request(step)
                    .is_some_and(|request| look::is_known_request(step, request));
                if acknowledges && !stored && !again {
                    return false;
                }
            }
            Output::CloseLink { .. }
            | Output::Dial
            | Output::DialRegistree { .. }
            | Output::Report(_)
            | Output::Stopped => {}
        }
    }
    true
}

fn use_10(world: &World, state: &State) -> bool {
    let at_night = look::is_night(state.now);
    let nothing_waits = state.cses.iter().all(|cse| cse.state().stored.is_empty());
    let writes = look::wished(world, state, |wish| matches!(wish, Wish::Write(_)));
    let told = |key: &(u8, u64)| state.ledger.told.get(key).is_some_and(|t| t.finals == 1);
    !at_night || nothing_waits && writes.iter().all(told)
}

fn use_11(world: &World, state: &State) -> bool {
    let writes = look::wished(world, state, |wish| matches!(wish, Wish::Write(_)));
    let told = &state.ledger.told;
    writes.iter().all(|key| {
        let told = told.get(key);
        let once = told.is_some_and(|told| told.finals == 1);
        let waits = told.is_some_and(|told| told.accepted > 0 && told.finals == 0);
        let stored = state.cses.iter().any(|cse| !cse.state().stored.is_empty());
        once || waits && stored
    })
}

fn use_12(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let mut seen = BTreeSet::new();
        look::data(cse)
            .iter()
            .all(|sealed| seen.insert((sealed.header.from.clone(), sealed.header.sequence)))
    })
}

fn use_13(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let rows = look::data(cse);
        rows.windows(2).all(|pair| {
            let [first, second] = pair else { return true };
            let (one, two) = (&first.header, &second.header);
            one.from != two.from || one.session != two.session || one.sequence <= two.sequence
        })
    })
}

fn use_14(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some((_, request, _)) = look::data_request(step) else {
        return true;
    };
    let id = step.after.config().cse_id.as_str();
    let is_here = request
        .to
        .strip_prefix(id)
        .is_some_and(|rest| rest.starts_with('/'));
    let answered = look::sent_responses(step)
        .any(|(_, response)| response.request_id.as_ref() == Some(&request.request_id));
    !is_here || answered
}

fn use_15(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some((link, request, session)) = look::data_request(step) else {
        return true;
    };
    let mine = |id: Option<&m2m_machine::id::RequestId>| id == Some(&request.request_id);
    let responses: Vec<_> = look::sent_responses(step)
        .filter(|(_, response)| mine(response.request_id.as_ref()))
        .collect();
    responses.len() <= 1
        && responses.iter().all(|(to, response)| {
            let back = step.after.entity_of(*to) == step.before.entity_of(link);
            back && response.session.as_ref() == Some(session)
        })
}

fn use_16(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_responses(step).all(|(_, response)| {
        let Some(id) = &response.request_id else {
            return true;
        };
        let Some(session) = &response.session else {
            return true;
        };
        let again = look::received_request(step).is_some_and(|r| look::is_known_request(step, r));
        let lives = step.after.state().sessions.has(session);
        let served = response.status.is_success() && lives && !again;
        !served || look::entries(step.after).any(|entry| look::is_of(entry, id))
    })
}

fn use_17(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let mut seen = BTreeSet::new();
        look::entries(cse).all(|entry| {
            let from = entry.get(&Attribute::From).cloned();
            seen.insert((
                entry.parent.clone(),
                from,
                entry.get(&Attribute::RequestIdentifier).cloned(),
            ))
        })
    })
}

fn use_18(world: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let most = world.limits.context_entries as usize;
        let sessions = cse.state().sessions.len();
        look::entries(cse).count() <= most * sessions.max(1)
    })
}

fn use_19(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        look::entries(cse).all(|entry| {
            entry.attributes.values().all(|value| {
                !look::has_secret(value) && !matches!(value, Value::Sealed(_) | Value::Object(_))
            })
        })
    })
}

fn use_20(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let mut committed = false;
    for output in step.outputs {
        match output {
            Output::Persist(_) => committed = true,
            Output::Send { primitive, .. } => {
                let update = look::request(primitive).filter(|r| look::event(r) == Some(50_002));
                let held = step.before.outgoing_requests();
                let mut held =
                    held.filter(|o| update.is_some_and(|r| *o.request_id == r.request_id));
                if update.is_some() && !committed && held.next().is_none() {
                    return false;
                }
            }
            Output::CloseLink { .. }
            | Output::Dial
            | Output::DialRegistree { .. }
            | Output::Report(_)
            | Output::Stopped => {}
        }
    }
    true
}

fn use_21(_: &World, state: &State) -> bool {
    let written = look::data(state.far())
        .iter()
        .filter(|s| s.header.direction == 1)
        .count();
    let told: usize = state
        .ledger
        .updated
        .iter()
        .filter(|((ae, _), _)| *ae == 1)
        .count();
    let over = !state.far().state().tombstones.is_empty();
    over || told >= written
}

fn use_22(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some(request) = look::received_request(step) else {
        return true;
    };
    let reads = request.operation == Operation::Retrieve && request.to.ends_with("/box/la");
    let newest = look::data(step.before).pop();
    look::sent_responses(step).all(|(_, response)| {
        let read = response
            .content
            .as_ref()
            .and_then(|c| look::sealed_in(&c.value));
        let again = look::is_known_request(step, request);
        !reads || again || read.is_none() || read == newest.as_ref()
    })
}

fn use_23(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let written = look::data(step.after).len() > look::data(step.before).len();
    let Some(request) = look::received_request(step) else {
        return !written;
    };
    let answered = look::sent_responses(step)
        .any(|(_, response)| response.request_id.as_ref() == Some(&request.request_id));
    !written || answered
}

fn use_24(_: &World, state: &State) -> bool {
    let in_flight = state.in_flight().filter_map(|(_, _, p)| look::request(p));
    in_flight
        .filter(|request| request.operation == Operation::Create && request.session.is_some())
        .filter(|request| request.resource_type == Some(ResourceType::ContentInstance.number()))
        .all(|request| {
            let content = request.content.as_ref();
            content
                .and_then(|c| look::sealed_in(&c.value))
                .is_some_and(|sealed| {
                    look::is_closed(sealed)
                        && Some(&sealed.header.session) == request.session.as_ref()
                })
        })
}

fn use_25(_: &World, state: &State) -> bool {
    let at_cses = state.cses.iter().any(|cse| {
        let mut sessions = cse.state().sessions.iter();
        let mut attempts = cse.state().attempts.iter();
        sessions.any(|(_, s)| s.credentials.key.is_some())
            || attempts.any(|(_, a)| a.credentials.key.is_some())
    });
    let on_links = state
        .in_flight()
        .filter_map(|(_, _, primitive)| look::content(primitive))
        .any(|content| look::has_secret(&content.value));
    !at_cses && !on_links
}

fn use_27(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let written = look::data(step.after);
    let before = look::data(step.before).len();
    let Some((_, request, session)) = look::data_request(step) else {
        return written.len() <= before;
    };
    let covered = look::covering(step.before, session, &request.to).is_some();
    written.len() <= before
        || covered && written.last().is_some_and(|s| s.header.session == *session)
}

fn use_30(world: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let most = world.limits.stored_requests as usize;
        cse.state().stored.len() <= most
    })
}

fn use_31(world: &World, state: &State) -> bool {
    use_10(world, state)
}

fn use_32(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some((_, request, session)) = look::data_request(step) else {
        return true;
    };
    let known = step.before.state().sessions.has(session);
    let again = look::is_known_request(step, request);
    let expired = Status::REQUEST_TIMEOUT;
    let answers = look::sent_responses(step)
        .all(|(_, r)| r.status == Status::NOT_FOUND || r.status == expired);
    let goes_on = look::forwarded(step).next().is_some();
    known || again || answers && !goes_on
}

fn use_33(world: &World, state: &State) -> bool {
    let wished = look::wished(world, state, |wish| {
        matches!(
            wish,
            Wish::Write(crate::wish::Mode::Blocking) | Wish::Read { .. }
        )
    });
    let told = |key: &(u8, u64)| state.ledger.told.get(key).is_some_and(|t| t.finals == 1);
    let held = state.cses.iter().any(|cse| {
        let mut stored = cse.state().stored.iter();
        stored.any(|(_, row)| row.requester.request.response_mode() == ResponseMode::Blocking)
    });
    wished.iter().all(told) && !held
}

fn use_34(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Input::Received { .. } = step.input else {
        return true;
    };
    look::taken_up(step).is_none_or(|taken| {
        // Nobody but its owner may delete what is in a box.
        let foreign = taken.request.operation == Operation::Delete;
        !foreign || !taken.is_served || look::is_remembered(step, &taken)
    })
}
