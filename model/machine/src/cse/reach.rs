//! Whether and how a registree takes requests: what it says of itself (`rr`), when (`<schedule>`), and its polling
//! channel (TS-0001 clauses 9.6.4, 9.6.5 and 9.6.9; TS-0020 clause 5.2).
//!
//! ```text
//!  no link ─────────────────────────────▶ Closed
//!  link, rr true, inside the schedule ──▶ Link
//!  link, else, with a polling channel ──▶ Poll
//!  link, else ──────────────────────────▶ Closed, looked at again when the schedule opens or `rr` changes
//! ```
//!
//! Responses are no matter of reachability: they go back to whoever has asked.

use super::deadlines::Wait;
use super::{Cse, Step, Timer};
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{CseId, Entity, LinkId, ResourceId};
use crate::resource::{Resource, ResourceType};
use crate::schedule;
use crate::text::Text;
use crate::value::Value;
use alloc::vec::Vec;

/// When a schedule that never opens again is looked at once more: its clock may have been set.
const DAY_MS: u64 = 86_400_000;

/// How a request gets to an entity now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Down its link.
    Link(LinkId),
    /// As the answer to its poll.
    Poll,
    /// It does not.
    Closed,
}

impl Cse {
    /// How a request gets to that entity at this moment.
    pub(crate) fn way(&self, peer: &Entity, now: Timestamp) -> Way {
        let Some(link) = self.current_link(peer) else {
            return Way::Closed;
        };
        let Some(registree) = self.registration(peer) else {
            return Way::Link(link);
        };
        // REG-45, REG-46
        if self.says_reachable(&registree) && schedule::is_open(&self.window_of(&registree), now) {
            Way::Link(link)
        } else if self.channel_of(&registree).is_some() {
            Way::Poll
        } else {
            Way::Closed
        }
    }

    /// Whether a request to that entity can be handed over before it expires, as far as is known.
    pub(crate) fn can_reach(&self, peer: &Entity, now: Timestamp, expires: Timestamp) -> bool {
        let linked =
            self.current_link(peer).is_some() || self.opens_link_to(peer) || self.dials(peer);
        // REG-45
        self.channel(peer).is_some() || linked && self.will_take(peer, now, expires)
    }

    /// Whether the entity has a way for requests now, or as soon as this CSE has opened the link.
    pub(crate) fn is_up(&self, peer: &Entity, now: Timestamp) -> bool {
        self.way(peer, now) != Way::Closed
            || self.dials(peer) && self.will_take(peer, now, now.plus(1))
    }

    /// Whether an entity takes requests at all; only a registree can say that it does not.
    pub(crate) fn takes_requests(&self, peer: &Entity) -> bool {
        self.registration(peer)
            .is_none_or(|registree| self.says_reachable(&registree))
    }

    fn says_reachable(&self, registree: &ResourceId) -> bool {
        let row = self.durable.tree.get(registree);
        let said = row.and_then(|row| row.get(&Attribute::RequestReachability));
        said != Some(&Value::Bool(false))
    }

    fn will_take(&self, peer: &Entity, now: Timestamp, expires: Timestamp) -> bool {
        self.takes_requests(peer)
            && schedule::next_open(&self.window_of_registree(peer), now)
                .is_some_and(|opens| opens < expires)
    }

    /// The entries of the schedule of a resource; none: always.
    pub(crate) fn window_of(&self, resource: &ResourceId) -> Vec<Text> {
        let mut schedules = self
            .durable
            .tree
            .children_of_type(resource, ResourceType::Schedule);
        let entries = schedules.next().and_then(|row| {
            row.get(&Attribute::ScheduleElement)?
                .member(&Attribute::ScheduleEntries)?
                .as_texts()
        });
        entries.unwrap_or_default()
    }

    fn window_of_registree(&self, peer: &Entity) -> Vec<Text> {
        let registree = self.registration(peer);
        registree.map(|id| self.window_of(&id)).unwrap_or_default()
    }

    /// The `<AE>` or `<remoteCSE>` of an entity.
    pub(crate) fn registration(&self, peer: &Entity) -> Option<ResourceId> {
        match peer {
            Entity::Ae(ae) => {
                let here = ae.registrar().as_ref() == Some(&self.config.cse_id);
                let id = ResourceId(ae.stem().into());
                (here && self.type_of(&id) == Some(ResourceType::Ae)).then_some(id)
            }
            Entity::Cse(cse) => self.remote_cse(cse),
        }
    }

    /// The entity of an `<AE>` or `<remoteCSE>`.
    pub(crate) fn registree(&self, id: &ResourceId) -> Option<Entity> {
        let row = self.durable.tree.get(id)?;
        match row.resource_type {
            ResourceType::Ae => Some(self.local_ae(id)),
            ResourceType::RemoteCse => {
                let cse = row.text(&Attribute::CseId)?;
                Some(Entity::Cse(CseId(cse.clone())))
            }
            ResourceType::AccessControlPolicy
            | ResourceType::Container
            | ResourceType::ContentInstance
            | ResourceType::CseBase
            | ResourceType::Group
            | ResourceType::Node
            | ResourceType::PollingChannel
            | ResourceType::Schedule
            | ResourceType::Request
            | ResourceType::Subscription
            | ResourceType::FlexContainer
            | ResourceType::Sessions
            | ResourceType::Session
            | ResourceType::SessionEndpoint
            | ResourceType::NextHop
            | ResourceType::SessionPolicy
            | ResourceType::SessionContext
            | ResourceType::SessionContextEntry => None,
        }
    }

    /// What a change of a resource means for what waits: `rr`, schedule or channel may be another one.
    pub(crate) fn reachability_changed(&mut self, step: &mut Step, changed: &Resource) {
        let subject = match changed.resource_type {
            ResourceType::Ae | ResourceType::RemoteCse => Some(changed.id.clone()),
            ResourceType::Schedule | ResourceType::PollingChannel => changed.parent.clone(),
            ResourceType::AccessControlPolicy
            | ResourceType::Container
            | ResourceType::ContentInstance
            | ResourceType::CseBase
            | ResourceType::Group
            | ResourceType::Node
            | ResourceType::Request
            | ResourceType::Subscription
            | ResourceType::FlexContainer
            | ResourceType::Sessions
            | ResourceType::Session
            | ResourceType::SessionEndpoint
            | ResourceType::NextHop
            | ResourceType::SessionPolicy
            | ResourceType::SessionContext
            | ResourceType::SessionContextEntry => None,
        };
        let Some(subject) = subject else { return };
        if let Some(peer) = self.registree(&subject) {
            self.openings.remove(&Timer::Reachable(peer.clone()));
            return self.reached(step, &peer);
        }
        if self.type_of(&subject) == Some(ResourceType::Subscription) {
            self.release(step, &subject);
        }
    }

    /// Something waits for an entity that takes nothing now: it is looked at again when its schedule opens.
    pub(crate) fn await_opening(&mut self, now: Timestamp, peer: &Entity) {
        if self.current_link(peer).is_none() || !self.takes_requests(peer) {
            return;
        }
        let window = self.window_of_registree(peer);
        self.open_at(now, &window, Timer::Reachable(peer.clone()));
    }

    /// Notes when a window opens that somebody waits for.
    pub(crate) fn open_at(&mut self, now: Timestamp, window: &[Text], timer: Timer) {
        let opens = schedule::next_open(window, now).filter(|opens| *opens > now);
        self.openings
            .insert(timer, opens.unwrap_or_else(|| now.plus(DAY_MS)));
    }

    pub(crate) fn opening_deadlines(&self, wait: &mut impl Wait) {
        for (timer, at) in &self.openings {
            wait.until(*at, || timer.clone());
        }
    }

    /// The schedule of an entity opens.
    pub(crate) fn registree_opens(&mut self, step: &mut Step, peer: &Entity) {
        self.openings.remove(&Timer::Reachable(peer.clone()));
        self.reached(step, peer);
    }

    /// An entity is no longer registered.
    pub(crate) fn forget_reach(&mut self, peer: &Entity) {
        self.polls.remove(peer);
        self.openings.remove(&Timer::Reachable(peer.clone()));
    }

    /// Whether what is stored for an entity cannot leave although it has a link.
    pub(crate) fn is_shut(&self, peer: &Entity) -> bool {
        self.openings.contains_key(&Timer::Reachable(peer.clone()))
            || !self.takes_requests(peer) && self.channel(peer).is_none()
    }
}
