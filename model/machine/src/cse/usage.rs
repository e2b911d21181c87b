//! Use of a session (flow 2): checks in their one order, then forward, store or serve, and notify.

use super::establishment::questions::{UPDATE, notification};
use super::incoming::Handled;
use super::policy::{IMMEDIATE, Role, SCHEDULED};
use super::resources::Resolved;
use super::session::Hop;
use super::store::{Delay, InSession};
use super::{Cse, Step};
use crate::access::Right;
use crate::attribute::Attribute;
use crate::deviation::Deviation;
use crate::id::{AeId, Entity, SessionId};
use crate::primitive::{Content, Operation, Request, Response, ResponseMode};
use crate::record::{NoticeKind, Phase, Requester, Session};
use crate::resource::{Resource, ResourceType};
use crate::schema;
use crate::shared::Shared;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{SealBody, Value};

/// A session request that has passed the checks.
struct Admitted {
    session: Shared<Session>,
    /// The endpoint that owns the target.
    owner: AeId,
    policy: Option<Shared<Resource>>,
}

impl Cse {
    /// A request that carries a session identifier and is no request on the session itself (flow 2 steps 1, 7, 20).
    pub(crate) fn data_request(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: Option<Resolved>,
    ) -> Result<Handled, Refusal> {
        let address = crate::address::Address::parse(&requester.request.to);
        let is_here = address.as_ref().is_some_and(|address| self.is_own(address));
        let role = if is_here { Role::Serve } else { Role::Forward };
        let (session, owner) = self.admit(step, requester)?;
        let originator = &requester.key.originator;
        let policy = self.policy_for(&session, originator, &owner, role);
        self.check_protection(requester, &session, policy.as_deref())?;
        // A valid request of the hop towards the initiator is as good as its confirmation.
        let admitted = Admitted {
            session,
            owner,
            policy,
        };
        match role {
            // USE-05
            Role::Serve => self.serve(step, requester, &admitted, target),
            Role::Forward => self.forward_in_session(step, requester, &admitted),
        }
    }

    /// The checks up to the path, in the order of R9 (USE-35).
    fn admit(
        &self,
        step: &Step,
        requester: &Requester,
    ) -> Result<(Shared<Session>, AeId), Refusal> {
        // USE-35
        let id = requester
            .request
            .session
            .as_ref()
            .ok_or(Refusal::SessionUnknown)?;
        // USE-03, USE-32, END-06, END-14
        let session = self.usable_session(step, id, requester)?;
        let originator = AeId(requester.key.originator.clone());
        if !self.config.deviations.has(Deviation::AnyOriginator) {
            self.check_originator(&session, &originator, requester)?;
        }
        // USE-01, USE-27, USE-39
        let owner = self
            .owner_of_path(&session, &requester.request.to)
            .ok_or(Refusal::OutsidePaths)?;
        Ok((session, owner))
    }

    fn usable_session(
        &self,
        step: &Step,
        id: &SessionId,
        requester: &Requester,
    ) -> Result<Shared<Session>, Refusal> {
        let session = self
            .durable
            .sessions
            .get(id)
            .ok_or(Refusal::SessionUnknown)?;
        // END-36
        if self
            .session_expiry(id)
            .is_none_or(|ends| ends <= step.now())
        {
            return Err(Refusal::SessionUnknown);
        }
        let upstream = session.upstream.clone().map(Entity::Cse);
        match session.phase {
            Phase::Active => Ok(session.clone()),
            Phase::Terminating(_) if self.config.deviations.has(Deviation::UseWhileEnding) => {
                Ok(session.clone())
            }
            // EST-20
            Phase::Pending { .. } if upstream.as_ref() == Some(&requester.peer) => {
                Ok(session.clone())
            }
            Phase::Pending { .. } | Phase::Terminating(_) => Err(Refusal::SessionUnknown),
        }
    }

    /// The originator is an endpoint, and the request came from it or from the hop that leads to it.
    fn check_originator(
        &self,
        session: &Session,
        originator: &AeId,
        requester: &Requester,
    ) -> Result<(), Refusal> {
        // USE-02
        if *originator != session.initiator && *originator != session.target {
            return Err(Refusal::NotAnEndpoint);
        }
        // USE-04
        let expected = match self.hop_to(session, originator) {
            Some(hop) => Entity::Cse(hop.cse),
            None => Entity::Ae(originator.clone()),
        };
        if expected == requester.peer {
            Ok(())
        } else {
            Err(Refusal::NotAnEndpoint)
        }
    }

    /// Data of a session is sealed with its key, unless a policy lets plain data pass (USE-24, USE-55, USE-56).
    fn check_protection(
        &self,
        requester: &Requester,
        session: &Session,
        policy: Option<&Resource>,
    ) -> Result<(), Refusal> {
        let request = &requester.request;
        match request.operation {
            Operation::Create | Operation::Update => {}
            Operation::Retrieve | Operation::Delete | Operation::Notify => return Ok(()),
        }
        let data = policy.and_then(|p| p.get(&Attribute::PolicyData));
        let demanded = data.and_then(|d| d.member(&Attribute::Protected));
        // POL-15, POL-19
        if demanded == Some(&Value::Bool(false)) {
            return Ok(());
        }
        let content = request.content.as_ref().ok_or(Refusal::BadRequest)?;
        let Some((name, Value::Object(members))) = content.single() else {
            return Err(Refusal::BadRequest);
        };
        let mut sealed = 0;
        for (attribute, value) in members {
            // USE-43
            let carries_data = if *name == Attribute::Resource(ResourceType::ContentInstance) {
                *attribute == Attribute::Content
            } else {
                schema::is_custom(name) && schema::is_custom(attribute)
            };
            if carries_data {
                check_sealed(value, session)?;
                sealed += 1;
            }
        }
        let info = members
            .get(&Attribute::ContentInfo)
            .and_then(Value::as_text);
        let of_instance = *name == Attribute::Resource(ResourceType::ContentInstance);
        // USE-24, USE-55
        if sealed == 0 || of_instance && info.is_none_or(|i| i != "application/jose:0") {
            return Err(Refusal::Unprotected);
        }
        Ok(())
    }

    /// This CSE hosts the target: serve at once (flow 2 steps 8 to 14, 20 to 27).
    fn serve(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        admitted: &Admitted,
        target: Option<Resolved>,
    ) -> Result<Handled, Refusal> {
        let target = target.ok_or(Refusal::NotFound)?;
        let hosted = self.actual(&target)?;
        // USE-34, USE-35
        let right = Right::from(requester.request.operation);
        self.may(requester.asker(step.now()), &hosted, right)?;
        check_size(&requester.request, admitted.policy.as_deref())?;
        let owner = Entity::Ae(admitted.owner.clone());
        let told = self.is_told(requester, admitted);
        // USE-30
        if told && !self.has_room(&owner) {
            return Err(Refusal::NotAcceptable);
        }
        match requester.request.response_mode() {
            ResponseMode::Blocking | ResponseMode::NoResponse | ResponseMode::FlexBlocking => {
                let response = self.serve_now(step, requester, admitted, &target)?;
                Ok(Handled::Now(response.status, response.content))
            }
            ResponseMode::NonBlockingSynch | ResponseMode::NonBlockingAsynch => {
                let id = self.open_request(step, requester, requester.expires)?;
                self.acknowledge(step, requester, &id);
                let mut owner = requester.clone();
                owner.acknowledged = Some(id);
                match self.serve_now(step, requester, admitted, &target) {
                    Ok(response) => self.report(step, &owner, response.status, response.content),
                    Err(refusal) => self.report(step, &owner, refusal.status(), None),
                }
                Ok(Handled::Later)
            }
        }
    }

    fn serve_now(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        admitted: &Admitted,
        target: &Resolved,
    ) -> Result<Response, Refusal> {
        let session = &admitted.session;
        let path = self.sp_relative_path(&target.resource);
        self.check_unblocked(&requester.request, &target.resource)?;
        // USE-12, USE-14, USE-22, USE-34
        let response = self.execute(step, &requester.key.originator, &requester.request, target)?;
        self.activate(step, &session.id);
        // USE-16, USE-17
        let policy = admitted.policy.as_ref().map(|p| p.name.clone());
        let entry = super::context::Entry {
            requester,
            accepted: step.now(),
            status: response.status,
            content: response.content.as_ref(),
            role: Role::Serve,
            policy,
        };
        // USE-49
        self.note(step, &session.id, &entry);
        if self.is_told(requester, admitted) {
            let changed = self.changed_address(&requester.request, &path);
            // USE-21
            self.tell_changed(step, requester, admitted, &changed);
        }
        Ok(response)
    }

    /// Whether the endpoint that owns the target is told of the change (USE-51, USE-52).
    fn is_told(&self, requester: &Requester, admitted: &Admitted) -> bool {
        let changes = match requester.request.operation {
            Operation::Create | Operation::Update | Operation::Delete => true,
            Operation::Retrieve | Operation::Notify => false,
        };
        // USE-52
        changes
            && admitted.owner.0 != requester.key.originator
            && self.subscription_of(&admitted.owner, UPDATE).is_some()
    }

    /// The address of what changed: the new child on CREATE, else the target.
    fn changed_address(&self, request: &Request, target: &Text) -> Text {
        if request.operation != Operation::Create {
            return target.clone();
        }
        let address = crate::address::Address::parse(&request.to);
        let parent = address.and_then(|address| self.resolve(&address));
        let newest = parent.and_then(|p| {
            self.durable
                .tree
                .children(&p.resource)
                .next_back()
                .map(|r| r.id.clone())
        });
        newest.map_or_else(|| target.clone(), |id| self.sp_relative_path(&id))
    }

    fn tell_changed(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        admitted: &Admitted,
        changed: &Text,
    ) {
        let Some(subscription) = self.subscription_of(&admitted.owner, UPDATE) else {
            return;
        };
        let operation = i64::from(requester.request.operation.number());
        let monitor = Value::object([
            (Attribute::Operation, Value::Integer(operation)),
            (
                Attribute::Originator,
                Value::Text(requester.key.originator.clone()),
            ),
        ]);
        let what = Value::object([(Attribute::Uri, Value::Text(changed.clone()))]);
        // USE-20, USE-51
        let content = notification(&subscription.reference, UPDATE, Some(monitor), what);
        let session = admitted.session.id.clone();
        let mut request = self.notify_request(&subscription.to, content);
        request.session = Some(session.clone());
        let expires = self.session_expiry(&session).unwrap_or_else(|| step.now());
        let owner = Entity::Ae(admitted.owner.clone());
        // USE-54
        self.notice(step, &owner, request, expires, NoticeKind::Change(session));
    }

    /// The target is beyond: forward now, or store until the policy's window opens (flow 2 steps 4 to 7).
    fn forward_in_session(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        admitted: &Admitted,
    ) -> Result<Handled, Refusal> {
        let session = &admitted.session;
        // USE-04
        let hop: Hop = self
            .hop_to(session, &admitted.owner)
            .ok_or(Refusal::NotFound)?;
        let hop = Self::hop_entity(&hop.cse);
        let policy = admitted.policy.as_deref();
        check_size(&requester.request, policy)?;
        let kind = policy.and_then(|p| p.integer(&Attribute::PolicyType));
        let from_hop = matches!(requester.peer, Entity::Cse(_));
        let waits = match requester.request.response_mode() {
            ResponseMode::Blocking | ResponseMode::NoResponse => true,
            ResponseMode::NonBlockingSynch | ResponseMode::NonBlockingAsynch => false,
            ResponseMode::FlexBlocking => kind != Some(SCHEDULED),
        };
        let link_down = !self.is_up(&hop, step.now());
        // POL-16
        if kind == Some(IMMEDIATE) && link_down {
            return Err(Refusal::Unreachable);
        }
        // The first CSE has applied the schedule already.
        let scheduled = kind == Some(SCHEDULED) && !from_hop;
        let holds = scheduled && self.config.deviations.has(Deviation::BlockingIsStored);
        if waits && !holds {
            // USE-44
            if scheduled {
                return Err(Refusal::NotAcceptable);
            }
            self.activate(step, &session.id);
            return self.forward_blocking(step, requester, &hop);
        }
        let ends = self
            .session_expiry(&session.id)
            .ok_or(Refusal::SessionUnknown)?;
        let delay = delay_of(policy.filter(|_| scheduled), policy);
        let in_session = InSession {
            session: session.id.clone(),
            ends,
            delay,
        };
        self.store(step, requester, &hop, Some(in_session))
    }
}

/// What a policy says about delay.
fn delay_of(scheduled: Option<&Resource>, policy: Option<&Resource>) -> Delay {
    let window = scheduled
        .and_then(|p| p.get(&Attribute::ScheduleElement))
        .and_then(|se| se.member(&Attribute::ScheduleEntries))
        .and_then(Value::as_texts)
        .unwrap_or_default();
    let default_expiry_ms = policy
        .and_then(|p| p.get(&Attribute::PolicyData))
        .and_then(|d| d.member(&Attribute::DefaultRequestExpiration))
        .and_then(Value::as_integer)
        .and_then(|ms| u64::try_from(ms).ok());
    Delay {
        policy: policy.map(|p| p.name.clone()),
        window,
        default_expiry_ms,
    }
}

fn check_size(request: &Request, policy: Option<&Resource>) -> Result<(), Refusal> {
    let limit = policy
        .and_then(|p| p.get(&Attribute::PolicyData))
        .and_then(|d| d.member(&Attribute::MaxByteSize))
        .and_then(Value::as_integer);
    let size = request
        .content
        .as_ref()
        .map_or(0, |c: &Content| i64::from(c.size));
    // POL-18
    if limit.is_some_and(|limit| size > limit) {
        Err(Refusal::NotAcceptable)
    } else {
        Ok(())
    }
}

/// A value in a session: sealed, with the session's key and identifier in its header.
fn check_sealed(value: &Value, session: &Session) -> Result<(), Refusal> {
    let Value::Sealed(sealed) = value else {
        return Err(Refusal::Unprotected);
    };
    match sealed.body {
        SealBody::Compact(_) => {}
        SealBody::Clear(_) => return Err(Refusal::Unprotected),
    }
    // USE-56
    if sealed.header.key_id != session.credentials.key_id {
        return Err(Refusal::UnknownKey);
    }
    if sealed.header.session != session.id {
        return Err(Refusal::Unprotected);
    }
    Ok(())
}
