//! The end of a session (flow 3): from either side, by expiry, by deregistration; far to near where it is asked for.
//!
//! ```text
//!  DELETE ─▶ TERMINATING ── local endpoints told, hops confirmed ──▶ gone, 2002
//!                 │                                                   │
//!                 └── time over, a hop has not confirmed ──▶ gone, 5107, tombstone ── confirmed or et ──▶ (none)
//! ```
//!
//! Use and key end at once; what was stored is settled first. A session that ends leaves a tombstone, so that its
//! identifier is never accepted again.

mod tombstone;

use super::establishment::questions::{TERMINATION, notification};
use super::incoming::Handled;
use super::outgoing::{Conclusion, Purpose};
use super::registration::reason;
use super::{Cse, Event, SessionStep, Step};
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{AeId, CseId, Entity, ResourceId, SessionId};
use crate::primitive::{Operation, Request, Response, When};
use crate::record::{Attempt, HopEnd, NoticeKind, Phase, Requester, Session, Termination};
use crate::resource::{Resource, ResourceType};
use crate::status::{Refusal, Status};
use crate::value::Value;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// How long a termination by expiry is still told to an absent endpoint after the session's end.
const EXPIRY_NOTICE_MS: u64 = 86_400_000;

impl Cse {
    /// DELETE `<session>` by an endpoint or by a hop (flow 3 steps 1 and 3).
    pub(crate) fn end_on_request(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
    ) -> Result<Handled, Refusal> {
        if let Phase::Terminating(under_way) = &session.phase {
            return self.crossing(step, requester, session, under_way);
        }
        // END-29
        let why = match &requester.peer {
            Entity::Ae(_) => reason::ASKED,
            Entity::Cse(_) => requester.request.reason.unwrap_or(reason::ASKED),
        };
        self.terminate(step, session, why, Some(requester.clone()));
        Ok(Handled::Later)
    }

    /// DELETE of a collection with `sid`: the session below it with that identifier (E12).
    pub(crate) fn end_by_identifier(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        collection: &Resource,
    ) -> Result<Handled, Refusal> {
        let id = requester
            .request
            .session
            .clone()
            .ok_or(Refusal::BadRequest)?;
        if let Some(session) = self.durable.sessions.get(&id).cloned() {
            let parent = self
                .durable
                .tree
                .get(&session.resource)
                .and_then(|r| r.parent.clone());
            // END-26
            if parent.as_ref() != Some(&collection.id) {
                return Err(Refusal::NotFound);
            }
            if self.capacity(&session, requester).is_none() {
                return Err(Refusal::NoPrivilege);
            }
            return self.end_on_request(step, requester, &session);
        }
        if !matches!(requester.peer, Entity::Cse(_)) {
            return Err(Refusal::NotFound);
        }
        if let Some(attempt) = self.durable.attempts.get(&id).map(|a| Attempt::clone(a)) {
            // END-13
            if attempt.requester.peer != requester.peer {
                return Err(Refusal::NotFound);
            }
            let until = attempt.session_expires;
            self.drop_attempt(step, &attempt, Refusal::NotFound);
            self.bury(&id, until, BTreeMap::new(), None, step.now());
            return Ok(Handled::Now(Status::DELETED, None));
        }
        // A hop request that is still on its way is to find its identifier taken.
        // EST-49
        if !self.durable.tombstones.has(&id)
            && self.durable.tombstones.len() < self.tombstones_max()
        {
            let until = step.now().plus(self.config.timers.request_life_ms);
            self.bury(&id, until, BTreeMap::new(), None, step.now());
        }
        Err(Refusal::NotFound)
    }

    /// Starts the end of a session: use stops, stored requests are settled, endpoints and hops are told.
    pub(crate) fn terminate(
        &mut self,
        step: &mut Step,
        session: &Session,
        why: u32,
        requester: Option<Requester>,
    ) {
        let id = session.id.clone();
        let now = step.now();
        let asked_by = requester.as_ref().map(|r| r.peer.clone());
        let hops = self.hops_to_end(session, why, requester.as_ref());
        let limit = requester.as_ref().map_or_else(
            || now.plus(self.config.timers.request_life_ms),
            |r| r.expires.minus(self.config.timers.hop_step_ms),
        );
        let endpoints: BTreeSet<AeId> = self
            .local_endpoints(session)
            .into_iter()
            .filter(|ae| asked_by != Some(Entity::Ae(ae.clone())))
            .collect();
        let wait = now.plus(self.config.timers.termination_wait_ms);
        let phase = Termination {
            reason: why,
            requester,
            endpoints: BTreeSet::new(),
            endpoints_until: wait.min(limit),
            hops: hops.clone(),
            hops_until: self.waits_until(limit),
        };
        self.durable.sessions.change(&id, |row| {
            row.phase = Phase::Terminating(phase);
            row.confirming = None;
        });
        step.report(Event::Session(id.clone(), SessionStep::Terminating));
        self.forget_confirm(&id);
        self.settle_session(step, &id);
        for (hop, end) in &hops {
            let request = self.end_request(&id, end, Some(limit));
            let peer = Entity::Cse(hop.clone());
            self.ask(step, &peer, request, Purpose::EndHop(id.clone()), limit);
        }
        for ae in endpoints {
            let expires = self.session_expiry(&id).unwrap_or(now);
            let peer = Entity::Ae(ae.clone());
            let told = self.tell_ended(step, &id, &session.resource, &peer, why, expires);
            // An absent endpoint learns of it later; nobody waits for it.
            if told && self.is_up(&peer, now) {
                self.durable.sessions.change(&id, |row| {
                    if let Phase::Terminating(t) = &mut row.phase {
                        t.endpoints.insert(ae);
                    }
                });
            }
        }
        self.proceed(step, &id);
    }

    /// An endpoint has answered its termination notification, whatever it said (flow 3 step 6).
    pub(crate) fn endpoint_told(&mut self, step: &mut Step, id: &SessionId, peer: &Entity) {
        let Entity::Ae(ae) = peer else { return };
        self.durable.sessions.change(id, |row| {
            if let Phase::Terminating(t) = &mut row.phase {
                t.endpoints.remove(ae);
            }
        });
        self.proceed(step, id);
    }

    /// A hop has answered its DELETE, or its time is over (flow 3 step 8).
    pub(crate) fn end_concluded(
        &mut self,
        step: &mut Step,
        id: &SessionId,
        peer: &Entity,
        conclusion: &Conclusion<'_>,
    ) {
        let Entity::Cse(hop) = peer else { return };
        let confirmed = match conclusion {
            Conclusion::Answer(response) => confirms(response),
            Conclusion::Overdue { .. } => false,
        };
        if !confirmed {
            return;
        }
        self.durable.sessions.change(id, |row| {
            if let Phase::Terminating(t) = &mut row.phase {
                t.hops.remove(hop);
            }
        });
        self.proceed(step, id);
        self.confirmed_late(step, id, hop);
    }

    pub(crate) fn termination_overdue(&mut self, step: &mut Step, id: &SessionId) {
        let now = step.now();
        self.durable.sessions.change(id, |row| {
            if let Phase::Terminating(t) = &mut row.phase {
                // END-16
                if t.endpoints_until <= now {
                    t.endpoints.clear();
                }
                if t.hops_until <= now {
                    t.endpoints.clear();
                }
            }
        });
        self.proceed(step, id);
    }

    /// Completes a termination once nobody is waited for any more.
    fn proceed(&mut self, step: &mut Step, id: &SessionId) {
        let Some(session) = self.durable.sessions.get(id).cloned() else {
            return;
        };
        let Phase::Terminating(state) = &session.phase else {
            return;
        };
        let waits_for_hops = !state.hops.is_empty() && state.hops_until > step.now();
        // END-01, END-02
        if !state.endpoints.is_empty() || waits_for_hops {
            return;
        }
        self.conclude_end(step, &session, state);
    }

    fn conclude_end(&mut self, step: &mut Step, session: &Session, state: &Termination) {
        let id = &session.id;
        let until = self.session_expiry(id).unwrap_or_else(|| step.now());
        let acknowledged = state
            .requester
            .as_ref()
            .is_some_and(|r| r.acknowledged.is_some());
        self.remove_session(step, session);
        let unconfirmed = !state.hops.is_empty();
        // Who was acknowledged hears when all hops have confirmed.
        // END-33
        let reports_later = state
            .requester
            .clone()
            .filter(|_| unconfirmed && acknowledged);
        self.bury(id, until, state.hops.clone(), reports_later, step.now());
        self.expect_ends(step, id);
        let Some(requester) = &state.requester else {
            return;
        };
        // END-03
        let status = if unconfirmed {
            Status::REMOTE_ENTITY_NOT_REACHABLE
        } else {
            Status::DELETED
        };
        // END-33
        if !acknowledged || !unconfirmed {
            self.respond(step, requester, status, None);
        }
    }

    /// A DELETE for a session whose end is under way: from the hop that is being asked, it confirms; from anyone
    /// else it comes too late.
    fn crossing(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        under_way: &Termination,
    ) -> Result<Handled, Refusal> {
        let Entity::Cse(hop) = &requester.peer else {
            return Err(Refusal::SessionUnknown);
        };
        if !under_way.hops.contains_key(hop) {
            return Err(Refusal::SessionUnknown);
        }
        // The session ends here at once; the hop is answered without waiting for its own answer.
        // END-11, END-27
        let own = under_way.requester.clone();
        let until = self
            .session_expiry(&session.id)
            .unwrap_or_else(|| step.now());
        self.remove_session(step, session);
        let hops = under_way.hops.clone();
        self.bury(&session.id, until, hops, own, step.now());
        self.expect_ends(step, &session.id);
        Ok(Handled::Now(Status::DELETED, None))
    }

    /// Ends a session here without asking its hops: expiry, lease, a confirmation that came too late.
    pub(crate) fn end_without_hops(&mut self, step: &mut Step, id: &SessionId, why: u32) {
        let Some(session) = self.durable.sessions.get(id).cloned() else {
            return;
        };
        let ends = self.session_expiry(id).unwrap_or_else(|| step.now());
        let already_told = matches!(session.phase, Phase::Terminating(_));
        self.settle_session(step, id);
        let requester = match &session.phase {
            Phase::Terminating(state) => state.requester.clone(),
            Phase::Pending { .. } | Phase::Active => None,
        };
        for ae in self.local_endpoints(&session) {
            // END-20
            if !already_told {
                // END-30
                let late = if why == reason::EXPIRED {
                    EXPIRY_NOTICE_MS
                } else {
                    0
                };
                let peer = Entity::Ae(ae);
                self.tell_ended(step, id, &session.resource, &peer, why, ends.plus(late));
            }
        }
        self.remove_session(step, &session);
        self.bury(
            id,
            ends.max(step.now().plus(1)),
            BTreeMap::new(),
            None,
            step.now(),
        );
        if let Some(requester) = requester {
            let status = Status::DELETED;
            self.respond(step, &requester, status, None);
        }
    }

    /// An AE leaves: its sessions end at once here; hops are told by DELETEs of this CSE's own (END-18, END-37).
    pub(crate) fn end_sessions_of(&mut self, step: &mut Step, entity: &Entity) {
        let Entity::Ae(ae) = entity else { return };
        self.drop_attempts_of(step, entity);
        let involved: Vec<Session> = self
            .durable
            .sessions
            .iter()
            .filter(|(_, s)| s.initiator == *ae || s.target == *ae)
            .map(|(_, s)| Session::clone(s))
            .collect();
        for session in involved {
            // END-18, END-37
            self.end_at_once(step, &session, ae);
        }
    }

    fn end_at_once(&mut self, step: &mut Step, session: &Session, leaving: &AeId) {
        let why = reason::DEREGISTERED;
        let id = &session.id;
        let until = self.session_expiry(id).unwrap_or_else(|| step.now());
        self.settle_session(step, id);
        let (hops, requester, already_told) = match &session.phase {
            Phase::Terminating(state) => (state.hops.clone(), state.requester.clone(), true),
            Phase::Pending { .. } | Phase::Active => {
                (self.hops_to_end(session, why, None), None, false)
            }
        };
        for ae in self.local_endpoints(session) {
            if ae != *leaving && !already_told {
                self.tell_ended(step, id, &session.resource, &Entity::Ae(ae), why, until);
            }
        }
        self.remove_session(step, session);
        self.bury(id, until, hops.clone(), None, step.now());
        if already_told {
            self.expect_ends(step, id);
        } else {
            self.tell_hops(step, id, &hops, until);
        }
        if let Some(requester) = requester {
            self.refuse(step, &requester, Refusal::NotFound);
        }
    }

    /// A hop is no longer registered: sessions over it end after a grace period (END-38).
    pub(crate) fn hop_is_lost(&mut self, step: &mut Step, cse: &CseId) {
        self.drop_attempts_of(step, &Entity::Cse(cse.clone()));
        let ends = step.now().plus(self.config.timers.hop_grace_ms);
        for session in self.sessions_over(cse) {
            // EST-28
            if matches!(session.phase, Phase::Pending { .. }) {
                self.end_without_hops(step, &session.id, reason::ABANDONED);
                continue;
            }
            // END-38
            self.durable
                .sessions
                .change(&session.id, |row| row.hop_lost = Some(ends));
        }
    }

    /// A hop has registered again in time.
    pub(crate) fn hop_is_back(&mut self, cse: &CseId) {
        for session in self.sessions_over(cse) {
            self.durable
                .sessions
                .change(&session.id, |row| row.hop_lost = None);
        }
    }

    pub(crate) fn hop_grace_over(&mut self, step: &mut Step, id: &SessionId) {
        let Some(session) = self.durable.sessions.get(id).cloned() else {
            return;
        };
        self.durable.sessions.change(id, |row| row.hop_lost = None);
        match session.phase {
            Phase::Pending { .. } | Phase::Active => {
                self.terminate(step, &session, reason::HOP_LOST, None);
            }
            Phase::Terminating(_) => {}
        }
    }

    /// Tells an endpoint that a session has ended; `false` if it has not subscribed to that.
    pub(crate) fn tell_ended(
        &mut self,
        step: &mut Step,
        id: &SessionId,
        resource: &ResourceId,
        peer: &Entity,
        why: u32,
        expires: Timestamp,
    ) -> bool {
        let Entity::Ae(ae) = peer else { return false };
        let Some(subscription) = self.subscription_of(ae, TERMINATION) else {
            return false;
        };
        let members = Value::object([
            (Attribute::ResourceId, Value::text(resource.as_str())),
            (Attribute::SessionId, Value::Text(id.0.clone())),
            (Attribute::Lifecycle, Value::Integer(3)),
            (Attribute::Reason, Value::Integer(i64::from(why))),
        ]);
        let session = Value::object([(Attribute::Resource(ResourceType::Session), members)]);
        let content = notification(&subscription.reference, TERMINATION, None, session);
        let mut request = self.notify_request(&subscription.to, content);
        request.session = Some(id.clone());
        // END-28, LNK-24
        self.notice(
            step,
            peer,
            request,
            expires,
            NoticeKind::Termination(id.clone()),
        );
        true
    }

    fn hops_to_end(
        &mut self,
        session: &Session,
        why: u32,
        requester: Option<&Requester>,
    ) -> BTreeMap<CseId, HopEnd> {
        let from = requester.map(|r| r.peer.clone());
        let mut ends = BTreeMap::new();
        // END-25
        for hop in self.hops(session) {
            let peer = Entity::Cse(hop.cse.clone());
            if from.as_ref() == Some(&peer) {
                continue;
            }
            let request_id = match requester {
                Some(requester) => self.forwarded_id(requester, &peer),
                None => self.own_request_id(),
            };
            let end = HopEnd {
                to: hop.session,
                request_id,
                by_session: false,
                reason: why,
            };
            ends.insert(hop.cse, end);
        }
        ends
    }

    fn end_request(&self, id: &SessionId, end: &HopEnd, expires: Option<Timestamp>) -> Request {
        let own = self.config.cse_id.as_str();
        let mut request = Request::new(Operation::Delete, &end.to, own, end.request_id.clone());
        request.session = end.by_session.then(|| id.clone());
        request.reason = Some(end.reason).filter(|why| *why != reason::ASKED);
        request.request_expiration = expires.map(When::At);
        request
    }

    fn remove_session(&mut self, step: &mut Step, session: &Session) {
        self.forget_confirm(&session.id);
        // END-05, END-19, END-23
        self.durable.tree.remove(&session.resource);
        self.durable.sessions.remove(&session.id);
        step.report(Event::Session(session.id.clone(), SessionStep::Ended));
    }

    fn forget_confirm(&mut self, id: &SessionId) {
        self.outgoing
            .retain(|_, o| o.purpose != Purpose::Confirm(id.clone()));
    }

    fn sessions_over(&self, cse: &CseId) -> Vec<Session> {
        self.durable
            .sessions
            .iter()
            .filter(|(_, s)| self.hops(s).iter().any(|hop| hop.cse == *cse))
            .map(|(_, s)| Session::clone(s))
            .collect()
    }

    /// Puts back what was under way before a crash: terminations go on, use does not come back (END-24).
    pub(crate) fn resume_ends(&mut self) {
        let sessions: Vec<Session> = self
            .durable
            .sessions
            .iter()
            .map(|(_, s)| Session::clone(s))
            .collect();
        for session in sessions {
            match &session.phase {
                // END-24
                Phase::Terminating(state) => {
                    for (hop, end) in &state.hops {
                        let until = state.hops_until;
                        let request = self.end_request(&session.id, end, Some(until));
                        let peer = Entity::Cse(hop.clone());
                        let purpose = Purpose::EndHop(session.id.clone());
                        self.expect_again(&peer, request, purpose, until);
                    }
                }
                Phase::Pending { .. } | Phase::Active => self.resume_confirm(&session),
            }
        }
    }

    fn resume_confirm(&mut self, session: &Session) {
        let Some(id) = session.confirming.clone() else {
            return;
        };
        let Some(hop) = self.hop_to(session, &session.target) else {
            return;
        };
        let request = self.confirm_request(&hop.session, id);
        let expires = self.session_expiry(&session.id).unwrap_or_default();
        let peer = Entity::Cse(hop.cse);
        self.expect_again(
            &peer,
            request,
            Purpose::Confirm(session.id.clone()),
            expires,
        );
    }
}

/// Whether a hop's answer says that the session is gone there (END-35).
fn confirms(response: &Response) -> bool {
    // END-35
    response.status == Status::DELETED || response.status == Status::NOT_FOUND
}
