//! Groups (TS-0001 clause 9.6.13, TS-0004 clause 7.4.14): their members, and requests to all of them at once.
//!
//! A request to `fopt` goes to every member: at once to those here, over the links to all others. The answer holds
//! the answers of all members; a member that does not answer in time is missing in it. A member that is a fan-out
//! point here counts as the members of its group.

use super::incoming::Handled;
use super::outgoing::{Conclusion, Purpose};
use super::resources::{Resolved, VirtualChild};
use super::{Cse, Step};
use crate::access::Right;
use crate::address::Address;
use crate::attribute::Attribute;
use crate::id::{Entity, RequestId, ResourceId};
use crate::primitive::{Content, Operation, Request};
use crate::record::Requester;
use crate::resource::{Resource, ResourceType};
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How many members one request reaches at most.
const MEMBERS_MAX: usize = 10_000;

/// Strategies for a member of another type (TS-0004 clause 6.3.4.2.11).
mod strategy {
    pub(super) const ABANDON_GROUP: i64 = 2;
    pub(super) const SET_MIXED: i64 = 3;
}

/// A request to the members of a group that not all of them have answered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct FanOut {
    requester: Requester,
    answers: Vec<Value>,
    awaited: usize,
}

/// What a check of a group puts right.
pub(super) fn changed_members(group: &Members) -> Members {
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
    pub(super) fn check_group(&self, group: &mut Members) -> Result<(), Refusal> {
        let integer = |name: &Attribute| group.get(name).and_then(Value::as_integer);
        let most = integer(&Attribute::MaxNrOfMembers).unwrap_or(0);
        let strategy = integer(&Attribute::ConsistencyStrategy);
        let mut kind = integer(&Attribute::MemberType).unwrap_or(0);
        let named = group
            .get(&Attribute::MemberIds)
            .and_then(Value::as_texts)
            .ok_or(Refusal::BadRequest)?;
        let mut members: Vec<Text> = Vec::new();
        let mut all_known = true;
        for member in named {
            if members.contains(&member) {
                continue;
            }
            let address = Address::parse(&member).ok_or(Refusal::BadRequest)?;
            let is_known = self.is_own(&address);
            all_known &= is_known;
            if kind != 0 && is_known && self.kind_of(&address) != Some(kind) {
                match strategy {
                    Some(strategy::ABANDON_GROUP) => return Err(Refusal::MemberType),
                    Some(strategy::SET_MIXED) => kind = 0,
                    // The default: the member is left out.
                    Some(_) | None => continue,
                }
            }
            members.push(member);
        }
        let count = i64::try_from(members.len()).unwrap_or(i64::MAX);
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

    /// Carries out a request on every member of a group.
    pub(crate) fn fan_out(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Handled, Refusal> {
        let group = self.row(&target.resource).ok_or(Refusal::NotFound)?;
        let request = &requester.request;
        let originator = &requester.key.originator;
        self.may(originator, &group, Right::from(request.operation))?;
        let mark = format!("~{}.{}.", self.config.cse_id.stem(), group.id);
        if request.request_id.0.contains(mark.as_str()) {
            return Err(Refusal::GroupLoop);
        }
        let mut members = Vec::new();
        self.collect(&group, &target.beyond, &mut Vec::new(), &mut members)?;
        if members.is_empty() {
            return Err(Refusal::NoMembers);
        }
        let number = self.durable.next_number();
        let mut answers = Vec::new();
        let mut awaited = 0;
        for (at, member) in members.into_iter().enumerate() {
            let id = RequestId(format!("{}{mark}{at}", request.request_id).into());
            match self.reach_member(step, requester, &member, id, number) {
                Ok(Some((status, content))) => {
                    answers.push(answer(request, &member, status, content.as_ref()));
                }
                Ok(None) => awaited += 1,
                Err(refusal) => answers.push(answer(request, &member, refusal.status(), None)),
            }
        }
        if awaited == 0 {
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
            let content = aggregated(done.answers);
            self.respond(step, &done.requester, Status::OK, Some(content));
        }
    }

    /// The outcome at a member here; `None` if the request is on its way to it.
    fn reach_member(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        member: &str,
        id: RequestId,
        number: u64,
    ) -> Result<Option<(Status, Option<Content>)>, Refusal> {
        let address = Address::parse(member).ok_or(Refusal::BadRequest)?;
        let originator = &requester.key.originator;
        let peer = match (&address.cse, self.is_own(&address)) {
            (Some(cse), false) => {
                let hop = self.next_hop(cse, &Entity::Cse(self.config.cse_id.clone()));
                Entity::Cse(hop.ok_or(Refusal::NotFound)?)
            }
            (Some(_) | None, _) => {
                let found = self.resolve(&address).ok_or(Refusal::NotFound)?;
                if requester.request.operation != Operation::Notify {
                    let mut request = Request::clone(&requester.request);
                    request.to = member.into();
                    let done = self.execute(step, originator, &request, &found)?;
                    return Ok(Some((done.status, done.content)));
                }
                let resource = self.actual(&found)?;
                if resource.resource_type != ResourceType::Ae {
                    return Err(Refusal::OperationNotAllowed);
                }
                self.may(originator, &resource, Right::Notify)?;
                self.local_ae(&resource.id)
            }
        };
        let expires = requester.expires.minus(self.config.timers.hop_step_ms);
        if !self.can_reach(&peer, step.now(), expires) {
            return Err(Refusal::Unreachable);
        }
        if !self.has_room(&peer) {
            return Err(Refusal::NotAcceptable);
        }
        let mut request = self.forwarded(requester, &peer);
        request.to = member.into();
        request.request_id = id;
        let purpose = Purpose::Member(number, member.into());
        self.ask(step, &peer, request, purpose, expires);
        Ok(None)
    }

    /// The addresses that a group stands for.
    fn collect(
        &self,
        group: &Resource,
        beyond: &[Text],
        visited: &mut Vec<ResourceId>,
        members: &mut Vec<Text>,
    ) -> Result<(), Refusal> {
        if visited.contains(&group.id) {
            return Err(Refusal::GroupLoop);
        }
        visited.push(group.id.clone());
        for member in group.texts(&Attribute::MemberIds) {
            let mut path = String::from(&*member);
            for segment in beyond {
                path.push('/');
                path.push_str(segment);
            }
            let inner = Address::parse(&path)
                .filter(|address| self.is_own(address))
                .and_then(|address| self.resolve(&address))
                .filter(|found| found.virtual_child == Some(VirtualChild::FanOutPoint));
            match inner.and_then(|found| Some((self.row(&found.resource)?, found.beyond))) {
                Some((inner, beyond)) => self.collect(&inner, &beyond, visited, members)?,
                None if members.len() < MEMBERS_MAX => members.push(path.into()),
                None => return Err(Refusal::TooManyMembers),
            }
        }
        visited.pop();
        Ok(())
    }

    fn kind_of(&self, address: &Address) -> Option<i64> {
        let found = self.resolve(address)?;
        let kind = match found.virtual_child {
            Some(VirtualChild::Latest | VirtualChild::Oldest) => ResourceType::ContentInstance,
            Some(VirtualChild::PollingChannelUri) => return None,
            Some(VirtualChild::FanOutPoint) => {
                let group = self.row(&found.resource)?;
                return group.integer(&Attribute::MemberType);
            }
            None => self.type_of(&found.resource)?,
        };
        Some(i64::from(kind.number()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{BOX, Fixture, OWNER, create, integer, name};
    use crate::cse::{Input, Opening, Output};
    use crate::env::{Env, Fresh};
    use crate::id::LinkId;
    use crate::primitive::{Primitive, Response};
    use crate::shared::Shared;
    use alloc::vec;
    use rstest::rstest;

    const CONTAINERS: (Attribute, Value) = (Attribute::MemberType, Value::Integer(3));

    fn members(of: &[&str]) -> [(Attribute, Value); 3] {
        [
            name("grp"),
            (Attribute::MaxNrOfMembers, Value::Integer(2)),
            (Attribute::MemberIds, Value::texts(of)),
        ]
    }

    fn group(
        fixture: &mut Fixture,
        of: &[&str],
        more: &[(Attribute, Value)],
    ) -> Result<Members, Refusal> {
        let members = [&members(of), more].concat();
        fixture.create(OWNER, "cse2/ae2", ResourceType::Group, &members)
    }

    fn happen(fixture: &mut Fixture, input: Input) -> Vec<Output> {
        let env = Env {
            now: fixture.now,
            fresh: Fresh::predictable(1),
        };
        fixture.cse.step(env, input)
    }

    /// What AE2 is answered.
    fn ask(fixture: &mut Fixture, request: Request) -> Shared<Response> {
        let link = LinkId(2);
        let opening = Opening::Accepted {
            origin: Some("Cae2".into()),
        };
        let _ = happen(
            fixture,
            Input::LinkOpened {
                link,
                opening,
                trusted: true,
            },
        );
        let primitive = Primitive::Request(Shared::new(request));
        let outputs = happen(fixture, Input::Received { link, primitive });
        let answer = outputs.into_iter().find_map(|output| match output {
            Output::Send {
                primitive: Primitive::Response(response),
                ..
            } => Some(response),
            Output::Send { .. }
            | Output::Persist(_)
            | Output::CloseLink { .. }
            | Output::Dial
            | Output::DialRegistree { .. }
            | Output::Report(_) => None,
        });
        answer.expect("an answer")
    }

    fn fan_out(fixture: &mut Fixture) -> Shared<Response> {
        let content = [(Attribute::Content, Value::text("x"))];
        ask(
            fixture,
            create("cse2/ae2/grp/fopt", ResourceType::ContentInstance, &content),
        )
    }

    #[test]
    fn a_request_reaches_every_member_and_the_answers_come_together() {
        let mut fixture = Fixture::with_box(&[]);
        group(&mut fixture, &[BOX, "cse2/ae2/gone"], &[]).expect("a group");

        let response = fan_out(&mut fixture);

        assert_eq!(response.status, Status::OK);
        let content = response.content.as_ref().expect("m2m:agr");
        let answers = content
            .value
            .member(&Attribute::AggregatedResponse)
            .and_then(|agr| agr.member(&Attribute::ResponsePrimitive))
            .and_then(Value::as_list)
            .expect("m2m:rsp");
        let statuses: Vec<_> = answers
            .iter()
            .map(|a| {
                a.as_object()
                    .and_then(|a| integer(a, &Attribute::ResponseStatusCode))
            })
            .collect();
        assert_eq!(statuses, [Some(2001), Some(4004)]);
        let instances = fixture.cse.durable.tree.iter();
        let made = instances.filter(|r| r.resource_type == ResourceType::ContentInstance);
        assert_eq!(made.count(), 1);
    }

    #[rstest]
    #[case(&[], Status::NO_MEMBERS)]
    #[case(&["cse2/ae2/grp/fopt"], Status::GROUP_REQUEST_IDENTIFIER_EXISTS)]
    fn some_groups_reach_nobody(#[case] of: &[&str], #[case] expected: Status) {
        let mut fixture = Fixture::with_box(&[]);
        group(&mut fixture, of, &[]).expect("a group");

        assert_eq!(fan_out(&mut fixture).status, expected);
    }

    #[rstest]
    #[case(&[BOX, BOX], &[], Ok(1))]
    #[case(&[BOX, "cse2/ae2"], &[CONTAINERS], Ok(1))]
    #[case(
        &[BOX, "cse2/ae2"],
        &[CONTAINERS, (Attribute::ConsistencyStrategy, Value::Integer(2))],
        Err(Refusal::MemberType)
    )]
    #[case(
        &[BOX, "cse2/ae2"],
        &[CONTAINERS, (Attribute::ConsistencyStrategy, Value::Integer(3))],
        Ok(2)
    )]
    #[case(&[BOX, "cse2/ae2", "cse2"], &[], Err(Refusal::TooManyMembers))]
    #[case(&[BOX], &[(Attribute::Custom("macp".into()), Value::Null)], Err(Refusal::NotImplemented))]
    fn members_are_counted_and_checked(
        #[case] of: &[&str],
        #[case] more: &[(Attribute, Value)],
        #[case] expected: Result<i64, Refusal>,
    ) {
        let mut fixture = Fixture::with_box(&[]);

        let made = group(&mut fixture, of, more);

        let count = made.map(|m| integer(&m, &Attribute::CurrentNrOfMembers).unwrap_or(0));
        assert_eq!(count, expected);
    }

    #[test]
    fn a_changed_group_is_checked_again() {
        let mut fixture = Fixture::with_box(&[]);
        group(&mut fixture, &[BOX], &[]).expect("a group");
        let more = [(
            Attribute::MemberIds,
            Value::texts([BOX, "cse2/ae2", "cse2"]),
        )];
        let fewer = [(Attribute::MemberIds, Value::List(vec![]))];
        let kind = ResourceType::Group;

        let refused = fixture.update(OWNER, "cse2/ae2/grp", kind, &more);
        let taken = fixture.update(OWNER, "cse2/ae2/grp", kind, &fewer);

        assert_eq!(refused, Err(Refusal::TooManyMembers));
        let count = taken.map(|m| integer(&m, &Attribute::CurrentNrOfMembers));
        assert_eq!(count, Ok(Some(0)));
    }
}
