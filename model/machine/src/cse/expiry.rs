//! Resources that reach their `et` (TS-0004 clause 7.3.3.7): the normal delete, for each type in its way.

use super::{Cse, Event, Step, Timer};
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{CseId, Entity, ResourceId};
use crate::resource::{Resource, ResourceType};
use alloc::vec::Vec;

impl Cse {
    /// Resources that expire, the earliest first. Sessions are not among them: they end in their own way, see
    /// [`super::termination`].
    pub(crate) fn resource_deadlines(&self) -> impl Iterator<Item = (Timestamp, Timer)> + '_ {
        let due = self.durable.tree.due();
        due.map(|(at, id)| (*at, Timer::ResourceExpiry(id.clone())))
    }

    /// Lets go what has reached its `et` before a request may meet it: a late host looks at its deadlines afterwards.
    pub(crate) fn expire_resources(&mut self, step: &mut Step) {
        if self.store_failing {
            return;
        }
        // REG-96
        let due = self.durable.tree.due();
        let over = due.take_while(|(at, _)| *at <= step.now());
        let over: Vec<ResourceId> = over.map(|(_, id)| id.clone()).collect();
        for id in over {
            self.resource_expired(step, &id);
        }
    }

    pub(crate) fn resource_expired(&mut self, step: &mut Step, id: &ResourceId) {
        match self.type_of(id) {
            Some(ResourceType::Ae) => self.ae_leaves(step, id),
            Some(ResourceType::RemoteCse) => self.cse_leaves(step, id),
            Some(
                ResourceType::AccessControlPolicy
                | ResourceType::Container
                | ResourceType::Group
                | ResourceType::Node
                | ResourceType::Schedule
                | ResourceType::PollingChannel
                | ResourceType::ContentInstance
                | ResourceType::Subscription
                | ResourceType::FlexContainer,
            ) => {
                self.remove(step, id);
            }
            Some(ResourceType::Request) => {
                // A host that was suspended may look at the later of two deadlines first.
                self.stored_expired(step, id);
                self.remove(step, id);
            }
            Some(
                ResourceType::CseBase
                | ResourceType::Sessions
                | ResourceType::Session
                | ResourceType::SessionEndpoint
                | ResourceType::NextHop
                | ResourceType::SessionPolicy
                | ResourceType::SessionContext
                | ResourceType::SessionContextEntry,
            )
            | None => {}
        }
    }

    /// An AE is no longer registered: its sessions end, everything below it goes, its link is nobody's (REG-06).
    pub(crate) fn ae_leaves(&mut self, step: &mut Step, id: &ResourceId) {
        let ae = self.local_ae(id);
        self.end_sessions_of(step, &ae);
        // REG-06
        self.remove(step, id);
        self.forget_outgoing(step, &ae);
        self.forget_reach(&ae);
        self.unbind(&ae);
        step.report(Event::Deregistered(ae));
    }

    /// A neighbour is no longer registered: sessions over it end after a grace period (END-38).
    pub(crate) fn cse_leaves(&mut self, step: &mut Step, id: &ResourceId) {
        let Some(cse) = self.durable.tree.get(id).map(|r| cse_of(r)) else {
            return;
        };
        self.remove(step, id);
        self.durable.neighbours.remove(&cse);
        self.dialing_registrees.remove(&cse);
        self.hop_is_lost(step, &cse);
        let entity = Entity::Cse(cse);
        self.forget_reach(&entity);
        self.unbind(&entity);
        step.report(Event::Deregistered(entity));
    }
}

/// The CSE-ID of a `<remoteCSE>`.
fn cse_of(resource: &Resource) -> CseId {
    CseId(
        resource
            .text(&Attribute::CseId)
            .cloned()
            .unwrap_or_default(),
    )
}
