//! What an establishment asks: the next hop (flow 1 step 9), the target (step 11), the confirmation (step 16).

use super::sessions_address;
use crate::address::{Address, lies_within, normalized};
use crate::attribute::Attribute;
use crate::cse::notify::targets;
use crate::cse::outgoing::Purpose;
use crate::cse::{Cse, Step};
use crate::env::Timestamp;
use crate::id::{AeId, CseId, Entity, ResourceId, SessionId};
use crate::primitive::{Content, Operation, Request, Response, When};
use crate::record::{Attempt, Credentials, Stage};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;

/// Event type of the establishment notification (`net`).
pub(crate) const ESTABLISHMENT: i64 = 50001;
/// Event type of the update notification.
pub(crate) const UPDATE: i64 = 50002;
/// Event type of the termination notification.
pub(crate) const TERMINATION: i64 = 50003;

impl Cse {
    /// Asks the hop towards the target to establish the session there (message 9).
    pub(crate) fn ask_hop(&mut self, step: &mut Step, attempt: Attempt) {
        let Some(hop) = attempt.downstream.clone() else {
            return;
        };
        let request = self.hop_request(&attempt);
        let expires = self.hop_expiry(&attempt);
        let purpose = Purpose::Hop(attempt.id.clone());
        self.durable.attempts.put(attempt.id.clone(), attempt);
        self.ask(step, &Entity::Cse(hop), request, purpose, expires);
    }

    /// Asks the target (message 12): held until its time is over, should the target be away.
    pub(crate) fn ask_consent(&mut self, step: &mut Step, attempt: Attempt) {
        let target = Entity::Ae(attempt.target.clone());
        let request = self.consent_request(&attempt);
        let expires = self.hop_expiry(&attempt);
        let purpose = Purpose::Consent(attempt.id.clone());
        self.durable.attempts.put(attempt.id.clone(), attempt);
        // LNK-23
        self.ask(step, &target, request, purpose, expires);
    }

    /// Sends the confirmation; it leaves before success is reported, and is repeated until answered.
    pub(crate) fn confirm(&mut self, step: &mut Step, id: &SessionId, hop: &CseId) {
        let question = self.own_request_id();
        self.durable
            .sessions
            .change(id, |row| row.confirming = Some(question.clone()));
        let Some(session) = self.durable.sessions.get(id).cloned() else {
            return;
        };
        let Some(hop) = self.hops(&session).into_iter().find(|h| h.cse == *hop) else {
            return;
        };
        let request = self.confirm_request(&hop.session, question);
        let expires = self.session_expiry(id).unwrap_or_else(|| step.now());
        let purpose = Purpose::Confirm(id.clone());
        self.ask(step, &Entity::Cse(hop.cse), request, purpose, expires);
    }

    pub(crate) fn confirm_request(&self, to: &str, id: crate::id::RequestId) -> Request {
        let own = self.config.cse_id.as_str();
        let mut request = Request::new(Operation::Update, to, own, id);
        let members = Members::from([(Attribute::Lifecycle, Value::Integer(2))]);
        request.result_content = Some(0);
        request.content = Some(Content::resource(ResourceType::Session, members));
        request
    }

    /// When the request that an attempt made expires: one step before the request that it serves.
    pub(crate) fn hop_expiry(&self, attempt: &Attempt) -> Timestamp {
        // EST-48
        attempt
            .requester
            .expires
            .minus(self.config.timers.hop_step_ms)
    }

    pub(crate) fn hop_request(&self, attempt: &Attempt) -> Request {
        let own = &self.config.cse_id;
        let to = sessions_address(&attempt.target);
        let mut request = Request::new(
            Operation::Create,
            &to,
            own.as_str(),
            attempt.question.clone(),
        );
        request.resource_type = Some(ResourceType::Session.number());
        request.request_expiration = Some(When::At(self.hop_expiry(attempt)));
        // EST-47, EST-50
        let mut members = self.proposal(attempt);
        let mut visited = attempt.visited.clone();
        visited.push(own.0.clone());
        let session = format!("{own}/{}", attempt.resource);
        members.insert(Attribute::RemoteSession, Value::text(&session));
        members.insert(Attribute::Visited, Value::texts(visited.iter()));
        request.content = Some(Content::resource(ResourceType::Session, members));
        request
    }

    pub(crate) fn consent_request(&self, attempt: &Attempt) -> Request {
        // EST-54
        let mut members = self.proposal(attempt);
        members.insert(
            Attribute::ResourceId,
            Value::text(attempt.resource.as_str()),
        );
        let content = Value::object([(
            Attribute::Resource(ResourceType::Session),
            Value::Object(members),
        )]);
        let subscription = self.subscription_of(&attempt.target, ESTABLISHMENT);
        let to = subscription
            .as_ref()
            .map_or_else(|| attempt.target.stem().into(), |s| s.to.clone());
        let reference = subscription.map(|s| s.reference).unwrap_or_default();
        let mut request =
            self.notify_request(&to, notification(&reference, ESTABLISHMENT, None, content));
        request.request_id = attempt.question.clone();
        request.session = Some(attempt.id.clone());
        request.request_expiration = Some(When::At(self.hop_expiry(attempt)));
        request
    }

    /// Who may be asked: an AE that is registered here, speaks sessions, and has said where to ask it.
    pub(crate) fn check_target(&self, attempt: &Attempt) -> Result<(), Refusal> {
        if !self.is_registered_ae(&attempt.target.stem().into()) {
            return Err(Refusal::NotFound);
        }
        // EST-37
        if self.sessions_of(&attempt.target).is_none() {
            return Err(Refusal::NotSessionCapable);
        }
        // EST-09, EST-38
        if self
            .subscription_of(&attempt.target, ESTABLISHMENT)
            .is_none()
        {
            return Err(Refusal::RemoteUnreachable);
        }
        let target = Entity::Ae(attempt.target.clone());
        // EST-45
        if attempt.credentials.key.is_some() && !self.is_trusted(&target) {
            return Err(Refusal::InsecureLink);
        }
        if self.has_room(&target) {
            Ok(())
        } else {
            Err(Refusal::NotAcceptable)
        }
    }

    /// The collection that message 9 addresses; it must be the target's.
    pub(crate) fn asked_collection(
        &self,
        address: &Address,
        target: &AeId,
    ) -> Result<Shared<Resource>, Refusal> {
        if target.registrar().as_ref() != Some(&self.config.cse_id) {
            return Err(Refusal::BadRequest);
        }
        if !self.is_registered_ae(&target.stem().into()) {
            return Err(Refusal::NotFound);
        }
        let collection = self.sessions_of(target).ok_or(Refusal::NotSessionCapable)?;
        let found = self.resolve(address).ok_or(Refusal::NotFound)?;
        if found.resource == collection.id {
            Ok(collection)
        } else {
            Err(Refusal::BadRequest)
        }
    }

    /// The endpoint attributes that a verdict brings, if it is a yes (flow 1 step 13).
    pub(crate) fn verdict(&self, response: &Response, attempt: &Attempt) -> Option<Members> {
        if response.status != Status::OK {
            return None;
        }
        // EST-56
        let members = response
            .content
            .as_ref()?
            .members_of(ResourceType::SessionEndpoint)?;
        self.checked_endpoint(members, &attempt.target, attempt.end_to_end)
            .ok()
    }

    /// The endpoint attributes of a request's originator (flow 1 step 7).
    pub(crate) fn own_endpoint(
        &self,
        members: &Members,
        ae: &AeId,
        end_to_end: bool,
    ) -> Result<Members, Refusal> {
        let endpoint = super::hop_endpoint(members)?;
        self.checked_endpoint(&endpoint, ae, end_to_end)
    }

    fn checked_endpoint(
        &self,
        members: &Members,
        ae: &AeId,
        end_to_end: bool,
    ) -> Result<Members, Refusal> {
        schema::check_create(ResourceType::SessionEndpoint, members, false)?;
        let mut endpoint = members.clone();
        let named = endpoint.insert(Attribute::EndpointId, Value::Text(ae.0.clone()));
        if named.is_some_and(|id| id.as_text() != Some(&ae.0)) {
            return Err(Refusal::BadRequest);
        }
        // EST-46
        if end_to_end != endpoint.contains_key(&Attribute::EndpointKey) {
            return Err(Refusal::BadRequest);
        }
        let paths = endpoint
            .get(&Attribute::EndpointPaths)
            .and_then(Value::as_texts);
        // EST-42
        if !paths
            .unwrap_or_default()
            .iter()
            .all(|path| self.is_below(path, ae))
        {
            return Err(Refusal::ForeignPath);
        }
        endpoint.insert(Attribute::EndpointType, Value::Integer(1));
        Ok(endpoint)
    }

    /// Whether a path lies at or below the `<AE>` of an AE that is registered here.
    fn is_below(&self, path: &str, ae: &AeId) -> bool {
        let Some(path) = normalized(path, &self.config.cse_id, &self.config.name) else {
            return false;
        };
        let own = self.sp_relative_path(&ResourceId::from(ae.stem()));
        lies_within(&path, &own) || lies_within(&path, ae.as_str())
    }

    /// The subscription of an AE on its collection of sessions for that event type.
    pub(crate) fn subscription_of(&self, ae: &AeId, event: i64) -> Option<SessionSubscription> {
        let collection = self.sessions_of(ae)?;
        let children = self
            .durable
            .tree
            .children_of_type(&collection.id, ResourceType::Subscription);
        for subscription in children {
            let criteria = subscription.get(&Attribute::EventNotificationCriteria);
            let types = criteria.and_then(|c| c.member(&Attribute::NotificationEventType));
            let listed = types.and_then(Value::as_list).unwrap_or_default();
            if listed.iter().any(|t| t.as_integer() == Some(event)) {
                let to = targets(&subscription.attributes).into_iter().next()?;
                let reference = format!("{}/{}", self.config.cse_id, subscription.id).into();
                return Some(SessionSubscription { to, reference });
            }
        }
        None
    }

    /// What every question of an attempt carries.
    fn proposal(&self, attempt: &Attempt) -> Members {
        let mut members = Members::new();
        let mut set = |name: Attribute, value: Value| members.insert(name, value);
        set(Attribute::SessionId, Value::Text(attempt.id.0.clone()));
        set(
            Attribute::SessionOriginator,
            Value::Text(attempt.initiator.0.clone()),
        );
        set(
            Attribute::SessionTargets,
            Value::texts([attempt.target.as_str()]),
        );
        set(
            Attribute::ExpirationTime,
            Value::Time(attempt.session_expires),
        );
        set(Attribute::EndToEnd, Value::Bool(attempt.end_to_end));
        set(
            Attribute::AllEndpointsRequired,
            Value::Bool(attempt.all_required),
        );
        set(Attribute::Credentials, credentials(&attempt.credentials));
        let endpoints = Value::List(Vec::from([Value::Object(attempt.endpoint.clone())]));
        set(
            Attribute::Resource(ResourceType::SessionEndpoint),
            endpoints,
        );
        if !attempt.descriptors.is_empty() {
            set(
                Attribute::Descriptors,
                Value::texts(attempt.descriptors.iter()),
            );
        }
        if !attempt.policies.is_empty() {
            let policies = attempt
                .policies
                .iter()
                .cloned()
                .map(Value::Object)
                .collect();
            set(
                Attribute::Resource(ResourceType::SessionPolicy),
                Value::List(policies),
            );
        }
        members
    }

    /// Puts back what was asked before a crash.
    pub(crate) fn resume_attempts(&mut self) {
        let rows: Vec<Attempt> = self
            .durable
            .attempts
            .iter()
            .map(|(_, a)| Attempt::clone(a))
            .collect();
        for attempt in rows {
            let expires = match attempt.stage {
                Stage::AwaitingCapability => continue,
                Stage::Asked => self.hop_expiry(&attempt),
                Stage::Abandoned { until } => until.plus(1),
            };
            // EST-67
            let id = attempt.id.clone();
            match &attempt.downstream {
                Some(hop) => {
                    let request = self.hop_request(&attempt);
                    let hop = Entity::Cse(hop.clone());
                    self.expect_again(&hop, request, Purpose::Hop(id), expires);
                }
                None => {
                    let request = self.consent_request(&attempt);
                    let target = Entity::Ae(attempt.target.clone());
                    self.expect_again(&target, request, Purpose::Consent(id), expires);
                }
            }
        }
    }
}

/// A subscription on a collection of sessions, as far as notifying needs it.
pub(crate) struct SessionSubscription {
    /// The `nu` entry, as subscribed.
    pub(crate) to: Text,
    /// `sur`.
    pub(crate) reference: Text,
}

/// The credentials as a JSON Web Key, for the three messages that carry them.
pub(crate) fn credentials(credentials: &Credentials) -> Value {
    let mut jwk = Members::new();
    jwk.insert(Attribute::KeyId, Value::Text(credentials.key_id.0.clone()));
    jwk.insert(Attribute::KeyAlgorithm, Value::text("A256GCM"));
    if let Some(key) = &credentials.key {
        jwk.insert(Attribute::KeyType, Value::text("oct"));
        jwk.insert(Attribute::KeyValue, Value::Secret(key.clone()));
    }
    Value::Object(jwk)
}

/// The body of a notification (`m2m:sgn`).
pub(crate) fn notification(
    reference: &str,
    event: i64,
    monitor: Option<Value>,
    representation: Value,
) -> Content {
    let mut event_members = Members::new();
    event_members.insert(Attribute::NotificationEventType, Value::Integer(event));
    event_members.insert(Attribute::Representation, representation);
    if let Some(monitor) = monitor {
        event_members.insert(Attribute::OperationMonitor, monitor);
    }
    let body = Members::from([
        (Attribute::SubscriptionReference, Value::text(reference)),
        (Attribute::NotificationEvent, Value::Object(event_members)),
    ]);
    Content::new(Attribute::Notification, Value::Object(body))
}
