//! What properties look at: messages, sessions, and what applications were told.

use crate::happening::CseStep;
use crate::wish::Wish;
use crate::world::{State, World};
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::Output;
use m2m_machine::id::{LinkId, SessionId};
use m2m_machine::primitive::{Primitive, Request, Response};
use m2m_machine::record::Phase;
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::value::Value;

/// The request that a primitive is.
pub(crate) fn request(primitive: &Primitive) -> Option<&Shared<Request>> {
    match primitive {
        Primitive::Request(request) => Some(request),
        Primitive::Response(_) => None,
    }
}

/// The response that a primitive is.
pub(crate) fn response(primitive: &Primitive) -> Option<&Shared<Response>> {
    match primitive {
        Primitive::Request(_) => None,
        Primitive::Response(response) => Some(response),
    }
}

/// What a CSE sends in a step.
pub(crate) fn sent<'a>(step: &'a CseStep<'_>) -> impl Iterator<Item = (LinkId, &'a Primitive)> {
    step.outputs.iter().filter_map(|output| match output {
        Output::Send { link, primitive } => Some((*link, primitive)),
        Output::Persist(_) | Output::CloseLink { .. } | Output::Dial | Output::Report(_) => None,
    })
}

/// The requests that a CSE sends in a step.
pub(crate) fn sent_requests<'a>(
    step: &'a CseStep<'_>,
) -> impl Iterator<Item = (LinkId, &'a Shared<Request>)> {
    sent(step).filter_map(|(link, primitive)| Some((link, request(primitive)?)))
}

/// The responses that a CSE sends in a step.
pub(crate) fn sent_responses<'a>(
    step: &'a CseStep<'_>,
) -> impl Iterator<Item = (LinkId, &'a Shared<Response>)> {
    sent(step).filter_map(|(link, primitive)| Some((link, response(primitive)?)))
}

/// The sessions that become ACTIVE in a step.
pub(crate) fn became_active<'a>(step: &'a CseStep<'_>) -> impl Iterator<Item = &'a SessionId> {
    let was = &step.before.state().sessions;
    let is_active = |phase: &Phase| *phase == Phase::Active;
    step.after
        .state()
        .sessions
        .iter()
        .filter(move |(id, s)| {
            is_active(&s.phase) && !was.get(id).is_some_and(|s| is_active(&s.phase))
        })
        .map(|(id, _)| id)
}

/// The session that a final success to its initiator is about (F1-17).
pub(crate) fn session_in_success(response: &Response) -> Option<SessionId> {
    if response.status != Status::CREATED {
        return None;
    }
    let members = response.content.as_ref()?.members_of(ResourceType::Session)?;
    members.get(&Attribute::Credentials)?;
    members
        .get(&Attribute::SessionId)
        .and_then(Value::as_text)
        .map(|id| SessionId(id.clone()))
}

/// The establishments that were asked for: AE and the tag of the command.
pub(crate) fn creates(world: &World, state: &State) -> Vec<(u8, u64)> {
    let mut found = Vec::new();
    for (ae, script) in (0_u8..).zip(world.scenario.scripts) {
        let asked = usize::from(state.wishes[usize::from(ae)]);
        for (tag, wish) in (1_u64..).zip(script.iter()).take(asked) {
            if matches!(wish, Wish::Establish(_)) {
                found.push((ae, tag));
            }
        }
    }
    found
}
