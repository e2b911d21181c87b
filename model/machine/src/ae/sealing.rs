//! Sealed values at an endpoint: which header a value gets, and which received ones may be used.
//!
//! Encryption is the host's business. The machine counts what is sealed, checks every header that arrives, and
//! remembers where it accepted which number, so that a copy in another place is found out. A received value whose
//! body is still closed did not open.

use crate::address::{Address, lies_within, normalized};
use crate::attribute::Attribute;
use crate::id::SessionId;
use crate::primitive::{Content, Operation, Request};
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::text::Text;
use crate::value::{Members, SealBody, SealHeader, Sealed, Value};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::Ae;
use super::command::Objection;
use super::endpoint::{Member, Phase};

/// The largest number of a sealed value.
pub const SEQUENCE_MAX: u64 = 1 << 32;

/// A sealed value that must not be used.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Unreadable {
    /// Its header.
    pub header: SealHeader,
    /// Why not.
    pub fault: Fault,
}

/// What is wrong with a sealed value.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    /// It belongs to a session that this AE is not in.
    UnknownSession,
    /// It belongs to another session than the request it came with.
    OtherSession,
    /// It names a key that is not the session's.
    OtherKey,
    /// It does not come from the endpoint of its direction.
    OtherSender,
    /// It was sealed for another place.
    OtherPlace,
    /// It was sealed for another attribute, or by an operation that writes none.
    OtherUse,
    /// Its number is none, or older than what is remembered.
    BadSequence,
    /// Its number was accepted from another resource.
    Replayed,
    /// It does not open: it was altered, or sealed with another key.
    NotAuthentic,
}

/// The numbers accepted in one direction, and where.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Window {
    /// Numbers below are forgotten.
    pub(crate) floor: u64,
    pub(crate) accepted: BTreeMap<u64, Text>,
}

impl Window {
    fn admits(&self, sequence: u64, resource: &Text) -> Result<(), Fault> {
        if sequence < self.floor {
            return Err(Fault::BadSequence);
        }
        match self.accepted.get(&sequence) {
            None => Ok(()),
            Some(known) if known == resource => Ok(()),
            Some(_) => Err(Fault::Replayed),
        }
    }

    fn accept(&mut self, sequence: u64, resource: Text, limit: u32) {
        self.accepted.insert(sequence, resource);
        while self.accepted.len() > limit as usize {
            if let Some((oldest, _)) = self.accepted.pop_first() {
                self.floor = oldest + 1;
            }
        }
    }
}

/// Where sealed values are read.
struct Place<'a> {
    /// The address that was read, SP-relative structured; `None` where a notification brings them.
    address: Option<Text>,
    /// The CSE that hosts it.
    cse: Text,
    /// The session of the request.
    session: Option<&'a SessionId>,
}

impl Ae {
    /// Replaces the data of a request by values to be sealed.
    pub(super) fn seal(&mut self, id: &SessionId, request: &mut Request) -> Result<(), Objection> {
        match request.operation {
            Operation::Create | Operation::Update => {}
            // These carry no data of a session.
            Operation::Retrieve | Operation::Delete | Operation::Notify => return Ok(()),
        }
        let Some(content) = &request.content else {
            return Ok(());
        };
        let (wrapper, value) = content.single().ok_or(Objection::CannotSeal)?;
        let members = value.as_object().ok_or(Objection::CannotSeal)?;
        let names = data_of(wrapper, members)?;
        let to = normalized(&request.to, &self.config.registrar, &self.config.base)
            .ok_or(Objection::BadAddress)?;
        let from = self.registered()?.id.0.clone();
        let Some(Phase::Member(member)) = self.sessions.get_mut(id) else {
            return Err(Objection::NotInSession);
        };
        // USE-59
        if member.sealed + names.len() as u64 > SEQUENCE_MAX {
            return Err(Objection::CounterExhausted);
        }
        let mut sealed_members = members.clone();
        for (name, short) in names {
            let Some(clear) = sealed_members.remove(&name) else {
                continue;
            };
            member.sealed += 1;
            // USE-58
            let header = SealHeader {
                key_id: member.key.id.clone(),
                session: id.clone(),
                sequence: member.sealed,
                direction: member.role.direction(),
                operation: request.operation.number(),
                to: to.clone(),
                attribute: short,
                from: from.clone(),
                request_id: request.request_id.clone(),
            };
            let sealed = Sealed {
                header,
                body: SealBody::Clear(clear),
            };
            sealed_members.insert(name, Value::Sealed(Shared::new(sealed)));
        }
        if *wrapper == Attribute::Resource(ResourceType::ContentInstance) {
            sealed_members.insert(Attribute::ContentInfo, Value::text("application/jose:0"));
        }
        request.content = Some(Content::new(wrapper.clone(), Value::Object(sealed_members)));
        Ok(())
    }

    /// Finds the sealed values in received content that must not be used, and remembers the others.
    pub(super) fn examine(
        &mut self,
        content: &Content,
        read: Option<&Text>,
        session: Option<&SessionId>,
    ) -> Vec<Unreadable> {
        let config = self.config.clone();
        let address = read.and_then(|to| normalized(to, &config.registrar, &config.base));
        let cse = address.as_ref().and_then(|a| Address::parse(a)?.cse);
        let cse = cse.unwrap_or_else(|| config.registrar.clone()).0;
        let place = Place {
            address,
            cse,
            session,
        };
        let mut found = Vec::new();
        collect(&content.value, None, &mut found);
        let mut unreadable = Vec::new();
        for (sealed, name, id) in found {
            if let Err(fault) = self.read(&place, &sealed, name, id) {
                unreadable.push(Unreadable {
                    header: sealed.header.clone(),
                    fault,
                });
            }
        }
        unreadable
    }

    fn read(
        &mut self,
        place: &Place<'_>,
        sealed: &Sealed,
        name: &Attribute,
        id: Option<&Text>,
    ) -> Result<(), Fault> {
        let header = &sealed.header;
        let limit = self.config.limits.sealed_values;
        let Some(Phase::Member(member) | Phase::Leaving(member)) =
            self.sessions.get_mut(&header.session)
        else {
            // END-31
            return Err(Fault::UnknownSession);
        };
        if place
            .session
            .is_some_and(|session| *session != header.session)
        {
            return Err(Fault::OtherSession);
        }
        check(member, header, name, place.address.as_ref())?;
        let resource = match id {
            Some(id) => format!("{}/{id}", place.cse).into(),
            None => place.address.clone().unwrap_or_else(|| place.cse.clone()),
        };
        match &sealed.body {
            SealBody::Clear(_) => {}
            SealBody::Compact(_) => return Err(Fault::NotAuthentic),
        }
        // USE-26, USE-60
        let window = member.window(header.direction).ok_or(Fault::OtherSender)?;
        window.admits(header.sequence, &resource)?;
        window.accept(header.sequence, resource, limit);
        Ok(())
    }
}

// USE-58
fn check(
    member: &Member,
    header: &SealHeader,
    name: &Attribute,
    address: Option<&Text>,
) -> Result<(), Fault> {
    if header.key_id != member.key.id {
        return Err(Fault::OtherKey);
    }
    let sender = match header.direction {
        1 => &member.initiator,
        2 => &member.target,
        _ => return Err(Fault::OtherSender),
    };
    if header.from != sender.0 {
        return Err(Fault::OtherSender);
    }
    if header.sequence == 0 || header.sequence > SEQUENCE_MAX {
        return Err(Fault::BadSequence);
    }
    let writes = match Operation::from_number(i64::from(header.operation)) {
        Some(Operation::Create | Operation::Update | Operation::Notify) => true,
        Some(Operation::Retrieve | Operation::Delete) | None => false,
    };
    if !writes || short_name(name).as_ref() != Some(&header.attribute) {
        return Err(Fault::OtherUse);
    }
    if address.is_some_and(|address| !lies_within(address, &header.to)) {
        return Err(Fault::OtherPlace);
    }
    Ok(())
}

/// The attributes of a resource that hold data of a session, with their short names.
fn data_of(wrapper: &Attribute, members: &Members) -> Result<Vec<(Attribute, Text)>, Objection> {
    if *wrapper == Attribute::Resource(ResourceType::ContentInstance) {
        let content = Attribute::Content;
        return if members.contains_key(&content) {
            Ok(Vec::from([(content, "con".into())]))
        } else {
            Err(Objection::CannotSeal)
        };
    }
    let Attribute::Custom(specialization) = wrapper else {
        return Err(Objection::CannotSeal);
    };
    if !specialization.contains(':') {
        return Err(Objection::CannotSeal);
    }
    let own = members
        .keys()
        .filter_map(|name| Some((name.clone(), short_name(name)?)));
    Ok(own.collect())
}

/// The spelling of an attribute that can hold sealed data.
fn short_name(name: &Attribute) -> Option<Text> {
    if *name == Attribute::Content {
        return Some("con".into());
    }
    if let Attribute::Custom(name) = name {
        Some(name.clone())
    } else {
        None
    }
}

/// The sealed values in a value, each with its attribute and the identifier of the resource around it.
fn collect<'a>(
    value: &'a Value,
    around: Option<&'a Text>,
    found: &mut Vec<(Shared<Sealed>, &'a Attribute, Option<&'a Text>)>,
) {
    match value {
        Value::Object(members) => {
            let id = members
                .get(&Attribute::ResourceId)
                .and_then(Value::as_text)
                .or(around);
            for (name, member) in members {
                match member {
                    Value::Sealed(sealed) => found.push((sealed.clone(), name, id)),
                    Value::Object(_) | Value::List(_) => collect(member, id, found),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Integer(_)
                    | Value::Number(_)
                    | Value::Text(_)
                    | Value::Time(_)
                    | Value::Secret(_) => {}
                }
            }
        }
        Value::List(list) => list
            .iter()
            .for_each(|element| collect(element, around, found)),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Sealed(_)
        | Value::Secret(_) => {}
    }
}
