//! What becomes of an establishment when those beyond answer, or do not (flow 1 steps 13, 15 and 16).

use super::{made_downstream, sessions_address};
use crate::cse::incoming::Handled;
use crate::cse::outgoing::{Conclusion, Purpose};
use crate::cse::registration::reason;
use crate::cse::session::Capacity;
use crate::cse::{Cse, Event, SessionStep, Step};
use crate::deviation::Deviation;
use crate::id::{CseId, Entity, SessionId};
use crate::record::{Attempt, HopEnd, Phase, Requester, Session, Stage, Tombstone};
use crate::status::{Refusal, Status};
use crate::value::{Members, Value};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

impl Cse {
    /// The target answered, or its time is over (flow 1 step 13).
    pub(crate) fn consent_concluded(
        &mut self,
        step: &mut Step,
        id: &SessionId,
        conclusion: &Conclusion<'_>,
    ) {
        let Some(attempt) = self.durable.attempts.get(id).map(|a| Attempt::clone(a)) else {
            return;
        };
        let verdict = match conclusion {
            // EST-55
            Conclusion::Answer(response) => self.verdict(response, &attempt).ok_or(Refusal::Denied),
            // EST-57
            Conclusion::Overdue { sent: true } => Err(Refusal::Expired),
            Conclusion::Overdue { sent: false } => Err(Refusal::RemoteUnreachable),
        };
        match attempt.stage {
            // EST-12, EST-58
            Stage::Abandoned { .. } => {
                if verdict.is_ok() {
                    self.tell_abandoned(step, &attempt);
                } else {
                    self.durable.attempts.remove(id);
                }
            }
            Stage::Asked | Stage::AwaitingCapability => {
                self.durable.attempts.remove(id);
                self.judged(step, attempt, verdict);
            }
        }
    }

    /// The verdict of a target that was asked in time.
    fn judged(&mut self, step: &mut Step, attempt: Attempt, verdict: Result<Members, Refusal>) {
        match verdict {
            // EST-01
            Ok(endpoint) => self.consented(step, &attempt, endpoint),
            Err(Refusal::Denied)
                if self.config.deviations.has(Deviation::RefusalChangesNothing) =>
            {
                self.durable.attempts.put(attempt.id.clone(), attempt);
            }
            Err(refusal) => {
                let requester = attempt.requester.clone();
                if refusal == Refusal::Expired {
                    self.abandon(step, attempt);
                }
                self.refuse(step, &requester, refusal);
            }
        }
    }

    /// The next hop answered, or its time is over (flow 1 step 15).
    pub(crate) fn hop_concluded(
        &mut self,
        step: &mut Step,
        id: &SessionId,
        peer: &Entity,
        conclusion: &Conclusion<'_>,
    ) {
        let Some(attempt) = self.durable.attempts.get(id).map(|a| Attempt::clone(a)) else {
            return;
        };
        self.durable.attempts.remove(id);
        let Entity::Cse(hop) = peer else { return };
        match conclusion {
            Conclusion::Answer(response) if response.status == Status::CREATED => {
                match made_downstream(response, hop, &attempt) {
                    // EST-02, EST-03
                    Some(made) => self.hop_consented(step, &attempt, &made),
                    None => {
                        self.compensate(step, &attempt, hop);
                        self.refuse(step, &attempt.requester, Refusal::RemoteUnreachable);
                    }
                }
            }
            // Success of another kind is no success: what it may have made is taken back.
            Conclusion::Answer(response) if response.status.0 < Status::BAD_REQUEST.0 => {
                self.compensate(step, &attempt, hop);
                self.refuse(step, &attempt.requester, Refusal::RemoteUnreachable);
            }
            // A refusal travels back unchanged.
            Conclusion::Answer(response) => {
                self.respond(step, &attempt.requester, response.status, None);
            }
            Conclusion::Overdue { sent: true } => {
                // EST-64
                self.compensate(step, &attempt, hop);
                self.refuse(step, &attempt.requester, Refusal::Expired);
            }
            // EST-41
            Conclusion::Overdue { sent: false } => {
                self.refuse(step, &attempt.requester, Refusal::RemoteUnreachable);
            }
        }
    }

    /// UPDATE of `slc` to 2: the confirmation, repeatable, from the hop towards the initiator only.
    pub(crate) fn confirmed(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        session: &Session,
        capacity: Capacity,
        lifecycle: &Value,
    ) -> Result<Handled, Refusal> {
        let upstream = session.upstream.clone().map(Entity::Cse);
        // EST-61
        if capacity == Capacity::Endpoint || upstream.as_ref() != Some(&requester.peer) {
            return Err(Refusal::NoPrivilege);
        }
        if lifecycle.as_integer() != Some(2) {
            return Err(Refusal::BadRequest);
        }
        match session.phase {
            Phase::Pending { .. } | Phase::Active => {}
            Phase::Terminating(_) => return Err(Refusal::SessionUnknown),
        }
        self.activate(step, &session.id);
        self.updated(requester, &session.resource)
    }

    /// PENDING to ACTIVE; a transit CSE passes the confirmation on.
    pub(crate) fn activate(&mut self, step: &mut Step, id: &SessionId) {
        let Some(session) = self.durable.sessions.get(id).cloned() else {
            return;
        };
        if !matches!(session.phase, Phase::Pending { .. }) {
            return;
        }
        self.durable
            .sessions
            .change(id, |row| row.phase = Phase::Active);
        step.report(Event::Session(id.clone(), SessionStep::Active));
        let onwards = self.hop_to(&session, &session.target).map(|hop| hop.cse);
        if let Some(hop) = onwards {
            self.confirm(step, id, &hop);
        }
    }

    pub(crate) fn confirm_concluded(
        &mut self,
        step: &mut Step,
        id: &SessionId,
        conclusion: &Conclusion<'_>,
    ) {
        self.durable
            .sessions
            .change(id, |row| row.confirming = None);
        match conclusion {
            // EST-66
            Conclusion::Answer(response) if response.status == Status::NOT_FOUND => {
                match self.durable.sessions.get(id).cloned() {
                    // A transit CSE tells the hop towards the initiator as well.
                    Some(session) if session.upstream.is_some() => {
                        self.terminate(step, &session, reason::ABANDONED, None);
                    }
                    Some(_) | None => self.end_without_hops(step, id, reason::ABANDONED),
                }
            }
            Conclusion::Answer(_) | Conclusion::Overdue { .. } => {}
        }
    }

    /// An unconfirmed session ends with its lease (EST-63).
    pub(crate) fn lease_over(&mut self, step: &mut Step, id: &SessionId) {
        // EST-14, EST-63
        self.end_without_hops(step, id, reason::ABANDONED);
    }

    /// Keeps a question whose time is over, without the key, so that a late yes is answered (EST-58).
    pub(super) fn abandon(&mut self, step: &Step, mut attempt: Attempt) {
        let until = step.now().plus(self.config.timers.outcome_memory_ms);
        self.forget_question(&attempt);
        // EST-18
        attempt.credentials.key = None;
        let peer = Entity::Ae(attempt.target.clone());
        let request = self.consent_request(&attempt);
        let purpose = Purpose::Consent(attempt.id.clone());
        self.expect_again(&peer, request, purpose, until.plus(1));
        let stage = Stage::Abandoned { until };
        self.durable
            .attempts
            .put(attempt.id.clone(), Attempt { stage, ..attempt });
    }

    /// The target may have said a yes that never arrived, or may yet wait: it is told that there is no session.
    pub(super) fn tell_abandoned(&mut self, step: &mut Step, attempt: &Attempt) {
        self.durable.attempts.remove(&attempt.id);
        self.forget_question(attempt);
        let target = Entity::Ae(attempt.target.clone());
        let (why, ends) = (reason::ABANDONED, attempt.session_expires);
        // EST-11, EST-14, EST-58
        self.tell_ended(step, &attempt.id, &attempt.resource, &target, why, ends);
    }

    /// A target is back on a new link: what it said to abandoned questions on the old one is lost.
    pub(crate) fn reach_abandoned(&mut self, step: &mut Step, peer: &Entity) {
        let abandoned = |a: &Attempt| {
            matches!(a.stage, Stage::Abandoned { .. }) && Entity::Ae(a.target.clone()) == *peer
        };
        let rows: Vec<Attempt> = self
            .durable
            .attempts
            .iter()
            .filter(|(_, a)| abandoned(a))
            .map(|(_, a)| Attempt::clone(a))
            .collect();
        for attempt in rows {
            self.tell_abandoned(step, &attempt);
        }
    }

    pub(super) fn forget_question(&mut self, attempt: &Attempt) {
        let peer = Entity::Ae(attempt.target.clone());
        self.outgoing.remove(&(peer, attempt.question.clone()));
    }

    /// Takes back what a hop may have made of a request that it did not answer in time (E12).
    pub(crate) fn compensate(&mut self, step: &mut Step, attempt: &Attempt, hop: &CseId) {
        let end = HopEnd {
            to: sessions_address(&attempt.target),
            request_id: self.own_request_id(),
            by_session: true,
            reason: reason::ABANDONED,
        };
        let row = Tombstone {
            id: attempt.id.clone(),
            until: attempt.session_expires,
            hops: BTreeMap::from([(hop.clone(), end)]),
            retry: step.now(),
            pause_ms: self.config.timers.tombstone_retry_ms,
            requester: None,
        };
        self.durable.tombstones.put(attempt.id.clone(), row);
        self.retry_tombstone(step, &attempt.id);
    }
}
