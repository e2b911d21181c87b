//! Events before a subscription (`psn`, TS-0001 clause 10.2.10.7). Of what happened earlier a CSE remembers which
//! children were made, by the children themselves.

use super::{Happening, Notification, batch, event_types, targets};
use crate::attribute::Attribute;
use crate::cse::{Cse, Step, Timer};
use crate::id::ResourceId;
use crate::value::Value;
use alloc::vec::Vec;

impl Cse {
    /// Tells a new subscription of the newest children that were made before it, the oldest of them first; the answer
    /// to its CREATE goes before them.
    pub(crate) fn tell_earlier(&mut self, step: &mut Step, subscription: &ResourceId) {
        let Some(row) = self.row(subscription) else {
            return;
        };
        let wanted = row.integer(&Attribute::PreSubscriptionNotify).unwrap_or(0);
        let happening = Happening::ChildCreated;
        let Some(parent) = &row.parent else { return };
        if wanted == 0 || !event_types(&row.attributes).contains(&happening.event_type()) {
            return;
        }
        let count = targets(&row.attributes).len().max(1);
        let bound = self.config.limits.outgoing_per_peer as usize / count;
        let most = usize::try_from(wanted).unwrap_or(bound).min(bound);
        let about = || {
            let event = Value::Integer(happening.event_type());
            (Attribute::NotificationEventType, event)
        };
        let children = self.durable.tree.children(parent).rev();
        let mut events: Vec<Vec<Notification>> = children
            .filter(|child| child.id != row.id && self.is_asked_for(&row, child, happening, None))
            .map(|child| self.notifications(step.now(), &row, child, about(), None))
            .filter(|event| !event.is_empty())
            .take(most)
            .collect();
        events.reverse();
        for event in events {
            let mut mark = None;
            for notification in event {
                let mut request = self.notify_request(&notification.to, notification.content);
                request.event_category = batch::category(&row);
                // REG-89
                self.keep(step, &row, &notification.to, request, &mut mark);
            }
        }
        let timer = Timer::Notifications(row.id.clone());
        self.openings.insert(timer, step.now());
    }
}
