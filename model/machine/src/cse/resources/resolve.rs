//! From addresses to resources (TS-0004 clause 6.2.4).

use crate::address::{Address, Home};
use crate::cse::Cse;
use crate::id::ResourceId;
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::text::Text;
use crate::tree::Tree;
use alloc::vec::Vec;

/// What an address at this CSE means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Resolved {
    /// The resource, or the parent of the virtual one.
    pub(crate) resource: ResourceId,
    /// The virtual child that is meant, if any.
    pub(crate) virtual_child: Option<VirtualChild>,
    /// The children that a collection name of the session types means, if it is one.
    pub(crate) collection: Option<ResourceType>,
    /// What stands behind a fan-out point: a path below each member.
    pub(crate) beyond: Vec<Text>,
}

/// Virtual children of a container, of a session context, of a group and of a polling channel (TS-0004 clause 6.8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum VirtualChild {
    /// `la`: the newest instance or entry.
    Latest,
    /// `ol`: the oldest one.
    Oldest,
    /// `fopt`: every member of a group.
    FanOutPoint,
    /// `pcu`: what waits in a polling channel.
    PollingChannelUri,
}

impl Resolved {
    /// The resource itself.
    pub(crate) const fn whole(resource: ResourceId) -> Self {
        Self {
            resource,
            virtual_child: None,
            collection: None,
            beyond: Vec::new(),
        }
    }
}

impl Cse {
    /// An address that begins with the SP-relative AE-ID of an AE here whose stem is one of the service provider
    /// (`/S…`, TS-0001 clause 7.2), as an address of this CSE.
    pub(crate) fn localized(&self, mut address: Address) -> Address {
        let stem = address.cse.as_ref().map(|cse| Text::from(cse.stem()));
        let named = stem.filter(|stem| stem.starts_with('S') && self.is_registered_ae(stem));
        // REG-51
        if let Some(stem) = named {
            address.cse = None;
            address.segments.insert(0, stem);
        }
        address
    }

    /// What the address means here; `None` if it is another CSE's, or nothing is there. Whether a virtual child has
    /// something to stand for is not looked at.
    pub(crate) fn resolve(&self, address: &Address) -> Option<Resolved> {
        resolve(&self.durable.tree, self.config.home(), address)
    }
}

/// The resource of an address at this CSE; no virtual child, no collection.
pub(crate) fn find<'a>(
    tree: &'a Tree,
    home: Home<'_>,
    address: &Address,
) -> Option<&'a Shared<Resource>> {
    let resolved = resolve(tree, home, address)?;
    if resolved == Resolved::whole(resolved.resource.clone()) {
        tree.get(&resolved.resource)
    } else {
        None
    }
}

fn resolve(tree: &Tree, home: Home<'_>, address: &Address) -> Option<Resolved> {
    if !home.is_here(address) {
        return None;
    }
    let base = tree.base()?;
    let mut segments = address.segments.iter();
    // REG-19
    let mut here = match segments.next() {
        None => base,
        Some(first) if *first == "-" || *first == base.name => base,
        Some(first) => tree.get(&ResourceId(first.clone()))?,
    };
    let mut resolved = Resolved::whole(here.id.clone());
    for segment in segments {
        if resolved.virtual_child == Some(VirtualChild::FanOutPoint) {
            resolved.beyond.push(segment.clone());
            continue;
        }
        if resolved.virtual_child.is_some() {
            return None;
        }
        // EST-73
        resolved.collection = collection(here.resource_type, segment);
        if resolved.collection.is_some() {
            continue;
        }
        resolved.virtual_child = virtual_child(here.resource_type, segment);
        if resolved.virtual_child.is_none() {
            here = tree.child(&here.id, segment)?;
            resolved.resource = here.id.clone();
        }
    }
    Some(resolved)
}

fn collection(parent: ResourceType, segment: &str) -> Option<ResourceType> {
    match parent {
        ResourceType::Sessions => match segment {
            "subscriptions" => Some(ResourceType::Subscription),
            _ => None,
        },
        ResourceType::Session => match segment {
            "sessionPolicies" => Some(ResourceType::SessionPolicy),
            "sessionEndpoints" => Some(ResourceType::SessionEndpoint),
            "nextHops" => Some(ResourceType::NextHop),
            _ => None,
        },
        ResourceType::AccessControlPolicy
        | ResourceType::Ae
        | ResourceType::Container
        | ResourceType::ContentInstance
        | ResourceType::CseBase
        | ResourceType::Group
        | ResourceType::Node
        | ResourceType::Schedule
        | ResourceType::PollingChannel
        | ResourceType::RemoteCse
        | ResourceType::Request
        | ResourceType::Subscription
        | ResourceType::FlexContainer
        | ResourceType::SessionEndpoint
        | ResourceType::NextHop
        | ResourceType::SessionPolicy
        | ResourceType::SessionContext
        | ResourceType::SessionContextEntry => None,
    }
}

fn virtual_child(parent: ResourceType, segment: &str) -> Option<VirtualChild> {
    let has_them = matches!(
        parent,
        ResourceType::Container | ResourceType::SessionContext
    );
    match segment {
        // USE-50
        "la" if has_them => Some(VirtualChild::Latest),
        "fopt" if parent == ResourceType::Group => Some(VirtualChild::FanOutPoint),
        "pcu" if parent == ResourceType::PollingChannel => Some(VirtualChild::PollingChannelUri),
        "ol" if has_them => Some(VirtualChild::Oldest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{Fixture, OWNER};
    use rstest::rstest;

    #[rstest]
    #[case("cse2/ae2/box")]
    #[case("-/ae2/box")]
    #[case("Cae2/box")]
    #[case("box1")]
    #[case("/cse2/cse2/ae2/box")]
    #[case("/cse2/-/ae2/box")]
    #[case("/cse2/Cae2/box")]
    #[case("/cse2/box1")]
    #[case("//sp.example/cse2/cse2/ae2/box")]
    fn every_form_of_address_reaches_the_same_resource(#[case] address: &str) {
        let mut fixture = Fixture::new();
        fixture.put(ResourceType::Container, "Cae2", "box1", "box", OWNER, &[]);

        let found = fixture.resolve(address);

        assert_eq!(found, Some(Resolved::whole(ResourceId::from("box1"))));
    }

    #[rstest]
    #[case("cse2")]
    #[case("-")]
    #[case("/cse2")]
    #[case("/cse2/cse2")]
    fn the_csebase_has_names_of_its_own(#[case] address: &str) {
        let fixture = Fixture::new();

        let found = fixture.resolve(address).expect("the CSEBase");

        assert_eq!(
            Some(&found.resource),
            fixture.cse.durable.tree.base().map(|b| &b.id)
        );
    }

    #[rstest]
    #[case("/cse1/cse2/ae2")]
    #[case("cse2/ae9")]
    #[case("cse2/ae2/la")]
    #[case("cse2/ae2/sessions/nextHops")]
    #[case("cse2/ae2/subscriptions")]
    #[case("box1/la/la")]
    fn what_is_not_there_is_not_found(#[case] address: &str) {
        let mut fixture = Fixture::new();
        fixture.put(ResourceType::Container, "Cae2", "box1", "box", OWNER, &[]);

        assert_eq!(fixture.resolve(address), None);
    }

    #[test]
    fn virtual_children_and_collections_are_told_from_resources() {
        let mut fixture = Fixture::new();
        fixture.put(ResourceType::Container, "Cae2", "box1", "box", OWNER, &[]);
        fixture.put(ResourceType::Session, "sess2", "ses2", "s42", OWNER, &[]);
        fixture.put(
            ResourceType::SessionPolicy,
            "ses2",
            "spy2",
            "night",
            OWNER,
            &[],
        );

        let latest = fixture.resolve("box1/la").expect("la");
        let policies = fixture
            .resolve("Cae2/sessions/s42/sessionPolicies")
            .expect("collection");
        let policy = fixture
            .resolve("ses2/sessionPolicies/night")
            .expect("policy");

        assert_eq!(latest.virtual_child, Some(VirtualChild::Latest));
        assert_eq!(latest.resource, ResourceId::from("box1"));
        assert_eq!(policies.collection, Some(ResourceType::SessionPolicy));
        assert_eq!(policies.resource, ResourceId::from("ses2"));
        assert_eq!(policy, Resolved::whole(ResourceId::from("spy2")));
    }
}
