//! Who may do what to which resource (TS-0001 clause 9.6.2, TS-0004 clause 7.3.3.15): pure functions of the tree.
//!
//! A resource with policies (`acpi`) is governed by them alone. Without, it belongs to its creator or to the AE it
//! stands below. An accessControlPolicy is governed by its own `pvs`; session resources by who takes part in the
//! session, of which only reading is decided here: the session chapters decide the rest.
//!
//! Deliberately not here: whether the originator is who it says it is.

mod block;
#[cfg(test)]
mod tests;

pub(crate) use block::AddressBlock;

use crate::address::{Address, Home};
use crate::attribute::Attribute;
use crate::cse::link::Link;
use crate::cse::resources::resolve::find;
use crate::env::Timestamp;
use crate::id::{AeId, CseId, Entity, LinkId, ResourceId};
use crate::primitive::Operation;
use crate::record::Requester;
use crate::resource::{Resource, ResourceType};
use crate::schedule;
use crate::text::Text;
use crate::tree::{Tree, policy_ids};
use crate::value::Value;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

/// What someone wants to do; each has its bit in `acop` (TS-0004 clause 6.3.4.2.29).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Right {
    /// Make a child: 1.
    Create,
    /// Read: 2.
    Retrieve,
    /// Change: 4.
    Update,
    /// Delete: 8.
    Delete,
    /// Notify: 16.
    Notify,
    /// Find by discovery: 32.
    Discover,
}

impl Right {
    const fn bit(self) -> i64 {
        match self {
            Self::Create => 1,
            Self::Retrieve => 2,
            Self::Update => 4,
            Self::Delete => 8,
            Self::Notify => 16,
            Self::Discover => 32,
        }
    }
}

impl From<Operation> for Right {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Create => Self::Create,
            Operation::Retrieve => Self::Retrieve,
            Operation::Update => Self::Update,
            Operation::Delete => Self::Delete,
            Operation::Notify => Self::Notify,
        }
    }
}

/// Who wants something, and what a rule looks at besides.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The originator, SP-relative.
    pub originator: &'a str,
    /// When.
    pub now: Timestamp,
    /// The type of the child that is to be made, on CREATE.
    pub child: Option<ResourceType>,
}

impl<'a> Asker<'a> {
    /// Someone who makes nothing.
    #[must_use]
    pub const fn new(originator: &'a str, now: Timestamp) -> Self {
        Self {
            originator,
            now,
            child: None,
        }
    }

    /// Someone who makes a resource of this type.
    #[must_use]
    pub const fn making(originator: &'a str, now: Timestamp, child: ResourceType) -> Self {
        Self {
            originator,
            now,
            child: Some(child),
        }
    }
}

impl Requester {
    /// The originator of the request, with what it makes.
    pub(crate) fn asker(&self, now: Timestamp) -> Asker<'_> {
        Asker {
            originator: &self.key.originator,
            now,
            child: self
                .request
                .resource_type
                .and_then(ResourceType::from_number),
        }
    }
}

/// What decides: the tree, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    /// The tree, in which the policies and groups stand.
    pub tree: &'a Tree,
    /// Whose it is.
    pub home: Home<'a>,
    /// Who has every right.
    pub administrator: Option<&'a str>,
    /// The links that are open, and whose they are.
    pub(crate) links: (&'a BTreeMap<LinkId, Link>, &'a BTreeMap<Entity, LinkId>),
}

impl<'a> Authority<'a> {
    /// Whether the asker may do this to the resource.
    #[must_use]
    pub fn allows(self, asker: Asker<'_>, resource: &Resource, right: Right) -> bool {
        if self.administers(asker) {
            return true;
        }
        if resource.resource_type.is_of_sessions() {
            // EST-70
            return takes_part(self.tree, asker.originator, self.home.cse, resource, right);
        }
        if resource.resource_type == ResourceType::AccessControlPolicy {
            return self.grants(resource, &Attribute::SelfPrivileges, asker, resource, right);
        }
        // REG-25
        let policies = policy_ids(resource);
        if policies.is_empty() {
            self.unruled(asker, resource, right)
        } else {
            self.any_grants(policies, asker, resource, right)
        }
    }

    /// Whether the asker may do this to the members of a group: as `macp` says, and without it as to the group
    /// (TS-0001 clause 9.6.13).
    #[must_use]
    pub fn allows_members(self, asker: Asker<'_>, group: &Resource, right: Right) -> bool {
        let policies = group.texts(&Attribute::MembersAccessControlPolicyIds);
        // REG-52
        if policies.is_empty() || self.administers(asker) {
            self.allows(asker, group, right)
        } else {
            self.any_grants(policies, asker, group, right)
        }
    }

    /// Whether the asker may change which policies govern the resource: where there are some, that takes the right
    /// to change one of them (TS-0001 clause 9.6.1.3.2).
    #[must_use]
    pub fn allows_assignment(self, asker: Asker<'_>, resource: &Resource) -> bool {
        let policies = policy_ids(resource);
        if policies.is_empty() || self.administers(asker) {
            return self.allows(asker, resource, Right::Update);
        }
        let privileges = &Attribute::SelfPrivileges;
        self.policies(policies)
            .any(|policy| self.grants(policy, privileges, asker, policy, Right::Update))
    }

    fn administers(self, asker: Asker<'_>) -> bool {
        self.administrator
            .is_some_and(|name| names(name, asker.originator, self.home))
    }

    /// What has no policies of its own: an instance is ruled by those of its container (TS-0001 clause 9.6.7), a
    /// subscription by those of its parent too, and all else belongs to someone.
    fn unruled(self, asker: Asker<'_>, resource: &Resource, right: Right) -> bool {
        let is_instance = resource.resource_type == ResourceType::ContentInstance;
        let inherits = is_instance || resource.resource_type == ResourceType::Subscription;
        let parent = resource.parent.as_ref().filter(|_| inherits);
        let policies = parent
            .and_then(|parent| self.tree.get(parent))
            .map_or_else(Vec::new, |parent| policy_ids(parent));
        // REG-54
        if policies.is_empty() {
            belongs_to(self, asker, resource, right)
        } else {
            self.any_grants(policies, asker, resource, right)
                || !is_instance && belongs_to(self, asker, resource, right)
        }
    }

    fn any_grants(
        self,
        policies: Vec<Text>,
        asker: Asker<'_>,
        resource: &Resource,
        right: Right,
    ) -> bool {
        self.policies(policies)
            .any(|policy| self.grants(policy, &Attribute::Privileges, asker, resource, right))
    }

    /// Whether a policy lets the asker do this to the resource.
    fn grants(
        self,
        policy: &Resource,
        privileges: &Attribute,
        asker: Asker<'_>,
        resource: &Resource,
        right: Right,
    ) -> bool {
        let rules = policy
            .get(privileges)
            .and_then(|p| p.member(&Attribute::AccessControlRules))
            .and_then(Value::as_list)
            .unwrap_or_default();
        rules.iter().any(|rule| {
            let operations = rule
                .member(&Attribute::AccessControlOperations)
                .and_then(Value::as_integer)
                .unwrap_or(0);
            let originators = || {
                rule.member(&Attribute::AccessControlOriginators)
                    .and_then(Value::as_texts)
                    .unwrap_or_default()
            };
            operations & right.bit() != 0
                && (!demands_authentication(rule) || self.is_authenticated(asker.originator))
                && in_context(rule, asker.now, || self.address(asker.originator))
                && about(rule, resource, asker, right)
                && originators()
                    .iter()
                    .any(|entry| self.is_named(entry, asker.originator))
        })
    }

    /// The link of the originator, if it speaks over one of its own.
    fn link(self, originator: &str) -> Option<&'a Link> {
        let (links, link_of) = self.links;
        let entity = if is_cse(originator) {
            Entity::Cse(CseId::from(originator))
        } else {
            Entity::Ae(AeId(originator.into()))
        };
        links.get(link_of.get(&entity)?)
    }

    /// Whether a certificate has shown that the originator is who it says it is.
    fn is_authenticated(self, originator: &str) -> bool {
        let shown = self
            .link(originator)
            .and_then(|link| link.certified.as_deref());
        // REG-73
        shown.is_some_and(|shown| {
            shown == originator || AeId::at(self.home.cse, shown).as_str() == originator
        })
    }

    fn address(self, originator: &str) -> Option<IpAddr> {
        self.link(originator)?.address
    }

    /// Whether an entry of a rule names the originator, itself or as a member of a group here.
    fn is_named(self, entry: &str, originator: &str) -> bool {
        names(entry, originator, self.home) || self.is_member(entry, originator)
    }

    /// Whether the originator is a member of the group of that address: by its identifier, or by the `<AE>` or
    /// `<remoteCSE>` that stands for it here. A group within the group does not count.
    fn is_member(self, group: &str, originator: &str) -> bool {
        let found = |text: &str| find(self.tree, self.home, &Address::parse(text)?);
        let Some(group) = found(group).filter(|g| g.resource_type == ResourceType::Group) else {
            return false;
        };
        // REG-53
        group.texts(&Attribute::MemberIds).iter().any(|member| {
            let is_whole = !member.ends_with('*') && *member != "all";
            let stands_for = |r: &Resource| match r.text(&Attribute::CseId) {
                Some(cse) if r.resource_type == ResourceType::RemoteCse => *cse == *originator,
                Some(_) | None => {
                    r.resource_type == ResourceType::Ae && is_ae(r, originator, self.home.cse)
                }
            };
            is_whole && names(member, originator, self.home)
                || found(member).is_some_and(|r| stands_for(r))
        })
    }

    fn policies(self, ids: Vec<Text>) -> impl Iterator<Item = &'a Resource> {
        let (tree, home) = (self.tree, self.home);
        ids.into_iter().filter_map(move |id| {
            let found = find(tree, home, &Address::parse(&id)?)?;
            (found.resource_type == ResourceType::AccessControlPolicy).then_some(&**found)
        })
    }
}

/// Whether a rule is for authenticated originators only (`acaf`).
fn demands_authentication(rule: &Value) -> bool {
    rule.member(&Attribute::AccessControlAuthenticationFlag) == Some(&Value::Bool(true))
}

/// Whether the rule holds now and there: it has no contexts, or in one of them the time and the address of the
/// originator fit (TS-0004 clause 7.3.3.15, TS-0001 clause 9.6.2.2).
fn in_context(rule: &Value, now: Timestamp, address: impl Fn() -> Option<IpAddr>) -> bool {
    let contexts = rule
        .member(&Attribute::AccessControlContexts)
        .and_then(Value::as_list)
        .unwrap_or_default();
    // REG-53
    contexts.is_empty()
        || contexts.iter().any(|context| {
            let windows = context
                .member(&Attribute::AccessControlWindows)
                .and_then(Value::as_texts)
                .unwrap_or_default();
            let blocks = context.member(&Attribute::AccessControlIpAddresses);
            schedule::is_open(&windows, now)
                && blocks.is_none_or(|blocks| is_within(blocks, address()))
        })
}

/// Whether one of the blocks of addresses holds this one; where it is not known, none does.
fn is_within(blocks: &Value, address: Option<IpAddr>) -> bool {
    let listed = |name: &Attribute| {
        let listed = blocks.member(name).and_then(Value::as_texts);
        listed.unwrap_or_default()
    };
    let mut all = [Attribute::Ipv4Addresses, Attribute::Ipv6Addresses]
        .iter()
        .flat_map(listed);
    // REG-72
    address.is_some_and(|address| {
        all.any(|text| AddressBlock::parse(&text).is_some_and(|block| block.holds(address)))
    })
}

/// Whether the rule is about such a resource: it names no objects, or one that fits. `chty` has a say in what is
/// made only.
fn about(rule: &Value, resource: &Resource, asker: Asker<'_>, right: Right) -> bool {
    let objects = rule
        .member(&Attribute::AccessControlObjects)
        .and_then(Value::as_list)
        .unwrap_or_default();
    let number = |resource_type: ResourceType| i64::from(resource_type.number());
    let fits = |object: &Value| {
        let kind = object
            .member(&Attribute::ResourceType)
            .and_then(Value::as_integer);
        let special = object
            .member(&Attribute::SpecializationType)
            .and_then(Value::as_text);
        let children = object
            .member(&Attribute::ChildTypes)
            .and_then(Value::as_list)
            .filter(|_| right == Right::Create);
        let child = asker.child.map(|child| Value::Integer(number(child)));
        kind.is_none_or(|kind| kind == number(resource.resource_type))
            && special.is_none_or(|s| resource.text(&Attribute::ContainerDefinition) == Some(s))
            && children.is_none_or(|types| child.is_some_and(|child| types.contains(&child)))
    };
    // REG-53
    objects.is_empty() || objects.iter().any(fits)
}

/// Whether an entry of a list of originators names this one: `all`, an SP-relative or absolute ID, the stem of a
/// local AE; `*` stands for any letters.
#[must_use]
pub fn names(entry: &str, originator: &str, home: Home<'_>) -> bool {
    let own = home.cse;
    // REG-78
    if originator.starts_with("//") {
        return entry == "all" || entry.starts_with("//") && fits(entry, originator);
    }
    let sp_relative = match entry.strip_prefix("//") {
        // REG-71
        Some(absolute) => match absolute.strip_prefix(home.provider) {
            Some(rest) if rest.starts_with('/') => rest,
            Some(_) | None => return false,
        },
        None => entry,
    };
    let of_provider = sp_relative
        .strip_prefix('/')
        .filter(|stem| stem.starts_with('S') && !stem.contains('/'));
    entry == "all"
        || fits(sp_relative, originator)
        || of_provider.is_some_and(|stem| fits(AeId::at(own, stem).as_str(), originator))
        || (!sp_relative.starts_with('/') && fits(AeId::at(own, sp_relative).as_str(), originator))
}

/// Whether a text fits a pattern in which `*` stands for any letters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = text.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// Whether the originator is a CSE: its CSE-ID and nothing behind it.
fn is_cse(originator: &str) -> bool {
    // That of another provider has the name of the provider before it.
    let abroad = originator
        .strip_prefix("//")
        .and_then(|id| id.find('/').map(|at| &id[at..]));
    let stem = abroad.unwrap_or(originator).strip_prefix('/');
    stem.is_some_and(|stem| !stem.is_empty() && !stem.contains('/'))
}

/// Where no policy says otherwise.
fn belongs_to(
    authority: Authority<'_>,
    asker: Asker<'_>,
    resource: &Resource,
    right: Right,
) -> bool {
    let Authority { tree, home, .. } = authority;
    let own = home.cse;
    let originator = asker.originator;
    // REG-54
    let created_it = match resource.text(&Attribute::Custodian) {
        Some(custodian) => names(custodian, originator, home),
        None => resource.creator == *originator,
    };
    match resource.resource_type {
        ResourceType::CseBase => match right {
            Right::Retrieve | Right::Discover => true,
            Right::Create => is_registered(tree, originator, own),
            Right::Update | Right::Delete | Right::Notify => false,
        },
        // REG-70
        ResourceType::Ae => {
            is_ae(resource, originator, own) || right == Right::Notify && is_cse(originator)
        }
        ResourceType::RemoteCse => resource
            .text(&Attribute::CseId)
            .is_some_and(|id| *id == *originator),
        // It has no policies of its own (TS-0001 clause 9.6.7).
        ResourceType::ContentInstance => resource
            .parent
            .as_ref()
            .and_then(|parent| tree.get(parent))
            .is_some_and(|parent| authority.allows(asker, parent, right)),
        // REG-35
        ResourceType::Request => created_it,
        ResourceType::Container
        | ResourceType::Group
        | ResourceType::Node
        | ResourceType::PollingChannel
        | ResourceType::Schedule
        | ResourceType::Subscription
        | ResourceType::FlexContainer => {
            created_it
                || tree
                    .ancestry(&resource.id)
                    .any(|r| r.resource_type == ResourceType::Ae && is_ae(r, originator, own))
        }
        ResourceType::AccessControlPolicy
        | ResourceType::Sessions
        | ResourceType::Session
        | ResourceType::SessionEndpoint
        | ResourceType::NextHop
        | ResourceType::SessionPolicy
        | ResourceType::SessionContext
        | ResourceType::SessionContextEntry => false,
    }
}

/// Reading of session resources: the owner of the collection, the endpoints, the neighbour CSEs of the session.
fn takes_part(
    tree: &Tree,
    originator: &str,
    own: &CseId,
    resource: &Resource,
    right: Right,
) -> bool {
    let is_owned = tree
        .ancestry(&resource.id)
        .any(|r| r.resource_type == ResourceType::Ae && is_ae(r, originator, own));
    let lists = |resource_type: ResourceType, name: &Attribute| {
        let mut ancestry = tree.ancestry(&resource.id);
        let session = ancestry.find(|r| r.resource_type == ResourceType::Session);
        session.is_some_and(|session| {
            tree.children_of_type(&session.id, resource_type)
                .any(|child| child.text(name).is_some_and(|id| *id == *originator))
        })
    };
    let is_endpoint = || is_owned || lists(ResourceType::SessionEndpoint, &Attribute::EndpointId);
    match right {
        Right::Create => resource.resource_type == ResourceType::Sessions && is_owned,
        Right::Retrieve => is_endpoint() || lists(ResourceType::NextHop, &Attribute::NextHopId),
        // DIS-06
        Right::Discover => is_endpoint(),
        Right::Update | Right::Delete | Right::Notify => false,
    }
}

fn is_ae(ae: &Resource, originator: &str, own: &CseId) -> bool {
    AeId::at(own, ae.id.as_str()).as_str() == originator
}

fn is_registered(tree: &Tree, originator: &str, own: &CseId) -> bool {
    let ae = AeId(originator.into());
    let is_local = ae.registrar().is_some_and(|registrar| registrar == *own);
    let is_ae = is_local
        && tree
            .get(&ResourceId::from(ae.stem()))
            .is_some_and(|r| r.resource_type == ResourceType::Ae);
    is_ae
        || tree.base().is_some_and(|base| {
            tree.children_of_type(&base.id, ResourceType::RemoteCse)
                .any(|cse| {
                    cse.text(&Attribute::CseId)
                        .is_some_and(|id| *id == *originator)
                })
        })
}
