//! Other service providers: links between infrastructure nodes, over which requests with absolute addresses go both
//! ways (reference point Mcc', TS-0001 clause 5.2.2).
//!
//! There is no registration between providers: the operators name each other's node. It stands among the peers as a
//! CSE whose identifier is that of its provider, `//sp-b.example`.

use super::Cse;
use crate::address::Address;
use crate::attribute::Attribute;
use crate::config::Provider;
use crate::id::{CseId, Entity};
use crate::primitive::{Content, Operation, Request};
use crate::record::Requester;
use crate::resource::ResourceType;
use crate::status::Refusal;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;

/// What a notification names entities and resources of its sender in.
const NAMES: [Attribute; 4] = [
    Attribute::SubscriptionReference,
    Attribute::Creator,
    Attribute::Originator,
    Attribute::Uri,
];

/// Where in a notification they stand, outside of resources.
const HOLDERS: [Attribute; 4] = [
    Attribute::Notification,
    Attribute::NotificationEvent,
    Attribute::Representation,
    Attribute::OperationMonitor,
];

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

    /// Whether that is another provider's node, and of two links with it the one that this CSE has opened stays.
    pub(crate) fn comes_before(&self, cse: &CseId) -> bool {
        // LNK-61
        let other = self.provider(cse);
        other.is_some_and(|other| self.config.service_provider < other.id)
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
        if self.is_abroad(peer) {
            self.absolute(originator)
        } else {
            originator
        }
    }

    /// An identifier as other providers know it.
    fn absolute(&self, identifier: Text) -> Text {
        if identifier.starts_with('/') && !identifier.starts_with("//") {
            format!("//{}{identifier}", self.config.service_provider).into()
        } else {
            identifier
        }
    }

    /// The content of a notification as its target knows what it names (TS-0001 clause 7.2).
    pub(crate) fn told_to(&self, target: &str, mut content: Content) -> Content {
        let address = Address::parse(target);
        if address.is_some_and(|address| self.config.home().is_abroad(&address))
            && let Some(members) = content.value.as_object()
        {
            // REG-85
            content.value = Value::Object(self.with_absolute_names(members));
        }
        content
    }

    fn with_absolute_names(&self, members: &Members) -> Members {
        let told = |name: &Attribute, value: &Value| match (value.as_object(), value.as_text()) {
            (Some(inner), _) if HOLDERS.contains(name) => {
                Value::Object(self.with_absolute_names(inner))
            }
            (_, Some(text)) if NAMES.contains(name) => Value::Text(self.absolute(text.clone())),
            (Some(_) | None, Some(_) | None) => value.clone(),
        };
        let members = members.iter();
        members
            .map(|(name, value)| (name.clone(), told(name, value)))
            .collect()
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
