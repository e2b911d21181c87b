//! Groups (TS-0001 clause 9.6.13, TS-0004 clause 7.4.14): requests to all members at once.
//!
//! A request to `fopt` goes to every member once: at once to those here, over the links to all others. The answer
//! holds the answers of all members; a member that does not answer in time is missing in it. A member that is a
//! fan-out point here counts as the members of its group, for those who may reach them. What may be a member is
//! decided in `members`.

mod members;
#[cfg(test)]
mod tests;
mod types;

pub(super) use members::changed_members;
pub(crate) use types::{FarTypes, Inquiry};

use super::incoming::Handled;
use super::outgoing::{Conclusion, Purpose};
use super::resources::{Resolved, VirtualChild};
use super::{Cse, Step};
use crate::access::{Asker, Right};
use crate::address::Address;
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{Entity, RequestId, ResourceId};
use crate::primitive::{Content, Operation, Request};
use crate::record::Requester;
use crate::resource::{Resource, ResourceType};
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use members::Sameness;

/// How many members one request reaches at most.
const MEMBERS_MAX: usize = 10_000;

/// How many fan-outs are remembered at a time, to tell when one comes again.
const REMEMBERED_MAX: usize = 10_000;

/// A request to the members of a group that not all of them have answered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct FanOut {
    requester: Requester,
    answers: Vec<Value>,
    awaited: usize,
}

/// What a group stands for, with the groups in it.
#[derive(Default)]
struct Reach {
    /// The groups on the way down.
    above: Vec<ResourceId>,
    /// The groups that are reached.
    groups: Vec<ResourceId>,
    /// What is known already.
    seen: BTreeSet<Sameness>,
    /// The members, or why they are not reached.
    members: Vec<(Text, Result<(), Refusal>)>,
}

impl Cse {
    /// Carries out a request on every member of a group.
    pub(crate) fn fan_out(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Handled, Refusal> {
        let group = self.row(&target.resource).ok_or(Refusal::NotFound)?;
        let request = &requester.request;
        let asker = requester.asker(step.now());
        let right = Right::from(request.operation);
        self.may_reach(asker, &group, right)?;
        // REG-61
        let mut reach = Reach::default();
        self.collect(asker, right, &group, &target.beyond, &mut reach)?;
        if reach.members.is_empty() {
            return Err(Refusal::NoMembers);
        }
        let gid = self.remember_fan_out(step, requester, &reach.groups)?;
        let number = self.durable.next_number();
        let mark = format!("~{}.{}.", self.config.cse_id.stem(), group.id);
        let mut answers = Vec::new();
        let mut awaited = 0;
        for (at, (member, reachable)) in reach.members.into_iter().enumerate() {
            let mut sent = Request::clone(request);
            sent.to = member.clone();
            sent.group_request = Some(gid.clone());
            sent.request_id = RequestId(format!("{}{mark}{at}", request.request_id).into());
            let reached = reachable.and_then(|()| self.reach_member(step, requester, sent, number));
            match reached {
                Ok(Some((status, content))) => {
                    answers.push(answer(request, &member, status, content.as_ref()));
                }
                Ok(None) => awaited += 1,
                Err(refusal) => answers.push(answer(request, &member, refusal.status(), None)),
            }
        }
        if awaited == 0 {
            self.forget_deleted(step, requester, &answers);
            return Ok(Handled::Now(Status::OK, Some(aggregated(answers))));
        }
        let fan_out = FanOut {
            requester: requester.clone(),
            answers,
            awaited,
        };
        self.fan_outs.insert(number, fan_out);
        Ok(Handled::Later)
    }

    /// A member has answered, or has not.
    pub(crate) fn member_concluded(
        &mut self,
        step: &mut Step,
        number: u64,
        member: &str,
        conclusion: &Conclusion<'_>,
    ) {
        let Some(fan_out) = self.fan_outs.get_mut(&number) else {
            return;
        };
        fan_out.awaited = fan_out.awaited.saturating_sub(1);
        match conclusion {
            Conclusion::Answer(response) => {
                let (status, content) = (response.status, response.content.as_ref());
                let request = &fan_out.requester.request;
                let answer = answer(request, member, status, content);
                fan_out.answers.push(answer);
            }
            Conclusion::Overdue { .. } => {}
        }
        if fan_out.awaited > 0 {
            return;
        }
        if let Some(done) = self.fan_outs.remove(&number) {
            if done.answers.is_empty() {
                return self.refuse(step, &done.requester, Refusal::SilentGroup);
            }
            self.forget_deleted(step, &done.requester, &done.answers);
            let content = aggregated(done.answers);
            self.respond(step, &done.requester, Status::OK, Some(content));
        }
    }

    /// The identifier of this fan-out, which all its requests carry on; a group that has met it is not reached by it
    /// again (TS-0004 clause 7.4.14).
    fn remember_fan_out(
        &mut self,
        step: &Step,
        requester: &Requester,
        groups: &[ResourceId],
    ) -> Result<Text, Refusal> {
        let now = step.now();
        self.fanned_out
            .retain(|_, until: &mut Timestamp| *until > now);
        let given = &requester.request.group_request;
        let gid = match given {
            Some(gid) => gid.clone(),
            None => self.own_request_id().0,
        };
        let met = |group: &ResourceId| self.fanned_out.contains_key(&(group.clone(), gid.clone()));
        // REG-55
        if groups.iter().any(met) {
            return Err(Refusal::GroupLoop);
        }
        if self.fanned_out.len() + groups.len() > REMEMBERED_MAX {
            return Err(Refusal::NotAcceptable);
        }
        for group in groups {
            let key = (group.clone(), gid.clone());
            self.fanned_out.insert(key, requester.expires);
        }
        Ok(gid)
    }

    fn may_reach(&self, asker: Asker<'_>, group: &Resource, right: Right) -> Result<(), Refusal> {
        if self.authority().allows_members(asker, group, right) {
            Ok(())
        } else {
            Err(Refusal::NoPrivilege)
        }
    }

    /// The outcome at a member here; `None` if the request is on its way to it.
    fn reach_member(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        request: Request,
        number: u64,
    ) -> Result<Option<(Status, Option<Content>)>, Refusal> {
        let address = Address::parse(&request.to).ok_or(Refusal::BadRequest)?;
        let peer = if self.is_own(&address) {
            let found = self.resolve(&address).ok_or(Refusal::NotFound)?;
            if request.operation != Operation::Notify {
                self.check_unblocked(&request, &found.resource)?;
                let originator = &requester.key.originator;
                let done = self.execute(step, originator, &request, &found)?;
                return Ok(Some((done.status, done.content)));
            }
            let resource = self.actual(&found)?;
            if resource.resource_type != ResourceType::Ae {
                return Err(Refusal::OperationNotAllowed);
            }
            self.may(requester.asker(step.now()), &resource, Right::Notify)?;
            self.local_ae(&resource.id)
        } else {
            let own = Entity::Cse(self.config.cse_id.clone());
            let hop = self.hop_towards(&address, &own);
            Entity::Cse(hop.ok_or(Refusal::NotFound)?)
        };
        let expires = requester.expires.minus(self.config.timers.hop_step_ms);
        if !self.can_reach(&peer, step.now(), expires) {
            return Err(Refusal::Unreachable);
        }
        if !self.has_room(&peer) {
            return Err(Refusal::NotAcceptable);
        }
        let mut sent = self.forwarded(requester, &peer, step.now());
        sent.to = request.to;
        sent.request_id = request.request_id;
        sent.group_request = request.group_request;
        let purpose = Purpose::Member(number, sent.to.clone());
        self.ask(step, &peer, sent, purpose, expires);
        Ok(None)
    }

    /// The addresses that a group stands for, each once.
    fn collect(
        &self,
        asker: Asker<'_>,
        right: Right,
        group: &Resource,
        beyond: &[Text],
        reach: &mut Reach,
    ) -> Result<(), Refusal> {
        if reach.above.contains(&group.id) {
            return Err(Refusal::GroupLoop);
        }
        reach.above.push(group.id.clone());
        if !reach.groups.contains(&group.id) {
            reach.groups.push(group.id.clone());
        }
        for member in group.texts(&Attribute::MemberIds) {
            let mut path = String::from(&*member);
            for segment in beyond {
                path.push('/');
                path.push_str(segment);
            }
            let path = Text::from(path);
            let inner = Address::parse(&path)
                .and_then(|address| self.resolve(&address))
                .filter(|found| found.virtual_child == Some(VirtualChild::FanOutPoint));
            let inner = inner.and_then(|found| Some((self.row(&found.resource)?, found.beyond)));
            let is_new = reach.seen.insert(self.sameness(&path));
            let may_reach = match &inner {
                Some((inner, _)) => self.may_reach(asker, inner, right),
                None => Ok(()),
            };
            match (inner, may_reach) {
                (Some((inner, beyond)), Ok(())) => {
                    self.collect(asker, right, &inner, &beyond, reach)?;
                }
                (Some(_) | None, _) if !is_new => {}
                (Some(_) | None, may_reach) if reach.members.len() < MEMBERS_MAX => {
                    reach.members.push((path, may_reach));
                }
                (Some(_) | None, _) => return Err(Refusal::TooManyMembers),
            }
        }
        reach.above.pop();
        Ok(())
    }
}

/// The answer of one member (`m2m:rsp`).
fn answer(request: &Request, from: &str, status: Status, content: Option<&Content>) -> Value {
    let mut members = Members::from([
        (
            Attribute::ResponseStatusCode,
            Value::Integer(i64::from(status.0)),
        ),
        (
            Attribute::RequestIdentifier,
            Value::Text(request.request_id.0.clone()),
        ),
        (Attribute::From, Value::text(from)),
    ]);
    if let Some(version) = &request.release_version {
        members.insert(Attribute::ReleaseVersion, Value::Text(version.clone()));
    }
    if let Some(content) = content {
        members.insert(Attribute::PrimitiveContent, content.value.clone());
    }
    Value::Object(members)
}

fn aggregated(answers: Vec<Value>) -> Content {
    let list = Value::object([(Attribute::ResponsePrimitive, Value::List(answers))]);
    Content::new(Attribute::AggregatedResponse, list)
}
