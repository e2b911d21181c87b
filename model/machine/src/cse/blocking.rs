//! Blocking subscriptions (event type 7; TS-0001 clause 10.2.10.7, TS-0004 clauses 7.3.2.9 and 7.5.1.2.19): an UPDATE
//! that touches what one of them names is carried out only if its target agrees.
//!
//! ```text
//!  UPDATE ─▶ NOTIFY net 7 to the target ─▶ success: carried out, 2004
//!                                      ├─▶ 4005 and any other no: 4127
//!  UPDATE, DELETE meanwhile: they wait └─▶ out of reach, silent: 5107
//! ```

use super::discovery::attribute_of;
use super::incoming::Handled;
use super::notify::{BLOCKING_UPDATE, targets};
use super::outgoing::{Conclusion, Purpose};
use super::resources::Resolved;
use super::{Cse, Step};
use crate::access::Right;
use crate::attribute::Attribute;
use crate::id::{Entity, ResourceId};
use crate::primitive::{Content, Operation, Request, When};
use crate::record::Requester;
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::value::Value;
use alloc::vec::Vec;

/// An UPDATE on whose consent its resource waits, and what came for that resource since then.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Blocked {
    requester: Requester,
    waiting: Vec<Requester>,
}

impl Cse {
    /// Carries out an UPDATE, or asks first whom a blocking subscription names.
    pub(crate) fn perform_update(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        let Some(subscription) = self.blocking_subscription(request, &target.resource) else {
            return self.update_now(step, requester, target);
        };
        let now = step.now();
        self.planned_update(&step.far_types, requester.asker(now), request, target)?;
        let own = Entity::Cse(self.config.cse_id.clone());
        let to = targets(&subscription.attributes).into_iter().next();
        let to = to.ok_or(Refusal::RemoteUnreachable)?;
        let peer = self
            .notification_peer(&to, &own)
            .filter(|peer| self.is_up(peer, now) && self.has_room(peer))
            .ok_or(Refusal::RemoteUnreachable)?;
        let expires = self.answer_due(now, requester);
        let mut ask = self.notify_request(&to, self.proposed(&subscription, request));
        ask.request_id = self.own_request_id();
        ask.request_expiration = Some(When::At(expires));
        let blocked = Blocked {
            requester: requester.clone(),
            waiting: Vec::new(),
        };
        self.blocked.insert(target.resource.clone(), blocked);
        // REG-93
        let purpose = Purpose::Blocked(target.resource.clone());
        self.ask(step, &peer, ask, purpose, expires);
        Ok(Handled::Later)
    }

    /// Whether a request has to wait until an UPDATE of the same resource is decided; then it does.
    pub(crate) fn waits_for_update(
        &mut self,
        step: &Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<bool, Refusal> {
        if target.virtual_child.is_some() || !self.blocked.contains_key(&target.resource) {
            return Ok(false);
        }
        let (request, asker) = (&requester.request, requester.asker(step.now()));
        // Who may not do it does not wait for it either.
        match request.operation {
            Operation::Update => {
                self.planned_update(&step.far_types, asker, request, target)?;
            }
            Operation::Delete => {
                let row = self.row(&target.resource).ok_or(Refusal::NotFound)?;
                self.may(asker, &row, Right::Delete)?;
            }
            Operation::Create | Operation::Retrieve | Operation::Notify => return Ok(false),
        }
        let Some(blocked) = self.blocked.get_mut(&target.resource) else {
            return Ok(false);
        };
        if blocked.waiting.len() >= self.config.limits.outgoing_per_peer as usize {
            return Err(Refusal::NotAcceptable);
        }
        // REG-94
        blocked.waiting.push(requester.clone());
        Ok(true)
    }

    /// Whether a request that can neither wait nor ask may be carried out: of a session, or at a member of a group.
    pub(crate) fn check_unblocked(
        &self,
        request: &Request,
        resource: &ResourceId,
    ) -> Result<(), Refusal> {
        let changes = match request.operation {
            Operation::Update | Operation::Delete => true,
            Operation::Create | Operation::Retrieve | Operation::Notify => false,
        };
        // REG-93, REG-94
        if changes && self.blocked.contains_key(resource) {
            return Err(Refusal::NotAcceptable);
        }
        match self.blocking_subscription(request, resource) {
            Some(_) => Err(Refusal::NotImplemented),
            None => Ok(()),
        }
    }

    /// The target has answered, or has not; what has waited meanwhile goes on.
    pub(crate) fn update_decided(
        &mut self,
        step: &mut Step,
        resource: &ResourceId,
        conclusion: &Conclusion<'_>,
    ) {
        let Some(blocked) = self.blocked.remove(resource) else {
            return;
        };
        let requester = &blocked.requester;
        if self.is_awaited(requester) {
            let target = self.target_of(&requester.request);
            let target = target.filter(|target| target.resource == *resource);
            let done = match (verdict(conclusion), target) {
                (Ok(()), _) if requester.expires <= step.now() => Err(Refusal::Expired),
                (Ok(()), Some(target)) => self.update_now(step, requester, &target),
                (Ok(()), None) => Err(Refusal::NotFound),
                (Err(refusal), _) => Err(refusal),
            };
            self.conclude(step, requester, done);
        }
        for requester in &blocked.waiting {
            if !self.is_awaited(requester) {
                continue;
            }
            let done = match self.target_of(&requester.request) {
                Some(_) if requester.expires <= step.now() => Err(Refusal::Expired),
                Some(target) => self.perform(step, requester, &target),
                None => Err(Refusal::NotFound),
            };
            self.conclude(step, requester, done);
        }
    }

    /// Carries out an UPDATE that nobody has to agree to, or that was agreed to.
    fn update_now(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Handled, Refusal> {
        if let Some(asked) = self.verify(step, requester, target)? {
            return Ok(asked);
        }
        if let Some(asked) = self.inquire(step, requester, target)? {
            return Ok(asked);
        }
        let done = self.execute_now(step, requester, target)?;
        if self.type_of(&target.resource) == Some(ResourceType::Ae) {
            self.sync_sessions(step, &target.resource);
        }
        Ok(done)
    }

    /// Whether somebody still waits for the answer.
    fn is_awaited(&self, requester: &Requester) -> bool {
        requester.acknowledged.is_some() || self.open.contains_key(&requester.key)
    }

    /// The blocking subscription that an UPDATE touches.
    fn blocking_subscription(
        &self,
        request: &Request,
        resource: &ResourceId,
    ) -> Option<Shared<Resource>> {
        if request.operation != Operation::Update {
            return None;
        }
        let content = request.content.as_ref().and_then(Content::single);
        let members = content.and_then(|(_, value)| value.as_object())?;
        let touches = |subscription: &Shared<Resource>| {
            let criteria = subscription.get(&Attribute::EventNotificationCriteria);
            let names = criteria
                .and_then(|criteria| criteria.member(&Attribute::AttributeCriterion)?.as_texts());
            names.is_none_or(|names| {
                let named = |name| members.contains_key(&attribute_of(name));
                names.iter().any(|name| named(name))
            })
        };
        let mut subscriptions = self.subscribers(resource, BLOCKING_UPDATE).into_iter();
        subscriptions.find(touches)
    }

    /// What the target is asked: whether the resource may become what the UPDATE says.
    fn proposed(&self, subscription: &Resource, request: &Request) -> Content {
        let proposal = request
            .content
            .as_ref()
            .map(|content| content.value.clone());
        let event = Value::object([
            (
                Attribute::NotificationEventType,
                Value::Integer(BLOCKING_UPDATE),
            ),
            (
                Attribute::Representation,
                proposal.unwrap_or_else(|| Value::object([])),
            ),
        ]);
        self.event_of(subscription, event)
    }
}

/// What the answer of the target means for the UPDATE (TS-0004 clause 7.3.2.9).
fn verdict(conclusion: &Conclusion<'_>) -> Result<(), Refusal> {
    match conclusion {
        Conclusion::Answer(response) if response.status.is_success() => Ok(()),
        Conclusion::Answer(response) if response.status == Status::TARGET_NOT_REACHABLE => {
            Err(Refusal::RemoteUnreachable)
        }
        // REG-93
        Conclusion::Answer(_) => Err(Refusal::Denied),
        Conclusion::Overdue { .. } => Err(Refusal::RemoteUnreachable),
    }
}
