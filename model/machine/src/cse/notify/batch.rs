//! Notifications in batches (TS-0001 clause 10.2.10.7, TS-0004 clause 6.3.5.6): events are kept until there are as many
//! as the subscription says, or its time is over, and go to each target in one request.

use super::Cse;
use crate::attribute::Attribute;
use crate::cse::{Step, Timer};
use crate::duration;
use crate::env::Timestamp;
use crate::id::Entity;
use crate::primitive::Content;
use crate::record::Notice;
use crate::resource::Resource;
use crate::shared::Shared;
use crate::text::Text;
use crate::value::Value;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// How long a batch is gathered where the subscription does not say.
pub(in crate::cse) const USUAL_DURATION: &str = "PT1M";

/// Event category of which a newer request replaces an older one (TS-0004 clause 6.3.4.2.4).
pub(in crate::cse) const LATEST: u32 = 4;

/// How a subscription gathers its events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// How many make a batch.
    number: Option<usize>,
    duration_ms: u64,
    /// Whether only the newest of a batch is told (`ln`).
    latest_only: bool,
}

/// What is told to one target at once.
struct Parcel {
    to: Text,
    peer: Entity,
    notifications: Vec<Value>,
}

impl Batch {
    pub(super) fn of(subscription: &Resource) -> Option<Self> {
        let wanted = subscription.get(&Attribute::BatchNotify)?;
        let number = wanted
            .member(&Attribute::BatchNumber)
            .and_then(Value::as_integer);
        let duration = wanted.member(&Attribute::BatchDuration)?.as_text()?;
        Some(Self {
            number: number.and_then(|number| usize::try_from(number).ok()),
            duration_ms: duration::parse(duration)?,
            latest_only: tells_latest(subscription),
        })
    }

    /// When a batch that begins now is told at the latest.
    pub(super) const fn ends(self, now: Timestamp) -> Timestamp {
        now.plus(self.duration_ms)
    }

    fn is_complete(self, kept: &[Shared<Notice>]) -> bool {
        let events: BTreeSet<_> = kept.iter().map(|row| &row.request.request_id).collect();
        self.number.is_some_and(|number| events.len() >= number)
    }
}

/// Whether only the newest state is of interest (`ln`).
pub(super) fn tells_latest(subscription: &Resource) -> bool {
    subscription.get(&Attribute::LatestNotify) == Some(&Value::Bool(true))
}

/// The event category of its notifications: `latest`, or as it says (`nec`).
pub(super) fn category(subscription: &Resource) -> Option<u32> {
    // REG-87
    if tells_latest(subscription) {
        return Some(LATEST);
    }
    let category = subscription.integer(&Attribute::NotificationEventCategory)?;
    u32::try_from(category).ok()
}

impl Cse {
    /// Tells what was gathered if that is due; else it is looked at again when it is.
    pub(super) fn release_batch(
        &mut self,
        step: &mut Step,
        subscription: &Resource,
        batch: Batch,
        kept: &[Shared<Notice>],
    ) {
        // What was kept before there was a batch has no time of its own, and waits no longer.
        let is_older = kept.iter().any(|row| row.expires == Timestamp(u64::MAX));
        let due = kept.iter().map(|row| row.expires).min();
        let due = due.filter(|_| !is_older).unwrap_or_else(|| step.now());
        let is_full = kept.len() >= self.config.limits.outgoing_per_peer as usize;
        // REG-86
        if !batch.is_complete(kept) && due > step.now() && !is_full {
            let timer = Timer::Notifications(subscription.id.clone());
            self.openings.insert(timer, due);
        } else if !self.awaits_window(step.now(), subscription) {
            self.tell_batch(step, subscription, batch, kept);
        }
    }

    fn tell_batch(
        &mut self,
        step: &mut Step,
        subscription: &Resource,
        batch: Batch,
        kept: &[Shared<Notice>],
    ) {
        let category = category(subscription);
        let mut parcels: Vec<Parcel> = Vec::new();
        for row in kept {
            self.durable.notices.remove(&row.number);
            let content = row.request.content.as_ref();
            let told = content.and_then(|content| content.value.member(&Attribute::Notification));
            let known = parcels
                .iter_mut()
                .find(|parcel| parcel.to == row.request.to);
            match known {
                Some(parcel) if batch.latest_only => {
                    parcel.notifications = told.cloned().into_iter().collect()
                }
                Some(parcel) => parcel.notifications.extend(told.cloned()),
                None => parcels.push(Parcel {
                    to: row.request.to.clone(),
                    peer: row.to.clone(),
                    notifications: told.cloned().into_iter().collect(),
                }),
            }
        }
        for parcel in parcels {
            let list = (Attribute::Notification, Value::List(parcel.notifications));
            let content = Content::new(Attribute::AggregatedNotification, Value::object([list]));
            let mut request = self.notify_request(&parcel.to, content);
            request.event_category = category;
            self.send_event(step, &parcel.peer, &subscription.id, request);
        }
        self.left(step, &subscription.id);
    }
}
