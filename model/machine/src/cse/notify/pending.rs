//! Notifications that do not leave at once. While the schedule of their subscription is closed (TS-0004 clause
//! 7.5.1.2.2) they are dropped, or kept as its pendingNotification (`pn`) says and told when it opens; batches and
//! rates keep them too, and what is kept leaves in its order.

use super::batch::{self, Batch, LATEST};
use super::rate::Rate;
use crate::attribute::Attribute;
use crate::cse::{Cse, Event, Step, Timer};
use crate::env::Timestamp;
use crate::id::{Entity, RequestId, ResourceId};
use crate::primitive::{Content, Request};
use crate::record::{Notice, NoticeKind};
use crate::resource::{Resource, ResourceType};
use crate::schedule;
use crate::shared::Shared;
use crate::text::Text;
use alloc::format;
use alloc::vec::Vec;

/// Policies for what comes while the schedule is closed (`pn`).
mod policy {
    pub(super) const SEND_LATEST: i64 = 1;
    pub(super) const SEND_ALL: i64 = 2;
}

/// Event category of what is not to wait (TS-0004 clause 6.3.4.2.4).
const IMMEDIATE: u32 = 2;

impl Cse {
    /// Whether an event is not told to a target now, since the schedule of its subscription is closed, it goes with
    /// others, or others go first; further targets of an event get the mark of its first.
    pub(super) fn postpones(
        &mut self,
        step: &mut Step,
        subscription: &ResourceId,
        to: &Text,
        content: &Content,
        mark: &mut Option<RequestId>,
    ) -> bool {
        let is_first = mark.is_none();
        let Some(row) = self.row(subscription) else {
            return false;
        };
        let mut request = self.notify_request(to, content.clone());
        request.event_category = batch::category(&row);
        let window = self.window_of(subscription);
        // REG-48, REG-87
        if schedule::is_open(&window, step.now()) || request.event_category == Some(IMMEDIATE) {
            let gathers = Batch::of(&row).is_some();
            if !gathers && Rate::of(&row).is_none() && !self.has_kept(subscription) {
                return false;
            }
            if is_first && !gathers && request.event_category == Some(LATEST) {
                self.forget_kept(subscription);
            }
            self.keep(step, &row, to, request, mark);
            return true;
        }
        match row.integer(&Attribute::PendingNotification) {
            Some(policy::SEND_LATEST) => {
                if is_first {
                    self.forget_kept(subscription);
                }
                // REG-82
                request.event_category = Some(LATEST);
            }
            Some(policy::SEND_ALL) => {}
            // REG-48
            Some(_) | None => return true,
        }
        self.keep(step, &row, to, request, mark);
        true
    }

    /// The schedule of a subscription may have opened, a batch be complete, or a rate allow more: what was kept is told,
    /// in its order.
    pub(crate) fn release(&mut self, step: &mut Step, subscription: &ResourceId) {
        let timer = Timer::Notifications(subscription.clone());
        self.openings.remove(&timer);
        let kept = self.kept(subscription);
        let Some(row) = self.row(subscription).filter(|_| !kept.is_empty()) else {
            return;
        };
        let window = self.window_of(subscription);
        if !schedule::is_open(&window, step.now()) && batch::category(&row) != Some(IMMEDIATE) {
            return self.open_at(step.now(), &window, timer);
        }
        match Batch::of(&row) {
            Some(batch) => self.release_batch(step, &row, batch, &kept),
            None => self.release_events(step, subscription, &kept),
        }
    }

    /// Tells kept events, as many as the rate allows now.
    fn release_events(
        &mut self,
        step: &mut Step,
        subscription: &ResourceId,
        kept: &[Shared<Notice>],
    ) {
        let is_same =
            |a: &Shared<Notice>, b: &Shared<Notice>| a.request.request_id == b.request.request_id;
        for event in kept.chunk_by(is_same) {
            let Some(row) = self.row(subscription) else {
                return;
            };
            if self.awaits_window(step.now(), &row) {
                return;
            }
            for notice in event {
                self.durable.notices.remove(&notice.number);
                let request = Request::clone(&notice.request);
                // REG-49
                self.send_event(step, &notice.to, subscription, request);
            }
            self.left(step, subscription);
        }
    }

    /// A notification, or a batch, has left.
    pub(super) fn left(&mut self, step: &mut Step, subscription: &ResourceId) {
        self.count_in_window(step.now(), subscription);
        self.count_down(step, subscription);
    }

    /// An UPDATE may have changed the policies of the subscription that was like this before: what was kept is dropped,
    /// counted anew, or leaves.
    pub(crate) fn policies_changed(&mut self, step: &mut Step, before: &Resource) {
        let row = self.row(&before.id);
        let Some(row) = row.filter(|row| row.resource_type == ResourceType::Subscription) else {
            return;
        };
        self.rate_changed(before, &row);
        // What is kept while the schedule is open is kept for a batch or a rate.
        if !schedule::is_open(&self.window_of(&before.id), step.now()) {
            self.pending_policy_changed(before, &row);
        }
        self.release(step, &before.id);
    }

    /// Without `pn` nothing is kept, and from all that waits only the latest event (TS-0004 clause 7.4.8.2.3).
    fn pending_policy_changed(&mut self, before: &Resource, row: &Resource) {
        let had = before.integer(&Attribute::PendingNotification);
        let has = row.integer(&Attribute::PendingNotification);
        if had == has {
            return;
        }
        // REG-81
        match has {
            Some(policy::SEND_ALL) => {}
            Some(_) => self.forget_all_but_latest(&before.id),
            None => self.forget_pending_of(&before.id),
        }
    }

    /// What was kept for subscriptions that are gone is told to nobody.
    pub(crate) fn forget_pending(&mut self, removed: &[Shared<Resource>]) {
        let gone = removed
            .iter()
            .filter(|row| row.resource_type == ResourceType::Subscription);
        for subscription in gone {
            self.forget_pending_of(&subscription.id);
        }
    }

    fn forget_pending_of(&mut self, subscription: &ResourceId) {
        self.forget_kept(subscription);
        let timer = Timer::Notifications(subscription.clone());
        self.openings.remove(&timer);
    }

    /// Keeps the notifications of the last event only.
    fn forget_all_but_latest(&mut self, subscription: &ResourceId) {
        let kept = self.kept(subscription);
        let latest = kept.last().map(|row| row.request.request_id.clone());
        for row in kept {
            if Some(&row.request.request_id) != latest.as_ref() {
                self.durable.notices.remove(&row.number);
            }
        }
    }

    /// Whether something of a subscription is kept: then there is a time when it is looked at.
    fn has_kept(&self, subscription: &ResourceId) -> bool {
        let timer = Timer::Notifications(subscription.clone());
        self.openings.contains_key(&timer)
    }

    fn kept(&self, subscription: &ResourceId) -> Vec<Shared<Notice>> {
        let kind = NoticeKind::Pending(subscription.clone());
        let rows = self.durable.notices.iter().map(|(_, row)| row);
        rows.filter(|row| row.kind == kind).cloned().collect()
    }

    fn forget_kept(&mut self, subscription: &ResourceId) {
        for notice in self.kept(subscription) {
            self.durable.notices.remove(&notice.number);
        }
    }

    /// Keeps an event for a target until its subscription is looked at.
    pub(super) fn keep(
        &mut self,
        step: &mut Step,
        subscription: &Resource,
        to: &Text,
        mut request: Request,
        mark: &mut Option<RequestId>,
    ) {
        let own = Entity::Cse(self.config.cse_id.clone());
        let Some(peer) = self.notification_peer(to, &own) else {
            return;
        };
        let batch = Batch::of(subscription);
        let kept = self.kept(&subscription.id);
        if kept.len() >= self.config.limits.outgoing_per_peer as usize {
            return step.report(Event::LimitReached("outgoing_per_peer"));
        }
        let number = self.durable.next_number();
        // The targets of one event bear its mark, by which it is counted once.
        let mark = mark.get_or_insert_with(|| RequestId(format!("{number}").into()));
        request.request_id = mark.clone();
        let row = Notice {
            number,
            to: peer,
            request: Shared::new(request),
            expires: batch.map_or(Timestamp(u64::MAX), |batch| batch.ends(step.now())),
            kind: NoticeKind::Pending(subscription.id.clone()),
        };
        self.durable.notices.put(number, row);
    }
}
