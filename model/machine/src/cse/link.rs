//! Links: who is at the other end, one current link per entity, loss and reopening.
//!
//! ```text
//!            Accepted, origin known           registration
//!  (none) ──────────────────────────▶ Bound ◀───────────── Unbound ◀── Accepted, origin unknown
//!                                       │  newer link
//!                                       ▼
//!                                    Replaced ── LinkLost ──▶ (none)
//! ```
//!
//! Closing a link never changes a registration or a resource; what was on its way is sent again on the next link.

mod upgrade;

pub use upgrade::{Admitted, Certificate, SUBPROTOCOLS, Upgrade, UpgradeRefusal, admit};

use super::deadlines::Wait;
use super::outgoing::Purpose;
use super::{CloseReason, Cse, Event, FarEnd, Opening, Output, Step, Timer};
use crate::env::Timestamp;
use crate::id::{AeId, CseId, Entity, LinkId, RequestId};
use crate::primitive::{Malformed, Primitive, Response};
use crate::shared::Shared;
use crate::status::Refusal;
use crate::text::Text;
use core::net::IpAddr;

/// A link as the CSE knows it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Link {
    /// Whose it is, once that is known.
    pub(crate) entity: Option<Entity>,
    /// What the handshake claimed, as long as nobody of that name is registered.
    pub(crate) claimed: Option<Text>,
    /// Whether this CSE opened it, towards its registrar.
    pub(crate) dialed: bool,
    /// The registree towards which this CSE opened it.
    pub(crate) dialed_registree: Option<CseId>,
    /// Whether key material may leave over it.
    pub(crate) trusted: bool,
    /// Whose it is by a certificate.
    pub(crate) certified: Option<Text>,
    /// Where the other end is.
    pub(crate) address: Option<IpAddr>,
    /// Undecodable messages since the last good one.
    pub(crate) malformed: u32,
    /// Whether another link of the same entity has taken its place.
    pub(crate) replaced: bool,
}

/// A link that this CSE opens.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Dialing {
    /// Open, or not wanted.
    Idle,
    /// The host was asked to open it.
    Asked {
        /// The pause before the next attempt, should this one fail.
        pause_ms: u64,
    },
    /// Waiting before the next attempt.
    Waiting {
        /// When.
        at: Timestamp,
        /// The pause after that attempt.
        pause_ms: u64,
    },
}

impl Cse {
    pub(crate) fn link_opened(
        &mut self,
        step: &mut Step,
        link: LinkId,
        opening: Opening,
        far_end: FarEnd,
    ) {
        let trusted = far_end.is_trusted();
        let mut new = Link {
            entity: None,
            claimed: None,
            dialed: false,
            dialed_registree: None,
            trusted,
            certified: None,
            address: far_end.address,
            malformed: 0,
            replaced: false,
        };
        match opening {
            Opening::Dialed => {
                new.dialed = true;
                self.dialing = Dialing::Idle;
                self.links.insert(link, new);
                self.registrar_reached(step, link);
            }
            Opening::DialedRegistree { cse } => {
                new.dialed_registree = Some(cse.clone());
                self.links.insert(link, new);
                self.registree_reached(step, link, &cse);
            }
            Opening::Accepted { origin } => {
                new.certified = origin.clone().filter(|_| far_end.certified);
                let known = origin
                    .as_deref()
                    .and_then(|origin| self.known(origin, trusted));
                if known.is_none() {
                    new.claimed = origin.filter(|o| o != "C" && o != "S" && !o.is_empty());
                }
                self.links.insert(link, new);
                // LNK-06
                if let Some(entity) = known {
                    self.bind(step, link, entity.clone());
                    self.read_unknown_base(step, &entity);
                }
            }
        }
    }

    /// A neighbour that has not said yet what it can do is asked again (EST-10).
    fn read_unknown_base(&mut self, step: &mut Step, entity: &Entity) {
        let Entity::Cse(cse) = entity else { return };
        let row = self.durable.neighbours.get(cse);
        if row.is_some_and(|row| row.speaks_sessions.is_none()) {
            self.read_base(step, cse);
        }
    }

    pub(crate) fn link_lost(&mut self, step: &Step, link: LinkId) {
        let Some(lost) = self.links.remove(&link) else {
            return;
        };
        if let Some(entity) = &lost.entity
            && self.link_of.get(entity) == Some(&link)
        {
            self.link_of.remove(entity);
        }
        // A stored request goes back to its store, so that it leaves in its window only; the identifier stays.
        self.outgoing.retain(|(peer, _), outgoing| {
            let is_stored = matches!(outgoing.purpose, Purpose::Stored(_));
            let unbound = lost.dialed && *peer == unknown_registrar();
            !(unbound || is_stored && Some(peer) == lost.entity.as_ref())
        });
        if lost.dialed && !self.links.values().any(|l| l.dialed) {
            self.dialing = self.pause(step, self.config.timers.redial_ms);
        }
        if let Some(cse) = &lost.dialed_registree {
            self.dialed_registree_lost(step, cse);
        }
    }

    pub(crate) fn dial_failed(&mut self, step: &Step) {
        match self.dialing {
            // LNK-25
            Dialing::Asked { pause_ms } => self.dialing = self.pause(step, pause_ms),
            Dialing::Idle | Dialing::Waiting { .. } => {}
        }
    }

    pub(crate) fn redial(&mut self, step: &mut Step) {
        let pause_ms = match self.dialing {
            Dialing::Idle => self.config.timers.redial_ms,
            Dialing::Waiting { pause_ms, .. } | Dialing::Asked { pause_ms } => pause_ms,
        };
        self.dialing = Dialing::Asked { pause_ms };
        step.outputs.push(Output::Dial);
    }

    pub(crate) fn link_deadlines(&self, wait: &mut impl Wait) {
        let is_wanted = self.config.registrar.is_some() && !self.is_stopping();
        if !is_wanted || self.links.values().any(|l| l.dialed) {
            return;
        }
        match self.dialing {
            Dialing::Idle => wait.until(Timestamp(0), || Timer::Redial),
            Dialing::Waiting { at, .. } => wait.until(at, || Timer::Redial),
            Dialing::Asked { .. } => {}
        }
    }

    pub(crate) fn undecodable(
        &mut self,
        step: &mut Step,
        link: LinkId,
        request_id: Option<RequestId>,
        why: Malformed,
    ) {
        // LNK-66
        if self.is_stopping() {
            return;
        }
        let limit = self.config.limits.malformed_in_a_row;
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        state.malformed = state.malformed.saturating_add(1);
        // LNK-41, LNK-42
        if state.malformed > limit {
            step.report(Event::LimitReached("malformed_in_a_row"));
            step.outputs.push(Output::CloseLink {
                link,
                why: CloseReason::Nonsense,
            });
            return;
        }
        let refusal = match why {
            Malformed::Syntax
            | Malformed::NoPrimitive
            | Malformed::MissingParameter
            | Malformed::BadParameter
            | Malformed::SessionMismatch => Refusal::BadRequest,
        };
        let mut response = Response::new(refusal.status(), RequestId::from(""));
        response.request_id = request_id;
        let primitive = Primitive::Response(Shared::new(response));
        step.outputs.push(Output::Send { link, primitive });
    }

    /// Makes `link` the current link of `entity`; the older one, if any, is closed and loses nothing. Between two
    /// CSEs the link that the registree opened stays.
    pub(crate) fn bind(&mut self, step: &mut Step, link: LinkId, entity: Entity) {
        // LNK-61
        if self.has_dialed(&entity, link) {
            return self.give_way(step, link);
        }
        if let Some(state) = self.links.get_mut(&link) {
            state.entity = Some(entity.clone());
            state.claimed = None;
        }
        // LNK-02
        if let Some(old) = self.link_of.insert(entity.clone(), link)
            && old != link
        {
            if let Some(state) = self.links.get_mut(&old) {
                state.replaced = true;
            }
            step.outputs.push(Output::CloseLink {
                link: old,
                why: CloseReason::Replaced,
            });
        }
        self.reached(step, &entity);
    }

    /// Undoes the binding of an entity that is no longer registered (LNK-20).
    pub(crate) fn unbind(&mut self, entity: &Entity) {
        // LNK-20
        self.link_of.remove(entity);
        for link in self.links.values_mut() {
            if link.entity.as_ref() == Some(entity) {
                link.entity = None;
            }
        }
    }

    /// The entity of that originator, if it is known over such a link: registered, or the administrator.
    pub(crate) fn known(&self, origin: &str, trusted: bool) -> Option<Entity> {
        // REG-38
        if self.is_administrator(origin) {
            let own = &self.config.cse_id;
            return trusted.then(|| Entity::Ae(AeId::at(own, AeId::from(origin).stem())));
        }
        let abroad = || self.known_abroad(origin);
        let may_be_cse = trusted || self.config.allow_plain_mcc;
        self.registered(origin)
            .or_else(|| may_be_cse.then(abroad).flatten())
    }

    /// Whether that is the administrator's name, as a stem or SP-relative.
    pub(crate) fn is_administrator(&self, origin: &str) -> bool {
        let own = &self.config.cse_id;
        let name = self.config.administrator.as_deref();
        name.is_some_and(|name| origin == name || origin == AeId::at(own, name).as_str())
    }

    /// The entity of that originator, if it is registered here (or is the registrar).
    fn registered(&self, origin: &str) -> Option<Entity> {
        if let Some(stem) = origin.strip_prefix('/')
            && !stem.contains('/')
        {
            let cse = CseId::from(origin);
            return self
                .durable
                .neighbours
                .has(&cse)
                .then_some(Entity::Cse(cse));
        }
        let stem = if origin.contains('/') {
            let id = AeId::from(origin);
            (id.registrar().as_ref() == Some(&self.config.cse_id)).then(|| Text::from(id.stem()))?
        } else {
            origin.into()
        };
        self.is_registered_ae(&stem)
            .then(|| Entity::Ae(AeId::at(&self.config.cse_id, &stem)))
    }

    /// The current link of an entity.
    pub(crate) fn current_link(&self, entity: &Entity) -> Option<LinkId> {
        self.link_of.get(entity).copied()
    }

    /// Whether key material may leave towards the entity now (R17); without a link there is nothing to refuse yet.
    pub(crate) fn is_trusted(&self, entity: &Entity) -> bool {
        self.current_link(entity)
            .and_then(|link| self.links.get(&link))
            .is_none_or(|link| link.trusted)
    }

    /// Waits before the next attempt, and twice as long before the one after it, up to a limit.
    pub(super) fn pause(&self, step: &Step, pause_ms: u64) -> Dialing {
        let longest = self.config.timers.redial_max_ms;
        Dialing::Waiting {
            at: step.now().plus(pause_ms),
            pause_ms: pause_ms.saturating_mul(2).min(longest),
        }
    }
}

/// Stands for the registrar as long as its CSE-ID is not known.
pub(crate) fn unknown_registrar() -> Entity {
    Entity::Cse(CseId::from("/"))
}
