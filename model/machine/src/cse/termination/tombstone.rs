//! What is left of a session: its identifier stays taken, and hops that have not confirmed its end are asked again.

use crate::cse::outgoing::{Outgoing, Purpose};
use crate::cse::{Cse, Step};
use crate::env::Timestamp;
use crate::id::{CseId, Entity, RequestId, RequestKey, SessionId};
use crate::record::{HopEnd, Requester, Tombstone};
use crate::status::{Refusal, Status};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

impl Cse {
    /// The first DELETEs of this CSE's own; what they do not achieve in time is the tombstone's.
    pub(super) fn tell_hops(
        &mut self,
        step: &mut Step,
        id: &SessionId,
        hops: &BTreeMap<CseId, HopEnd>,
        until: Timestamp,
    ) {
        let timers = &self.config.timers;
        let limit = step
            .now()
            .plus(timers.request_life_ms)
            .minus(timers.hop_step_ms);
        for (hop, end) in hops {
            let request = self.end_request(id, end, Some(limit));
            let peer = Entity::Cse(hop.clone());
            self.ask(step, &peer, request, Purpose::EndHop(id.clone()), until);
        }
    }

    /// Asks the hops of a tombstone again (END-34).
    pub(crate) fn retry_tombstone(&mut self, step: &mut Step, id: &SessionId) {
        let Some(row) = self.durable.tombstones.get(id).cloned() else {
            return;
        };
        let longest = self.config.timers.tombstone_retry_max_ms;
        let retry = step.now().plus(row.pause_ms);
        // END-34
        self.durable.tombstones.change(id, |t| {
            t.retry = retry;
            t.pause_ms = t.pause_ms.saturating_mul(2).min(longest);
        });
        for hop in row.hops.keys() {
            self.ask_tombstone_hop(step, &row, hop);
        }
    }

    /// The link of a hop is back: what it has not confirmed is asked again.
    pub(crate) fn reach_tombstones(&mut self, step: &mut Step, peer: &Entity) {
        let Entity::Cse(cse) = peer else { return };
        let rows: Vec<Tombstone> = self
            .durable
            .tombstones
            .iter()
            .filter(|(_, row)| row.hops.contains_key(cse))
            .map(|(_, row)| Tombstone::clone(row))
            .collect();
        let link = self.current_link(peer);
        for row in rows {
            // What is on its way on this very link need not be sent twice.
            let on_its_way = |o: &Outgoing| o.link.is_some() && o.link == link;
            let end = row.hops.get(cse).map(|end| end.request_id.clone());
            let asked = end.and_then(|id| self.outgoing.get(&(peer.clone(), id)));
            if !asked.is_some_and(on_its_way) {
                self.ask_tombstone_hop(step, &row, cse);
            }
        }
    }

    fn ask_tombstone_hop(&mut self, step: &mut Step, row: &Tombstone, hop: &CseId) {
        let Some(end) = row.hops.get(hop) else { return };
        let peer = Entity::Cse(hop.clone());
        let key = (peer.clone(), end.request_id.clone());
        if self.current_link(&peer).is_some() || self.dials(&peer) {
            let request = self.end_request(&row.id, end, None);
            self.outgoing.remove(&key);
            self.ask(
                step,
                &peer,
                request,
                Purpose::EndHop(row.id.clone()),
                row.until,
            );
        }
    }

    /// A hop has confirmed after the session was gone here.
    pub(super) fn confirmed_late(&mut self, step: &mut Step, id: &SessionId, hop: &CseId) {
        let Some(row) = self.durable.tombstones.get(id).cloned() else {
            return;
        };
        if !row.hops.contains_key(hop) {
            return;
        }
        self.durable.tombstones.change(id, |t| {
            t.hops.remove(hop);
        });
        if row.hops.len() == 1
            && let Some(requester) = &row.requester
        {
            self.durable.tombstones.change(id, |t| t.requester = None);
            self.respond(step, requester, Status::DELETED, None);
        }
    }

    /// Whether that request asked for an end that a hop has not confirmed; it is answered now, and not again.
    pub(crate) fn unconfirmed_end(&mut self, key: &RequestKey) -> Option<Refusal> {
        let asked = |row: &Tombstone| row.requester.as_ref().is_some_and(|r| r.key == *key);
        let found = self.durable.tombstones.iter().find(|(_, row)| asked(row));
        let id = found.map(|(id, _)| id.clone())?;
        self.durable
            .tombstones
            .change(&id, |row| row.requester = None);
        // END-33
        Some(Refusal::RemoteUnreachable)
    }

    pub(crate) fn drop_tombstone(&mut self, step: &mut Step, id: &SessionId) {
        let Some(row) = self.durable.tombstones.get(id).cloned() else {
            return;
        };
        for (hop, end) in &row.hops {
            self.outgoing
                .remove(&(Entity::Cse(hop.clone()), end.request_id.clone()));
        }
        // END-22
        self.durable.tombstones.remove(id);
        if let Some(requester) = row.requester.as_ref().filter(|r| r.acknowledged.is_some()) {
            // Expiry has ended the session there, but nobody has said so.
            self.report(step, requester, Status::REMOTE_ENTITY_NOT_REACHABLE, None);
        }
    }

    /// Leaves a tombstone: the identifier stays taken, hops that have not confirmed are asked again.
    pub(super) fn bury(
        &mut self,
        id: &SessionId,
        until: Timestamp,
        hops: BTreeMap<CseId, HopEnd>,
        requester: Option<Requester>,
        now: Timestamp,
    ) {
        let pause_ms = self.config.timers.tombstone_retry_ms;
        let ends = Purpose::EndHop(id.clone());
        let awaited = |of: &RequestId| hops.values().any(|end| end.request_id == *of);
        self.outgoing
            .retain(|(_, of), outgoing| outgoing.purpose != ends || awaited(of));
        let row = Tombstone {
            id: id.clone(),
            until,
            hops,
            retry: now.plus(pause_ms),
            pause_ms: pause_ms.saturating_mul(2),
            requester,
        };
        self.durable.tombstones.put(id.clone(), row);
    }

    /// DELETEs that are under way belong to the tombstone now; what is not under way is asked at once.
    pub(super) fn expect_ends(&mut self, step: &mut Step, id: &SessionId) {
        let Some(row) = self.durable.tombstones.get(id).cloned() else {
            return;
        };
        for (hop, end) in &row.hops {
            let key = (Entity::Cse(hop.clone()), end.request_id.clone());
            match self.outgoing.get_mut(&key) {
                Some(outgoing) => outgoing.expires = row.until,
                None => self.ask_tombstone_hop(step, &row, hop),
            }
        }
    }

    pub(super) fn tombstones_max(&self) -> usize {
        self.config.limits.stored_requests as usize
    }
}
