//! Requests on local resources that were acknowledged and are carried out later, at the time that they name (`oet`,
//! TS-0001 clause 8.1.2). They stand among the stored requests, with this CSE as their hop.

use crate::cse::incoming::Handled;
use crate::cse::{Cse, Step};
use crate::env::Timestamp;
use crate::id::Entity;
use crate::record::{Requester, Stored};
use crate::status::Refusal;
use alloc::vec::Vec;

/// Event category `latest` (TS-0004 clause 6.3.4.2.4).
const LATEST: u32 = 4;

impl Cse {
    /// Stores a request until it is due, and acknowledges it.
    pub(super) fn store_for_later(
        &mut self,
        step: &mut Step,
        requester: &Requester,
        due: Timestamp,
    ) -> Result<Handled, Refusal> {
        let content = requester.request.content.as_ref();
        self.check_store_room(content.map_or(0, |content| u64::from(content.size)))?;
        let id = self.open_request(step, requester, requester.expires)?;
        let mut owner = requester.clone();
        owner.acknowledged = Some(id.clone());
        let row = Stored {
            id: id.clone(),
            sequence: self.durable.next_number(),
            request_id: requester.request.request_id.clone(),
            requester: owner,
            originator: requester.key.originator.clone(),
            session: None,
            hop: Entity::Cse(self.config.cse_id.clone()),
            policy: None,
            window: Vec::new(),
            opens: due,
            accepted: step.now(),
            expires: requester.expires,
        };
        // REG-57
        self.durable.stored.put(row);
        self.acknowledge(step, requester, &id);
        Ok(Handled::Later)
    }

    /// Of stored requests of one originator that are the latest only, the newest replaces those that have not left
    /// (TS-0004 clause H.2.4).
    pub(super) fn replace_older(&mut self, step: &mut Step, requester: &Requester, hop: &Entity) {
        let what = |requester: &Requester| {
            let request = &requester.request;
            (
                request.operation,
                request.to.clone(),
                request.event_category,
            )
        };
        let new = what(requester);
        if new.2 != Some(LATEST) {
            return;
        }
        let same =
            |row: &Stored| row.originator == requester.key.originator && row.session.is_none();
        let rows = self.durable.stored.of_hop(hop);
        let mut older: Vec<_> = rows
            .filter(|row| same(row) && what(&row.requester) == new && !self.is_on_its_way(row))
            .map(|row| row.id.clone())
            .collect();
        older.sort();
        for id in older {
            // REG-60
            self.settle(step, &id, Refusal::Conflict.status(), None);
        }
    }

    /// Whether a stored request is one that this CSE itself carries out.
    pub(super) fn is_for_later(&self, row: &Stored) -> bool {
        self.is_own_hop(&row.hop)
    }

    /// Whether that is this CSE: then nothing is forwarded, and the request waits for its time.
    pub(super) fn is_own_hop(&self, hop: &Entity) -> bool {
        match hop {
            Entity::Cse(cse) => *cse == self.config.cse_id,
            Entity::Ae(_) => false,
        }
    }

    /// The time of such a request has come.
    pub(super) fn perform_stored(&mut self, step: &mut Step, row: &Stored) {
        self.durable.stored.remove(&row.id);
        let done = match self.target_of(&row.requester.request) {
            Some(target) => self.perform(step, &row.requester, &target),
            None => Err(Refusal::NotFound),
        };
        self.report_done(step, &row.requester, done);
    }

    /// Reports on a request that was acknowledged and is done, unless its result follows.
    pub(super) fn report_done(
        &mut self,
        step: &mut Step,
        owner: &Requester,
        done: Result<Handled, Refusal>,
    ) {
        match done {
            Ok(Handled::Now(status, content)) => self.report(step, owner, status, content),
            Ok(Handled::Later) => {}
            Err(refusal) => self.report(step, owner, refusal.status(), None),
        }
    }
}
