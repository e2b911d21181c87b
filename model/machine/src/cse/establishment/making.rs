//! Making a session once everyone beyond has agreed: its resources (flow 1 steps 14 and 16) and the answers.

use super::MadeDownstream;
use super::questions::credentials;
use crate::attribute::Attribute;
use crate::cse::registration::reason;
use crate::cse::resources::NewResource;
use crate::cse::{Cse, Event, SessionStep, Step};
use crate::deviation::Deviation;
use crate::env::Timestamp;
use crate::id::{CseId, Entity, ResourceId};
use crate::primitive::Content;
use crate::record::{Attempt, Phase, Session, Stage};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;

/// Names of the parts that every session has.
const PARTS: [&str; 3] = ["context", "ep0", "ep1"];

/// A hop of a session that is being made.
struct NewHop<'a> {
    cse: &'a CseId,
    session: &'a str,
    endpoint: &'a str,
}

/// A resource of a session that is being made.
struct Part {
    resource_type: ResourceType,
    id: Option<ResourceId>,
    name: Text,
    attributes: Members,
}

impl Part {
    fn new(resource_type: ResourceType, name: &str, attributes: Members) -> Self {
        Self {
            resource_type,
            id: None,
            name: name.into(),
            attributes,
        }
    }

    fn endpoint(name: &str, attributes: Members) -> Self {
        Self::new(ResourceType::SessionEndpoint, name, attributes)
    }

    fn hop(hop: &NewHop<'_>) -> Self {
        let attributes = Members::from([
            (Attribute::NextHopId, Value::Text(hop.cse.0.clone())),
            (Attribute::RemoteSession, Value::text(hop.session)),
            (Attribute::NextHopEndpoints, Value::texts([hop.endpoint])),
        ]);
        Self::new(ResourceType::NextHop, hop.cse.stem(), attributes)
    }

    fn context(bound: i64) -> Self {
        let attributes = Members::from([
            (Attribute::MaxNrOfInstances, Value::Integer(bound)),
            (Attribute::CurrentNrOfInstances, Value::Integer(0)),
        ]);
        Self::new(ResourceType::SessionContext, "context", attributes)
    }

    fn policy(members: &Members) -> Self {
        let (name, attributes) = named_policy(members);
        Self::new(ResourceType::SessionPolicy, &name, attributes)
    }
}

impl Cse {
    /// The target, registered here, has consented.
    pub(crate) fn consented(&mut self, step: &mut Step, attempt: &Attempt, endpoint: Members) {
        self.make(step, attempt, &endpoint, None, attempt.session_expires);
    }

    /// The next hop has made its session.
    pub(crate) fn hop_consented(
        &mut self,
        step: &mut Step,
        attempt: &Attempt,
        made: &MadeDownstream,
    ) {
        let hop = NewHop {
            cse: &made.hop,
            session: &made.session,
            endpoint: attempt.target.as_str(),
        };
        // EST-62
        let expires = attempt.session_expires.min(made.expires);
        self.make(step, attempt, &made.endpoint, Some(hop), expires);
    }

    fn make(
        &mut self,
        step: &mut Step,
        attempt: &Attempt,
        endpoint: &Members,
        downstream: Option<NewHop<'_>>,
        expires: Timestamp,
    ) {
        // EST-51
        let active = attempt.upstream.is_none();
        let lease = self.hop_lease(attempt);
        let onwards = downstream.as_ref().map(|hop| hop.cse.clone());
        let row = Session {
            id: attempt.id.clone(),
            resource: attempt.resource.clone(),
            phase: if active || self.config.deviations.has(Deviation::NoLease) {
                Phase::Active
            } else {
                Phase::Pending { lease }
            },
            credentials: attempt.credentials.clone(),
            initiator: attempt.initiator.clone(),
            target: attempt.target.clone(),
            upstream: attempt.upstream.clone(),
            confirming: None,
            hop_lost: None,
            entries: 0,
        };
        self.durable.sessions.put(attempt.id.clone(), row);
        if let Err(refusal) = self.make_resources(step, attempt, endpoint, downstream, expires) {
            self.unmake(step, attempt, onwards.as_ref());
            self.refuse(step, &attempt.requester, refusal);
            return;
        }
        let reached = if active {
            SessionStep::Active
        } else {
            SessionStep::Pending
        };
        step.report(Event::Session(attempt.id.clone(), reached));
        // EST-60
        if active && let Some(hop) = onwards {
            self.confirm(step, &attempt.id, &hop);
        }
        // EST-04
        let content = self.established(attempt, endpoint, active);
        self.respond(step, &attempt.requester, Status::CREATED, content);
    }

    /// Takes back a session that could not be made whole, here and beyond: a limit was hit, or its parent is gone.
    fn unmake(&mut self, step: &mut Step, attempt: &Attempt, onwards: Option<&CseId>) {
        self.durable.sessions.remove(&attempt.id);
        self.durable.tree.remove(&attempt.resource);
        match onwards {
            Some(hop) => self.compensate(step, attempt, hop),
            None => {
                let target = Entity::Ae(attempt.target.clone());
                let (why, ends) = (reason::ABANDONED, attempt.session_expires);
                self.tell_ended(step, &attempt.id, &attempt.resource, &target, why, ends);
            }
        }
    }

    /// How long an unconfirmed session may live: past the expiration of the request that asked for it.
    fn hop_lease(&self, attempt: &Attempt) -> Timestamp {
        attempt.requester.expires.plus(self.config.timers.lease_ms)
    }

    fn make_resources(
        &mut self,
        step: &mut Step,
        attempt: &Attempt,
        endpoint: &Members,
        downstream: Option<NewHop<'_>>,
        expires: Timestamp,
    ) -> Result<(), Refusal> {
        let top = Part {
            resource_type: ResourceType::Session,
            id: Some(attempt.resource.clone()),
            name: attempt.name.clone(),
            attributes: session_attributes(attempt),
        };
        self.make_part(step, &attempt.parent, expires, top)?;
        let upstream = attempt.upstream.as_ref().map(|cse| NewHop {
            cse,
            session: attempt.upstream_session.as_deref().unwrap_or(""),
            endpoint: attempt.initiator.as_str(),
        });
        let hops = [upstream, downstream].into_iter().flatten();
        let bound = i64::from(self.config.limits.context_entries);
        // EST-07, EST-08
        let parts = [
            Part::endpoint("ep0", self.stored_endpoint(&attempt.endpoint)),
            Part::endpoint("ep1", self.stored_endpoint(endpoint)),
        ]
        .into_iter()
        .chain(hops.map(|hop| Part::hop(&hop)))
        .chain([Part::context(bound)])
        .chain(attempt.policies.iter().map(Part::policy))
        .collect::<Vec<_>>();
        for part in parts {
            self.make_part(step, &attempt.resource, expires, part)?;
        }
        Ok(())
    }

    fn make_part(
        &mut self,
        step: &mut Step,
        parent: &ResourceId,
        expires: Timestamp,
        part: Part,
    ) -> Result<(), Refusal> {
        let new = NewResource {
            resource_type: part.resource_type,
            parent: parent.clone(),
            id: part.id,
            name: Some(part.name),
            creator: self.config.cse_id.0.clone(),
            expires: Some(expires),
            specialization: None,
            attributes: part.attributes,
        };
        self.insert(step, new).map(|_| ())
    }

    /// The endpoint as a child resource; where it is told is known only at its own CSE.
    fn stored_endpoint(&self, endpoint: &Members) -> Members {
        let mut attributes = endpoint.clone();
        attributes.remove(&Attribute::SessionState);
        let id = endpoint
            .get(&Attribute::EndpointId)
            .and_then(Value::as_text);
        let ae = crate::id::AeId(id.cloned().unwrap_or_default());
        if ae.registrar().as_ref() == Some(&self.config.cse_id)
            && let Some(subscription) = self.subscription_of(&ae, super::questions::TERMINATION)
        {
            attributes.insert(Attribute::NotificationUri, Value::texts([&subscription.to]));
        }
        attributes
    }

    /// The content of answers 15 and 17: the session with both endpoints, and, for the initiator, its credentials.
    fn established(&self, attempt: &Attempt, endpoint: &Members, active: bool) -> Option<Content> {
        let resource = self.durable.tree.get(&attempt.resource)?;
        let mut members = self.represent(resource);
        let endpoints = [&attempt.endpoint, endpoint].map(|e| {
            let mut shown = e.clone();
            shown.remove(&Attribute::NotificationUri);
            shown.insert(Attribute::SessionState, self.endpoint_state(attempt, e));
            Value::Object(shown)
        });
        let name = Attribute::Resource(ResourceType::SessionEndpoint);
        members.insert(name, Value::List(endpoints.into()));
        // EST-59, EST-62
        if active {
            members.insert(Attribute::Credentials, credentials(&attempt.credentials));
        }
        Some(Content::resource(ResourceType::Session, members))
    }

    fn endpoint_state(&self, attempt: &Attempt, endpoint: &Members) -> Value {
        let id = endpoint
            .get(&Attribute::EndpointId)
            .and_then(Value::as_text);
        let children = self
            .durable
            .tree
            .children_of_type(&attempt.resource, ResourceType::SessionEndpoint);
        let found = children
            .into_iter()
            .find(|r| r.text(&Attribute::EndpointId) == id);
        found
            .and_then(|r| self.live_attributes(r).remove(&Attribute::SessionState))
            .unwrap_or(Value::Integer(crate::cse::session::OFFLINE))
    }

    /// The name that the initiator proposes, if it can be had; else one of this CSE's choice.
    pub(crate) fn session_name(
        &mut self,
        members: &Members,
        collection: &Resource,
    ) -> Result<Text, Refusal> {
        let Some(name) = members
            .get(&Attribute::ResourceName)
            .and_then(Value::as_text)
        else {
            return Ok(self.chosen_name(&collection.id));
        };
        // EST-22
        if self.is_taken(&collection.id, name) {
            return Err(Refusal::Conflict);
        }
        Ok(name.clone())
    }

    /// Whether a session of that name stands in the collection, or is about to.
    fn is_taken(&self, collection: &ResourceId, name: &Text) -> bool {
        let reserves = |a: &Attempt| {
            let alive = !matches!(a.stage, Stage::Abandoned { .. });
            alive && a.parent == *collection && a.name == *name
        };
        self.durable.attempts.iter().any(|(_, a)| reserves(a))
            || self.durable.tree.child(collection, name).is_some()
    }

    /// The name under which a session for a hop stands: never the initiator's, so that names cannot collide.
    pub(crate) fn chosen_name(&mut self, collection: &ResourceId) -> Text {
        if self.config.deviations.has(Deviation::NamesOfFigures) {
            return "s1".into();
        }
        loop {
            let name: Text = format!("s{}", self.durable.next_number()).into();
            if !self.is_taken(collection, &name) {
                return name;
            }
        }
    }

    /// Policies inside an establishment may not take the names of the session's other parts.
    pub(crate) fn check_policy_names(&self, attempt: &Attempt) -> Result<(), Refusal> {
        let hops = [&attempt.upstream, &attempt.downstream]
            .into_iter()
            .flatten();
        let parts: Vec<&str> = hops.map(CseId::stem).chain(PARTS).collect();
        let clashes = |policy: &Members| {
            let name = policy
                .get(&Attribute::ResourceName)
                .and_then(Value::as_text);
            name.is_some_and(|name| parts.contains(&name.as_str()))
        };
        // EST-22, POL-05
        if attempt.policies.iter().any(clashes) {
            return Err(Refusal::Conflict);
        }
        Ok(())
    }

    /// The collection of sessions in transit.
    pub(crate) fn transit_collection(&self) -> Option<Shared<Resource>> {
        let base = self.durable.tree.base()?;
        self.durable
            .tree
            .children_of_type(&base.id, ResourceType::Sessions)
            .next()
            .cloned()
    }

    /// The policies inside an establishment, checked and named (POL-11).
    pub(crate) fn embedded_policies(&mut self, members: &Members) -> Result<Vec<Members>, Refusal> {
        let name = Attribute::Resource(ResourceType::SessionPolicy);
        let Some(list) = members.get(&name) else {
            return Ok(Vec::new());
        };
        let mut policies: Vec<Members> = Vec::new();
        for policy in list.as_list().ok_or(Refusal::BadRequest)? {
            let mut policy = policy.as_object().ok_or(Refusal::BadRequest)?.clone();
            schema::check_create(ResourceType::SessionPolicy, &policy, false)?;
            self.complete_policy(&mut policy);
            // POL-11, POL-14
            for other in &policies {
                if other.get(&Attribute::ResourceName) == policy.get(&Attribute::ResourceName) {
                    return Err(Refusal::Conflict);
                }
                if crate::cse::policy::collide(other, &policy) {
                    return Err(Refusal::PolicyConflict);
                }
            }
            policies.push(policy);
        }
        Ok(policies)
    }
}

fn session_attributes(attempt: &Attempt) -> Members {
    let mut members = Members::from([
        (Attribute::SessionId, Value::Text(attempt.id.0.clone())),
        (
            Attribute::SessionOriginator,
            Value::Text(attempt.initiator.0.clone()),
        ),
        (
            Attribute::SessionTargets,
            Value::texts([attempt.target.as_str()]),
        ),
        (Attribute::EndToEnd, Value::Bool(attempt.end_to_end)),
        (
            Attribute::AllEndpointsRequired,
            Value::Bool(attempt.all_required),
        ),
        (
            Attribute::KeyId,
            Value::Text(attempt.credentials.key_id.0.clone()),
        ),
    ]);
    if !attempt.descriptors.is_empty() {
        members.insert(
            Attribute::Descriptors,
            Value::texts(attempt.descriptors.iter()),
        );
    }
    members
}

/// A policy as its name and its attributes.
pub(crate) fn named_policy(members: &Members) -> (Text, Members) {
    let mut attributes = members.clone();
    let name = attributes.remove(&Attribute::ResourceName);
    attributes.insert_missing(Attribute::StateTag, || Value::Integer(0));
    (
        name.and_then(|n| n.as_text().cloned()).unwrap_or_default(),
        attributes,
    )
}
