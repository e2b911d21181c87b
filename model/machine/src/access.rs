//! Who may do what to which resource (TS-0001 clause 9.6.2, TS-0004 clause 7.3.3.15): pure functions of the tree.
//!
//! A resource with policies (`acpi`) is governed by them alone. Without, it belongs to its creator or to the AE it
//! stands below. An accessControlPolicy is governed by its own `pvs`; session resources by who takes part in the
//! session, of which only reading is decided here: the session chapters decide the rest.
//!
//! Deliberately not here: whether the originator is who it says it is.

#[cfg(test)]
mod tests;

use crate::address::Address;
use crate::attribute::Attribute;
use crate::cse::resources::resolve::find;
use crate::id::{AeId, CseId, ResourceId};
use crate::primitive::Operation;
use crate::resource::{Resource, ResourceType};
use crate::tree::{Tree, policy_ids};
use crate::value::Value;

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

/// Whether the originator (SP-relative) may do this to the resource.
///
/// `administrator` has every right; `own` is the CSE-ID of this CSE.
#[must_use]
pub fn allowed(
    tree: &Tree,
    originator: &str,
    administrator: Option<&str>,
    own: &CseId,
    resource: &Resource,
    right: Right,
) -> bool {
    if administrator.is_some_and(|a| names(a, originator, own)) {
        return true;
    }
    if resource.resource_type.is_of_sessions() {
        // EST-70
        return takes_part(tree, originator, own, resource, right);
    }
    if resource.resource_type == ResourceType::AccessControlPolicy {
        return grants(resource, &Attribute::SelfPrivileges, originator, own, right);
    }
    // REG-25
    if policy_ids(resource).is_empty() {
        belongs_to(tree, originator, own, resource, right)
    } else {
        policies(tree, own, resource)
            .any(|p| grants(p, &Attribute::Privileges, originator, own, right))
    }
}

/// Whether the originator may change which policies govern the resource: where there are some, that takes the right
/// to change one of them (TS-0001 clause 9.6.1.3.2).
#[must_use]
pub fn may_assign_policies(
    tree: &Tree,
    originator: &str,
    administrator: Option<&str>,
    own: &CseId,
    resource: &Resource,
) -> bool {
    if policy_ids(resource).is_empty() || administrator.is_some_and(|a| names(a, originator, own)) {
        allowed(
            tree,
            originator,
            administrator,
            own,
            resource,
            Right::Update,
        )
    } else {
        policies(tree, own, resource).any(|p| {
            grants(
                p,
                &Attribute::SelfPrivileges,
                originator,
                own,
                Right::Update,
            )
        })
    }
}

/// Whether an entry of a list of originators names this one: `all`, an SP-relative or absolute ID, the stem of a
/// local AE; each may end in `*`.
#[must_use]
pub fn names(entry: &str, originator: &str, own: &CseId) -> bool {
    let sp_relative = match entry.strip_prefix("//") {
        Some(absolute) => match absolute.find('/') {
            Some(at) => absolute.split_at(at).1,
            None => return false,
        },
        None => entry,
    };
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(stem) => originator.starts_with(stem),
        None => originator == pattern,
    };
    let of_provider = sp_relative
        .strip_prefix('/')
        .filter(|stem| stem.starts_with('S') && !stem.contains('/'));
    entry == "all"
        || matches(sp_relative)
        || of_provider.is_some_and(|stem| matches(AeId::at(own, stem).as_str()))
        || (!sp_relative.starts_with('/') && matches(AeId::at(own, sp_relative).as_str()))
}

fn policies<'a>(
    tree: &'a Tree,
    own: &CseId,
    resource: &Resource,
) -> impl Iterator<Item = &'a Resource> {
    policy_ids(resource).into_iter().filter_map(move |id| {
        let found = find(tree, own, &Address::parse(&id)?)?;
        (found.resource_type == ResourceType::AccessControlPolicy).then_some(&**found)
    })
}

fn grants(
    policy: &Resource,
    privileges: &Attribute,
    originator: &str,
    own: &CseId,
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
        let originators = rule
            .member(&Attribute::AccessControlOriginators)
            .and_then(Value::as_texts)
            .unwrap_or_default();
        operations & right.bit() != 0 && originators.iter().any(|o| names(o, originator, own))
    })
}

/// Where no policy says otherwise.
fn belongs_to(
    tree: &Tree,
    originator: &str,
    own: &CseId,
    resource: &Resource,
    right: Right,
) -> bool {
    let created_it = resource.creator == *originator;
    match resource.resource_type {
        ResourceType::CseBase => match right {
            Right::Retrieve | Right::Discover => true,
            Right::Create => is_registered(tree, originator, own),
            Right::Update | Right::Delete | Right::Notify => false,
        },
        ResourceType::Ae => is_ae(resource, originator, own),
        ResourceType::RemoteCse => resource
            .text(&Attribute::CseId)
            .is_some_and(|id| *id == *originator),
        // It has no policies of its own (TS-0001 clause 9.6.7).
        ResourceType::ContentInstance => resource
            .parent
            .as_ref()
            .and_then(|parent| tree.get(parent))
            .is_some_and(|parent| allowed(tree, originator, None, own, parent, right)),
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
