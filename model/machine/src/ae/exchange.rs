//! Requests of an AE: each gets one identifier, is repeated under it after a reopening, and comes to one end.
//!
//! ```text
//!   Waiting --sent--> Sent --1001, 1002--> Accepted --notified--> over
//!      ^               |  \                    \
//!      +--link lost----+   +--response--> over  +--time over--> over (4008)
//!
//!   Waiting, Sent --time over--> over (4008); an establishment stays as Abandoned for a while
//! ```

use crate::address::Address;
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{AeId, CseId, RequestId, SessionId};
use crate::primitive::{Primitive, Request, Response, ResponseMode, When};
use crate::shared::Shared;
use crate::status::Status;
use crate::text::Text;
use alloc::vec::Vec;

use super::command::{Event, Objection};
use super::endpoint::EndKey;
use super::{Ae, Output, Registration};

/// A request of this AE that has not come to its end.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Exchange {
    /// The command that wanted it; `None`: the machine itself.
    pub tag: Option<u64>,
    /// As it is sent, but for the seal.
    pub request: Shared<Request>,
    /// What the answer means.
    pub purpose: Purpose,
    /// When it is given up; of an abandoned one, when it is forgotten.
    pub until: Timestamp,
    /// Where it stands.
    pub stage: Stage,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Stage {
    /// It has to be sent, for the first time or again.
    Waiting,
    /// It was sent over the link that is open.
    Sent,
    /// It was acknowledged, and its result is due.
    Accepted,
    /// It was given up; a success that comes too late has to be undone.
    Abandoned,
}

/// What the answer to a request means.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Purpose {
    /// This AE is registered.
    Register,
    /// This AE is no longer registered.
    Deregister,
    /// Session-capable AEs, at the CSE that was asked.
    Discover(CseId),
    /// A session, with the key pair for it.
    Establish(Option<EndKey>),
    /// The end of a session.
    Terminate(SessionId),
    /// The end of a session that this AE is not in.
    Undo,
    /// Whatever the application wanted.
    Plain,
}

impl Ae {
    pub(super) fn is_full(&self) -> bool {
        self.exchanges.len() >= self.config.limits.requests as usize
    }

    /// Takes up a request, to be sent as soon as a link is open.
    pub(super) fn open(
        &mut self,
        now: Timestamp,
        tag: Option<u64>,
        request: Request,
        purpose: Purpose,
    ) -> Result<(), Objection> {
        if self.is_full() {
            return Err(Objection::TooMany);
        }
        let life = When::After(self.config.timers.request_life_ms);
        let until = request.request_expiration.unwrap_or(life).from(now);
        let request = Shared::new(request);
        let exchange = Exchange {
            tag,
            request,
            purpose,
            until,
            stage: Stage::Waiting,
        };
        self.exchanges.insert(self.next, exchange);
        self.next += 1;
        Ok(())
    }

    /// Sends what waits, in the order in which it was asked for.
    pub(super) fn flush(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(link) = self.link.open() else {
            return;
        };
        let mut expired = Vec::new();
        // LNK-11
        for (number, exchange) in &mut self.exchanges {
            match exchange.stage {
                Stage::Waiting => {
                    if exchange.until <= now {
                        expired.push(*number);
                    } else if may_send(&self.registration, &exchange.purpose) {
                        let primitive = Primitive::Request(exchange.request.clone());
                        out.push(Output::Send { link, primitive });
                        exchange.stage = Stage::Sent;
                    }
                }
                Stage::Sent | Stage::Accepted | Stage::Abandoned => {}
            }
        }
        if expired.is_empty() {
            return;
        }
        // LNK-10
        for number in expired {
            self.give_up(now, number, out);
        }
        // What was given up may have made way for something else.
        self.flush(now, out);
    }

    /// A response: it ends the request of its identifier.
    pub(super) fn answered(
        &mut self,
        now: Timestamp,
        response: &Shared<Response>,
        out: &mut Vec<Output>,
    ) {
        // LNK-14
        let Some(number) = response
            .request_id
            .as_ref()
            .and_then(|id| self.number_of(id))
        else {
            return;
        };
        let Some(exchange) = self.exchanges.get(&number).cloned() else {
            return;
        };
        match exchange.stage {
            Stage::Waiting | Stage::Sent => {
                if is_acknowledgement(response.status)
                    && exchange.request.response_mode() != ResponseMode::Blocking
                {
                    self.accepted(now, number, response, out);
                } else {
                    self.exchanges.remove(&number);
                    self.concluded(now, exchange, response, out);
                }
            }
            // LNK-14
            Stage::Accepted => {}
            Stage::Abandoned => {
                self.exchanges.remove(&number);
                if response.status.is_success() {
                    self.undo(now, response);
                }
            }
        }
    }

    fn accepted(
        &mut self,
        now: Timestamp,
        number: u64,
        response: &Shared<Response>,
        out: &mut Vec<Output>,
    ) {
        let timers = self.config.timers;
        let Some(exchange) = self.exchanges.get_mut(&number) else {
            return;
        };
        let tag = exchange.tag;
        match exchange.request.response_mode() {
            ResponseMode::NonBlockingAsynch | ResponseMode::FlexBlocking => {
                exchange.stage = Stage::Accepted;
                exchange.until = if exchange.request.request_expiration.is_some() {
                    exchange.until.plus(timers.outcome_memory_ms)
                } else {
                    now.plus(timers.result_life_ms)
                };
            }
            // The application fetches the result itself.
            ResponseMode::NonBlockingSynch | ResponseMode::Blocking | ResponseMode::NoResponse => {
                self.exchanges.remove(&number);
            }
        }
        if let Some(tag) = tag {
            let response = response.clone();
            out.push(Output::Report(Event::Accepted { tag, response }));
        }
    }

    /// The final answer to a request that is not open any more.
    pub(super) fn concluded(
        &mut self,
        now: Timestamp,
        exchange: Exchange,
        response: &Shared<Response>,
        out: &mut Vec<Output>,
    ) {
        let is_success = response.status.is_success();
        match &exchange.purpose {
            Purpose::Register => {
                if self.is_registered_by(&exchange, response, out) {
                    return;
                }
            }
            Purpose::Deregister => self.is_deregistered_by(response.status, out),
            Purpose::Discover(cse) => {
                if is_success {
                    let found = found(cse, response);
                    if let Some(tag) = exchange.tag {
                        out.push(Output::Report(Event::Discovered { tag, found }));
                    }
                    return;
                }
            }
            Purpose::Establish(key) => {
                if is_success {
                    if self.established(&exchange, key.clone(), response, out) {
                        return;
                    }
                    self.undo(now, response);
                }
            }
            Purpose::Terminate(session) => {
                self.terminated(session, response.status, out);
            }
            Purpose::Plain => {
                if is_success {
                    self.learn(response);
                }
            }
            Purpose::Undo => {}
        }
        self.report_answer(&exchange, response, out);
    }

    fn report_answer(
        &mut self,
        exchange: &Exchange,
        response: &Shared<Response>,
        out: &mut Vec<Output>,
    ) {
        let Some(tag) = exchange.tag else {
            return;
        };
        let request = &exchange.request;
        let unreadable = match &response.content {
            None => Vec::new(),
            Some(content) => self.examine(content, Some(&request.to), request.session.as_ref()),
        };
        let response = response.clone();
        out.push(Output::Report(Event::Answered {
            tag,
            response,
            unreadable,
        }));
    }

    /// The time of a request is over.
    pub(super) fn give_up(&mut self, now: Timestamp, number: u64, out: &mut Vec<Output>) {
        let Some(exchange) = self.exchanges.remove(&number) else {
            return;
        };
        match exchange.stage {
            Stage::Waiting | Stage::Sent | Stage::Accepted => {
                let id = exchange.request.request_id.clone();
                let mut response = Response::new(Status::REQUEST_TIMEOUT, id);
                response.session = exchange.request.session.clone();
                match &exchange.purpose {
                    // EST-11
                    Purpose::Establish(_) => {
                        let until = now.plus(self.config.timers.outcome_memory_ms);
                        let rest = Exchange {
                            until,
                            stage: Stage::Abandoned,
                            purpose: Purpose::Establish(None),
                            ..exchange.clone()
                        };
                        self.exchanges.insert(number, rest);
                    }
                    // END-04, END-10
                    Purpose::Terminate(session) => {
                        let session = session.clone();
                        self.leave_unanswered(now, &session, &exchange.request, out);
                    }
                    Purpose::Register
                    | Purpose::Deregister
                    | Purpose::Discover(_)
                    | Purpose::Undo
                    | Purpose::Plain => {}
                }
                // EST-15
                self.concluded(now, exchange, &Shared::new(response), out);
            }
            Stage::Abandoned => {}
        }
    }

    /// Whether a session may come into being by an answer that is still due.
    pub(super) fn is_establishing(&self) -> bool {
        self.exchanges
            .values()
            .any(|exchange| match exchange.purpose {
                Purpose::Establish(_) => true,
                Purpose::Register
                | Purpose::Deregister
                | Purpose::Discover(_)
                | Purpose::Terminate(_)
                | Purpose::Undo
                | Purpose::Plain => false,
            })
    }

    /// The number of one of this AE's request identifiers.
    pub(super) fn number_of(&self, id: &RequestId) -> Option<u64> {
        id.as_str()
            .strip_prefix(self.config.request_prefix.as_str())?
            .parse()
            .ok()
    }
}

fn may_send(registration: &Registration, purpose: &Purpose) -> bool {
    match registration {
        Registration::Known(_) | Registration::Leaving(_) => true,
        // LNK-03
        Registration::Missing | Registration::Asked => *purpose == Purpose::Register,
    }
}

fn is_acknowledgement(status: Status) -> bool {
    status.0 / 1000 == 1
}

/// The AEs that a discovery found at that CSE.
fn found(cse: &CseId, response: &Response) -> Vec<AeId> {
    let content = response.content.as_ref();
    let list = content.and_then(|c| c.value.member(&Attribute::UriList)?.as_texts());
    let one = |text: Text| {
        let address = Address::parse(&text)?;
        let at = address.cse.unwrap_or_else(|| cse.clone());
        Some(AeId::at(&at, address.segments.last()?))
    };
    list.unwrap_or_default()
        .into_iter()
        .filter_map(one)
        .collect()
}
