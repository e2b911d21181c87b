//! What a session is made of at one CSE: its resources, endpoints, hops, who may do what with it, and its reading
//! and writing as a resource.

mod requests;

use super::deadlines::Wait;
use super::incoming::Handled;
use super::outgoing::Purpose;
use super::registration::reason;
use super::resources::Resolved;
use super::{Cse, Step, Timer};
use crate::address::{lies_within, normalized};
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{AeId, CseId, Entity, ResourceId, SessionId};
use crate::primitive::{Operation, Request, ResponseMode};
use crate::record::{NoticeKind, Phase, Requester, Session};
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::vec::Vec;

/// An endpoint of a session.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) ae: AeId,
    pub(crate) paths: Vec<Text>,
}

/// A hop of a session.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) cse: CseId,
    /// The session's address there.
    pub(crate) session: Text,
    /// Endpoints behind it.
    pub(crate) endpoints: Vec<Text>,
}

/// In which capacity someone deals with a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Capacity {
    Endpoint,
    Neighbour,
}

impl Cse {
    /// A request whose target belongs to sessions, or that makes one.
    pub(crate) fn session_request(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Handled, Refusal> {
        let resource = self
            .durable
            .tree
            .get(&target.resource)
            .cloned()
            .ok_or(Refusal::NotFound)?;
        let later = match requester.request.response_mode() {
            ResponseMode::NonBlockingSynch | ResponseMode::NonBlockingAsynch => true,
            ResponseMode::Blocking | ResponseMode::FlexBlocking | ResponseMode::NoResponse => false,
        };
        if !later || requester.request.operation == Operation::Retrieve {
            return self.session_request_now(step, requester, target, &resource);
        }
        // The answer would put the credentials into a resource.
        // EST-75
        if is_creation(&requester.request, ResourceType::Session) {
            return Err(Refusal::NotAcceptable);
        }
        // REG-34
        let id = self.open_request(step, requester, requester.expires)?;
        self.acknowledge(step, requester, &id);
        let mut owner = requester.clone();
        owner.acknowledged = Some(id);
        match self.session_request_now(step, &owner, target, &resource) {
            Ok(Handled::Now(status, content)) => self.report(step, &owner, status, content),
            Ok(Handled::Later) => {}
            Err(refusal) => self.report(step, &owner, refusal.status(), None),
        }
        Ok(Handled::Later)
    }

    fn session_request_now(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
        resource: &Shared<Resource>,
    ) -> Result<Handled, Refusal> {
        match resource.resource_type {
            ResourceType::Sessions => self.collection_request(step, requester, target, resource),
            ResourceType::Session
            | ResourceType::SessionEndpoint
            | ResourceType::NextHop
            | ResourceType::SessionPolicy
            | ResourceType::SessionContext
            | ResourceType::SessionContextEntry => {
                self.member_request(step, requester, target, resource)
            }
            ResourceType::AccessControlPolicy
            | ResourceType::Ae
            | ResourceType::Container
            | ResourceType::ContentInstance
            | ResourceType::CseBase
            | ResourceType::Group
            | ResourceType::Node
            | ResourceType::PollingChannel
            | ResourceType::Schedule
            | ResourceType::RemoteCse
            | ResourceType::Request
            | ResourceType::Subscription
            | ResourceType::FlexContainer => Err(Refusal::InvalidChild),
        }
    }

    /// The session that a resource belongs to.
    pub(crate) fn session_of(&self, id: &ResourceId) -> Option<Shared<Session>> {
        let top = self
            .durable
            .tree
            .ancestry(id)
            .find(|r| r.resource_type == ResourceType::Session)?;
        let session = SessionId(top.text(&Attribute::SessionId)?.clone());
        self.durable.sessions.get(&session).cloned()
    }

    /// In which capacity the requester deals with the session, if in any.
    pub(crate) fn capacity(&self, session: &Session, requester: &Requester) -> Option<Capacity> {
        let originator = &requester.key.originator;
        match &requester.peer {
            Entity::Ae(ae) => {
                let is_endpoint = ae == &session.initiator || ae == &session.target;
                (is_endpoint && *originator == ae.0).then_some(Capacity::Endpoint)
            }
            Entity::Cse(cse) => {
                let shares = self.hops(session).iter().any(|hop| hop.cse == *cse);
                (shares && *originator == cse.0).then_some(Capacity::Neighbour)
            }
        }
    }

    /// The endpoints, from their resources.
    pub(crate) fn endpoints(&self, session: &Session) -> Vec<Endpoint> {
        self.durable
            .tree
            .children_of_type(&session.resource, ResourceType::SessionEndpoint)
            .map(|r| Endpoint {
                ae: AeId(r.text(&Attribute::EndpointId).cloned().unwrap_or_default()),
                paths: r.texts(&Attribute::EndpointPaths),
            })
            .collect()
    }

    /// The hops, from their resources.
    pub(crate) fn hops(&self, session: &Session) -> Vec<Hop> {
        self.durable
            .tree
            .children_of_type(&session.resource, ResourceType::NextHop)
            .map(|r| Hop {
                cse: CseId(r.text(&Attribute::NextHopId).cloned().unwrap_or_default()),
                session: r
                    .text(&Attribute::RemoteSession)
                    .cloned()
                    .unwrap_or_default(),
                endpoints: r.texts(&Attribute::NextHopEndpoints),
            })
            .collect()
    }

    /// The hop that leads to an endpoint; `None` if the endpoint is registered here.
    pub(crate) fn hop_to(&self, session: &Session, ae: &AeId) -> Option<Hop> {
        self.hops(session)
            .into_iter()
            .find(|hop| hop.endpoints.contains(&ae.0))
    }

    /// The endpoints that are registered here.
    pub(crate) fn local_endpoints(&self, session: &Session) -> Vec<AeId> {
        let own = Some(&self.config.cse_id);
        let is_local = |ae: &&AeId| ae.registrar().as_ref() == own;
        [&session.initiator, &session.target]
            .into_iter()
            .filter(is_local)
            .cloned()
            .collect()
    }

    /// When a session expires.
    pub(crate) fn session_expiry(&self, id: &SessionId) -> Option<Timestamp> {
        let session = self.durable.sessions.get(id)?;
        self.durable.tree.get(&session.resource)?.expires
    }

    /// Sets when a session and its parts expire.
    pub(crate) fn set_expiry(&mut self, step: &Step, session: &Session, expires: Timestamp) {
        let now = step.now();
        for id in self.durable.tree.subtree(&session.resource) {
            self.durable.tree.change(&id, |resource| {
                resource.expires = Some(expires);
                resource.modified = now;
            });
        }
        let stored: Vec<ResourceId> = self
            .durable
            .stored
            .iter()
            .filter(|(_, row)| row.session.as_ref() == Some(&session.id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in stored {
            // USE-07
            self.durable.stored.change(&id, |row| {
                row.expires = row.expires.min(expires);
                row.requester.expires = row.requester.expires.min(expires);
            });
        }
        self.shorten_notices(&session.id, expires);
    }

    /// What is held for the endpoints of a session is held no longer than the session lives.
    fn shorten_notices(&mut self, session: &SessionId, expires: Timestamp) {
        let of_session = |kind: &NoticeKind| *kind == NoticeKind::Change(session.clone());
        let notices: Vec<u64> = self
            .durable
            .notices
            .iter()
            .filter(|(_, row)| of_session(&row.kind) && row.expires > expires)
            .map(|(number, _)| *number)
            .collect();
        for number in notices {
            self.durable
                .notices
                .change(&number, |row| row.expires = expires);
            let purpose = Purpose::Notice(number);
            for outgoing in self.outgoing.values_mut().filter(|o| o.purpose == purpose) {
                outgoing.expires = outgoing.expires.min(expires);
            }
        }
    }

    /// ONLINE (2) while all links of the session that this CSE knows are up, else OFFLINE (1) (EST-74).
    pub(crate) fn session_state(&self, session: &Session) -> i64 {
        // EST-74, LNK-22
        let hops = self
            .hops(session)
            .into_iter()
            .map(|hop| Entity::Cse(hop.cse));
        let endpoints = self.local_endpoints(session).into_iter().map(Entity::Ae);
        let all_up = hops
            .chain(endpoints)
            .all(|peer| self.current_link(&peer).is_some());
        if all_up { ONLINE } else { OFFLINE }
    }

    /// Attributes that follow from the links and are not stored.
    pub(crate) fn live_attributes(&self, resource: &Resource) -> Members {
        let mut live = Members::new();
        if !resource.resource_type.is_of_sessions() {
            return live;
        }
        let Some(session) = self.session_of(&resource.id) else {
            return live;
        };
        let state = |peer: Entity| {
            let up = self.current_link(&peer).is_some();
            Value::Integer(if up { ONLINE } else { OFFLINE })
        };
        match resource.resource_type {
            ResourceType::Session => {
                let lifecycle = match session.phase {
                    Phase::Pending { .. } => 1,
                    Phase::Active => 2,
                    Phase::Terminating(_) => 3,
                };
                live.insert(Attribute::Lifecycle, Value::Integer(lifecycle));
                let online = Value::Integer(self.session_state(&session));
                live.insert(Attribute::SessionState, online);
            }
            ResourceType::SessionEndpoint => {
                let id = resource
                    .text(&Attribute::EndpointId)
                    .cloned()
                    .unwrap_or_default();
                let ae = AeId(id);
                let peer = match self.hop_to(&session, &ae) {
                    Some(hop) => Entity::Cse(hop.cse),
                    None => Entity::Ae(ae),
                };
                live.insert(Attribute::SessionState, state(peer));
            }
            ResourceType::NextHop => {
                let id = resource
                    .text(&Attribute::NextHopId)
                    .cloned()
                    .unwrap_or_default();
                live.insert(Attribute::NextHopState, state(Entity::Cse(CseId(id))));
            }
            ResourceType::AccessControlPolicy
            | ResourceType::Ae
            | ResourceType::Container
            | ResourceType::ContentInstance
            | ResourceType::CseBase
            | ResourceType::Group
            | ResourceType::Node
            | ResourceType::PollingChannel
            | ResourceType::Schedule
            | ResourceType::RemoteCse
            | ResourceType::Request
            | ResourceType::Subscription
            | ResourceType::FlexContainer
            | ResourceType::Sessions
            | ResourceType::SessionPolicy
            | ResourceType::SessionContext
            | ResourceType::SessionContextEntry => {}
        }
        live
    }

    pub(crate) fn session_deadlines(&self, wait: &mut impl Wait) {
        let durable = &self.durable;
        for (first, id) in durable.sessions.due() {
            if wait.is_beyond(*first) {
                break;
            }
            let Some(session) = durable.sessions.get(id) else {
                continue;
            };
            match &session.phase {
                Phase::Pending { lease } => wait.until(*lease, || Timer::Lease(id.clone())),
                Phase::Active => {}
                Phase::Terminating(t) => wait.until(t.until(), || Timer::Termination(id.clone())),
            }
            if let Some(at) = session.hop_lost {
                wait.until(at, || Timer::HopGrace(id.clone()));
            }
        }
        for (at, resource) in durable.tree.sessions_due() {
            let at = at.plus(self.config.timers.expiry_margin_ms);
            if wait.is_beyond(at) {
                break;
            }
            if let Some(session) = self.session_of(resource) {
                wait.until(at, || Timer::SessionExpiry(session.id.clone()));
            }
        }
        for (at, id) in durable.attempts.due() {
            if wait.is_beyond(*at) {
                break;
            }
            wait.until(*at, || Timer::Attempt(id.clone()));
        }
        for (first, id) in durable.tombstones.due() {
            if wait.is_beyond(*first) {
                break;
            }
            let Some(tombstone) = durable.tombstones.get(id) else {
                continue;
            };
            wait.until(tombstone.until, || Timer::TombstoneEnd(id.clone()));
            if !tombstone.hops.is_empty() {
                wait.until(tombstone.retry, || Timer::TombstoneRetry(id.clone()));
            }
        }
    }

    pub(crate) fn session_expired(&mut self, step: &mut Step, id: &SessionId) {
        // END-17, END-36
        self.end_without_hops(step, id, reason::EXPIRED);
    }

    /// The AE whose collection of sessions this is; `None` for the one of transit sessions.
    pub(crate) fn owner_of(&self, collection: &Resource) -> Option<AeId> {
        let parent = collection.parent.as_ref()?;
        let is_ae = self.type_of(parent) == Some(ResourceType::Ae);
        is_ae.then(|| AeId::at(&self.config.cse_id, parent.as_str()))
    }

    /// The collection of sessions of an AE that is registered here.
    pub(crate) fn sessions_of(&self, ae: &AeId) -> Option<Shared<Resource>> {
        let id = ResourceId::from(ae.stem());
        self.durable
            .tree
            .children_of_type(&id, ResourceType::Sessions)
            .next()
            .cloned()
    }

    /// The endpoint in whose paths the address lies (USE-01, USE-39).
    pub(crate) fn owner_of_path(&self, session: &Session, to: &str) -> Option<AeId> {
        let own = &self.config.cse_id;
        let norm = |text: &str| normalized(text, own, &self.config.name);
        let target = norm(to)?;
        let structured = self.structured(to);
        self.endpoints(session).into_iter().find_map(|endpoint| {
            let covers = |path: &Text| {
                norm(path).is_some_and(|path| {
                    lies_within(&target, &path)
                        || structured.as_ref().is_some_and(|s| lies_within(s, &path))
                })
            };
            endpoint.paths.iter().any(covers).then_some(endpoint.ae)
        })
    }

    /// The SP-relative structured form of an address of this CSE that names a resource.
    pub(crate) fn structured(&self, to: &str) -> Option<Text> {
        let address = crate::address::Address::parse(to)?;
        if !self.is_own(&address) {
            return None;
        }
        let found = self.resolve(&address)?;
        let path = self.sp_relative_path(&found.resource);
        match found.virtual_child {
            None => Some(path),
            Some(_) => {
                let name = address.segments.last()?;
                Some(alloc::format!("{path}/{name}").into())
            }
        }
    }

    /// The SP-relative structured address of a resource of this CSE.
    pub(crate) fn sp_relative_path(&self, id: &ResourceId) -> Text {
        alloc::format!("{}/{}", self.config.cse_id, self.durable.tree.path(id)).into()
    }
}

/// Whether the request makes a resource of that type.
fn is_creation(request: &Request, resource_type: ResourceType) -> bool {
    request.operation == Operation::Create && request.resource_type == Some(resource_type.number())
}

/// `sst`, `nhs`: not all links are up.
pub(crate) const OFFLINE: i64 = 1;
/// `sst`, `nhs`: all links are up.
pub(crate) const ONLINE: i64 = 2;

/// Applies the members of an UPDATE: `null` removes.
pub(crate) fn merge(resource: &mut Resource, members: &Members) {
    for (name, value) in members {
        if *value == Value::Null {
            resource.attributes.remove(name);
        } else {
            resource.attributes.insert(name.clone(), value.clone());
        }
    }
}
