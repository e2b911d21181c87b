//! Links: who opens them, to whom they belong, and what their loss does and does not change.

use super::witness::*;
use super::{Check, Property};
use crate::happening::{AeStep, CseStep, Scene};
use crate::look;
use crate::topology::Place;
use crate::wish::Wish;
use crate::world::{State, World};
use m2m_machine::ae;
use m2m_machine::ae::exchange::Stage;
use m2m_machine::ae::link::LinkState;
use m2m_machine::cse::{Input, Opening, Output};
use m2m_machine::id::Entity;
use m2m_machine::primitive::{Operation, When};
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;

/// The table.
pub(crate) static ALL: &[Property] = &[
    Property {
        name: "LNK-01 only the registree opens a link",
        check: Check::CseStep(lnk_01),
        witness: link_is_down,
    },
    Property {
        name: "LNK-02 one link per registree is in use, and the newer one replaces the older",
        check: Check::CseStep(lnk_02),
        witness: two_connections,
    },
    Property {
        name: "LNK-03 on a link without identity only registrations are carried out",
        check: Check::CseStep(lnk_03),
        witness: somebody_registers,
    },
    Property {
        name: "LNK-04 until registration has succeeded nothing is routed to the client",
        check: Check::CseStep(lnk_04),
        witness: somebody_registers,
    },
    Property {
        name: "LNK-05 the loss of a link changes no registration and no resource",
        check: Check::CseStep(lnk_05),
        witness: link_is_down,
    },
    Property {
        name: "LNK-06 a reopened link needs no new registration",
        check: Check::CseStep(lnk_06),
        witness: link_is_down,
    },
    Property {
        name: "LNK-07 a client with a request to send opens its link",
        check: Check::Always(lnk_07),
        witness: request_without_link,
    },
    Property {
        name: "LNK-09 what is held for an absent registree is not dropped before its expiration",
        check: Check::CseStep(lnk_09),
        witness: notice_is_held,
    },
    Property {
        name: "LNK-10 nothing is sent after its expiration",
        check: Check::CseStep(lnk_10),
        witness: notice_is_held,
    },
    Property {
        name: "LNK-11 what is held is sent after the reopening, in its order",
        check: Check::AtRest(lnk_11),
        witness: rest_after_data,
    },
    Property {
        name: "LNK-12 no link is closed while a blocking request is open on it",
        check: Check::AeStep(lnk_12),
        witness: link_is_closing,
    },
    Property {
        name: "LNK-13 no link is closed while a request lacks its acknowledgement",
        check: Check::AeStep(lnk_12),
        witness: link_is_closing,
    },
    Property {
        name: "LNK-14 each request has at most one response, by its identifier in its direction",
        check: Check::Always(lnk_14),
        witness: somebody_was_answered,
    },
    Property {
        name: "LNK-16 after a Close no data follows",
        check: Check::AeStep(lnk_16),
        witness: link_is_closing,
    },
    Property {
        name: "LNK-18 nothing is sent on a link that is not open",
        check: Check::AeStep(lnk_18),
        witness: link_is_down,
    },
    Property {
        name: "LNK-19 a request of another originator than the link's has no effect",
        check: Check::CseStep(lnk_19),
        witness: stranger_asked,
    },
    Property {
        name: "LNK-20 deregistration unbinds the link",
        check: Check::CseStep(lnk_20),
        witness: somebody_left,
    },
    Property {
        name: "LNK-21 a lost response leads to no second execution",
        check: Check::Always(lnk_21),
        witness: data_was_written,
    },
    Property {
        name: "LNK-22 the loss of a link ends no session",
        check: Check::CseStep(lnk_22),
        witness: link_is_down,
    },
    Property {
        name: "LNK-23 a question is sent only while a verdict counts",
        check: Check::CseStep(lnk_23),
        witness: question_waits,
    },
    Property {
        name: "LNK-24 a termination notification is held for an absent endpoint, and use is refused",
        check: Check::AtRest(lnk_24),
        witness: rest_after_end,
    },
    Property {
        name: "LNK-26 a stored request is sent only when its window is open and its link is up",
        check: Check::CseStep(lnk_26),
        witness: something_stored,
    },
    Property {
        name: "LNK-27 nothing is reported as delivered before its response has come",
        check: Check::CseStep(lnk_27),
        witness: data_between_cses,
    },
];

fn lnk_01(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let config = step.after.config();
    step.outputs.iter().all(|output| match output {
        Output::Dial => config.registrar.is_some(),
        Output::DialRegistree { cse, .. } => {
            config.dial_registree_poa || cse.as_str().starts_with("//")
        }
        Output::Persist(_)
        | Output::Send { .. }
        | Output::CloseLink { .. }
        | Output::Report(_)
        | Output::Stopped => true,
    })
}

fn lnk_02(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_requests(step).all(|(link, _)| {
        let entity = step.after.entity_of(link);
        let known = entity.is_none_or(|entity| step.after.link_to(entity) == Some(link));
        known || look::received_request(step).is_some_and(|r| r.operation == Operation::Delete)
    })
}

fn lnk_03(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Input::Received { link, primitive } = step.input else {
        return true;
    };
    let Some(request) = look::request(primitive) else {
        return true;
    };
    let unbound = step.before.entity_of(*link).is_none();
    let registers = request.operation == Operation::Create
        && [ResourceType::Ae.number(), ResourceType::RemoteCse.number()]
            .contains(&request.resource_type.unwrap_or(0));
    let bound_by_it = step.after.entity_of(*link).is_some();
    let effect = look::persists(step);
    !unbound || registers || bound_by_it || !effect
}

fn lnk_04(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_requests(step).all(|(link, request)| {
        let by_client = request.operation == Operation::Create && request.resource_type == Some(16);
        let reads_base = request.operation == Operation::Retrieve;
        step.after.entity_of(link).is_some() || by_client || reads_base || look::leaves(step)
    })
}

fn lnk_05(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    match step.input {
        Input::LinkLost { .. } => !look::persists(step),
        Input::LinkOpened { .. }
        | Input::DialFailed
        | Input::RegistreeNotReached { .. }
        | Input::Received { .. }
        | Input::Undecodable { .. }
        | Input::Elapsed(_)
        | Input::StoreFailing(_)
        | Input::Stopping { .. } => true,
    }
}

fn lnk_06(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Input::LinkOpened { link, opening, .. } = step.input else {
        return true;
    };
    match opening {
        Opening::Accepted { origin } => {
            let tree = &step.before.state().tree;
            let known = origin.as_ref().is_some_and(|origin| {
                tree.has(&origin.as_str().into())
                    || step.before.state().neighbours.has(&origin.as_str().into())
            });
            !known || step.after.entity_of(*link).is_some()
        }
        Opening::DialedRegistree { cse } => step.after.link_to(&Entity::Cse(cse.clone())).is_some(),
        Opening::Dialed => {
            let registered = step
                .before
                .state()
                .neighbours
                .iter()
                .any(|(_, n)| n.is_registrar);
            let again = look::sent_requests(step).any(|(_, request)| {
                request.resource_type == Some(ResourceType::RemoteCse.number())
            });
            !registered || !again
        }
    }
}

fn lnk_07(world: &World, state: &State) -> bool {
    let wants = |ae: &m2m_machine::Ae| {
        let mut exchanges = ae.exchanges();
        exchanges.any(|(_, x)| x.stage == Stage::Waiting)
    };
    let opens = |at: u8, ae: &m2m_machine::Ae| match ae.link().state() {
        LinkState::Idle => false,
        LinkState::Dialing => {
            let mut pairs = world.links.iter().zip(&state.pairs);
            pairs.any(|((client, _), pair)| *client == Place::Ae(at) && pair.dialing)
        }
        LinkState::Waiting { .. } | LinkState::Open(_) | LinkState::Closing(_) => true,
    };
    let mut aes = (0_u8..).zip(&state.aes);
    aes.all(|(at, ae)| !wants(ae) || opens(at, ae))
}

fn lnk_09(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let after = &step.after.state().notices;
    let mut before = step.before.state().notices.iter();
    let settles = match step.input {
        Input::Received { .. } | Input::Elapsed(_) => true,
        Input::LinkOpened { .. }
        | Input::LinkLost { .. }
        | Input::DialFailed
        | Input::RegistreeNotReached { .. }
        | Input::Undecodable { .. }
        | Input::StoreFailing(_)
        | Input::Stopping { .. } => false,
    };
    settles || before.all(|(number, _)| after.has(number))
}

fn lnk_10(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_requests(step).all(|(_, request)| match request.request_expiration {
        Some(When::At(at)) => scene.now < at,
        Some(When::After(_)) | None => true,
    })
}

fn lnk_11(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let mut notices = cse.state().notices.iter();
        notices.all(|(_, notice)| match &notice.to {
            Entity::Ae(_) | Entity::Cse(_) => cse.link_to(&notice.to).is_none(),
        })
    })
}

fn lnk_12(_: &Scene<'_>, step: &AeStep<'_>) -> bool {
    let closes = step.outputs.iter().any(|output| match output {
        ae::Output::CloseLink { why, .. } => *why == ae::CloseReason::Finished,
        ae::Output::Send { .. } | ae::Output::Dial | ae::Output::Report(_) => false,
    });
    let open = step.after.exchanges().any(|(_, x)| match x.stage {
        Stage::Waiting | Stage::Sent => true,
        Stage::Accepted | Stage::Abandoned => false,
    });
    !closes || !open
}

fn lnk_14(_: &World, state: &State) -> bool {
    state.ledger.told.values().all(|told| told.finals <= 1)
}

fn lnk_16(_: &Scene<'_>, step: &AeStep<'_>) -> bool {
    let closing = match step.before.link().state() {
        LinkState::Closing(link) => Some(link),
        LinkState::Idle | LinkState::Waiting { .. } | LinkState::Dialing | LinkState::Open(_) => {
            None
        }
    };
    look::sent_by_ae(step).all(|link| Some(link) != closing)
}

fn lnk_18(_: &Scene<'_>, step: &AeStep<'_>) -> bool {
    let open = step
        .after
        .link()
        .open()
        .or_else(|| step.before.link().open());
    look::sent_by_ae(step).all(|link| Some(link) == open)
}

fn lnk_19(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Input::Received { link, primitive } = step.input else {
        return true;
    };
    let Some(request) = look::request(primitive) else {
        return true;
    };
    let Some(Entity::Ae(ae)) = step.before.entity_of(*link) else {
        return true;
    };
    let from = request.from.as_ref().map_or("", |from| from.as_str());
    let refused = look::sent_responses(step)
        .any(|(_, response)| response.status == Status::ORIGINATOR_NOT_AUTHENTICATED);
    from == ae.stem() || refused && !look::persists(step)
}

fn lnk_20(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let topology = scene.world.scenario.topology;
    let is_registered = |at: u8| {
        let stem = topology.ae_id(at).stem().into();
        step.after.state().tree.has(&stem)
    };
    let unbound = (0_u8..).take(topology.aes.len()).all(|at| {
        let entity = Entity::Ae(topology.ae_id(at));
        is_registered(at) || step.after.link_to(&entity).is_none()
    });
    let mut sent = look::sent_requests(step);
    let silent = sent.all(|(link, _)| match scene.peer(Place::Cse(step.at), link) {
        Some(Place::Ae(at)) => is_registered(at),
        Some(Place::Cse(_)) | None => true,
    });
    unbound && silent
}

fn lnk_21(world: &World, state: &State) -> bool {
    let wished = look::wished(world, state, |wish| matches!(wish, Wish::Write(_)));
    let written: usize = state.cses.iter().map(|cse| look::data(cse).len()).sum();
    written <= wished.len()
}

fn lnk_22(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    match step.input {
        Input::LinkLost { .. } => step.before.state().sessions == step.after.state().sessions,
        Input::LinkOpened { .. }
        | Input::DialFailed
        | Input::RegistreeNotReached { .. }
        | Input::Received { .. }
        | Input::Undecodable { .. }
        | Input::Elapsed(_)
        | Input::StoreFailing(_)
        | Input::Stopping { .. } => true,
    }
}

fn lnk_23(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_requests(step).all(|(_, request)| {
        let question = look::event(request) == Some(50_001);
        let counts = match request.request_expiration {
            Some(When::At(at)) => scene.now < at,
            Some(When::After(_)) | None => false,
        };
        !question || counts
    })
}

fn lnk_24(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let mut notices = cse.state().notices.iter();
        notices.all(|(_, notice)| {
            let reached = cse.link_to(&notice.to).is_some();
            look::event(&notice.request) != Some(50_003) || !reached
        })
    })
}

fn lnk_26(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let stored = &step.before.state().stored;
    look::forwarded(step).all(|(link, request)| {
        let row = stored
            .iter()
            .find(|(_, row)| row.request_id == request.request_id);
        row.is_none_or(|(_, row)| step.after.link_to(&row.hop) == Some(link))
    })
}

fn lnk_27(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Some((_, request, _)) = look::data_request(step) else {
        return true;
    };
    let own = step.after.config().cse_id.as_str();
    let beyond = !request.to.starts_with(own);
    let again = look::is_known_request(step, request);
    let success = look::sent_responses(step).any(|(_, response)| {
        response.status.is_success() && response.request_id.as_ref() == Some(&request.request_id)
    });
    !beyond || again || !success
}
