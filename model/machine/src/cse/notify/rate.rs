//! How many notifications of a subscription leave in a window of time (`rl`, TS-0001 clause 10.2.10.7). Windows follow
//! each other from the creation of the subscription on; what has left in the one that lasts survives a crash.

use crate::attribute::Attribute;
use crate::cse::{Cse, Timer};
use crate::duration;
use crate::env::Timestamp;
use crate::id::ResourceId;
use crate::resource::Resource;
use crate::value::Value;
use alloc::vec;

/// How fast notifications may leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// How many in a window.
    most: i64,
    window_ms: u64,
}

impl Rate {
    pub(super) fn of(subscription: &Resource) -> Option<Self> {
        let limit = subscription.get(&Attribute::RateLimit)?;
        let window = limit.member(&Attribute::TimeWindow)?.as_text()?;
        Some(Self {
            most: limit.member(&Attribute::MaxNrOfNotify)?.as_integer()?,
            window_ms: duration::parse(window)?,
        })
    }

    /// When the window that lasts began.
    const fn begin(self, subscription: &Resource, now: Timestamp) -> Timestamp {
        let age = now.0.saturating_sub(subscription.created.0);
        Timestamp(now.0 - age % self.window_ms)
    }

    /// How much has left in the window that lasts.
    fn sent(self, subscription: &Resource, now: Timestamp) -> i64 {
        let begin = milliseconds(self.begin(subscription, now));
        let sent = subscription.get(&Attribute::SentInWindow);
        match sent.and_then(Value::as_list) {
            Some([window, count]) if window.as_integer() == Some(begin) => {
                count.as_integer().unwrap_or_default()
            }
            Some(_) | None => 0,
        }
    }
}

impl Cse {
    /// Whether a subscription has sent all that it may in this window; then it is looked at in the next one.
    pub(super) fn awaits_window(&mut self, now: Timestamp, subscription: &Resource) -> bool {
        let Some(rate) = Rate::of(subscription) else {
            return false;
        };
        // REG-88
        if rate.sent(subscription, now) < rate.most {
            return false;
        }
        let next = rate.begin(subscription, now).plus(rate.window_ms);
        let timer = Timer::Notifications(subscription.id.clone());
        self.openings.insert(timer, next);
        true
    }

    /// Another rate than before counts anew.
    pub(super) fn rate_changed(&mut self, before: &Resource, row: &Resource) {
        if before.get(&Attribute::RateLimit) != row.get(&Attribute::RateLimit) {
            self.durable.tree.change(&row.id, |row| {
                row.attributes.remove(&Attribute::SentInWindow);
            });
        }
    }

    /// One notification more has left in the window that lasts.
    pub(super) fn count_in_window(&mut self, now: Timestamp, subscription: &ResourceId) {
        self.durable.tree.change(subscription, |row| {
            if let Some(rate) = Rate::of(row) {
                let begin = milliseconds(rate.begin(row, now));
                let sent = rate.sent(row, now).saturating_add(1);
                let state = vec![Value::Integer(begin), Value::Integer(sent)];
                row.attributes
                    .insert(Attribute::SentInWindow, Value::List(state));
            }
        });
    }
}

fn milliseconds(moment: Timestamp) -> i64 {
    i64::try_from(moment.0).unwrap_or(i64::MAX)
}
