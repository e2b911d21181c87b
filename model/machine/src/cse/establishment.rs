//! Establishment (flow 1 steps 7 to 17): ask far, create near, confirm.
//!
//! ```text
//!   CREATE ─▶ AwaitingCapability ─▶ Asked ── yes ─▶ session: ACTIVE (initiator's CSE) or PENDING, answer 2001
//!                                     │  └── no, time-out ─▶ nothing stays; what may exist downstream is deleted
//!                                     └── silent target ─▶ Abandoned ── late yes ─▶ the target is told (50003)
//!   PENDING ── confirmation or first valid use ─▶ ACTIVE
//!      └── lease over ─▶ ended
//! ```
//!
//! Resources appear on the way back, so the initiator is told last. What is asked of whom is in `questions`, what
//! becomes of the answers in `answers`, how the resources are made in `making`.

mod answers;
pub(crate) mod making;
pub(crate) mod questions;

use super::incoming::Handled;
use super::{Cse, Step};
use crate::address::Address;
use crate::attribute::Attribute;
use crate::env::{Timestamp, base64url};
use crate::id::{AeId, CseId, Entity, KeyId, ResourceId, Secret, SessionId};
use crate::primitive::{Response, ResponseMode};
use crate::record::{Attempt, Credentials, Requester, Stage};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;

impl Cse {
    /// CREATE `<session>` by an endpoint (flow 1 step 7): identifier and key are reserved, the target is asked.
    pub(crate) fn establish(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        collection: &Resource,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        // EST-36
        if request.result_content.is_some_and(|rcn| rcn != 1) {
            return Err(Refusal::BadRequest);
        }
        let content = request.content.as_ref().ok_or(Refusal::BadRequest)?;
        let members = content
            .members_of(ResourceType::Session)
            .ok_or(Refusal::BadRequest)?;
        schema::check_create(ResourceType::Session, members, false)?;
        let initiator = AeId(requester.key.originator.clone());
        let target = single_target(members)?;
        if target == initiator {
            return Err(Refusal::BadRequest);
        }
        let end_to_end = flag(members, &Attribute::EndToEnd, false);
        let endpoint = self.own_endpoint(members, &initiator, end_to_end)?;
        let name = self.session_name(members, collection)?;
        self.check_number_of_sessions(collection)?;
        let session_expires = self.session_end(step, members, collection)?;
        let id = SessionId(
            format!(
                "{}/{}",
                self.config.cse_id,
                base64url(&step.env.fresh.session)
            )
            .into(),
        );
        // EST-05
        if self.knows(&id) {
            return Err(Refusal::Conflict);
        }
        // EST-19
        let credentials = Credentials {
            key_id: KeyId(base64url(&step.env.fresh.key_id)),
            key: (!end_to_end).then(|| Secret(base64url(&step.env.fresh.key))),
        };
        // EST-45
        if credentials.key.is_some() && !self.is_trusted(&requester.peer) {
            return Err(Refusal::InsecureLink);
        }
        let attempt = Attempt {
            id,
            requester: requester.clone(),
            stage: Stage::Asked,
            upstream: None,
            upstream_session: None,
            downstream: None,
            question: self.own_request_id(),
            parent: collection.id.clone(),
            resource: self.reserve_session(),
            name,
            credentials,
            initiator,
            target,
            session_expires,
            end_to_end,
            all_required: flag(members, &Attribute::AllEndpointsRequired, true),
            descriptors: members
                .get(&Attribute::Descriptors)
                .and_then(Value::as_texts)
                .unwrap_or_default(),
            endpoint,
            policies: self.embedded_policies(members)?,
            visited: Vec::new(),
        };
        self.ask_onwards(step, attempt)
    }

    /// CREATE `<session>` by a neighbour's session manager (flow 1 step 9).
    pub(crate) fn establish_for_hop(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        address: &Address,
    ) -> Result<Handled, Refusal> {
        let Entity::Cse(upstream) = &requester.peer else {
            return Err(Refusal::NoPrivilege);
        };
        // EST-75
        if requester.request.response_mode() != ResponseMode::Blocking {
            return Err(Refusal::NotAcceptable);
        }
        let content = requester
            .request
            .content
            .as_ref()
            .ok_or(Refusal::BadRequest)?;
        let members = content
            .members_of(ResourceType::Session)
            .ok_or(Refusal::BadRequest)?;
        schema::check_create(ResourceType::Session, members, true)?;
        let id = SessionId(text(members, &Attribute::SessionId)?);
        let visited = members
            .get(&Attribute::Visited)
            .and_then(Value::as_texts)
            .unwrap_or_default();
        // EST-29
        let too_far = visited.len() >= self.config.limits.hops as usize;
        if visited.contains(&self.config.cse_id.0) || too_far {
            return Err(Refusal::Loop);
        }
        // EST-49, END-14
        if self.knows(&id) && self.tells_repetitions() {
            return Err(Refusal::Conflict);
        }
        let target = single_target(members)?;
        let is_here = self.is_own(address);
        let collection = if is_here {
            self.asked_collection(address, &target)?
        } else {
            self.transit_collection().ok_or(Refusal::NotFound)?
        };
        // EST-35
        self.check_number_of_sessions(&collection)?;
        let end_to_end = flag(members, &Attribute::EndToEnd, false);
        let attempt = Attempt {
            requester: requester.clone(),
            stage: Stage::Asked,
            upstream: Some(upstream.clone()),
            upstream_session: Some(text(members, &Attribute::RemoteSession)?),
            downstream: None,
            question: self.own_request_id(),
            parent: collection.id.clone(),
            resource: self.reserve_session(),
            name: self.chosen_name(&collection.id),
            credentials: received_credentials(members, end_to_end)?,
            initiator: AeId(text(members, &Attribute::SessionOriginator)?),
            target,
            session_expires: self.session_end(step, members, &collection)?,
            end_to_end,
            all_required: flag(members, &Attribute::AllEndpointsRequired, true),
            descriptors: members
                .get(&Attribute::Descriptors)
                .and_then(Value::as_texts)
                .unwrap_or_default(),
            endpoint: hop_endpoint(members)?,
            policies: self.embedded_policies(members)?,
            visited,
            id,
        };
        check_hop_claims(&attempt)?;
        self.ask_onwards(step, attempt)
    }

    /// Asks whoever is next: the target, if it is registered here, else the next hop.
    fn ask_onwards(&mut self, step: &mut Step, mut attempt: Attempt) -> Result<Handled, Refusal> {
        if attempt.target.registrar().as_ref() == Some(&self.config.cse_id) {
            self.check_target(&attempt)?;
            self.check_policy_names(&attempt)?;
            self.ask_consent(step, attempt);
            return Ok(Handled::Later);
        }
        // EST-39
        let target = attempt.target.registrar().ok_or(Refusal::BadRequest)?;
        let hop = self
            .next_hop(&target, &attempt.requester.peer)
            .ok_or(Refusal::NotFound)?;
        // EST-29
        if attempt.visited.contains(&hop.0) {
            return Err(Refusal::Loop);
        }
        let speaks = self
            .durable
            .neighbours
            .get(&hop)
            .and_then(|row| row.speaks_sessions);
        attempt.question = self.forwarded_id(&attempt.requester, &Entity::Cse(hop.clone()));
        attempt.downstream = Some(hop.clone());
        self.check_policy_names(&attempt)?;
        match speaks {
            // EST-10, EST-40
            Some(false) => Err(Refusal::NotImplemented),
            Some(true) => {
                if attempt.credentials.key.is_some() && !self.is_trusted(&Entity::Cse(hop)) {
                    return Err(Refusal::InsecureLink);
                }
                self.ask_hop(step, attempt);
                Ok(Handled::Later)
            }
            None => {
                attempt.stage = Stage::AwaitingCapability;
                self.durable.attempts.put(attempt.id.clone(), attempt);
                Ok(Handled::Later)
            }
        }
    }

    /// A neighbour said whether it speaks sessions: attempts that waited for that go on.
    pub(crate) fn capability_known(&mut self, step: &mut Step, cse: &CseId) {
        let waiting: Vec<Attempt> = self
            .durable
            .attempts
            .iter()
            .filter(|(_, a)| a.stage == Stage::AwaitingCapability)
            .filter(|(_, a)| a.downstream.as_ref() == Some(cse))
            .map(|(_, a)| Attempt::clone(a))
            .collect();
        for attempt in waiting {
            self.durable.attempts.remove(&attempt.id);
            let requester = attempt.requester.clone();
            if let Err(refusal) = self.ask_onwards(
                step,
                Attempt {
                    stage: Stage::Asked,
                    ..attempt
                },
            ) {
                self.refuse(step, &requester, refusal);
            }
        }
    }

    /// An attempt whose next hop never said what it can do fails; one that has failed is forgotten.
    pub(crate) fn forget_attempt(&mut self, step: &mut Step, id: &SessionId) {
        let Some(attempt) = self.durable.attempts.get(id).map(|a| Attempt::clone(a)) else {
            return;
        };
        match attempt.stage {
            Stage::AwaitingCapability => {
                self.durable.attempts.remove(id);
                self.refuse(step, &attempt.requester, Refusal::RemoteUnreachable);
            }
            Stage::Abandoned { .. } => self.tell_abandoned(step, &attempt),
            Stage::Asked => {}
        }
    }

    /// Ends attempts that an entity takes part in, because it is no longer registered (EST-28, END-12).
    pub(crate) fn drop_attempts_of(&mut self, step: &mut Step, entity: &Entity) {
        let involved: Vec<Attempt> = self
            .durable
            .attempts
            .iter()
            .map(|(_, a)| Attempt::clone(a))
            .filter(|a| {
                let asks = a.requester.peer == *entity;
                let is_asked = Entity::Ae(a.target.clone()) == *entity;
                let is_hop = a.downstream.clone().map(Entity::Cse).as_ref() == Some(entity);
                asks || is_asked || is_hop
            })
            .collect();
        for attempt in involved {
            let is_over = matches!(attempt.stage, Stage::Abandoned { .. });
            if is_over && Entity::Ae(attempt.target.clone()) == *entity {
                // Who leaves is not told any more.
                self.durable.attempts.remove(&attempt.id);
                self.forget_question(&attempt);
            } else {
                self.drop_attempt(step, &attempt, Refusal::NotFound);
            }
        }
    }

    /// Ends one attempt at once: nothing stays here, what may exist beyond is taken back.
    pub(crate) fn drop_attempt(&mut self, step: &mut Step, attempt: &Attempt, why: Refusal) {
        // EST-11, EST-28, END-12
        self.durable.attempts.remove(&attempt.id);
        let asked = match &attempt.stage {
            Stage::AwaitingCapability => false,
            Stage::Asked => true,
            // A yes may be on its way still.
            Stage::Abandoned { .. } => return self.tell_abandoned(step, attempt),
        };
        match &attempt.downstream {
            Some(hop) => {
                self.outgoing
                    .remove(&(Entity::Cse(hop.clone()), attempt.question.clone()));
                if asked {
                    self.compensate(step, attempt, hop);
                }
            }
            None if asked => self.abandon(step, attempt.clone()),
            None => {}
        }
        self.refuse(step, &attempt.requester, why);
    }

    /// Whether the identifier is, was, or is about to be in use here.
    pub(crate) fn knows(&self, id: &SessionId) -> bool {
        self.durable.sessions.has(id)
            || self.durable.attempts.has(id)
            || self.durable.tombstones.has(id)
    }

    fn session_end(
        &self,
        step: &Step,
        members: &Members,
        collection: &Resource,
    ) -> Result<Timestamp, Refusal> {
        let now = step.now();
        let timers = &self.config.timers;
        let asked = match members.get(&Attribute::ExpirationTime) {
            Some(value) => value.as_time().ok_or(Refusal::BadRequest)?,
            None => now.plus(timers.session_life_ms),
        };
        if asked <= now {
            return Err(Refusal::BadRequest);
        }
        // EST-27
        let longest = now.plus(timers.session_life_max_ms);
        let parent = self
            .durable
            .tree
            .ancestry(&collection.id)
            .filter_map(|r| r.expires)
            .min();
        Ok(asked.min(longest).min(parent.unwrap_or(longest)))
    }

    fn reserve_session(&mut self) -> ResourceId {
        ResourceId(format!("ses{}", self.durable.next_number()).into())
    }

    fn check_number_of_sessions(&self, collection: &Resource) -> Result<(), Refusal> {
        let sessions = self
            .durable
            .tree
            .children_of_type(&collection.id, ResourceType::Session)
            .count();
        let alive = |a: &Attempt| !matches!(a.stage, Stage::Abandoned { .. });
        let attempts = self
            .durable
            .attempts
            .iter()
            .filter(|(_, a)| a.parent == collection.id && alive(a))
            .count();
        if sessions + attempts >= self.config.limits.sessions_per_ae as usize {
            return Err(Refusal::NotAcceptable);
        }
        Ok(())
    }
}

/// What the hop downstream said of the session it made.
pub(crate) struct MadeDownstream {
    pub(crate) hop: CseId,
    pub(crate) session: Text,
    pub(crate) expires: Timestamp,
    pub(crate) endpoint: Members,
}

fn made_downstream(response: &Response, hop: &CseId, attempt: &Attempt) -> Option<MadeDownstream> {
    let members = response
        .content
        .as_ref()?
        .members_of(ResourceType::Session)?;
    let id = members.get(&Attribute::ResourceId)?.as_text()?;
    // EST-06
    let about = members.get(&Attribute::SessionId)?.as_text()?;
    if about.as_str() != attempt.id.as_str() {
        return None;
    }
    let expires = members.get(&Attribute::ExpirationTime)?.as_time()?;
    let endpoints = members
        .get(&Attribute::Resource(ResourceType::SessionEndpoint))?
        .as_list()?;
    // EST-07
    let named = |e: &&Value| {
        let id = e.member(&Attribute::EndpointId).and_then(Value::as_text);
        id == Some(&attempt.target.0)
    };
    let mut endpoint = endpoints.iter().find(named)?.as_object()?.clone();
    endpoint.remove(&Attribute::SessionState);
    schema::check_create(ResourceType::SessionEndpoint, &endpoint, true).ok()?;
    Some(MadeDownstream {
        hop: hop.clone(),
        session: format!("{hop}/{id}").into(),
        expires,
        endpoint,
    })
}

/// The address of message 9: the target's collection at its registrar.
pub(crate) fn sessions_address(target: &AeId) -> Text {
    format!("{target}/sessions").into()
}

/// What a neighbour says of the initiator must fit together, and the initiator is not of this CSE.
fn check_hop_claims(attempt: &Attempt) -> Result<(), Refusal> {
    let registrar = attempt.initiator.registrar().ok_or(Refusal::BadRequest)?;
    let named = attempt
        .endpoint
        .get(&Attribute::EndpointId)
        .and_then(Value::as_text);
    // EST-43, EST-06
    let fits = attempt.id.as_str().starts_with(&format!("{registrar}/"))
        && attempt.visited.contains(&registrar.0)
        && named == Some(&attempt.initiator.0)
        && attempt.initiator != attempt.target;
    if fits {
        Ok(())
    } else {
        Err(Refusal::BadRequest)
    }
}

fn single_target(members: &Members) -> Result<AeId, Refusal> {
    let targets = members
        .get(&Attribute::SessionTargets)
        .and_then(Value::as_texts);
    let targets = targets.ok_or(Refusal::BadRequest)?;
    let [target] = targets.as_slice() else {
        // EST-33
        return Err(if targets.is_empty() {
            Refusal::BadRequest
        } else {
            Refusal::NotImplemented
        });
    };
    let target = AeId(target.clone());
    // DIS-08
    match target.registrar() {
        Some(cse) if !cse.stem().contains('/') => Ok(target),
        Some(_) | None => Err(Refusal::BadRequest),
    }
}

fn received_credentials(members: &Members, end_to_end: bool) -> Result<Credentials, Refusal> {
    let scr = members
        .get(&Attribute::Credentials)
        .and_then(Value::as_object);
    let scr = scr.ok_or(Refusal::BadRequest)?;
    let key_id = KeyId(text(scr, &Attribute::KeyId)?);
    let key = match scr.get(&Attribute::KeyValue) {
        Some(Value::Secret(secret)) => Some(secret.clone()),
        Some(_) => return Err(Refusal::BadRequest),
        None => None,
    };
    // EST-17, EST-46, USE-25
    if key.is_some() == end_to_end {
        return Err(Refusal::BadRequest);
    }
    Ok(Credentials { key_id, key })
}

fn hop_endpoint(members: &Members) -> Result<Members, Refusal> {
    let endpoints = members.get(&Attribute::Resource(ResourceType::SessionEndpoint));
    match endpoints.and_then(Value::as_list) {
        Some([Value::Object(endpoint)]) => Ok(endpoint.clone()),
        Some(_) | None => Err(Refusal::BadRequest),
    }
}

fn flag(members: &Members, name: &Attribute, default: bool) -> bool {
    members
        .get(name)
        .and_then(Value::as_bool)
        .unwrap_or(default)
}

fn text(members: &Members, name: &Attribute) -> Result<Text, Refusal> {
    members
        .get(name)
        .and_then(Value::as_text)
        .cloned()
        .ok_or(Refusal::BadRequest)
}
