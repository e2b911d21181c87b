//! Requests of this CSE to its peers: sent at once or when the link is back, repeated after a reopening, given up
//! when their time is over.

use super::deadlines::Wait;
use super::notify::batch::LATEST;
use super::reach::Way;
use super::{Cse, Event, Output, Step, Timer};
use crate::deviation::Deviation;
use crate::env::Timestamp;
use crate::id::{Entity, LinkId, RequestId, RequestKey, ResourceId, SessionId};
use crate::primitive::{Content, Operation, Primitive, Request, Response, When};
use crate::record::{Notice, NoticeKind, Requester};
use crate::shared::Shared;
use crate::text::Text;
use alloc::format;
use alloc::vec::Vec;

/// A request that is not answered yet.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Outgoing {
    /// Its place in the order towards this peer.
    pub(crate) number: u64,
    /// The request.
    pub(crate) request: Shared<Request>,
    /// What its answer is for.
    pub(crate) purpose: Purpose,
    /// When it is given up.
    pub(crate) expires: Timestamp,
    /// Whether it may have reached the peer.
    pub(crate) sent: bool,
    /// The link it was sent on last.
    pub(crate) link: Option<LinkId>,
}

/// What the answer of a request is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Purpose {
    /// Registration at the registrar.
    Register,
    /// The neighbour's CSEBase, for its capabilities.
    ReadBase,
    /// Which CSEs are behind this one, for its registrar.
    Descendants,
    /// A request that was forwarded and whose originator waits.
    Forward(RequestKey),
    /// A notification for an AE here whose originator was acknowledged.
    Relay(Shared<Requester>),
    /// A stored request.
    Stored(ResourceId),
    /// Establishment at the next hop.
    Hop(SessionId),
    /// The question to the target.
    Consent(SessionId),
    /// The confirmation to the next hop.
    Confirm(SessionId),
    /// A change at the next hop.
    Change(u64),
    /// The end of a session at a hop.
    EndHop(SessionId),
    /// A notification.
    Notice(u64),
    /// The question whether a target wants the notifications of a subscription; who wants to make it.
    Verification(Shared<Requester>),
    /// The question what an interworking proxy discovers; who wants to know.
    OnDemand(Shared<Requester>),
    /// The question whether an UPDATE of that resource may be carried out.
    Blocked(ResourceId),
    /// A request to one member of a group.
    Member(u64, Text),
    /// The question what a member of a group is.
    MemberType(u64, Text),
}

impl Purpose {
    /// Whether an answer that comes after the request's time counts for nothing, even if no timer has said so yet.
    const fn has_its_time(&self) -> bool {
        match self {
            Self::Hop(_) | Self::Consent(_) | Self::Change(_) | Self::Blocked(_) => true,
            Self::Register
            | Self::ReadBase
            | Self::Descendants
            | Self::Forward(_)
            | Self::Relay(_)
            | Self::Stored(_)
            | Self::Confirm(_)
            | Self::EndHop(_)
            | Self::Notice(_)
            | Self::Verification(_)
            | Self::OnDemand(_)
            | Self::Member(..)
            | Self::MemberType(..) => false,
        }
    }
}

/// How a request to a peer ended.
pub(crate) enum Conclusion<'a> {
    /// With this answer.
    Answer(&'a Response),
    /// Its time was over.
    Overdue {
        /// Whether it may have reached the peer.
        sent: bool,
    },
}

impl Cse {
    /// A request identifier for a request of this CSE's own accord: without `/` (R3).
    pub(crate) fn own_request_id(&mut self) -> RequestId {
        let number = self.durable.next_number();
        // REG-18
        RequestId(format!("{}-{number}", self.config.cse_id.stem()).into())
    }

    /// Sends a request to a peer, now or when its link is back.
    pub(crate) fn ask(
        &mut self,
        step: &mut Step,
        peer: &Entity,
        mut request: Request,
        purpose: Purpose,
        expires: Timestamp,
    ) {
        request.from = request.from.map(|from| self.name_for(peer, from));
        let key = (peer.clone(), request.request_id.clone());
        let number = self.towards(peer).map(|(_, o)| o.number).max().unwrap_or(0) + 1;
        let outgoing = Outgoing {
            number,
            request: Shared::new(request),
            purpose,
            expires: self.waits_until(expires),
            sent: false,
            link: None,
        };
        self.outgoing.insert(key.clone(), outgoing);
        match self.way(peer, step.now()) {
            Way::Link(link) => self.transmit(step, link, &key),
            Way::Poll => self.feed(step, peer),
            Way::Closed => self.await_opening(step.now(), peer),
        }
    }

    /// Until when this CSE waits for others before it answers a request: a little less than that lives, and never
    /// longer than a request that does not say how long.
    pub(crate) fn answer_due(&self, now: Timestamp, requester: &Requester) -> Timestamp {
        let timers = &self.config.timers;
        let latest = requester.expires.min(now.plus(timers.request_life_ms));
        let earlier = latest.minus(timers.hop_step_ms);
        if earlier > now { earlier } else { latest }
    }

    /// Until when an answer is waited for that is due at that time.
    pub(crate) fn waits_until(&self, due: Timestamp) -> Timestamp {
        if self.config.deviations.has(Deviation::NoDeadlines) {
            return Timestamp(u64::MAX);
        }
        due
    }

    /// Puts an unanswered request back after a crash; it may have been sent before.
    pub(crate) fn expect_again(
        &mut self,
        peer: &Entity,
        mut request: Request,
        purpose: Purpose,
        expires: Timestamp,
    ) {
        request.from = request.from.map(|from| self.name_for(peer, from));
        let key = (peer.clone(), request.request_id.clone());
        let number = self.towards(peer).map(|(_, o)| o.number).max().unwrap_or(0) + 1;
        let request = Shared::new(request);
        let outgoing = Outgoing {
            number,
            request,
            purpose,
            expires,
            sent: true,
            link: None,
        };
        self.outgoing.insert(key, outgoing);
    }

    /// What was asked of a peer before its name was known is asked of it by its name.
    pub(crate) fn adopt_outgoing(&mut self, nameless: &Entity, peer: &Entity) {
        let ids: Vec<RequestId> = self.towards(nameless).map(|(id, _)| id.clone()).collect();
        for id in ids {
            if let Some(outgoing) = self.outgoing.remove(&(nameless.clone(), id.clone())) {
                self.outgoing.insert((peer.clone(), id), outgoing);
            }
        }
    }

    /// Whether the peer's queue takes one more.
    pub(crate) fn has_room(&self, peer: &Entity) -> bool {
        self.towards(peer).count() < self.config.limits.outgoing_per_peer as usize
    }

    /// The link of an entity is (back) there: everything unanswered is sent, in order, and stored requests follow.
    pub(crate) fn reached(&mut self, step: &mut Step, peer: &Entity) {
        match self.way(peer, step.now()) {
            Way::Link(link) => {
                self.reach_abandoned(step, peer);
                // LNK-11, LNK-21
                for key in self.waiting(peer, link, step.now()) {
                    self.transmit(step, link, &key);
                }
                self.reach_tombstones(step, peer);
                self.pump(step, peer);
            }
            Way::Poll => {
                self.reach_abandoned(step, peer);
                self.reach_tombstones(step, peer);
                self.pump(step, peer);
                self.feed(step, peer);
            }
            Way::Closed => self.await_opening(step.now(), peer),
        }
    }

    /// What was not handed over on this link and may still be, in its order.
    fn waiting(&self, peer: &Entity, link: LinkId, now: Timestamp) -> Vec<(Entity, RequestId)> {
        let waits = |o: &Outgoing| o.link != Some(link) && may_still_go(o, now);
        let mut keys: Vec<_> = self
            .towards(peer)
            .filter(|(_, o)| waits(o))
            .map(|(id, o)| (o.number, (peer.clone(), id.clone())))
            .collect();
        keys.sort();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Hands the oldest requests over to whoever has polled for them on that link.
    pub(crate) fn hand_over(
        &mut self,
        step: &Step,
        peer: &Entity,
        link: LinkId,
        most: usize,
    ) -> Vec<Shared<Request>> {
        let keys = self.waiting(peer, link, step.now());
        let mut taken = Vec::new();
        for key in keys.into_iter().take(most) {
            if let Some(outgoing) = self.outgoing.get_mut(&key) {
                outgoing.sent = true;
                outgoing.link = Some(link);
                taken.push(outgoing.request.clone());
            }
        }
        taken
    }

    /// A response arrived: by its link and identifier it belongs to at most one request.
    pub(crate) fn response_received(&mut self, step: &mut Step, link: LinkId, response: &Response) {
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        state.malformed = 0;
        let peer = match &state.entity {
            Some(entity) => entity.clone(),
            None if state.dialed => super::link::unknown_registrar(),
            None => return,
        };
        self.answered(step, &peer, link, response);
    }

    /// A response of that entity; whether there was a request for it.
    pub(crate) fn answered(
        &mut self,
        step: &mut Step,
        peer: &Entity,
        link: LinkId,
        response: &Response,
    ) -> bool {
        let Some(id) = response.request_id.clone() else {
            return false;
        };
        let key = (peer.clone(), id);
        // LNK-14, REG-68
        if self.outgoing.get(&key).is_none_or(|asked| !asked.sent) {
            return false;
        }
        let Some(outgoing) = self.outgoing.remove(&key) else {
            return false;
        };
        let (purpose, answer) = (outgoing.purpose, Conclusion::Answer(response));
        if outgoing.expires > step.now() || !purpose.has_its_time() {
            self.concluded(step, peer, purpose, &answer, link);
            return true;
        }
        // EST-16
        let overdue = Conclusion::Overdue { sent: true };
        self.concluded(step, peer, purpose.clone(), &overdue, link);
        if matches!(purpose, Purpose::Consent(_)) {
            self.concluded(step, peer, purpose, &answer, link);
        }
        true
    }

    pub(crate) fn outgoing_deadlines(&self, wait: &mut impl Wait) {
        for ((peer, id), outgoing) in &self.outgoing {
            wait.until(outgoing.expires, || {
                Timer::Outgoing(peer.clone(), id.clone())
            });
        }
    }

    pub(crate) fn outgoing_overdue(&mut self, step: &mut Step, peer: &Entity, id: &RequestId) {
        if let Some(outgoing) = self.outgoing.remove(&(peer.clone(), id.clone())) {
            let conclusion = Conclusion::Overdue {
                sent: outgoing.sent,
            };
            self.concluded(step, peer, outgoing.purpose, &conclusion, LinkId(0));
        }
    }

    fn concluded(
        &mut self,
        step: &mut Step,
        peer: &Entity,
        purpose: Purpose,
        conclusion: &Conclusion<'_>,
        link: LinkId,
    ) {
        match purpose {
            Purpose::Register => self.registration_concluded(step, conclusion, link),
            Purpose::Descendants => {}
            Purpose::ReadBase => self.base_read(step, peer, conclusion, link),
            Purpose::Forward(key) => self.forward_concluded(step, &key, conclusion),
            Purpose::Relay(requester) => self.relay_concluded(step, &requester, conclusion),
            Purpose::Stored(id) => self.stored_concluded(step, &id, conclusion),
            // EST-21
            Purpose::Hop(session) => self.hop_concluded(step, &session, peer, conclusion),
            Purpose::Consent(session) => self.consent_concluded(step, &session, conclusion),
            Purpose::Confirm(session) => self.confirm_concluded(step, &session, conclusion),
            Purpose::Change(number) => self.change_concluded(step, number, conclusion),
            Purpose::EndHop(session) => self.end_concluded(step, &session, peer, conclusion),
            Purpose::Notice(number) => self.notice_concluded(step, number, peer),
            Purpose::Member(number, member) => {
                self.member_concluded(step, number, &member, conclusion);
            }
            Purpose::MemberType(number, member) => {
                self.type_told(step, number, &member, conclusion);
            }
            Purpose::Blocked(resource) => self.update_decided(step, &resource, conclusion),
            Purpose::Verification(requester) => {
                self.verification_concluded(step, &requester, conclusion);
            }
            Purpose::OnDemand(requester) => self.on_demand_concluded(step, &requester, conclusion),
        }
    }

    /// Tells an entity something, over its link, now or later; kept until it answers or the time is over.
    pub(crate) fn notice(
        &mut self,
        step: &mut Step,
        to: &Entity,
        mut request: Request,
        expires: Timestamp,
        kind: NoticeKind,
    ) {
        if !self.has_room(to) {
            step.report(Event::LimitReached("outgoing_per_peer"));
            return;
        }
        let number = self.durable.next_number();
        request.request_id = RequestId(format!("{}-{number}", self.config.cse_id.stem()).into());
        request.request_expiration = Some(When::At(expires));
        let row = Notice {
            number,
            to: to.clone(),
            request: Shared::new(request.clone()),
            expires,
            kind,
        };
        self.durable.notices.put(number, row);
        self.ask(step, to, request, Purpose::Notice(number), expires);
    }

    /// A NOTIFY of this CSE to an address as subscribed (R6), without identifier and expiration.
    pub(crate) fn notify_request(&self, to: &str, content: Content) -> Request {
        let own = self.config.cse_id.as_str();
        let mut request = Request::new(Operation::Notify, to, own, RequestId::from(""));
        request.content = Some(self.told_to(to, content));
        request
    }

    /// Tells a subscriber of an event (TS-0004 clause 7.5.1.2.2).
    pub(crate) fn notify_event(
        &mut self,
        step: &mut Step,
        subscription: &ResourceId,
        to: Text,
        content: Content,
        category: Option<u32>,
    ) {
        let own = Entity::Cse(self.config.cse_id.clone());
        let Some(peer) = self.notification_peer(&to, &own) else {
            return;
        };
        let mut request = self.notify_request(&to, content);
        request.event_category = category;
        self.send_event(step, &peer, subscription, request);
    }

    /// Sends a notification of an event, or of several, in place of older ones if they are outdated by it.
    pub(crate) fn send_event(
        &mut self,
        step: &mut Step,
        peer: &Entity,
        subscription: &ResourceId,
        request: Request,
    ) {
        if request.event_category == Some(LATEST) {
            self.forget_waiting(peer, subscription, &request.to);
        }
        let expires = step.now().plus(self.config.timers.result_life_ms);
        let kind = NoticeKind::Event(subscription.clone());
        self.notice(step, peer, request, expires, kind);
    }

    /// Events of a subscription that have not left for a target yet make room for a newer one (TS-0004 clause
    /// 7.5.1.2.2).
    fn forget_waiting(&mut self, peer: &Entity, subscription: &ResourceId, to: &Text) {
        let kind = NoticeKind::Event(subscription.clone());
        let mut waiting = Vec::new();
        for (id, asked) in self.towards(peer) {
            if let Purpose::Notice(number) = asked.purpose
                && !asked.sent
                && asked.request.to == *to
                && self
                    .durable
                    .notices
                    .get(&number)
                    .is_some_and(|row| row.kind == kind)
            {
                waiting.push((id.clone(), number));
            }
        }
        for (id, number) in waiting {
            // REG-87
            self.durable.notices.remove(&number);
            self.outgoing.remove(&(peer.clone(), id));
        }
    }

    /// Puts back what was on its way before a crash; links are not there yet.
    pub(crate) fn resume(&mut self) {
        self.resume_attempts();
        self.resume_changes();
        self.resume_ends();
        self.resume_requests();
        let notices: Vec<Notice> = self
            .durable
            .notices
            .iter()
            .map(|(_, n)| Notice::clone(n))
            .collect();
        for notice in notices {
            if let NoticeKind::Pending(subscription) = &notice.kind {
                let timer = Timer::Notifications(subscription.clone());
                self.openings.insert(timer, Timestamp(0));
                continue;
            }
            let request = Request::clone(&notice.request);
            let purpose = Purpose::Notice(notice.number);
            self.expect_again(&notice.to, request, purpose, notice.expires);
        }
    }

    fn notice_concluded(&mut self, step: &mut Step, number: u64, peer: &Entity) {
        let Some(row) = self.durable.notices.get(&number).cloned() else {
            return;
        };
        self.durable.notices.remove(&number);
        match &row.kind {
            NoticeKind::Termination(session) => self.endpoint_told(step, session, peer),
            // USE-23
            NoticeKind::Change(_)
            | NoticeKind::Result(_)
            | NoticeKind::Event(_)
            | NoticeKind::Pending(_) => {}
        }
    }

    /// Drops what is on its way to an entity that is no longer registered.
    pub(crate) fn forget_outgoing(&mut self, step: &mut Step, peer: &Entity) {
        let gone: Vec<RequestId> = self.towards(peer).map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.outgoing_overdue(step, peer, &id);
        }
    }

    /// Whether a request to that entity is under way or waits for its link.
    pub(crate) fn is_asked(&self, peer: &Entity) -> bool {
        self.towards(peer).next().is_some()
    }

    fn towards<'a>(
        &'a self,
        peer: &Entity,
    ) -> impl Iterator<Item = (&'a RequestId, &'a Outgoing)> + use<'a> {
        let from = (peer.clone(), RequestId(Text::default()));
        let peer = peer.clone();
        self.outgoing
            .range(from..)
            .take_while(move |((to, _), _)| *to == peer)
            .map(|((_, id), outgoing)| (id, outgoing))
    }

    fn transmit(&mut self, step: &mut Step, link: LinkId, key: &(Entity, RequestId)) {
        if let Some(outgoing) = self.outgoing.get_mut(key) {
            outgoing.sent = true;
            outgoing.link = Some(link);
            let primitive = Primitive::Request(outgoing.request.clone());
            step.outputs.push(Output::Send { link, primitive });
        }
    }
}

/// Whether a request may still be handed over: neither given up nor past its own expiration (LNK-10).
fn may_still_go(outgoing: &Outgoing, now: Timestamp) -> bool {
    // LNK-10
    outgoing.expires > now
        && outgoing
            .request
            .request_expiration
            .is_none_or(|when| when.from(now) > now)
}
