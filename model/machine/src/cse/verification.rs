//! Verification of a subscription (TS-0004 clause 7.5.1.2.3): a target of notifications that is not the subscriber is
//! asked whether it wants them before the subscription is made, or before an UPDATE adds it.
//!
//! ```text
//!  CREATE <subscription> ─▶ every foreign target: NOTIFY vrq ─▶ all 2000: made, 2001
//!  UPDATE of its `nu`    ─▶ every new one                  └──▶ any other answer, no answer: 5204
//! ```

use super::incoming::Handled;
use super::notify::targets;
use super::outgoing::{Conclusion, Purpose};
use super::resources::Resolved;
use super::{Cse, Step};
use crate::address::Address;
use crate::attribute::Attribute;
use crate::id::Entity;
use crate::primitive::{Content, Operation, Request, When};
use crate::record::Requester;
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::Value;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

impl Cse {
    /// Asks the foreign targets that a subscription is to get; `None` if there is nobody to ask.
    pub(crate) fn verify(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Option<Handled>, Refusal> {
        let request = &requester.request;
        if !self.config.verify_subscriptions {
            return Ok(None);
        }
        let originator = &requester.key.originator;
        let (subject, wanted, had) = if makes_subscription(request) {
            let new = self.prepare(step, originator, request, target)?;
            (new.parent, targets(&new.attributes), Vec::new())
        } else if self.changes_targets(request, target) {
            let (row, members) =
                self.prepare_update(requester.asker(step.now()), request, target)?;
            let had = targets(&row.attributes);
            (row.id.clone(), targets(members), had)
        } else {
            return Ok(None);
        };
        let added = wanted.into_iter().filter(|to| !had.contains(to));
        let foreign = self.foreign_targets(requester, added)?;
        if foreign.is_empty() {
            return Ok(None);
        }
        let reachable = |peer: &Entity| self.is_up(peer, step.now()) && self.has_room(peer);
        if !foreign.values().all(reachable) {
            return Err(Refusal::VerificationFailed);
        }
        let expires = requester.expires.minus(self.config.timers.hop_step_ms);
        let place = self.durable.tree.path(&subject);
        for (to, peer) in foreign {
            let sgn = Value::object([
                (Attribute::VerificationRequest, Value::Bool(true)),
                (
                    Attribute::SubscriptionReference,
                    Value::text(&format!("{}/{place}", self.config.cse_id)),
                ),
                (
                    Attribute::Creator,
                    Value::Text(requester.key.originator.clone()),
                ),
            ]);
            let mut ask = self.notify_request(&to, Content::new(Attribute::Notification, sgn));
            ask.request_id = self.own_request_id();
            ask.request_expiration = Some(When::At(expires));
            let purpose = Purpose::Verification(Shared::new(requester.clone()));
            self.ask(step, &peer, ask, purpose, expires);
        }
        Ok(Some(Handled::Later))
    }

    /// A target has answered, or has not.
    pub(crate) fn verification_concluded(
        &mut self,
        step: &mut Step,
        requester: &Shared<Requester>,
        conclusion: &Conclusion<'_>,
    ) {
        let purpose = Purpose::Verification(requester.clone());
        let agreed = match conclusion {
            Conclusion::Answer(response) => response.status == Status::OK,
            Conclusion::Overdue { .. } => false,
        };
        if !agreed {
            self.outgoing.retain(|_, asked| asked.purpose != purpose);
            return self.refuse(step, requester, Refusal::VerificationFailed);
        }
        if self.outgoing.values().any(|asked| asked.purpose == purpose) {
            return;
        }
        self.perform_agreed(step, requester);
    }

    /// The targets that are neither the subscriber nor this CSE, and over whose link each is reached.
    fn foreign_targets(
        &self,
        requester: &Requester,
        targets: impl Iterator<Item = Text>,
    ) -> Result<BTreeMap<Text, Entity>, Refusal> {
        let own = Entity::Cse(self.config.cse_id.clone());
        let mut foreign = BTreeMap::new();
        for to in targets {
            let Some(peer) = self.notification_peer(&to, &own) else {
                // REG-40
                if self.is_nobody(&to) {
                    return Err(Refusal::VerificationFailed);
                }
                continue;
            };
            let is_originator = to == requester.key.originator
                || peer.as_str() == requester.key.originator.as_str();
            if !is_originator {
                foreign.insert(to, peer);
            }
        }
        Ok(foreign)
    }

    /// Whether a request changes the targets of a subscription.
    fn changes_targets(&self, request: &Request, target: &Resolved) -> bool {
        let members = request.content.as_ref();
        let members = members.and_then(|c| c.members_of(ResourceType::Subscription));
        request.operation == Operation::Update
            && self.type_of(&target.resource) == Some(ResourceType::Subscription)
            && members.is_some_and(|m| m.contains_key(&Attribute::NotificationUri))
    }

    /// Whether a target is no URL and neither an AE that can be asked nor this CSE.
    fn is_nobody(&self, target: &str) -> bool {
        let found = Address::parse(target).and_then(|address| self.resolve(&address));
        let found = found.and_then(|found| self.type_of(&found.resource));
        !target.contains("://") && found != Some(ResourceType::CseBase)
    }
}

fn makes_subscription(request: &Request) -> bool {
    request.operation == Operation::Create
        && request.resource_type == Some(ResourceType::Subscription.number())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cse::resources::fixture::{Fixture, create};
    use crate::cse::{Input, Opening, Output};
    use crate::env::{Env, Fresh};
    use crate::id::{LinkId, RequestId, ResourceId};
    use crate::primitive::{Primitive, Response};
    use crate::value::Members;
    use rstest::rstest;

    fn happen(fixture: &mut Fixture, input: Input) -> Vec<Output> {
        let env = Env {
            now: fixture.now,
            fresh: Fresh::predictable(1),
        };
        fixture.cse.step(env, input)
    }

    fn sent(outputs: &[Output], to: LinkId) -> Option<Primitive> {
        outputs.iter().find_map(|output| match output {
            Output::Send { link, primitive } if *link == to => Some(primitive.clone()),
            Output::Send { .. }
            | Output::Persist(_)
            | Output::CloseLink { .. }
            | Output::Dial
            | Output::DialRegistree { .. }
            | Output::Report(_)
            | Output::Stopped => None,
        })
    }

    fn open(fixture: &mut Fixture, link: LinkId, stem: &str) {
        let opening = Opening::Accepted {
            origin: Some(stem.into()),
        };
        let _ = happen(
            fixture,
            Input::LinkOpened {
                link,
                opening,
                far_end: crate::cse::FarEnd::new(true),
            },
        );
        // The link is its own from its first request on.
        let mut hello = Request::new(Operation::Retrieve, "/cse2", stem, RequestId::from("0"));
        hello.from = Some(stem.into());
        let primitive = Primitive::Request(Shared::new(hello));
        let _ = happen(fixture, Input::Received { link, primitive });
    }

    fn subscribe(fixture: &mut Fixture, target: &str) -> Vec<Output> {
        let members = [(Attribute::NotificationUri, Value::texts([target]))];
        let request = create("cse2/ae2", ResourceType::Subscription, &members);
        let primitive = Primitive::Request(Shared::new(request));
        let link = LinkId(2);
        happen(fixture, Input::Received { link, primitive })
    }

    fn status(outputs: &[Output]) -> Option<u16> {
        match sent(outputs, LinkId(2))? {
            Primitive::Response(response) => Some(response.status.0),
            Primitive::Request(_) => None,
        }
    }

    #[rstest]
    #[case(2000, 2001)]
    #[case(4101, 5204)]
    fn a_foreign_target_is_asked_first(#[case] answer: u16, #[case] expected: u16) {
        let mut fixture = Fixture::new();
        open(&mut fixture, LinkId(2), "Cae2");
        open(&mut fixture, LinkId(3), "Cae3");

        let asked = subscribe(&mut fixture, "Cae3");
        let Some(Primitive::Request(question)) = sent(&asked, LinkId(3)) else {
            unreachable!("a question to the target")
        };
        let response = Response::new(Status(answer), question.request_id.clone());
        let primitive = Primitive::Response(Shared::new(response));
        let link = LinkId(3);
        let done = happen(&mut fixture, Input::Received { link, primitive });

        assert_eq!(status(&asked), None);
        assert_eq!(status(&done), Some(expected));
    }

    #[rstest]
    #[case("Cae2", 2001)]
    #[case("Cae2?ct=json", 2001)]
    #[case("Cae3", 5204)]
    fn the_subscriber_is_not_asked_and_an_absent_target_cannot_be(
        #[case] target: &str,
        #[case] expected: u16,
    ) {
        let mut fixture = Fixture::new();
        open(&mut fixture, LinkId(2), "Cae2");

        let done = subscribe(&mut fixture, target);

        assert_eq!(status(&done), Some(expected));
    }

    #[rstest]
    #[case("Cae2", None, 2004)]
    #[case("Cae2?ct=cbor", None, 2004)]
    #[case("Cae3", Some(2000), 2004)]
    #[case("Cae3", Some(4101), 5204)]
    #[case("Cae9", None, 5204)]
    fn a_target_that_an_update_adds_is_asked_too(
        #[case] target: &str,
        #[case] answer: Option<u16>,
        #[case] expected: u16,
    ) {
        let mut fixture = Fixture::new();
        open(&mut fixture, LinkId(2), "Cae2");
        open(&mut fixture, LinkId(3), "Cae3");
        let _ = subscribe(&mut fixture, "Cae2");
        let base = ResourceId::from("Cae2");
        let id = {
            let tree = &fixture.cse.durable.tree;
            let mut made = tree.children_of_type(&base, ResourceType::Subscription);
            made.next().expect("a subscription").id.clone()
        };

        let mut request =
            Request::new(Operation::Update, id.as_str(), "Cae2", RequestId::from("2"));
        let targets = Value::texts(["Cae2", target]);
        let members = Members::from([(Attribute::NotificationUri, targets)]);
        request.content = Some(Content::resource(ResourceType::Subscription, members));
        let primitive = Primitive::Request(Shared::new(request));
        let link = LinkId(2);
        let mut outputs = happen(&mut fixture, Input::Received { link, primitive });
        if let Some(answer) = answer {
            let Some(Primitive::Request(question)) = sent(&outputs, LinkId(3)) else {
                unreachable!("a question to the target")
            };
            assert_eq!(status(&outputs), None);
            let response = Response::new(Status(answer), question.request_id.clone());
            let primitive = Primitive::Response(Shared::new(response));
            let link = LinkId(3);
            outputs = happen(&mut fixture, Input::Received { link, primitive });
        }

        // REG-40
        assert_eq!(status(&outputs), Some(expected));
        let targets = fixture.get(id.as_str()).texts(&Attribute::NotificationUri);
        let is_added = targets.iter().any(|to| *to == "Cae3");
        assert_eq!(is_added, expected == 2004 && target == "Cae3");
    }
}
