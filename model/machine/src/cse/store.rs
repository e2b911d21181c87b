//! Store and forward: requests that were acknowledged and are delivered later, each to exactly one outcome.
//!
//! ```text
//!  accepted ─▶ Waiting ── window open and link up ──▶ On its way ── answer ──▶ settled with the result
//!                 ▲   │                                  │    │
//!                 │   └── rqet, termination ─────────────┼────┴──▶ settled with an error
//!                 └───────── link lost ──────────────────┘
//! ```

mod interrupted;
mod later;
mod request;

pub(crate) use request::meta_information;

use super::deadlines::Wait;
use super::incoming::Handled;
use super::outgoing::{Conclusion, Purpose};
use super::reach::Way;
use super::resources::Resolved;
use super::{Cse, Step, Timer};
use crate::deviation::Deviation;
use crate::env::Timestamp;
use crate::id::{CseId, Entity, ResourceId, SessionId};
use crate::primitive::{Content, Operation, ResponseMode, When};
use crate::record::{Requester, Stored};
use crate::resource::ResourceType;
use crate::schedule;
use crate::status::{Refusal, Status};
use crate::text::Text;
use alloc::vec::Vec;

/// The rule under which a session's request is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delay {
    /// The policy, by name.
    pub(crate) policy: Option<Text>,
    /// Its window; empty: always open.
    pub(crate) window: Vec<Text>,
    /// Its own expiration for requests that bring none.
    pub(crate) default_expiry_ms: Option<u64>,
}

/// What a request in a session brings along to the store.
#[derive(Clone, Debug)]
pub(crate) struct InSession {
    pub(crate) session: SessionId,
    pub(crate) ends: Timestamp,
    pub(crate) delay: Delay,
}

impl Cse {
    /// Accepts a request for later delivery: it is stored, acknowledged, and sent as soon as it may be.
    pub(crate) fn store(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        hop: &Entity,
        in_session: Option<InSession>,
    ) -> Result<Handled, Refusal> {
        let now = step.now();
        let delay = in_session
            .as_ref()
            .map(|s| s.delay.clone())
            .unwrap_or_default();
        let expires = stored_until(requester, in_session.as_ref(), now);
        // USE-45
        let opens = schedule::next_open(&delay.window, now)
            .filter(|opens| *opens < expires)
            .ok_or(Refusal::NotAcceptable)?;
        let size = requester
            .request
            .content
            .as_ref()
            .map_or(0, |c| u64::from(c.size));
        if in_session.is_none() {
            self.replace_older(step, requester, hop);
        }
        self.check_store_room(size)?;
        let id = self.open_request(step, requester, expires)?;
        let mut owner = requester.clone();
        owner.acknowledged = Some(id.clone());
        owner.expires = expires;
        let row = Stored {
            id: id.clone(),
            sequence: self.durable.next_number(),
            request_id: self.forwarded_id(requester, hop),
            requester: owner,
            originator: requester.key.originator.clone(),
            session: in_session.map(|s| s.session),
            hop: hop.clone(),
            // USE-29
            policy: delay.policy,
            window: delay.window,
            opens,
            accepted: now,
            expires,
        };
        // USE-08
        self.durable.stored.put(row);
        // USE-09
        self.acknowledge(step, requester, &id);
        self.pump(step, hop);
        Ok(Handled::Later)
    }

    /// Refuses a request for a target that is not here: at once, or by a report where its originator does not wait, as
    /// the acknowledgement comes before the target is looked for (TS-0004 clause 7.2.2.2).
    pub(crate) fn refuse_target(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        refusal: Refusal,
    ) -> Result<Handled, Refusal> {
        match requester.request.response_mode() {
            ResponseMode::Blocking | ResponseMode::NoResponse | ResponseMode::FlexBlocking => {
                return Err(refusal);
            }
            ResponseMode::NonBlockingSynch | ResponseMode::NonBlockingAsynch => {}
        }
        let owner = self.acknowledged(step, requester)?;
        self.report_done(step, &owner, Err(refusal));
        Ok(Handled::Later)
    }

    /// Acknowledges a request that is carried out at once; whom its result is reported to.
    fn acknowledged(
        &mut self,
        step: &mut Step,
        requester: &Requester,
    ) -> Result<Requester, Refusal> {
        // REG-34
        let id = self.open_request(step, requester, requester.expires)?;
        self.acknowledge(step, requester, &id);
        let mut owner = requester.clone();
        owner.acknowledged = Some(id);
        Ok(owner)
    }

    /// Carries out a local request whose originator does not wait: acknowledged first, reported afterwards.
    pub(crate) fn perform_later(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        target: &Resolved,
        due: Option<Timestamp>,
    ) -> Result<Handled, Refusal> {
        let resource_type = self.type_of(&target.resource);
        // REG-83
        if resource_type == Some(ResourceType::Request) {
            return Err(Refusal::BadRequest);
        }
        let deletes_itself = resource_type == Some(ResourceType::Ae)
            && requester.request.operation == Operation::Delete;
        if let Some(due) = due.filter(|_| !deletes_itself) {
            return self.store_for_later(step, requester, due);
        }
        let owner = self.acknowledged(step, requester)?;
        let done = if deletes_itself {
            Err(Refusal::NotImplemented)
        } else {
            self.perform(step, &owner, target)
        };
        self.report_done(step, &owner, done);
        Ok(Handled::Later)
    }

    /// Sends what is stored for a peer, in the order of acceptance, as far as windows and the link allow.
    pub(crate) fn pump(&mut self, step: &mut Step, hop: &Entity) {
        if self.store_failing || self.way(hop, step.now()) == Way::Closed {
            return;
        }
        let mut waiting: Vec<Stored> = self
            .durable
            .stored
            .of_hop(hop)
            .filter(|row| !self.is_on_its_way(row))
            .map(|row| Stored::clone(row))
            .collect();
        waiting.sort_by_key(|row| row.sequence);
        let mut blocked: Vec<(Option<SessionId>, Text, Text, Option<Text>)> = Vec::new();
        for row in waiting {
            let to = row.requester.request.to.clone();
            let lane = (
                row.session.clone(),
                row.originator.clone(),
                to,
                row.policy.clone(),
            );
            // LNK-26, USE-06, USE-07
            let may_go = schedule::is_open(&row.window, step.now()) && row.expires > step.now();
            // USE-13
            if may_go && !blocked.contains(&lane) {
                self.send_stored(step, &row);
            } else {
                self.reschedule(step, &row);
                blocked.push(lane);
            }
        }
    }

    pub(crate) fn stored_concluded(
        &mut self,
        step: &mut Step,
        id: &ResourceId,
        conclusion: &Conclusion<'_>,
    ) {
        match conclusion {
            Conclusion::Answer(response) => {
                self.settle(step, id, response.status, response.content.clone());
            }
            Conclusion::Overdue { .. } => self.settle(step, id, Status::REQUEST_TIMEOUT, None),
        }
    }

    /// Brings a stored request to its one outcome.
    pub(crate) fn settle(
        &mut self,
        step: &mut Step,
        id: &ResourceId,
        status: Status,
        content: Option<Content>,
    ) {
        let Some(row) = self.durable.stored.get(id).cloned() else {
            return;
        };
        self.durable.stored.remove(id);
        self.outgoing
            .remove(&(row.hop.clone(), row.request_id.clone()));
        // USE-16
        self.note_stored(step, &row, status, content.as_ref());
        self.report(step, &row.requester, status, content);
        self.pump(step, &row.hop.clone());
    }

    pub(crate) fn window_opens(&mut self, step: &mut Step, id: &ResourceId) {
        let Some(row) = self.durable.stored.get(id).cloned() else {
            return;
        };
        if self.is_for_later(&row) {
            self.perform_stored(step, &row);
        } else {
            // USE-10, USE-31
            self.pump(step, &row.hop);
        }
    }

    pub(crate) fn stored_expired(&mut self, step: &mut Step, id: &ResourceId) {
        // USE-11
        self.settle(step, id, Refusal::Expired.status(), None);
    }

    /// Settles what a session that ends has stored here (flow 3; E11).
    pub(crate) fn settle_session(&mut self, step: &mut Step, session: &SessionId) {
        if self.config.deviations.has(Deviation::StoredOutliveSession) {
            return;
        }
        let mut ids: Vec<_> = self
            .durable
            .stored
            .iter()
            .filter(|(_, row)| row.session.as_ref() == Some(session))
            .map(|(id, row)| (row.sequence, id.clone()))
            .collect();
        ids.sort();
        for (_, id) in ids {
            // END-08, END-32
            self.settle(step, &id, Refusal::OperationNotAllowed.status(), None);
        }
    }

    pub(crate) fn stored_deadlines(&self, wait: &mut impl Wait) {
        let stored = &self.durable.stored;
        for (at, id) in stored.due() {
            if wait.is_beyond(*at) {
                break;
            }
            wait.until(*at, || Timer::StoredExpiry(id.clone()));
        }
        for hop in stored.hops() {
            let is_own = self.is_own_hop(hop);
            if !is_own && (self.current_link(hop).is_none() || self.is_shut(hop)) {
                continue;
            }
            for (at, id) in stored.openings(hop) {
                if wait.is_beyond(*at) {
                    break;
                }
                let row = stored.get(id).filter(|row| row.opens < row.expires);
                if row.is_some_and(|row| is_own || !self.is_on_its_way(row)) {
                    wait.until(*at, || Timer::Window(id.clone()));
                }
            }
        }
    }

    fn send_stored(&mut self, step: &mut Step, row: &Stored) {
        let mut request = self.forwarded(&row.requester, &row.hop, row.accepted);
        request.request_id = row.request_id.clone();
        request.request_expiration = Some(When::At(row.expires));
        self.ask(
            step,
            &row.hop,
            request,
            Purpose::Stored(row.id.clone()),
            row.expires,
        );
    }

    /// Finds the next opening for a request that may not go now; one that waits for another opens with it.
    fn reschedule(&mut self, step: &Step, row: &Stored) {
        let now = step.now();
        let ahead = row.expires;
        let opens = match schedule::next_open(&row.window, now) {
            Some(opens) if opens > now => opens.min(ahead),
            Some(_) | None => ahead,
        };
        self.durable
            .stored
            .change(&row.id, |stored| stored.opens = opens);
    }

    fn is_on_its_way(&self, row: &Stored) -> bool {
        self.outgoing
            .contains_key(&(row.hop.clone(), row.request_id.clone()))
    }

    fn check_store_room(&self, size: u64) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        let used = self.durable.stored.bytes();
        let count = self.durable.stored.len();
        // USE-30
        if count >= limits.stored_requests as usize || used + size > limits.stored_bytes {
            return Err(Refusal::NotAcceptable);
        }
        Ok(())
    }

    /// The hop, as an entity.
    pub(crate) fn hop_entity(cse: &CseId) -> Entity {
        Entity::Cse(cse.clone())
    }
}

/// Until when a request may be delivered: its own expiration, the policy's, the session's.
fn stored_until(requester: &Requester, session: Option<&InSession>, now: Timestamp) -> Timestamp {
    let own = requester
        .request
        .request_expiration
        .map(|_| requester.expires);
    let Some(session) = session else {
        return requester.expires;
    };
    // POL-17
    let by_policy = session.delay.default_expiry_ms.map(|ms| now.plus(ms));
    own.or(by_policy).unwrap_or(session.ends).min(session.ends)
}
