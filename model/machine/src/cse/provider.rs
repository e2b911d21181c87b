//! Other service providers: links between infrastructure nodes, over which requests with absolute addresses go both
//! ways (reference point Mcc', TS-0001 clause 5.2.2).
//!
//! There is no registration between providers: the operators name each other's node. It stands among the peers as a
//! CSE whose identifier is that of its provider, `//sp-b.example`.

use super::Cse;
use crate::address::Address;
use crate::config::Provider;
use crate::id::{CseId, Entity};
use crate::primitive::{Operation, Request};
use crate::record::Requester;
use crate::resource::ResourceType;
use crate::status::Refusal;
use crate::text::Text;
use alloc::format;

impl Cse {
    /// The node of another provider that the operator has named, as a peer.
    pub(crate) fn node_abroad(&self, provider: &str) -> Option<CseId> {
        let mut providers = self.config.providers.iter();
        let found = providers.find(|p| *p.id == *provider)?;
        Some(CseId(format!("//{}", found.id).into()))
    }

    /// The provider of such a peer; `None` for a CSE of the own one.
    pub(crate) fn provider(&self, cse: &CseId) -> Option<&Provider> {
        let id = cse.as_str().strip_prefix("//")?;
        self.config.providers.iter().find(|p| *p.id == *id)
    }

    /// Whether that is another provider's node.
    pub(crate) fn is_abroad(&self, peer: &Entity) -> bool {
        match peer {
            Entity::Cse(cse) => self.provider(cse).is_some(),
            Entity::Ae(_) => false,
        }
    }

    /// Whose link one is that is opened under that absolute identifier.
    pub(crate) fn known_abroad(&self, origin: &str) -> Option<Entity> {
        let (provider, name) = origin.strip_prefix("//")?.split_once('/')?;
        // LNK-65
        let node = self.node_abroad(provider).map(Entity::Cse);
        node.filter(|_| !name.is_empty())
    }

    /// What this CSE calls itself towards that peer.
    pub(crate) fn own_name(&self, peer: &CseId) -> Text {
        let own = self.config.cse_id.0.clone();
        self.name_for(&Entity::Cse(peer.clone()), own)
    }

    /// An originator as that peer knows it: another provider by its absolute identifier (TS-0004 clause 7.3.2.6).
    pub(crate) fn name_for(&self, peer: &Entity, originator: Text) -> Text {
        // REG-76
        if self.is_abroad(peer) && originator.starts_with('/') && !originator.starts_with("//") {
            format!("//{}{originator}", self.config.service_provider).into()
        } else {
            originator
        }
    }

    /// What another provider's node may ask for: nothing without an absolute address, no registration, no session.
    pub(crate) fn check_from_abroad(
        &self,
        requester: &Requester,
        address: &Address,
    ) -> Result<(), Refusal> {
        let request = &requester.request;
        if !self.is_abroad(&requester.peer) {
            return Ok(());
        }
        // REG-77
        if address.provider.is_none() {
            return Err(Refusal::BadRequest);
        }
        if registers(request) {
            return Err(Refusal::OperationNotAllowed);
        }
        if request.session.is_some() || creates(request, ResourceType::Session) {
            return Err(Refusal::NotImplemented);
        }
        Ok(())
    }
}

fn registers(request: &Request) -> bool {
    creates(request, ResourceType::Ae) || creates(request, ResourceType::RemoteCse)
}

fn creates(request: &Request, resource_type: ResourceType) -> bool {
    request.operation == Operation::Create && request.resource_type == Some(resource_type.number())
}
