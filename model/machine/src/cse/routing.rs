//! Requests that are for someone else: along the registrations to the next CSE, or down a link to an AE.

use super::incoming::Handled;
use super::outgoing::{Conclusion, Purpose};
use super::{Cse, Step};
use crate::access::Right;
use crate::address::Address;
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{CseId, Entity, RequestId, RequestKey, ResourceId};
use crate::primitive::{Request, ResponseMode, When};
use crate::record::Requester;
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::text::Text;
use alloc::format;
use alloc::vec::Vec;

impl Cse {
    /// Forwards a request that belongs to no session (TS-0004 clause 7.3.2.6).
    pub(crate) fn forward(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        address: &Address,
    ) -> Result<Handled, Refusal> {
        let hop = self
            .hop_towards(address, &requester.peer)
            .ok_or(Refusal::NotFound)?;
        let hop = Entity::Cse(hop);
        match requester.request.response_mode() {
            ResponseMode::Blocking | ResponseMode::FlexBlocking | ResponseMode::NoResponse => {
                self.forward_blocking(step, requester, &hop)
            }
            ResponseMode::NonBlockingSynch | ResponseMode::NonBlockingAsynch => {
                self.store(step, requester, &hop, None)
            }
        }
    }

    /// Forwards a request whose originator waits.
    pub(crate) fn forward_blocking(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        hop: &Entity,
    ) -> Result<Handled, Refusal> {
        // LNK-09, USE-42
        if !self.can_reach(hop, step.now(), requester.expires) {
            return Err(Refusal::Unreachable);
        }
        if !self.has_room(hop) {
            return Err(Refusal::NotAcceptable);
        }
        let request = self.forwarded(requester, hop, step.now());
        let purpose = if requester.acknowledged.is_some() {
            Purpose::Relay(Shared::new(requester.clone()))
        } else {
            Purpose::Forward(requester.key.clone())
        };
        self.ask(step, hop, request, purpose, requester.expires);
        Ok(Handled::Later)
    }

    pub(crate) fn forward_concluded(
        &mut self,
        step: &mut Step,
        key: &RequestKey,
        conclusion: &Conclusion<'_>,
    ) {
        let Some(open) = self.open.get(key).cloned() else {
            return;
        };
        let (status, content) = match conclusion {
            Conclusion::Answer(response) => (response.status, response.content.clone()),
            Conclusion::Overdue { .. } => (Status::REQUEST_TIMEOUT, None),
        };
        // USE-16
        let content_ref = content.as_ref();
        self.note_forwarded(step, &open.requester, open.accepted, status, content_ref);
        self.respond(step, &open.requester, status, content);
    }

    /// The AE has answered a notification whose originator does not wait, or has not.
    pub(crate) fn relay_concluded(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        conclusion: &Conclusion<'_>,
    ) {
        let (status, content) = match conclusion {
            Conclusion::Answer(response) => (response.status, response.content.clone()),
            Conclusion::Overdue { .. } => (Status::REQUEST_TIMEOUT, None),
        };
        // REG-35
        self.report(step, requester, status, content);
    }

    /// A NOTIFY to an AE that is registered here goes down its link (TS-0004 clause 7.3.3.9).
    pub(crate) fn notify_ae(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &ResourceId,
    ) -> Result<Handled, Refusal> {
        let resource = self
            .durable
            .tree
            .get(target)
            .cloned()
            .ok_or(Refusal::NotFound)?;
        // REG-37
        self.may(requester.asker(step.now()), &resource, Right::Notify)?;
        let ae = self.local_ae(target);
        self.forward_blocking(step, requester, &ae)
    }

    /// The request as it leaves towards the hop: originator and identifier rewritten, response type gone, times
    /// made absolute as of when it was accepted, all else as it came (R2, R3, R13).
    pub(crate) fn forwarded(
        &self,
        requester: &Requester,
        hop: &Entity,
        accepted: Timestamp,
    ) -> Request {
        // DIS-07, REG-16, REG-21, USE-41
        let mut request = Request::clone(&requester.request);
        request.from = Some(requester.key.originator.clone());
        request.response_type = None;
        request.request_id = self.forwarded_id(requester, hop);
        request.request_expiration = request
            .request_expiration
            .map(|_| When::At(requester.expires));
        // REG-58
        for moment in [
            &mut request.result_expiration,
            &mut request.execution_time,
            &mut request.result_persistence,
        ] {
            *moment = moment.map(|when| When::At(when.from(accepted)));
        }
        request
    }

    /// The identifier under which a request of that requester goes on: a pure function, so that a repetition after
    /// a crash is recognised.
    pub(crate) fn forwarded_id(&self, requester: &Requester, hop: &Entity) -> RequestId {
        let id = requester.request.request_id.clone();
        match &requester.peer {
            // REG-17
            Entity::Ae(ae) => RequestId(format!("{}/{id}", ae.stem()).into()),
            Entity::Cse(cse) => {
                let taken = self
                    .outgoing
                    .get(&(hop.clone(), id.clone()))
                    .is_some_and(|open| {
                        let originator = self.name_for(hop, requester.key.originator.clone());
                        open.request.from.as_ref() != Some(&originator)
                    });
                if taken {
                    RequestId(format!("{}/{id}", cse.stem()).into())
                } else {
                    id
                }
            }
        }
    }

    /// The neighbour that leads to an address elsewhere: whatever is another service provider's is a matter of the
    /// infrastructure node, along the registrars, and there of that provider's node. Nobody's requests go from one
    /// provider to another by way of a third.
    pub(crate) fn hop_towards(&self, address: &Address, from: &Entity) -> Option<CseId> {
        if self.config.home().is_abroad(address) {
            // REG-71, REG-76
            let hop = match self.registrar() {
                Some(registrar) => registrar,
                None => self.node_abroad(address.provider.as_deref()?)?,
            };
            let is_transit = self.is_abroad(from) || *from == Entity::Cse(hop.clone());
            return (!is_transit).then_some(hop);
        }
        self.next_hop(address.cse.as_ref()?, from)
    }

    /// The neighbour that leads to that CSE: itself, an ancestor of it, or the registrar; never the one that asks.
    pub(crate) fn next_hop(&self, cse: &CseId, from: &Entity) -> Option<CseId> {
        let mut neighbours = self.durable.neighbours.iter().map(|(id, _)| id);
        // REG-20
        let hop = if self.durable.neighbours.has(cse) {
            cse.clone()
        } else {
            match neighbours.find(|id| self.descendants(id).contains(&cse.0)) {
                Some(found) => found.clone(),
                None => self.registrar()?,
            }
        };
        (*from != Entity::Cse(hop.clone())).then_some(hop)
    }

    /// The CSE at which this one is registered.
    pub(crate) fn registrar(&self) -> Option<CseId> {
        self.durable
            .neighbours
            .iter()
            .find(|(_, n)| n.is_registrar)
            .map(|(id, _)| id.clone())
    }

    /// Whether this CSE is the client on the link to that peer, and so the one that opens it.
    pub(crate) fn opens_link_to(&self, peer: &Entity) -> bool {
        match peer {
            Entity::Ae(_) => false,
            Entity::Cse(cse) => self
                .durable
                .neighbours
                .get(cse)
                .is_some_and(|n| n.is_registrar),
        }
    }

    /// CSEs that registered with that neighbour, as it told.
    pub(crate) fn descendants(&self, neighbour: &CseId) -> Vec<Text> {
        self.remote_cse(neighbour)
            .and_then(|id| self.durable.tree.get(&id))
            .map(|r| r.texts(&Attribute::DescendantCses))
            .unwrap_or_default()
    }

    /// The `<remoteCSE>` of a neighbour.
    pub(crate) fn remote_cse(&self, neighbour: &CseId) -> Option<ResourceId> {
        let base = self.durable.tree.base()?;
        self.durable
            .tree
            .children_of_type(&base.id, ResourceType::RemoteCse)
            .find(|r| r.text(&Attribute::CseId) == Some(&neighbour.0))
            .map(|r| r.id.clone())
    }
}
