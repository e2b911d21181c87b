//! Polling channels (TS-0001 clause 9.6.21, TS-0004 clauses 7.4.21 and 7.4.22): requests to a registree that takes
//! none over its link wait until it asks for them.
//!
//! ```text
//!  request to the registree ─▶ outgoing ──┐
//!                                         ├─▶ answer of the poll: m2m:rqp ─▶ NOTIFY pcu: m2m:rsp ─▶ settled
//!  RETRIEVE pcu ─▶ waits until its rqet ──┘
//! ```
//!
//! The channel has no queue of its own: what waits for a poll are the outgoing requests of the registree, with their
//! order, their bounds, their expiration and their repetition on the next link.

use super::incoming::Handled;
use super::reach::Way;
use super::render::ResultContent;
use super::store::meta_information;
use super::{Cse, Step};
use crate::attribute::Attribute;
use crate::id::{Entity, RequestId, RequestKey, ResourceId, SessionId};
use crate::primitive::{Content, Operation, Request, Response, ResponseMode};
use crate::record::Requester;
use crate::resource::{Resource, ResourceType};
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::text::Text;
use crate::value::{Members, Value};

impl Cse {
    /// A request to `pcu`: a poll, or the answer to what an earlier one has brought.
    pub(crate) fn polling_request(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        channel: &ResourceId,
    ) -> Result<Handled, Refusal> {
        let parent = self.row(channel).and_then(|row| row.parent.clone());
        let owner = parent.and_then(|id| self.registree(&id));
        // REG-42
        let by_owner = owner.as_ref() == Some(&requester.peer)
            && requester.peer.as_str() == requester.key.originator.as_str();
        if !by_owner {
            return Err(Refusal::NoPrivilege);
        }
        let request = &requester.request;
        match (request.operation, request.response_mode()) {
            (Operation::Create | Operation::Update | Operation::Delete, _) => {
                Err(Refusal::OperationNotAllowed)
            }
            (
                Operation::Retrieve,
                ResponseMode::NonBlockingSynch | ResponseMode::NonBlockingAsynch,
            ) => Err(Refusal::BadRequest),
            (
                Operation::Retrieve,
                ResponseMode::Blocking | ResponseMode::FlexBlocking | ResponseMode::NoResponse,
            ) => self.poll(step, requester),
            (Operation::Notify, _) => self.poll_answered(step, requester),
        }
    }

    /// Polls of a registree that are answered as soon as there is something for it.
    fn poll(&mut self, step: &mut Step, requester: &Requester) -> Result<Handled, Refusal> {
        let request = &requester.request;
        ResultContent::of(request.operation, request.result_content)?;
        let peer = requester.peer.clone();
        let open = &self.open;
        let waiting = self.polls.entry(peer.clone()).or_default();
        waiting.retain(|key| open.contains_key(key));
        if waiting.len() >= self.config.limits.outgoing_per_peer as usize {
            return Err(Refusal::NotAcceptable);
        }
        waiting.push(requester.key.clone());
        self.pump(step, &peer);
        self.feed(step, &peer);
        // REG-43
        Ok(Handled::Later)
    }

    /// Answers the polls of a registree with what is there for it, in the order of both.
    pub(crate) fn feed(&mut self, step: &mut Step, peer: &Entity) {
        while let Some((key, requester)) = self.waiting_poll(peer) {
            let Some(link) = self.current_link(peer) else {
                return;
            };
            if !matches!(self.way(peer, step.now()), Way::Poll) {
                return;
            }
            let aggregates = self
                .channel(peer)
                .and_then(|channel| channel.get(&Attribute::RequestAggregation)?.as_bool());
            let most = if aggregates == Some(true) {
                usize::MAX
            } else {
                1
            };
            let taken = self.hand_over(step, peer, link, most);
            if taken.is_empty() {
                return;
            }
            self.forget_poll(&key);
            let content = if aggregates == Some(true) {
                let list = taken
                    .iter()
                    .map(|request| Value::Object(parameters(request)));
                let list = Value::List(list.collect());
                let all = Value::object([(Attribute::RequestPrimitive, list)]);
                Some(Content::new(Attribute::AggregatedRequest, all))
            } else {
                let one = taken.first().map(|request| parameters(request));
                one.map(|one| Content::new(Attribute::RequestPrimitive, Value::Object(one)))
            };
            self.respond(step, &requester, Status::OK, content);
        }
    }

    /// A poll is over: answered, or its time has come.
    pub(crate) fn forget_poll(&mut self, key: &RequestKey) {
        self.polls.retain(|_, waiting| {
            waiting.retain(|waits| waits != key);
            !waiting.is_empty()
        });
    }

    /// The polling channel of a registree, if it has one.
    pub(crate) fn channel(&self, peer: &Entity) -> Option<&Shared<Resource>> {
        self.channel_of(&self.registration(peer)?)
    }

    pub(crate) fn channel_of(&self, registree: &ResourceId) -> Option<&Shared<Resource>> {
        self.durable
            .tree
            .children_of_type(registree, ResourceType::PollingChannel)
            .next()
    }

    fn waiting_poll(&self, peer: &Entity) -> Option<(RequestKey, Requester)> {
        let waiting = self.polls.get(peer)?;
        waiting.iter().find_map(|key| {
            let open = self.open.get(key)?;
            Some((key.clone(), open.requester.clone()))
        })
    }

    /// NOTIFY with the answer to a request that a poll has brought.
    fn poll_answered(
        &mut self,
        step: &mut Step,
        requester: &Requester,
    ) -> Result<Handled, Refusal> {
        let content = requester.request.content.as_ref();
        let response = match content.and_then(Content::single) {
            Some((Attribute::ResponsePrimitive, Value::Object(members))) => {
                self.response_of(members).ok_or(Refusal::BadRequest)?
            }
            Some(_) | None => return Err(Refusal::BadRequest),
        };
        let link = self
            .current_link(&requester.peer)
            .ok_or(Refusal::NotAuthenticated)?;
        // REG-44
        if self.answered(step, &requester.peer, link, &response) {
            Ok(Handled::Now(Status::OK, None))
        } else {
            Err(Refusal::NotFound)
        }
    }

    /// A response that arrived as the content of a request.
    fn response_of(&self, members: &Members) -> Option<Response> {
        let text = |name: &Attribute| members.get(name).and_then(Value::as_text).cloned();
        let status = members.get(&Attribute::ResponseStatusCode)?.as_integer()?;
        let id = RequestId(text(&Attribute::RequestIdentifier)?);
        let mut response = Response::new(Status(u16::try_from(status).ok()?), id);
        response.release_version = text(&Attribute::ReleaseVersion);
        response.session = text(&Attribute::SessionId).map(SessionId);
        response.content = match members.get(&Attribute::PrimitiveContent) {
            None => None,
            Some(value) => {
                value.as_object()?;
                Some(Content {
                    value: value.clone(),
                    size: (self.config.host.measure)(value),
                    rest: rest_of(members),
                })
            }
        };
        Some(response)
    }
}

/// What a response that arrived as content says of what was left out of it.
fn rest_of(response: &Members) -> Option<u32> {
    let rest = response.get(&Attribute::Custom("cnot".into()))?;
    u32::try_from(rest.as_integer()?).ok()
}

/// A request as the content of a response, each parameter under its name.
fn parameters(request: &Request) -> Members {
    let mut members = meta_information(request);
    let text = |text: &Text| Some(Value::Text(text.clone()));
    let integer = |n: u32| Value::Integer(i64::from(n));
    let more = [
        (
            Attribute::Operation,
            Some(integer(request.operation.number().into())),
        ),
        (Attribute::To, text(&request.to)),
        (Attribute::From, request.from.as_ref().and_then(text)),
        (Attribute::RequestIdentifier, text(&request.request_id.0)),
        (
            Attribute::PrimitiveContent,
            request.content.as_ref().map(|c| c.value.clone()),
        ),
        (
            Attribute::OriginatingTimestamp,
            request.originating_timestamp.map(Value::Time),
        ),
        (Attribute::Custom("fc".into()), request.filter.clone()),
        (
            Attribute::Custom("drt".into()),
            request.identifier_type.map(integer),
        ),
        (Attribute::Reason, request.reason.map(integer)),
    ];
    members.extend(
        more.into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    members
}
