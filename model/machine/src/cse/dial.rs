//! Links to registree CSEs that do not keep one, and to other providers: dialled at their points of access, where the
//! operator wants that.
//!
//! ```text
//!           something to send, no link           nobody answers
//!  (none) ─────────────────────────────▶ Asked ─────────────────▶ Waiting
//!    ▲                                    │ ▲                        │
//!    └──────────── link is open ──────────┘ └─ pause over, something to send
//! ```
//!
//! What is to be sent waits among the outgoing requests and in the store, as for every absent registree; it leaves
//! when the link is open, whoever opened it, and is given up at its own expiration.

use super::deadlines::Wait;
use super::link::Dialing;
use super::{CloseReason, Cse, Output, Step, Timer};
use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{CseId, Entity, LinkId};
use crate::text::Text;
use alloc::vec::Vec;

/// Stands for the link that a registree has opened itself; there is nothing to dial (decision D-85).
const THIS_LINK: &str = "default";

impl Cse {
    /// Whether that entity is a registree that this CSE dials when it has something for it.
    pub(crate) fn dials(&self, peer: &Entity) -> bool {
        // LNK-01
        match peer {
            Entity::Ae(_) => false,
            Entity::Cse(cse) => self.may_dial(cse) && !self.points_of_access(cse).is_empty(),
        }
    }

    /// What a link to a registree is wanted for, and from when on.
    pub(crate) fn registree_deadlines(&self, wait: &mut impl Wait) {
        // LNK-66
        if self.is_stopping() {
            return;
        }
        let neighbours = self.durable.neighbours.iter().map(|(cse, _)| cse.clone());
        let neighbours = neighbours.filter(|_| self.config.dial_registree_poa);
        let providers = self.config.providers.iter();
        let abroad = providers.filter_map(|provider| self.node_abroad(&provider.id));
        for cse in neighbours.chain(abroad) {
            let peer = Entity::Cse(cse.clone());
            let shut = self.current_link(&peer).is_some() || self.is_shut(&peer);
            if shut || !self.dials(&peer) {
                continue;
            }
            let earliest = match self.dialing_registrees.get(&cse) {
                None | Some(Dialing::Idle) => Timestamp(0),
                Some(Dialing::Waiting { at, .. }) => *at,
                Some(Dialing::Asked { .. }) => continue,
            };
            // LNK-60
            if let Some(wanted) = self.link_wanted_from(&peer) {
                wait.until(earliest.max(wanted), || Timer::DialRegistree(cse.clone()));
            }
        }
    }

    pub(crate) fn dial_registree(&mut self, step: &mut Step, cse: &CseId) {
        let pause_ms = match self.dialing_registrees.get(cse) {
            None | Some(Dialing::Idle) => self.config.timers.redial_ms,
            Some(Dialing::Waiting { pause_ms, .. } | Dialing::Asked { pause_ms }) => *pause_ms,
        };
        let asked = Dialing::Asked { pause_ms };
        self.dialing_registrees.insert(cse.clone(), asked);
        step.outputs.push(Output::DialRegistree {
            cse: cse.clone(),
            origin: self.own_name(cse),
            points_of_access: self.points_of_access(cse),
        });
    }

    pub(crate) fn registree_not_reached(&mut self, step: &Step, cse: &CseId) {
        match self.dialing_registrees.get(cse) {
            // LNK-25
            Some(Dialing::Asked { pause_ms }) => {
                let pause = self.pause(step, *pause_ms);
                self.dialing_registrees.insert(cse.clone(), pause);
            }
            Some(Dialing::Idle | Dialing::Waiting { .. }) | None => {}
        }
    }

    /// A link to a registree is open. It is of no use if the registree has opened one meanwhile, or is gone; of two
    /// between providers the same one counts at both ends.
    pub(crate) fn registree_reached(&mut self, step: &mut Step, link: LinkId, cse: &CseId) {
        let peer = Entity::Cse(cse.clone());
        let trusted = self.links.get(&link).is_some_and(|l| l.trusted);
        // LNK-62
        if !trusted && !self.config.allow_plain_mcc {
            self.registree_not_reached(step, cse);
            let why = CloseReason::Insecure;
            return self.shut(step, link, why);
        }
        self.dialing_registrees.remove(cse);
        // LNK-61
        let is_taken = self.current_link(&peer).is_some() && !self.comes_before(cse);
        if is_taken || !self.may_have_link(cse) {
            return self.give_way(step, link);
        }
        self.bind(step, link, peer);
    }

    /// A link that this CSE had opened is gone: the next attempt waits, so that a peer which closes at once is not
    /// dialled without end.
    pub(crate) fn dialed_registree_lost(&mut self, step: &Step, cse: &CseId) {
        let peer = Entity::Cse(cse.clone());
        if self.may_have_link(cse)
            && self.current_link(&peer).is_none()
            && !self.dialing_registrees.contains_key(cse)
        {
            let pause = self.pause(step, self.config.timers.redial_ms);
            self.dialing_registrees.insert(cse.clone(), pause);
        }
    }

    /// Whether this CSE has a link to that entity that it opened itself and that stays, and `link` is another one: of
    /// a registree, and of the provider that comes first.
    pub(crate) fn has_dialed(&self, entity: &Entity, link: LinkId) -> bool {
        let own = |link: &LinkId| {
            self.links.get(link).is_some_and(|l| {
                let to = l.dialed_registree.as_ref();
                l.dialed || to.is_some_and(|cse| self.comes_before(cse))
            })
        };
        let current = self.current_link(entity);
        current.is_some_and(|current| current != link && own(&current)) && !own(&link)
    }

    /// Closes a link whose entity has a better one.
    pub(crate) fn give_way(&mut self, step: &mut Step, link: LinkId) {
        self.shut(step, link, CloseReason::Replaced);
    }

    fn shut(&mut self, step: &mut Step, link: LinkId, why: CloseReason) {
        if let Some(state) = self.links.get_mut(&link) {
            state.replaced = true;
        }
        step.outputs.push(Output::CloseLink { link, why });
    }

    /// Whether that CSE may be dialled: the operator has said so, of all registrees or of this provider.
    fn may_dial(&self, cse: &CseId) -> bool {
        let registree = self.config.dial_registree_poa && self.is_registree(cse);
        registree || self.provider(cse).is_some()
    }

    fn may_have_link(&self, cse: &CseId) -> bool {
        self.is_registree(cse) || self.provider(cse).is_some()
    }

    fn is_registree(&self, cse: &CseId) -> bool {
        let row = self.durable.neighbours.get(cse);
        row.is_some_and(|row| !row.is_registrar)
    }

    /// From when on there is something to send to that entity, if there is.
    fn link_wanted_from(&self, peer: &Entity) -> Option<Timestamp> {
        if self.is_asked(peer) {
            return Some(Timestamp(0));
        }
        let stored = self.durable.stored.of_hop(peer);
        let mut waiting = stored.filter(|row| row.opens < row.expires);
        waiting.next().map(|row| row.opens)
    }

    /// Where a registree says that it can be reached by WebSocket, or the operator says it of another provider.
    fn points_of_access(&self, cse: &CseId) -> Vec<Text> {
        if let Some(provider) = self.provider(cse) {
            return provider.points_of_access.clone();
        }
        let resource = self
            .remote_cse(cse)
            .and_then(|id| self.durable.tree.get(&id));
        let all = resource.map(|r| r.texts(&Attribute::PointOfAccess));
        let mut all = all.unwrap_or_default();
        all.retain(|entry| leads_to_a_server(entry));
        all
    }
}

/// Whether an entry of `poa` names a WebSocket server (TS-0020 clause 6.2.1).
fn leads_to_a_server(entry: &str) -> bool {
    let lower = entry.to_ascii_lowercase();
    let host = lower
        .strip_prefix("ws://")
        .or_else(|| lower.strip_prefix("wss://"));
    host.is_some_and(|host| !host.is_empty() && host != THIS_LINK)
}
