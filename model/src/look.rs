//! What properties look at: messages, sessions, and what applications were told.

mod data;

pub(crate) use data::*;

use crate::happening::{AeStep, CseStep};
use crate::topology::Place;
use crate::wish::Wish;
use crate::world::{State, World};
use m2m_machine::ae::endpoint::Phase as AePhase;
use m2m_machine::attribute::Attribute;
use m2m_machine::cse::view::HopView;
use m2m_machine::cse::{Input, Output};
use m2m_machine::id::{CseId, Entity, LinkId, ResourceId, SessionId};
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response};
use m2m_machine::record::{Phase, Session};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::text::Text;
use m2m_machine::value::{Members, Value};
use m2m_machine::{Ae, Cse, ae};
use std::collections::{BTreeMap, BTreeSet};

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
        Output::Persist(_)
        | Output::CloseLink { .. }
        | Output::Dial
        | Output::DialRegistree { .. }
        | Output::Report(_)
        | Output::Stopped => None,
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
    let members = response
        .content
        .as_ref()?
        .members_of(ResourceType::Session)?;
    members.get(&Attribute::Credentials)?;
    members
        .get(&Attribute::SessionId)
        .and_then(Value::as_text)
        .map(|id| SessionId(id.clone()))
}

/// The establishments that were asked for: AE and the tag of the command.
pub(crate) fn creates(world: &World, state: &State) -> Vec<(u8, u64)> {
    wished(world, state, |wish| matches!(wish, Wish::Establish(_)))
}

/// A data request in a session that a CSE takes up: it forwards, stores or serves it.
pub(crate) struct TakenUp<'a> {
    /// The request as it came in.
    pub(crate) request: &'a Shared<Request>,
    /// The session that it names.
    pub(crate) session: &'a SessionId,
    /// The link that it came on.
    pub(crate) link: LinkId,
    /// Whether it is served here.
    pub(crate) is_served: bool,
}

/// The data request that arrives in a step, whatever becomes of it.
pub(crate) fn data_request<'a>(
    step: &CseStep<'a>,
) -> Option<(LinkId, &'a Shared<Request>, &'a SessionId)> {
    let Input::Received { link, primitive } = step.input else {
        return None;
    };
    let request = request(primitive)?;
    let session = request.session.as_ref()?;
    let is_notice = request.operation == Operation::Notify;
    let of_session = request.to.ends_with("/sessions") || request.to.contains("/sessions/");
    (!is_notice && !of_session && request.reason.is_none()).then_some((*link, request, session))
}

/// The data request that a CSE takes up in a step.
pub(crate) fn taken_up<'a>(step: &CseStep<'a>) -> Option<TakenUp<'a>> {
    let (link, request, session) = data_request(step)?;
    let answered = sent_responses(step).any(|(_, response)| {
        response.request_id.as_ref() == Some(&request.request_id) && response.status.0 < 3_000
    });
    let goes_on = sent_requests(step).any(|(_, sent)| sent.to == request.to);
    let id = step.after.config().cse_id.as_str();
    let is_here = request
        .to
        .strip_prefix(id)
        .is_some_and(|rest| rest.starts_with('/'));
    (answered || goes_on).then_some(TakenUp {
        request,
        session,
        link,
        is_served: is_here,
    })
}

/// Data requests that a CSE sends on in a step, at once or from its store.
pub(crate) fn forwarded<'a>(
    step: &'a CseStep<'_>,
) -> impl Iterator<Item = (LinkId, &'a Shared<Request>)> {
    sent_requests(step).filter(|(_, request)| {
        let is_data = match request.operation {
            Operation::Create | Operation::Retrieve | Operation::Update | Operation::Delete => true,
            Operation::Notify => false,
        };
        is_data && request.session.is_some() && request.reason.is_none()
    })
}

/// The event type of a notification about sessions.
pub(crate) fn event(request: &Request) -> Option<i64> {
    request
        .content
        .as_ref()?
        .value
        .member(&Attribute::Notification)?
        .member(&Attribute::NotificationEvent)?
        .member(&Attribute::NotificationEventType)?
        .as_integer()
}

/// The session that a notification is about.
pub(crate) fn told_of(request: &Request) -> Option<&Members> {
    request
        .content
        .as_ref()?
        .value
        .member(&Attribute::Notification)?
        .member(&Attribute::NotificationEvent)?
        .member(&Attribute::Representation)?
        .member(&Attribute::Resource(ResourceType::Session))?
        .as_object()
}

/// Whether key material stands in a value.
pub(crate) fn has_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::Object(members) => members.values().any(has_secret),
        Value::List(list) => list.iter().any(has_secret),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Sealed(_) => false,
    }
}

/// The content of a primitive.
pub(crate) fn content(primitive: &Primitive) -> Option<&Content> {
    match primitive {
        Primitive::Request(request) => request.content.as_ref(),
        Primitive::Response(response) => response.content.as_ref(),
    }
}

/// Who has a session: the identifiers of all CSEs and AEs, and whether they are in use.
pub(crate) fn identifiers(state: &State) -> BTreeSet<SessionId> {
    let cses = state.cses.iter();
    let at_cses = cses.flat_map(|cse| cse.state().sessions.iter().map(|(id, _)| id.clone()));
    let aes = state.aes.iter().filter(|ae| is_registered(state, ae));
    let at_aes = aes.flat_map(|ae| {
        let members = ae.sessions().filter(|(_, phase)| is_member(phase));
        members.map(|(id, _)| id.clone())
    });
    at_cses.chain(at_aes).collect()
}

/// Whether an AE has the key of a session.
pub(crate) const fn is_member(phase: &AePhase) -> bool {
    match phase {
        AePhase::Member(_) | AePhase::Leaving(_) => true,
        AePhase::Asked(_) | AePhase::Refused(_) | AePhase::Ended(_) => false,
    }
}

/// Whether everyone on the path has the session: both endpoints, and every CSE, ACTIVE.
pub(crate) fn is_complete(world: &World, state: &State, id: &SessionId) -> bool {
    let topology = world.scenario.topology;
    let ends = |session: &Session| [session.initiator.clone(), session.target.clone()];
    let Some(first) = state
        .cses
        .iter()
        .find_map(|cse| cse.state().sessions.get(id))
    else {
        return false;
    };
    let ends = ends(first);
    let at_cses = state.cses.iter().all(|cse| {
        let session = cse.state().sessions.get(id);
        session.is_some_and(|s| s.phase == Phase::Active)
    });
    let at_aes = (0_u8..).zip(&state.aes).all(|(at, ae)| {
        let is_end = ends.contains(&topology.ae_id(at));
        !is_end || ae.phase(id).is_some_and(is_member) || gave_up(world, state, at)
    });
    at_cses && at_aes
}

/// Whether an AE has given up an establishment that it asked for: what came of it ends with its `et`, unless the AE
/// hears of it before.
pub(crate) fn gave_up(world: &World, state: &State, at: u8) -> bool {
    let told = &state.ledger.told;
    let timed_out = |key: &(u8, u64)| {
        let told = told.get(key);
        told.is_some_and(|told| told.status == Status::REQUEST_TIMEOUT.0)
    };
    creates(world, state)
        .iter()
        .any(|key| key.0 == at && timed_out(key))
}

/// Whether nobody has the session: no CSE, and no endpoint its key.
pub(crate) fn is_nowhere(state: &State, id: &SessionId) -> bool {
    let at_cses = state.cses.iter().any(|cse| cse.state().sessions.has(id));
    let mut aes = state.aes.iter().filter(|ae| is_registered(state, ae));
    let at_aes = aes.any(|ae| ae.phase(id).is_some_and(is_member));
    !at_cses && !at_aes
}

/// What a kind of wish came to: whether it was wished, and the tags of it.
pub(crate) fn wished(world: &World, state: &State, is_it: fn(&Wish) -> bool) -> Vec<(u8, u64)> {
    let mut found = Vec::new();
    for (ae, script) in (0_u8..).zip(world.scenario.scripts) {
        let asked = usize::from(state.wishes[usize::from(ae)]);
        for (tag, wish) in (1_u64..).zip(script.iter()).take(asked) {
            if is_it(wish) {
                found.push((ae, tag));
            }
        }
    }
    found
}

/// The policies of a session at a CSE, by name.
pub(crate) fn policies(cse: &Cse, session: &Session) -> BTreeMap<Text, Members> {
    cse.state()
        .tree
        .children_of_type(&session.resource, ResourceType::SessionPolicy)
        .map(|policy| (policy.name.clone(), policy.attributes.clone()))
        .collect()
}

/// The sessions that a CSE has after a step and had not before.
pub(crate) fn became_known<'a>(step: &'a CseStep<'_>) -> impl Iterator<Item = &'a Shared<Session>> {
    let was = &step.before.state().sessions;
    let is = step.after.state().sessions.iter();
    is.filter(move |(id, _)| !was.has(id)).map(|(_, s)| s)
}

/// The next hop of a session towards its target.
pub(crate) fn hop_towards_target(cse: &Cse, session: &Session) -> Option<CseId> {
    let hops = cse.hops_of(session);
    let leads = |hop: &HopView| hop.endpoints.contains(&session.target.0);
    hops.into_iter().find(leads).map(|hop| hop.cse)
}

/// Whether the CSE that a hop names, if it has the session, names this one and its resource.
pub(crate) fn names_back(state: &State, cse: &Cse, id: &SessionId, hop: &HopView) -> bool {
    let own = &cse.config().cse_id;
    let Some(peer) = state.cses.iter().find(|c| c.config().cse_id == hop.cse) else {
        return false;
    };
    let Some(session) = peer.state().sessions.get(id) else {
        return true;
    };
    let address = format!("{}/{}", hop.cse, session.resource);
    let back = peer.hops_of(session).into_iter().find(|h| h.cse == *own);
    let named = back.is_some_and(|back| {
        let mine = cse.state().sessions.get(id);
        mine.is_some_and(|s| *back.session == *format!("{own}/{}", s.resource))
    });
    named && *hop.session == *address
}

/// Whether a request makes a session.
pub(crate) fn creates_session(request: &Request) -> bool {
    request.operation == Operation::Create
        && request.resource_type == Some(ResourceType::Session.number())
}

/// The endpoints that a message with a key is about.
pub(crate) fn parties(primitive: &Primitive) -> Vec<Text> {
    let of = |members: &Members| {
        let originator = members.get(&Attribute::SessionOriginator);
        let mut parties: Vec<Text> = originator
            .and_then(Value::as_text)
            .cloned()
            .into_iter()
            .collect();
        let targets = members.get(&Attribute::SessionTargets);
        parties.extend(targets.and_then(Value::as_texts).unwrap_or_default());
        parties
    };
    let direct = content(primitive).and_then(|c| c.members_of(ResourceType::Session));
    let notified = request(primitive).and_then(|r| told_of(r));
    direct.or(notified).map(of).unwrap_or_default()
}

/// Whether a CSE only gives an answer again that it remembers.
pub(crate) fn is_remembered(step: &CseStep<'_>, taken: &TakenUp<'_>) -> bool {
    let outcomes = step.before.state().outcomes.iter();
    let mut same = outcomes.filter(|(key, _)| key.request_id == taken.request.request_id);
    same.any(|(_, outcome)| outcome.digest == taken.request.digest())
}

/// The place of a CSE.
pub(crate) fn place_of(state: &State, id: Option<&CseId>) -> Option<Place> {
    let id = id?;
    let mut all = (0_u8..).zip(&state.cses);
    all.find(|(_, cse)| cse.config().cse_id == *id)
        .map(|(at, _)| Place::Cse(at))
}

/// Whether a request is for another CSE and has nothing to do with sessions.
pub(crate) fn is_plain(request: &Request) -> bool {
    request.operation == Operation::Retrieve
        && request.session.is_none()
        && request.filter.is_some()
}

/// The request without session that arrives in a step for another CSE.
pub(crate) fn plain_request<'a>(step: &CseStep<'a>) -> Option<&'a Shared<Request>> {
    let Input::Received { primitive, .. } = step.input else {
        return None;
    };
    let request = request(primitive)?;
    let own = step.after.config().cse_id.as_str();
    (is_plain(request) && !request.to.starts_with(own)).then_some(request)
}

/// Whether a CSE has taken up that request before and not answered it yet.
pub(crate) fn is_open(cse: &Cse, request: &Request) -> bool {
    cse.open_requests()
        .any(|key| key.request_id == request.request_id)
}

/// The sessions that a CSE had before a step and has not after it.
pub(crate) fn went<'a>(step: &'a CseStep<'_>) -> impl Iterator<Item = &'a Shared<Session>> {
    let is = &step.after.state().sessions;
    let was = step.before.state().sessions.iter();
    was.filter(move |(id, _)| !is.has(id)).map(|(_, s)| s)
}

/// The sessions whose end a CSE confirms with 2002 in a step, and whether to an AE.
pub(crate) fn confirmed_ends<'a>(
    step: &'a CseStep<'_>,
) -> impl Iterator<Item = (&'a Shared<Session>, bool)> {
    let before = step.before.state().sessions.iter();
    let after = step.after.state().sessions.iter();
    before.chain(after).filter_map(|(_, session)| {
        let Phase::Terminating(state) = &session.phase else {
            return None;
        };
        let requester = state.requester.as_ref()?;
        let id = &requester.request.request_id;
        let confirms = sent_responses(step).any(|(_, response)| {
            response.status == Status::DELETED && response.request_id.as_ref() == Some(id)
        });
        confirms.then_some((session, matches!(requester.peer, Entity::Ae(_))))
    })
}

/// The request that arrives in a step.
pub(crate) fn received_request<'a>(step: &CseStep<'a>) -> Option<&'a Shared<Request>> {
    match step.input {
        Input::Received { primitive, .. } => request(primitive),
        Input::LinkOpened { .. }
        | Input::LinkLost { .. }
        | Input::DialFailed
        | Input::RegistreeNotReached { .. }
        | Input::Undecodable { .. }
        | Input::Elapsed(_)
        | Input::StoreFailing(_)
        | Input::Stopping { .. } => None,
    }
}

/// Whether a hop asks for the end of a session in a step.
pub(crate) fn is_delete_of_hop(step: &CseStep<'_>) -> bool {
    received_request(step).is_some_and(|request| {
        let by_cse = request
            .from
            .as_ref()
            .is_some_and(|from| from.starts_with('/'));
        request.operation == Operation::Delete && by_cse
    })
}

/// Whether a CSE knows a request already: answered, or open.
pub(crate) fn is_known_request(step: &CseStep<'_>, request: &Request) -> bool {
    let mut outcomes = step.before.state().outcomes.iter();
    outcomes.any(|(key, _)| key.request_id == request.request_id) || is_open(step.before, request)
}

/// The session that an AE had first: the one it had at the beginning, or was told of.
pub(crate) fn first_session(world: &World, at: u8) -> Option<SessionId> {
    let ae = &world.initial.aes[usize::from(at)];
    let mut sessions = ae.sessions();
    sessions
        .find(|(_, phase)| is_member(phase))
        .map(|(id, _)| id.clone())
}

/// How many terminations were asked for.
pub(crate) fn ended_by_wish(world: &World, state: &State) -> usize {
    wished(world, state, |wish| matches!(wish, Wish::Terminate)).len()
}

/// How many sessions were established since the beginning.
pub(crate) fn established(state: &State) -> usize {
    let told = state.ledger.told.values();
    told.filter(|told| told.session.is_some()).count()
}

/// Whether the end of a session that was asked for was accepted, as far as the AE was told.
pub(crate) fn is_accepted_end(state: &State, key: &(u8, u64)) -> bool {
    state.ledger.told.get(key).is_some_and(|told| {
        let status = Status(told.status);
        status == Status::DELETED || status == Status::REMOTE_ENTITY_NOT_REACHABLE
    })
}

/// The AEs that have left.
pub(crate) fn left(world: &World, state: &State) -> Vec<u8> {
    let asked = wished(world, state, |wish| matches!(wish, Wish::Deregister));
    let told = &state.ledger.told;
    let done = |key: &&(u8, u64)| told.get(key).is_some_and(|t| t.status == Status::DELETED.0);
    asked.iter().filter(done).map(|(ae, _)| *ae).collect()
}

/// Whether the CSE of an AE knows it; one that is not known cannot be told anything.
pub(crate) fn is_registered(state: &State, ae: &Ae) -> bool {
    ae.identity().is_some_and(|known| {
        let home = known.id.registrar();
        let home = state
            .cses
            .iter()
            .find(|cse| Some(&cse.config().cse_id) == home.as_ref());
        home.is_some_and(|cse| cse.state().tree.has(&ResourceId::from(known.id.stem())))
    })
}

/// Whether a step changes what is stored.
pub(crate) fn persists(step: &CseStep<'_>) -> bool {
    step.outputs
        .iter()
        .any(|output| matches!(output, Output::Persist(_)))
}

/// Whether somebody deregisters in a step.
pub(crate) fn leaves(step: &CseStep<'_>) -> bool {
    received_request(step).is_some_and(|request| request.operation == Operation::Delete)
}

/// The links on which an AE sends in a step.
pub(crate) fn sent_by_ae(step: &AeStep<'_>) -> impl Iterator<Item = LinkId> {
    step.outputs.iter().filter_map(|output| match output {
        ae::Output::Send { link, .. } => Some(*link),
        ae::Output::CloseLink { .. } | ae::Output::Dial | ae::Output::Report(_) => None,
    })
}
