//! What may be a member of a group, and what the group says of its members (TS-0004 clauses 7.4.13 and 7.4.14).

use super::{Cse, FarTypes, Step, VirtualChild};
use crate::address::Address;
use crate::attribute::Attribute;
use crate::id::ResourceId;
use crate::primitive::Operation;
use crate::record::Requester;
use crate::resource::{Resource, ResourceType};
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Strategies for a member of another type (TS-0004 clause 6.3.4.2.11).
mod strategy {
    pub(super) const ABANDON_GROUP: i64 = 2;
    pub(super) const SET_MIXED: i64 = 3;
}

/// What two addresses share that mean the same: the resource here with what stands behind it, or their text.
pub(super) type Sameness = (Option<ResourceId>, Vec<Text>);

/// What a check of a group puts right.
pub(in crate::cse) fn changed_members(group: &Members) -> Members {
    [
        Attribute::MemberIds,
        Attribute::MemberType,
        Attribute::MemberTypeValidated,
        Attribute::CurrentNrOfMembers,
    ]
    .into_iter()
    .filter_map(|name| group.get(&name).cloned().map(|value| (name, value)))
    .collect()
}

impl Cse {
    /// Checks the members of a group and writes what the host says of them.
    pub(in crate::cse) fn check_group(
        &self,
        group: &mut Members,
        far_types: &FarTypes,
    ) -> Result<(), Refusal> {
        let integer = |name: &Attribute| group.get(name).and_then(Value::as_integer);
        let most = integer(&Attribute::MaxNrOfMembers).unwrap_or(0);
        let strategy = integer(&Attribute::ConsistencyStrategy);
        let mut kind = integer(&Attribute::MemberType).unwrap_or(0);
        let special = group
            .get(&Attribute::SpecializationType)
            .and_then(Value::as_text);
        if special.is_some() && kind != i64::from(ResourceType::FlexContainer.number()) {
            return Err(Refusal::BadRequest);
        }
        let named = group
            .get(&Attribute::MemberIds)
            .and_then(Value::as_texts)
            .ok_or(Refusal::BadRequest)?;
        let mut seen = BTreeSet::new();
        let mut members: Vec<Text> = Vec::new();
        let mut all_known = true;
        for member in named {
            let address = Address::parse(&member).ok_or(Refusal::BadRequest)?;
            // REG-62
            if !seen.insert(self.sameness(&member)) {
                continue;
            }
            let fits = if self.is_own(&address) {
                Some(self.is_of_kind(&address, kind, special))
            } else {
                let found = far_types.get(&member);
                found.map(|found| found.is_of(kind, special))
            };
            // REG-63, REG-74
            if kind != 0 && fits == Some(false) {
                match strategy {
                    Some(strategy::ABANDON_GROUP) => return Err(Refusal::MemberType),
                    Some(strategy::SET_MIXED) => kind = 0,
                    // The default: the member is left out.
                    Some(_) | None => continue,
                }
            }
            all_known &= fits.is_some();
            members.push(member);
        }
        let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
        // REG-62
        if count > most {
            return Err(Refusal::TooManyMembers);
        }
        group.insert(Attribute::MemberIds, Value::texts(members));
        group.insert(Attribute::MemberType, Value::Integer(kind));
        group.insert(Attribute::CurrentNrOfMembers, Value::Integer(count));
        let validated = Value::Bool(kind == 0 || all_known);
        group.insert(Attribute::MemberTypeValidated, validated);
        Ok(())
    }

    /// Members that a request to all of them has deleted are none any more, but what stands behind a virtual resource
    /// is there as long as that (TS-0004 clause 7.4.14.3.5).
    pub(super) fn forget_deleted(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        answers: &[Value],
    ) {
        let target = self.target_of(&requester.request);
        let whole = target.filter(|target| target.beyond.is_empty());
        let group = whole.and_then(|target| self.row(&target.resource));
        let (Operation::Delete, Some(group)) = (requester.request.operation, group) else {
            return;
        };
        let status = Value::Integer(i64::from(Status::DELETED.0));
        let is_gone = |member: &Text| {
            answers.iter().any(|answer| {
                answer.member(&Attribute::From) == Some(&Value::Text(member.clone()))
                    && answer.member(&Attribute::ResponseStatusCode) == Some(&status)
            })
        };
        let before = group.texts(&Attribute::MemberIds);
        let left: Vec<Text> = before
            .iter()
            .filter(|member| is_virtual(member) || !is_gone(member))
            .cloned()
            .collect();
        if left.len() == before.len() {
            return;
        }
        let count = i64::try_from(left.len()).unwrap_or(i64::MAX);
        let changed = Members::from([
            (Attribute::MemberIds, Value::texts(left)),
            (Attribute::CurrentNrOfMembers, Value::Integer(count)),
        ]);
        // REG-84
        let _group_was_there_just_now = self.apply(step, &group.id, &changed);
    }

    /// What an address shares with every other one of the same thing.
    pub(super) fn sameness(&self, address: &Text) -> Sameness {
        let found = Address::parse(address).and_then(|address| self.resolve(&address));
        let Some(found) = found.filter(|found| found.collection.is_none()) else {
            return (None, Vec::from([address.clone()]));
        };
        let virtual_child = match found.virtual_child {
            None => Vec::new(),
            Some(VirtualChild::Latest) => Vec::from(["la".into()]),
            Some(VirtualChild::Oldest) => Vec::from(["ol".into()]),
            Some(VirtualChild::FanOutPoint) => Vec::from(["fopt".into()]),
            Some(VirtualChild::PollingChannelUri) => Vec::from(["pcu".into()]),
        };
        let behind = virtual_child.into_iter().chain(found.beyond).collect();
        (Some(found.resource), behind)
    }

    fn is_of_kind(&self, member: &Address, kind: i64, special: Option<&Text>) -> bool {
        let Some(found) = self.resolve(member) else {
            return false;
        };
        let number = |resource_type: ResourceType| i64::from(resource_type.number());
        let definition =
            |resource: &Resource| resource.text(&Attribute::ContainerDefinition) == special;
        match (found.virtual_child, self.row(&found.resource)) {
            (_, None) | (Some(VirtualChild::PollingChannelUri), Some(_)) => false,
            (Some(VirtualChild::Latest | VirtualChild::Oldest), Some(_)) => {
                kind == number(ResourceType::ContentInstance)
            }
            (Some(VirtualChild::FanOutPoint), Some(group)) => {
                let same = group.text(&Attribute::SpecializationType) == special;
                group.integer(&Attribute::MemberType) == Some(kind) && (special.is_none() || same)
            }
            (None, Some(resource)) => {
                kind == number(resource.resource_type)
                    && (special.is_none() || definition(&resource))
            }
        }
    }
}

/// Whether an address is that of a virtual resource.
fn is_virtual(address: &str) -> bool {
    let last = address.rsplit('/').next().unwrap_or_default();
    matches!(last, "la" | "ol" | "fopt" | "pcu")
}
