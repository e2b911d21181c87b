//! Types of members that are hosted elsewhere (TS-0004 clause 7.4.13.2): they are read before the group is made or its
//! members change.
//!
//! ```text
//!  CREATE <group> ───▶ every far member: RETRIEVE ─▶ 2000, 4004, silence: made, or as csy says
//!  UPDATE of its `mid`                           └─▶ 4103: 5105
//! ```

use super::{Cse, Step};
use crate::address::Address;
use crate::attribute::Attribute;
use crate::cse::incoming::Handled;
use crate::cse::outgoing::{Conclusion, Purpose};
use crate::cse::resources::Resolved;
use crate::id::Entity;
use crate::primitive::{Content, Operation, Request, Response, When};
use crate::record::Requester;
use crate::resource::ResourceType;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What is known of members elsewhere, by address.
pub(crate) type FarTypes = BTreeMap<Text, Found>;

/// What a member elsewhere is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Found {
    /// Its type; `None`: there is no such resource.
    kind: Option<i64>,
    /// Its specialization.
    special: Option<Text>,
}

/// A request whose group has members that are being asked.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Inquiry {
    requester: Requester,
    awaited: usize,
    found: FarTypes,
}

impl Found {
    /// Whether it is one of that type and specialization.
    pub(super) fn is_of(&self, kind: i64, special: Option<&Text>) -> bool {
        self.kind == Some(kind) && (special.is_none() || self.special.as_ref() == special)
    }
}

impl Cse {
    /// Asks the members elsewhere what they are; `None` if there is nobody to ask.
    pub(crate) fn inquire(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Option<Handled>, Refusal> {
        let Some(group) = self.planned_group(step, requester, target)? else {
            return Ok(None);
        };
        let own = Entity::Cse(self.config.cse_id.clone());
        let is_mixed = group.get(&Attribute::MemberType) == Some(&Value::Integer(0));
        let members = group.get(&Attribute::MemberIds).and_then(Value::as_texts);
        let far: Vec<(Text, Entity)> = members
            .unwrap_or_default()
            .into_iter()
            .filter_map(|member| {
                let address = Address::parse(&member).filter(|address| !self.is_own(address))?;
                let hop = Entity::Cse(self.hop_towards(&address, &own)?);
                let is_open = self.is_up(&hop, step.now()) && self.has_room(&hop);
                is_open.then_some((member, hop))
            })
            .collect();
        if is_mixed || far.is_empty() {
            return Ok(None);
        }
        let number = self.durable.next_number();
        let inquiry = Inquiry {
            requester: requester.clone(),
            awaited: far.len(),
            found: FarTypes::new(),
        };
        self.inquiries.insert(number, inquiry);
        let expires = requester.expires.minus(self.config.timers.hop_step_ms);
        for (member, hop) in far {
            let (to, from) = (subject(&member), self.config.cse_id.clone());
            let id = self.own_request_id();
            let mut ask = Request::new(Operation::Retrieve, to, from.as_str(), id);
            ask.request_expiration = Some(When::At(expires));
            // REG-74
            self.ask(
                step,
                &hop,
                ask,
                Purpose::MemberType(number, member),
                expires,
            );
        }
        Ok(Some(Handled::Later))
    }

    /// A member has said what it is, or has not.
    pub(crate) fn type_told(
        &mut self,
        step: &mut Step,
        number: u64,
        member: &Text,
        conclusion: &Conclusion<'_>,
    ) {
        let Some(inquiry) = self.inquiries.get_mut(&number) else {
            return;
        };
        inquiry.awaited = inquiry.awaited.saturating_sub(1);
        match conclusion {
            Conclusion::Answer(response)
                if response.status == Status::ORIGINATOR_HAS_NO_PRIVILEGE =>
            {
                let requester = inquiry.requester.clone();
                self.inquiries.remove(&number);
                // REG-74
                return self.refuse(step, &requester, Refusal::NoPrivilegeElsewhere);
            }
            Conclusion::Answer(response) => {
                if let Some(found) = found(member, response) {
                    inquiry.found.insert(member.clone(), found);
                }
            }
            Conclusion::Overdue { .. } => {}
        }
        if inquiry.awaited > 0 {
            return;
        }
        if let Some(done) = self.inquiries.remove(&number) {
            step.far_types = done.found;
            self.perform_agreed(step, &done.requester);
            step.far_types.clear();
        }
    }

    /// The group as a request would leave it, if it makes one or changes its members.
    fn planned_group(
        &self,
        step: &Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Option<Members>, Refusal> {
        let request = &requester.request;
        let makes_group = request.operation == Operation::Create
            && request.resource_type == Some(ResourceType::Group.number());
        if makes_group {
            let new = self.prepare(step, &requester.key.originator, request, target)?;
            return Ok(Some(new.attributes));
        }
        let members = request.content.as_ref();
        let members = members.and_then(|content| content.members_of(ResourceType::Group));
        let changes_members = request.operation == Operation::Update
            && self.type_of(&target.resource) == Some(ResourceType::Group)
            && members.is_some_and(|m| m.contains_key(&Attribute::MemberIds));
        if !changes_members {
            return Ok(None);
        }
        let asker = requester.asker(step.now());
        let (row, members) = self.prepare_update(asker, request, target)?;
        let mut group = row.attributes.clone();
        group.extend(members.clone());
        self.check_group(&mut group, &FarTypes::new())?;
        Ok(Some(group))
    }
}

/// What is read to learn the type of a member: of a virtual one, its parent.
fn subject(member: &str) -> &str {
    let parent = |name: &str| member.strip_suffix(name);
    parent("/fopt")
        .or_else(|| parent("/la"))
        .or_else(|| parent("/ol"))
        .unwrap_or(member)
}

/// What an answer says of a member; `None` if it says nothing.
fn found(member: &str, response: &Response) -> Option<Found> {
    if response.status == Status::NOT_FOUND {
        let (kind, special) = (None, None);
        return Some(Found { kind, special });
    }
    let shown = response
        .content
        .as_ref()
        .filter(|_| response.status.is_success());
    let (_, shown) = shown.and_then(Content::single)?;
    let integer = |name| shown.member(name).and_then(Value::as_integer);
    let text = |name| shown.member(name).and_then(Value::as_text).cloned();
    let own = integer(&Attribute::ResourceType)?;
    let is = |kind: ResourceType| own == i64::from(kind.number());
    let instance = i64::from(ResourceType::ContentInstance.number());
    let (kind, special) = if member.ends_with("/fopt") {
        let of_members = integer(&Attribute::MemberType).filter(|_| is(ResourceType::Group));
        (of_members, text(&Attribute::SpecializationType))
    } else if subject(member) == member {
        (Some(own), text(&Attribute::ContainerDefinition))
    } else {
        (is(ResourceType::Container).then_some(instance), None)
    };
    Some(Found { kind, special })
}
