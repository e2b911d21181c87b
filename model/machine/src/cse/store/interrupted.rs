//! Acknowledged requests on which nobody works any more after a crash: a fan-out, a verification or a notification
//! whose answers were awaited. What was asked of others is not asked again, since they may have done it.

use super::request::{is_pending, requester_of};
use crate::cse::{Cse, Step, Timer};
use crate::env::Timestamp;
use crate::id::ResourceId;
use crate::record::{Phase, Requester, Session};
use crate::resource::ResourceType;
use crate::status::Status;
use alloc::vec::Vec;

impl Cse {
    /// Notes which requests are to be brought to an end, in the first steps after recovery.
    pub(crate) fn resume_requests(&mut self) {
        let tree = &self.durable.tree;
        let Some(base) = tree.base() else { return };
        let interrupted: Vec<_> = tree
            .children_of_type(&base.id, ResourceType::Request)
            .filter(|row| is_pending(row) && !self.is_worked_on(&row.id))
            .map(|row| Timer::Interrupted(row.id.clone()))
            .collect();
        let timers = interrupted.into_iter();
        self.openings.extend(timers.map(|t| (t, Timestamp(0))));
    }

    /// A request was under way when this CSE stopped: it has failed as far as is known.
    pub(crate) fn interrupted(&mut self, step: &mut Step, id: &ResourceId) {
        self.openings.remove(&Timer::Interrupted(id.clone()));
        let row = self.row(id).filter(|row| is_pending(row));
        if let Some(requester) = row.and_then(|row| requester_of(&row)) {
            // REG-69
            self.report(step, &requester, Status::INTERNAL_SERVER_ERROR, None);
        }
    }

    /// Whether a record says that the outcome of an acknowledged request will come.
    fn is_worked_on(&self, id: &ResourceId) -> bool {
        let durable = &self.durable;
        let same = |r: &Requester| r.acknowledged.as_ref() == Some(id);
        let of_session = |s: &Session| match &s.phase {
            Phase::Terminating(t) => t.requester.as_ref().is_some_and(same),
            Phase::Pending { .. } | Phase::Active => false,
        };
        durable.stored.get(id).is_some()
            || durable.attempts.iter().any(|(_, a)| same(&a.requester))
            || durable.changes.iter().any(|(_, c)| same(&c.requester))
            || durable.sessions.iter().any(|(_, s)| of_session(s))
            || durable
                .tombstones
                .iter()
                .any(|(_, t)| t.requester.as_ref().is_some_and(same))
    }
}
