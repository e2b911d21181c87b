//! Requests of peers: who sent it, was it here before, is it well-formed; then to its chapter; then the answer.
//!
//! The order is that of R8 and TS-0004 clause 7.2.2.2: originator against link, repetition, parameters, target.

mod identity;
mod parameters;

use super::deadlines::Wait;
use super::outgoing::{Conclusion, Purpose};
use super::render::ResultContent;
use super::resources::{Resolved, VirtualChild};
use super::{Cse, Event, Output, Step, Timer};
use crate::address::Address;
use crate::deviation::Deviation;
use crate::durable::Due;
use crate::env::Timestamp;
use crate::id::{Entity, LinkId, RequestKey};
use crate::primitive::{Content, Operation, Primitive, Request, Response, ResponseMode, When};
use crate::record::{Outcome, Requester};
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::status::{Refusal, Status};
use crate::text::Text;

/// A request that is not answered yet.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Open {
    /// Where it came in last.
    pub(crate) link: LinkId,
    /// When it came in first.
    pub(crate) accepted: Timestamp,
    /// When it is carried out, if that is yet to come.
    pub(crate) due: Option<Timestamp>,
    /// Who waits.
    pub(crate) requester: Requester,
}

/// What a chapter says of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Handled {
    /// Here is the answer.
    Now(Status, Option<Content>),
    /// The answer follows; the chapter has noted the requester.
    Later,
}

/// The release versions this CSE speaks (TS-0004 clause 6.3.4.2, supportedReleaseVersions).
pub(crate) const RELEASE_VERSIONS: [&str; 4] = ["2a", "3", "4", "5"];

/// Marks an originator that has no name yet; no identifier begins like this.
pub(super) const NAMELESS: char = '@';

impl Cse {
    pub(crate) fn request_received(
        &mut self,
        step: &mut Step,
        link: LinkId,
        request: Shared<Request>,
    ) {
        // LNK-66
        if self.is_stopping() {
            return;
        }
        self.expire_resources(step);
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        state.malformed = 0;
        let (peer, originator) = match self.identify(step, link, &request) {
            Ok(identity) => identity,
            Err(refusal) => {
                let now = step.now();
                let over = request
                    .request_expiration
                    .is_some_and(|when| when.from(now) <= now);
                let refusal = if over { Refusal::Expired } else { refusal };
                return self.refuse_unidentified(step, link, &request, refusal);
            }
        };
        let key = RequestKey {
            originator,
            request_id: request.request_id.clone(),
        };
        let now = step.now();
        let expires = parameters::expiration(&request, now, self.config.timers.request_life_ms);
        let requester = Requester {
            key,
            peer,
            acknowledged: None,
            expires,
            request,
        };
        if self.is_repetition(step, link, &requester) {
            return;
        }
        self.open.insert(
            requester.key.clone(),
            Open {
                link,
                accepted: now,
                due: None,
                requester: requester.clone(),
            },
        );
        let done = self.handle(step, link, &requester);
        self.conclude(step, &requester, done);
    }

    /// Answers a request with what was said of it, unless that is yet to come.
    pub(crate) fn conclude(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        done: Result<Handled, Refusal>,
    ) {
        match done {
            Ok(Handled::Now(status, content)) => self.respond(step, requester, status, content),
            Ok(Handled::Later) => {}
            Err(refusal) => self.refuse(step, requester, refusal),
        }
    }

    /// R8: a repetition is absorbed or answered as before, never executed again.
    fn is_repetition(&mut self, step: &mut Step, link: LinkId, requester: &Requester) -> bool {
        if !self.tells_repetitions() {
            return false;
        }
        let digest = requester.request.digest();
        if let Some(open) = self.open.get_mut(&requester.key) {
            let identical = open.requester.request.digest() == digest;
            // EST-13, EST-65, REG-30, REG-32, USE-12
            if identical {
                open.link = link;
            } else {
                let response = self.response_to(requester, Refusal::Conflict.status(), None);
                self.send_response(step, link, &requester.peer, response);
            }
            return true;
        }
        if let Some(outcome) = self.durable.outcomes.get(&requester.key)
            && outcome.digest == digest
        {
            // EST-13, EST-65, LNK-21, REG-31, USE-12
            let response = outcome.response.clone();
            self.send_response(step, link, &requester.peer, response);
            return true;
        }
        // After a crash, what was under way is known from its records.
        if self.is_under_way(&requester.key, digest) {
            self.open.insert(
                requester.key.clone(),
                Open {
                    link,
                    accepted: step.now(),
                    due: None,
                    requester: requester.clone(),
                },
            );
            return true;
        }
        false
    }

    /// Whether what was asked before is told from what is new.
    pub(crate) fn tells_repetitions(&self) -> bool {
        !self.config.deviations.has(Deviation::NoOutcomeCache)
    }

    /// Whether records say that this very request is being worked on.
    fn is_under_way(&self, key: &RequestKey, digest: u64) -> bool {
        let durable = &self.durable;
        let same = |r: Option<&Requester>| r.is_some_and(|r| r.request.digest() == digest);
        // EST-13, END-24, REG-30
        let mut attempts = durable.attempts.of_request(key);
        let mut changes = durable.changes.of_request(key);
        let mut sessions = durable.sessions.of_request(key);
        let mut tombstones = durable.tombstones.of_request(key);
        attempts.any(|row| same(row.request()))
            || changes.any(|row| same(row.request()))
            || sessions.any(|row| same(row.request()))
            || tombstones.any(|row| same(row.request()))
    }

    fn handle(
        &mut self,
        step: &mut Step,
        link: LinkId,
        requester: &Requester,
    ) -> Result<Handled, Refusal> {
        let request = requester.request.clone();
        parameters::check(&request, requester.expires, step.now())?;
        if self.store_failing && request.operation != Operation::Retrieve {
            return Err(Refusal::StoreUnavailable);
        }
        let address = Address::parse(&request.to).ok_or(Refusal::BadRequest)?;
        let address = self.localized(address);
        self.check_from_abroad(requester, &address)?;
        let by_neighbour = match &requester.peer {
            Entity::Cse(cse) => requester.key.originator == cse.as_str(),
            Entity::Ae(_) => false,
        };
        let due = parameters::execution(&request, step.now());
        match registers(&request) {
            Some(_) if due.is_some() => return Err(Refusal::NotImplemented),
            Some(ResourceType::Ae) if self.is_base(&address) => {
                return self.register_ae(step, link, requester);
            }
            Some(ResourceType::RemoteCse) if self.is_base(&address) => {
                return self.register_cse(step, link, requester);
            }
            Some(_) if !self.is_own(&address) => return Err(Refusal::BadRequest),
            Some(_) if self.resolve(&address).is_none() => return Err(Refusal::NotFound),
            Some(_) => return Err(Refusal::InvalidChild),
            None => {}
        }
        if makes_session(&request) && by_neighbour {
            // EST-50
            return self.establish_for_hop(step, requester, &address);
        }
        if by_neighbour && ends_by_identifier(&request, &address) && !self.is_own(&address) {
            let collection = self.transit_collection().ok_or(Refusal::NotFound)?;
            // EST-50, EST-64
            return self.end_by_identifier(step, requester, &collection);
        }
        if !self.is_own(&address) {
            // EST-31
            return match request.session {
                // REG-57
                Some(_) if due.is_some() => Err(Refusal::NotImplemented),
                Some(_) => self.data_request(step, requester, None),
                None => self.forward(step, requester, &address),
            };
        }
        self.handle_local(step, requester, &address)
    }

    fn handle_local(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        address: &Address,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        // REG-28
        ResultContent::of(request.operation, request.result_content)?;
        let due = parameters::execution(request, step.now());
        let target = self.resolve(address);
        let of_sessions = target.as_ref().is_some_and(|t| {
            self.type_of(&t.resource)
                .is_some_and(|r| r.is_of_sessions())
        });
        let is_in_session = request.session.is_some() || of_sessions || makes_session(request);
        if is_in_session && due.is_some() {
            return Err(Refusal::NotImplemented);
        }
        if request.session.is_some() && !of_sessions {
            return self.data_request(step, requester, target);
        }
        let Some(target) = target else {
            // END-09
            let missing = self.missing(request, address);
            return self.refuse_target(step, requester, missing);
        };
        if of_sessions || makes_session(request) {
            return self.session_request(step, requester, &target);
        }
        match request.response_mode() {
            ResponseMode::Blocking | ResponseMode::NoResponse | ResponseMode::FlexBlocking => {
                match due {
                    Some(due) => Ok(self.hold(requester, due)),
                    None => self.perform(step, requester, &target),
                }
            }
            ResponseMode::NonBlockingSynch | ResponseMode::NonBlockingAsynch => {
                self.perform_later(step, requester, &target, due)
            }
        }
    }

    /// Keeps a request whose originator waits until its time comes.
    fn hold(&mut self, requester: &Requester, due: Timestamp) -> Handled {
        if let Some(open) = self.open.get_mut(&requester.key) {
            // REG-57
            open.due = Some(due);
        }
        Handled::Later
    }

    /// The time has come of a request that was kept.
    fn perform_held(&mut self, step: &mut Step, requester: &Requester) {
        let done = match self.target_of(&requester.request) {
            Some(target) => self.perform(step, requester, &target),
            None => Err(Refusal::NotFound),
        };
        self.conclude(step, requester, done);
    }

    /// What was asked of others before a request could be carried out is known.
    pub(crate) fn perform_agreed(&mut self, step: &mut Step, requester: &Requester) {
        let done = match self.target_of(&requester.request) {
            Some(target) => self.execute_now(step, requester, &target),
            None => Err(Refusal::NotFound),
        };
        self.conclude(step, requester, done);
    }

    /// What a request that has waited is for, now.
    pub(crate) fn target_of(&self, request: &Request) -> Option<Resolved> {
        let address = self.localized(Address::parse(&request.to)?);
        self.resolve(&address)
    }

    /// Carries out a request on a local resource that is no part of a session.
    pub(crate) fn perform(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Handled, Refusal> {
        let request = &requester.request;
        let resource_type = self.type_of(&target.resource);
        if target.virtual_child == Some(VirtualChild::FanOutPoint) {
            return self.fan_out(step, requester, target);
        }
        if target.virtual_child == Some(VirtualChild::PollingChannelUri) {
            return self.polling_request(step, requester, &target.resource);
        }
        if self.waits_for_update(step, requester, target)? {
            return Ok(Handled::Later);
        }
        match request.operation {
            Operation::Delete => match resource_type {
                Some(ResourceType::Ae) => self.deregister_ae(step, requester, &target.resource),
                Some(ResourceType::RemoteCse) => {
                    self.deregister_cse(step, requester, &target.resource)
                }
                Some(ResourceType::Request) => self.recall(step, requester, &target.resource),
                Some(_) | None => self.execute_now(step, requester, target),
            },
            Operation::Update => self.perform_update(step, requester, target),
            Operation::Notify if resource_type == Some(ResourceType::Ae) => {
                self.notify_ae(step, requester, &target.resource)
            }
            Operation::Notify => Err(Refusal::OperationNotAllowed),
            Operation::Create => {
                if let Some(asked) = self.verify(step, requester, target)? {
                    return Ok(asked);
                }
                match self.inquire(step, requester, target)? {
                    Some(asked) => Ok(asked),
                    None => self.execute_now(step, requester, target),
                }
            }
            Operation::Retrieve => match self.discover_on_demand(step, requester, target)? {
                Some(asked) => Ok(asked),
                None => self.execute_now(step, requester, target),
            },
        }
    }

    /// Carries out a request on a local resource as such, with the rights of its originator.
    pub(crate) fn execute_now(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
    ) -> Result<Handled, Refusal> {
        let originator = &requester.key.originator;
        let response = self.execute(step, originator, &requester.request, target)?;
        Ok(Handled::Now(response.status, response.content))
    }

    /// What is said of a target that is not there: an AE without sessions is not the same as no AE.
    fn missing(&self, request: &Request, address: &Address) -> Refusal {
        let mut parent = address.clone();
        let last = parent.segments.pop();
        let asks = makes_session(request) && last.as_deref() == Some("sessions");
        let ae = asks.then(|| self.resolve(&parent)).flatten();
        match ae.and_then(|found| self.type_of(&found.resource)) {
            Some(ResourceType::Ae) => Refusal::NotSessionCapable,
            Some(_) | None => Refusal::NotFound,
        }
    }

    /// Answers a request: its outcome is remembered, then it is sent on the link it came in on or the current one.
    pub(crate) fn respond(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        status: Status,
        content: Option<Content>,
    ) {
        if requester.acknowledged.is_some() {
            self.report(step, requester, status, content);
            return;
        }
        let open = self.open.remove(&requester.key);
        let digest = requester.request.digest();
        // EST-15, USE-15
        if open.is_none()
            && self
                .durable
                .outcomes
                .get(&requester.key)
                .is_some_and(|o| o.digest == digest)
        {
            return;
        }
        let response = self.response_to(requester, status, content);
        if remembers(requester) && !self.store_failing {
            let until = requester.expires.plus(self.config.timers.outcome_memory_ms);
            self.make_room_for_outcome(&requester.key.originator);
            let row = Outcome {
                key: requester.key.clone(),
                digest,
                response: response.clone(),
                until,
            };
            self.durable.outcomes.put(row);
        }
        if requester.request.response_mode() == ResponseMode::NoResponse {
            return;
        }
        let link = open.map_or(LinkId(0), |o| o.link);
        self.send_response(step, link, &requester.peer, response);
    }

    pub(crate) fn refuse(&mut self, step: &mut Step, requester: &Requester, refusal: Refusal) {
        let status = refusal.status();
        step.report(Event::Refused(requester.key.originator.clone(), status.0));
        self.respond(step, requester, status, None);
    }

    pub(crate) fn refuse_unidentified(
        &self,
        step: &mut Step,
        link: LinkId,
        request: &Request,
        refusal: Refusal,
    ) {
        let status = refusal.status();
        step.report(Event::Refused(
            request.from.clone().unwrap_or_default(),
            status.0,
        ));
        let mut response = Response::new(status, request.request_id.clone());
        response.session.clone_from(&request.session);
        let primitive = Primitive::Response(Shared::new(response));
        step.outputs.push(Output::Send { link, primitive });
    }

    fn response_to(
        &self,
        requester: &Requester,
        status: Status,
        content: Option<Content>,
    ) -> Shared<Response> {
        let request = &requester.request;
        let version = request.release_version.clone();
        // REG-29, USE-37
        Shared::new(Response {
            status,
            request_id: Some(request.request_id.clone()),
            release_version: Some(
                version
                    .filter(|v| RELEASE_VERSIONS.contains(&&**v))
                    .unwrap_or_else(|| "3".into()),
            ),
            session: request.session.clone(),
            content,
            result_expiration: request
                .result_expiration
                .filter(|w| matches!(w, When::At(_))),
        })
    }

    fn send_response(
        &self,
        step: &mut Step,
        link: LinkId,
        peer: &Entity,
        response: Shared<Response>,
    ) {
        let usable = |l: &LinkId| self.links.get(l).is_some_and(|state| !state.replaced);
        // LNK-02, LNK-45, LNK-46
        if let Some(link) = Some(link)
            .filter(usable)
            .or_else(|| self.current_link(peer))
        {
            let primitive = Primitive::Response(response);
            step.outputs.push(Output::Send { link, primitive });
        }
    }

    /// Keeps the number of outcomes per originator bounded: the one that would be forgotten first goes.
    fn make_room_for_outcome(&mut self, originator: &Text) {
        let outcomes = &mut self.durable.outcomes;
        if outcomes.count_of(originator) < self.config.limits.outcomes_per_originator as usize {
            return;
        }
        if let Some(oldest) = outcomes.first_of(originator) {
            outcomes.remove(&oldest);
        }
    }

    pub(crate) fn open_deadlines(&self, wait: &mut impl Wait) {
        for (key, open) in &self.open {
            let next = open.due.unwrap_or(open.requester.expires);
            wait.until(next, || Timer::Answer(key.clone()));
        }
    }

    /// Outcomes that will be forgotten.
    pub(crate) fn outcome_deadlines(&self) -> impl Iterator<Item = (Timestamp, Timer)> + '_ {
        let due = self.durable.outcomes.due();
        due.map(|(at, key)| (at, Timer::Outcome(key)))
    }

    /// A request is carried out if its time has only come; who waits at the end of its request gets 4008.
    pub(crate) fn answer_overdue(&mut self, step: &mut Step, key: &RequestKey) {
        let held = self.open.get_mut(key).and_then(|open| open.due.take());
        if let Some(open) = self.open.get(key).cloned() {
            if held.is_some() && open.requester.expires > step.now() {
                return self.perform_held(step, &open.requester);
            }
            let forwarded = Purpose::Forward(key.clone());
            let found = self.outgoing.iter().find(|(_, o)| o.purpose == forwarded);
            let on_its_way = found.map(|(at, o)| (at.clone(), o.sent));
            // EST-15, REG-27, USE-33
            match on_its_way {
                Some((at, sent)) => {
                    self.outgoing.remove(&at);
                    self.forward_concluded(step, key, &Conclusion::Overdue { sent });
                }
                None => {
                    self.forget_poll(key);
                    let refusal = self.unconfirmed_end(key).unwrap_or(Refusal::Expired);
                    self.refuse(step, &open.requester, refusal);
                }
            }
        }
    }

    /// Whether the address names a resource of this CSE.
    pub(crate) fn is_own(&self, address: &Address) -> bool {
        self.config.home().is_here(address)
    }

    fn is_base(&self, address: &Address) -> bool {
        let base = self.durable.tree.base().map(|b| b.id.clone());
        self.is_own(address) && self.resolve(address).map(|r| r.resource) == base
    }

    pub(crate) fn type_of(&self, id: &crate::id::ResourceId) -> Option<ResourceType> {
        self.durable.tree.get(id).map(|r| r.resource_type)
    }
}

/// The type that a request registers, if it is a registration.
fn registers(request: &Request) -> Option<ResourceType> {
    let creates = request.operation == Operation::Create;
    let number = request.resource_type.filter(|_| creates)?;
    match ResourceType::from_number(number) {
        Some(ResourceType::Ae) => Some(ResourceType::Ae),
        Some(ResourceType::RemoteCse) => Some(ResourceType::RemoteCse),
        Some(_) | None => None,
    }
}

/// Whether a session manager takes back what it asked for at that address (E12).
fn ends_by_identifier(request: &Request, address: &Address) -> bool {
    request.operation == Operation::Delete
        && request.session.is_some()
        && address
            .segments
            .last()
            .is_some_and(|last| *last == "sessions")
}

fn makes_session(request: &Request) -> bool {
    request.operation == Operation::Create
        && request.resource_type == Some(ResourceType::Session.number())
}

/// Whether the outcome of a request is remembered: repeating a plain RETRIEVE does no harm.
fn remembers(requester: &Requester) -> bool {
    let request = &requester.request;
    let changes = request.operation != Operation::Retrieve || request.session.is_some();
    changes && !requester.key.originator.starts_with(NAMELESS)
}
