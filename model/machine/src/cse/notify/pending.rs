//! Notifications while the schedule of their subscription is closed (TS-0004 clause 7.5.1.2.2): dropped, or kept as
//! its pendingNotification (`pn`) says and told when it opens.

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

impl Cse {
    /// Whether an event is not told to a target now, since the schedule of its subscription is closed; `is_first`
    /// tells a new event from a further target of the same.
    pub(super) fn postpones(
        &mut self,
        step: &mut Step,
        subscription: &ResourceId,
        to: &Text,
        content: &Content,
        is_first: bool,
    ) -> bool {
        let window = self.window_of(subscription);
        // REG-48
        if schedule::is_open(&window, step.now()) {
            return false;
        }
        let wanted = self
            .row(subscription)
            .and_then(|row| row.integer(&Attribute::PendingNotification));
        match wanted {
            Some(policy::SEND_LATEST) if is_first => self.forget_kept(subscription),
            Some(policy::SEND_LATEST | policy::SEND_ALL) => {}
            // REG-48
            Some(_) | None => return true,
        }
        self.keep(step, subscription, to, content, is_first);
        let timer = Timer::Notifications(subscription.clone());
        self.open_at(step.now(), &window, timer);
        true
    }

    /// The schedule of a subscription may have opened: what was kept is told, in its order.
    pub(crate) fn release(&mut self, step: &mut Step, subscription: &ResourceId) {
        let timer = Timer::Notifications(subscription.clone());
        self.openings.remove(&timer);
        let kept = self.kept(subscription);
        if kept.is_empty() {
            return;
        }
        let window = self.window_of(subscription);
        if !schedule::is_open(&window, step.now()) {
            return self.open_at(step.now(), &window, timer);
        }
        let mut event = None;
        for notice in kept {
            self.durable.notices.remove(&notice.number);
            let mark = notice.request.request_id.clone();
            if event.as_ref().is_some_and(|last| *last != mark) {
                self.count_down(step, subscription);
            }
            event = Some(mark);
            if self.durable.tree.has(subscription) {
                let expires = step.now().plus(self.config.timers.result_life_ms);
                let kind = NoticeKind::Event(subscription.clone());
                let request = Request::clone(&notice.request);
                // REG-49
                self.notice(step, &notice.to, request, expires, kind);
            }
        }
        self.count_down(step, subscription);
    }

    /// What was kept for subscriptions that are gone is told to nobody.
    pub(crate) fn forget_pending(&mut self, removed: &[Shared<Resource>]) {
        let gone = removed
            .iter()
            .filter(|row| row.resource_type == ResourceType::Subscription);
        for subscription in gone {
            self.forget_kept(&subscription.id);
            let timer = Timer::Notifications(subscription.id.clone());
            self.openings.remove(&timer);
        }
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

    fn keep(
        &mut self,
        step: &mut Step,
        subscription: &ResourceId,
        to: &Text,
        content: &Content,
        is_first: bool,
    ) {
        let own = Entity::Cse(self.config.cse_id.clone());
        let Some(peer) = self.notification_peer(to, &own) else {
            return;
        };
        let kept = self.kept(subscription);
        if kept.len() >= self.config.limits.outgoing_per_peer as usize {
            return step.report(Event::LimitReached("outgoing_per_peer"));
        }
        let number = self.durable.next_number();
        let mut request = self.notify_request(to, content.clone());
        // The targets of one event bear its mark, by which it is counted once.
        request.request_id = match kept.last() {
            Some(last) if !is_first => last.request.request_id.clone(),
            Some(_) | None => RequestId(format!("{number}").into()),
        };
        let row = Notice {
            number,
            to: peer,
            request: Shared::new(request),
            expires: Timestamp(u64::MAX),
            kind: NoticeKind::Pending(subscription.clone()),
        };
        self.durable.notices.put(number, row);
    }
}
