//! Policies of sessions: distributed far to near, on all hops or on none, and one that decides.

use super::witness::*;
use super::{Check, Property};
use crate::happening::{CseStep, Scene};
use crate::look;
use crate::topology::Place;
use crate::wish::{Wanted, Wish};
use crate::world::{State, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::Input;
use m2m_machine::record::Phase;
use m2m_machine::resource::ResourceType;
use m2m_machine::status::Status;
use m2m_machine::value::Members;

/// The table.
pub(crate) static ALL: &[Property] = &[
    Property {
        name: "EST-23 a policy at a CSE stands identically at the CSE it was asked of, or is being changed",
        check: Check::Always(est_23),
        witness: policy_everywhere,
    },
    Property {
        name: "EST-24 an endpoint gets success for a policy only when all hops hold it",
        check: Check::CseStep(est_24),
        witness: policy_everywhere,
    },
    Property {
        name: "EST-25 a policy comes to be on all hops or on none",
        check: Check::AtRest(est_25),
        witness: rest_after_policy,
    },
    Property {
        name: "EST-26 a policy is made only under a session in use, by an endpoint or a hop of it",
        check: Check::CseStep(est_26),
        witness: policy_everywhere,
    },
    Property {
        name: "EST-68 an endpoint is told of another end only when all hops have it",
        check: Check::CseStep(est_68),
        witness: end_has_moved,
    },
    Property {
        name: "POL-11 a session asked for with policies is used under them from its first moment on",
        check: Check::CseStep(pol_11),
        witness: rest_after_data,
    },
    Property {
        name: "USE-28 at most one policy decides",
        check: Check::Always(use_28),
        witness: policy_everywhere,
    },
    Property {
        name: "USE-29 a stored request is judged by the policy in force when it was accepted",
        check: Check::CseStep(use_29),
        witness: something_stored,
    },
];

fn est_23(_: &World, state: &State) -> bool {
    let changing = state.cses.iter().any(|cse| !cse.state().changes.is_empty());
    let pending = changing || policies_under_way(state);
    pending || same_everywhere(state)
}

fn policies_under_way(state: &State) -> bool {
    state.in_flight().any(|(_, _, primitive)| {
        let of = |c: &m2m_machine::primitive::Content| {
            c.members_of(ResourceType::SessionPolicy).is_some()
        };
        look::content(primitive).is_some_and(of)
    })
}

fn same_everywhere(state: &State) -> bool {
    state.cses.windows(2).all(|pair| {
        let [one, two] = pair else { return true };
        one.state().sessions.iter().all(|(id, session)| {
            let Some(other) = two.state().sessions.get(id) else {
                return true;
            };
            let ending = |phase: &Phase| matches!(phase, Phase::Terminating(_));
            ending(&session.phase)
                || ending(&other.phase)
                || look::policies(one, session) == look::policies(two, other)
        })
    })
}

fn est_24(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_responses(step).all(|(link, response)| {
        let content = response.content.as_ref();
        let members = content.and_then(|c| c.members_of(ResourceType::SessionPolicy));
        let to_ae = matches!(scene.peer(Place::Cse(step.at), link), Some(Place::Ae(_)));
        let made = response.status == Status::CREATED && to_ae;
        let again = look::received_request(step).is_some_and(|r| look::is_known_request(step, r));
        let Some(name) = members.filter(|_| made && !again).and_then(name_of) else {
            return true;
        };
        let others = (0_u8..)
            .zip(&scene.state.cses)
            .filter(|(at, _)| *at != step.at);
        others.into_iter().all(|(_, cse)| {
            let mut sessions = cse.state().sessions.iter();
            let over = cse.state().sessions.is_empty();
            over || sessions.any(|(_, s)| look::policies(cse, s).contains_key(&name))
        })
    })
}

fn name_of(members: &Members) -> Option<m2m_machine::text::Text> {
    members.get(&Attribute::ResourceName)?.as_text().cloned()
}

fn est_25(_: &World, state: &State) -> bool {
    same_everywhere(state) && state.cses.iter().all(|cse| cse.state().changes.is_empty())
}

fn est_26(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let count = |cse: &m2m_machine::Cse| {
        let rows = cse.state().tree.iter();
        rows.filter(|r| r.resource_type == ResourceType::SessionPolicy)
            .count()
    };
    let spreads = look::sent_requests(step)
        .any(|(_, request)| request.resource_type == Some(ResourceType::SessionPolicy.number()));
    let grew = count(step.after) > count(step.before);
    if (spreads || grew) && is_of_stranger(scene, step) {
        return false;
    }
    !grew
        || step.after.state().sessions.iter().all(|(id, session)| {
            let before = step.before.state().sessions.get(id);
            let was = before.map_or(0, |s| look::policies(step.before, s).len());
            let grew = look::policies(step.after, session).len() > was;
            let in_use = before.is_some_and(|s| !matches!(s.phase, Phase::Terminating(_)));
            !grew || in_use
        })
}

/// Whether what arrives in a step comes from an AE that is an endpoint of no session.
fn is_of_stranger(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let Input::Received { link, .. } = step.input else {
        return false;
    };
    let Some(Place::Ae(at)) = scene.peer(Place::Cse(step.at), *link) else {
        return false;
    };
    let ae = scene.world.scenario.topology.ae_id(at);
    let mut sessions = step.before.state().sessions.iter();
    sessions.all(|(_, s)| s.initiator != ae && s.target != ae)
}

fn est_68(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    look::sent_responses(step).all(|(link, response)| {
        let content = response.content.as_ref();
        let members = content.and_then(|c| c.members_of(ResourceType::Session));
        let ends = members.and_then(|m| m.get(&Attribute::ExpirationTime)?.as_time());
        let to_ae = matches!(scene.peer(Place::Cse(step.at), link), Some(Place::Ae(_)));
        let moved = response.status == Status::UPDATED && to_ae;
        let again = look::received_request(step).is_some_and(|r| look::is_known_request(step, r));
        let Some(ends) = ends.filter(|_| moved && !again) else {
            return true;
        };
        let others = (0_u8..)
            .zip(&scene.state.cses)
            .filter(|(at, _)| *at != step.at);
        others.into_iter().all(|(_, cse)| {
            let mut sessions = cse.state().sessions.iter();
            sessions.all(|(id, _)| cse.expiry_of(id) == Some(ends))
        })
    })
}

fn end_has_moved(world: &World, state: &State) -> bool {
    state.cses.iter().zip(&world.initial.cses).all(|(is, was)| {
        let mut sessions = is.state().sessions.iter();
        sessions.any(|(id, _)| is.expiry_of(id) != was.expiry_of(id))
    })
}

fn pol_11(scene: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let scripts = scene.world.scenario.scripts.iter();
    let for_the_night = scripts.flat_map(|script| script.iter()).any(|wish| {
        let asked = |wanted: &Wanted| wanted.policies.iter().any(|rule| rule.window.is_some());
        matches!(wish, Wish::Establish(wanted) if asked(wanted))
    });
    let goes_on = look::forwarded(step).next().is_some();
    !for_the_night || !goes_on || look::is_night(scene.now)
}

fn use_28(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        cse.state().sessions.iter().all(|(_, session)| {
            let policies: Vec<_> = look::policies(cse, session).into_values().collect();
            policies.iter().enumerate().all(|(at, one)| {
                policies[at + 1..].iter().all(|two| {
                    let same = |name: &Attribute| one.get(name) == two.get(name);
                    !same(&Attribute::PolicyOrder)
                        || same(&Attribute::PolicyType) && same(&Attribute::ScheduleElement)
                })
            })
        })
    })
}

fn use_29(_: &Scene<'_>, step: &CseStep<'_>) -> bool {
    let before = &step.before.state().stored;
    let mut after = step.after.state().stored.iter();
    after.all(|(id, row)| {
        let was = before.get(id);
        was.is_none_or(|was| was.window == row.window && was.expires == row.expires)
    })
}

fn policy_everywhere(_: &World, state: &State) -> bool {
    state.cses.iter().all(|cse| {
        let mut sessions = cse.state().sessions.iter();
        sessions.any(|(_, s)| !look::policies(cse, s).is_empty())
    })
}

fn rest_after_policy(world: &World, state: &State) -> bool {
    let asked = look::wished(world, state, |wish| matches!(wish, Wish::Policy(_)));
    !asked.is_empty() && world.is_at_rest(state)
}
