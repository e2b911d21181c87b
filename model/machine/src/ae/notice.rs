//! What the registrar sends to an AE: questions for consent, updates, terminations, results.
//!
//! Every request is answered once; a repetition gets the same answer and has no further effect. Only a question
//! waits for the application before it is answered.

use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{RequestId, RequestKey, SessionId};
use crate::primitive::{Content, Operation, Primitive, Request, Response, ResponseMode, When};
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::status::Status;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::format;
use alloc::vec::Vec;

use super::command::{EndReason, Event};
use super::endpoint::Phase;
use super::exchange::Stage;
use super::{Ae, Output};

/// A request of the registrar, and what was answered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Outcome {
    pub(crate) digest: u64,
    /// `None` while the application has not answered.
    pub(crate) response: Option<Shared<Response>>,
    /// Whether the request named its session.
    pub(crate) session: Option<SessionId>,
    pub(crate) until: Timestamp,
}

/// An answer that waits for a link.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Held {
    pub(crate) response: Shared<Response>,
    pub(crate) until: Timestamp,
}

/// What a request of the registrar leads to.
pub(super) enum Reaction {
    /// An answer at once.
    Answer(Status, Option<Content>),
    /// The application is asked.
    Later,
}

impl Ae {
    pub(super) fn requested(
        &mut self,
        now: Timestamp,
        request: &Shared<Request>,
        out: &mut Vec<Output>,
    ) {
        let originator = request.from.clone().unwrap_or_default();
        let key = RequestKey {
            originator,
            request_id: request.request_id.clone(),
        };
        if let Some(known) = self.outcomes.get(&key) {
            let is_same = known.digest == request.digest();
            match &known.response {
                // USE-53, EST-12
                Some(response) if is_same => {
                    let (response, until) = (response.clone(), known.until);
                    self.send_answer(response, until, out);
                    return;
                }
                // Answered, and the identifier is used again.
                Some(_) => {}
                None if is_same => return,
                None => {
                    let response = reply(request, Status::CONFLICT, None);
                    self.send_answer(response, now, out);
                    return;
                }
            }
        }
        let life = When::After(self.config.timers.request_life_ms);
        let due = request.request_expiration.unwrap_or(life).from(now);
        let outcome = Outcome {
            digest: request.digest(),
            response: None,
            session: request.session.clone(),
            until: due.plus(self.config.timers.outcome_memory_ms),
        };
        if !self.has_room_for_outcome(&key) {
            out.push(Output::Report(Event::LimitReached("outcomes")));
            self.send_answer(reply(request, Status::NOT_ACCEPTABLE, None), due, out);
            return;
        }
        self.outcomes.insert(key.clone(), outcome);
        match self.react(now, due, &key, request, out) {
            Reaction::Later => {}
            Reaction::Answer(status, content) => match request.response_mode() {
                ResponseMode::NoResponse => {
                    self.settle(&key, &reply(request, status, content));
                }
                ResponseMode::NonBlockingSynch
                | ResponseMode::NonBlockingAsynch
                | ResponseMode::Blocking
                | ResponseMode::FlexBlocking => {
                    let response = reply(request, status, content);
                    self.settle(&key, &response);
                    self.send_answer(response, due, out);
                }
            },
        }
    }

    fn react(
        &mut self,
        now: Timestamp,
        due: Timestamp,
        key: &RequestKey,
        request: &Request,
        out: &mut Vec<Output>,
    ) -> Reaction {
        if due <= now {
            return Reaction::Answer(Status::REQUEST_TIMEOUT, None);
        }
        if !self.is_own_address(&request.to) {
            return Reaction::Answer(Status::NOT_FOUND, None);
        }
        match request.operation {
            Operation::Notify => self.notified(now, due, key, request, out),
            // An AE hosts no resources.
            Operation::Create | Operation::Retrieve | Operation::Update | Operation::Delete => {
                Reaction::Answer(Status::OPERATION_NOT_ALLOWED, None)
            }
        }
    }

    fn notified(
        &mut self,
        now: Timestamp,
        due: Timestamp,
        key: &RequestKey,
        request: &Request,
        out: &mut Vec<Output>,
    ) -> Reaction {
        let content = request.content.as_ref();
        let is_registrar = request.from.as_ref() == Some(&self.config.registrar.0);
        let member = |name: &Attribute| content?.value.member(name)?.as_object();
        if let Some(result) = member(&Attribute::ResponsePrimitive) {
            return if is_registrar {
                self.result(now, result, out)
            } else {
                Reaction::Answer(Status::ORIGINATOR_HAS_NO_PRIVILEGE, None)
            };
        }
        let event = member(&Attribute::Notification)
            .and_then(|sgn| sgn.get(&Attribute::NotificationEvent)?.as_object());
        let event_type = event
            .and_then(|event| event.get(&Attribute::NotificationEventType)?.as_integer())
            .filter(|number| (50001..=50003).contains(number));
        let Some(event_type) = event_type else {
            return self.other(request, out);
        };
        // END-13
        if !is_registrar {
            return Reaction::Answer(Status::ORIGINATOR_HAS_NO_PRIVILEGE, None);
        }
        let event = event.cloned().unwrap_or_default();
        let done = match event_type {
            50001 => self.questioned(now, due, key, request, &event, out),
            50002 => self.updated(now, key, request, &event, out),
            _ => self.told(request, &event, out),
        };
        done.unwrap_or(Reaction::Answer(Status::BAD_REQUEST, None))
    }

    /// F2-18: the peer changed something.
    fn updated(
        &mut self,
        now: Timestamp,
        key: &RequestKey,
        request: &Request,
        event: &Members,
        out: &mut Vec<Output>,
    ) -> Option<Reaction> {
        let session = request.session.clone()?;
        let representation = event.get(&Attribute::Representation)?;
        let resource = representation.member(&Attribute::Uri)?.as_text()?.clone();
        let monitor = event.get(&Attribute::OperationMonitor)?;
        let number = monitor.member(&Attribute::Operation)?.as_integer()?;
        let operation = Operation::from_number(number)?;
        let originator = monitor.member(&Attribute::Originator)?.as_text()?.clone();
        match self.sessions.get(&session) {
            Some(Phase::Member(_) | Phase::Leaving(_)) => {
                let event = Event::Updated {
                    session,
                    resource,
                    operation,
                    originator,
                };
                out.push(Output::Report(event));
                Some(Reaction::Answer(Status::OK, None))
            }
            // END-14
            Some(Phase::Asked(_) | Phase::Refused(_) | Phase::Ended(_)) => {
                Some(Reaction::Answer(Status::NOT_FOUND, None))
            }
            // It may be the session whose success is still on its way; the registrar repeats the notification.
            None if self.is_establishing() => {
                self.outcomes.remove(key);
                Some(Reaction::Later)
            }
            None => {
                self.lose(now, &session, out);
                Some(Reaction::Answer(Status::NOT_FOUND, None))
            }
        }
    }

    /// F3-04: a session is over.
    fn told(
        &mut self,
        request: &Request,
        event: &Members,
        out: &mut Vec<Output>,
    ) -> Option<Reaction> {
        let session = session_of(event)?;
        let id = SessionId(session.get(&Attribute::SessionId)?.as_text()?.clone());
        if request.session.as_ref().is_some_and(|named| *named != id) {
            return None;
        }
        let reason = session.get(&Attribute::Reason).and_then(Value::as_integer);
        let reason = reason
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(1);
        // END-15, END-31
        self.end(&id, EndReason::Told(reason), out);
        Some(Reaction::Answer(Status::OK, None))
    }

    /// F2-16: the result of a request that was accepted.
    fn result(&mut self, now: Timestamp, result: &Members, out: &mut Vec<Output>) -> Reaction {
        let Some(response) = response_of(result) else {
            return Reaction::Answer(Status::BAD_REQUEST, None);
        };
        let number = response
            .request_id
            .as_ref()
            .and_then(|id| self.number_of(id));
        let exchange = number
            .and_then(|number| self.exchanges.get(&number))
            .cloned();
        let response = Shared::new(response);
        let Some(exchange) = exchange else {
            out.push(Output::Report(Event::Result { response }));
            return Reaction::Answer(Status::OK, None);
        };
        match exchange.stage {
            Stage::Waiting | Stage::Sent | Stage::Accepted => {
                if let Some(number) = number {
                    self.exchanges.remove(&number);
                }
                self.concluded(now, exchange, &response, out);
            }
            // Only establishments are abandoned, and these are never answered by a notification.
            Stage::Abandoned => {}
        }
        Reaction::Answer(Status::OK, None)
    }

    /// Any other notification goes to the application.
    fn other(&mut self, request: &Request, out: &mut Vec<Output>) -> Reaction {
        if let Some(session) = &request.session {
            match self.sessions.get(session) {
                Some(Phase::Member(_) | Phase::Leaving(_)) => {}
                // END-07, USE-32
                Some(Phase::Asked(_) | Phase::Refused(_) | Phase::Ended(_)) | None => {
                    return Reaction::Answer(Status::NOT_FOUND, None);
                }
            }
        }
        let unreadable = match &request.content {
            None => Vec::new(),
            Some(content) => self.examine(content, None, request.session.as_ref()),
        };
        // USE-61
        if !unreadable.is_empty() {
            return Reaction::Answer(Status::AUTHENTICATION_FAILED, None);
        }
        out.push(Output::Report(Event::Notified {
            from: request.from.clone().unwrap_or_default(),
            session: request.session.clone(),
            content: request.content.clone(),
            unreadable,
        }));
        Reaction::Answer(Status::OK, None)
    }

    /// Answers a request that waited for the application.
    pub(super) fn answer(
        &mut self,
        key: &RequestKey,
        status: Status,
        content: Option<Content>,
        out: &mut Vec<Output>,
    ) {
        let Some(outcome) = self.outcomes.get(key) else {
            return;
        };
        let mut response = Response::new(status, key.request_id.clone());
        response.session = outcome.session.clone();
        response.content = content;
        let (response, until) = (Shared::new(response), outcome.until);
        self.settle(key, &response);
        self.send_answer(response, until, out);
    }

    fn settle(&mut self, key: &RequestKey, response: &Shared<Response>) {
        if let Some(outcome) = self.outcomes.get_mut(key) {
            outcome.response = Some(response.clone());
        }
    }

    // LNK-46
    fn send_answer(&mut self, response: Shared<Response>, until: Timestamp, out: &mut Vec<Output>) {
        if let Some(link) = self.link.open() {
            out.push(Output::Send {
                link,
                primitive: Primitive::Response(response),
            });
        } else if self.held.len() < self.config.limits.outcomes as usize {
            self.held.push(Held { response, until });
        }
    }

    fn has_room_for_outcome(&mut self, key: &RequestKey) -> bool {
        let limit = self.config.limits.outcomes as usize;
        if self.outcomes.len() < limit || self.outcomes.contains_key(key) {
            return true;
        }
        let settled = self
            .outcomes
            .iter()
            .filter(|(_, outcome)| outcome.response.is_some());
        let oldest = settled
            .map(|(key, outcome)| (outcome.until, key.clone()))
            .min();
        if let Some((_, key)) = oldest {
            self.outcomes.remove(&key);
            return true;
        }
        false
    }

    /// Whether the address is this AE, in any of its forms, or a path that continues after it.
    fn is_own_address(&self, to: &Text) -> bool {
        let Some(identity) = self.identity() else {
            return false;
        };
        let structured = format!(
            "{}/{}/{}",
            self.config.registrar, self.config.base, identity.name
        );
        let own = [
            identity.id.stem(),
            identity.id.as_str(),
            structured.as_str(),
        ];
        own.into_iter()
            .any(|own| crate::address::lies_within(to, own))
    }
}

fn reply(request: &Request, status: Status, content: Option<Content>) -> Shared<Response> {
    let mut response = Response::new(status, request.request_id.clone());
    // USE-37
    response.session = request.session.clone();
    response.content = content;
    response.result_expiration = request.result_expiration;
    Shared::new(response)
}

pub(super) fn session_of(event: &Members) -> Option<&Members> {
    let representation = event.get(&Attribute::Representation)?;
    representation
        .member(&Attribute::Resource(ResourceType::Session))?
        .as_object()
}

/// A response that stands in a notification.
fn response_of(members: &Members) -> Option<Response> {
    let text = |name: &Attribute| members.get(name)?.as_text().cloned();
    let status = members.get(&Attribute::ResponseStatusCode)?.as_integer()?;
    let content = members.get(&Attribute::PrimitiveContent).cloned();
    Some(Response {
        status: Status(u16::try_from(status).ok()?),
        request_id: Some(RequestId(text(&Attribute::RequestIdentifier)?)),
        release_version: text(&Attribute::ReleaseVersion),
        session: text(&Attribute::SessionId).map(SessionId),
        content: content.map(|value| Content {
            value,
            size: 0,
            rest: None,
        }),
        result_expiration: None,
    })
}
