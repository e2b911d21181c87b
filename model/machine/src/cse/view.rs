//! What a host or a checker may look at: read-only views of a state that is otherwise its machine's own.

use super::Cse;
use super::incoming::Open;
use super::outgoing::Purpose;
use crate::durable::Durable;
use crate::env::Timestamp;
use crate::id::{AeId, CseId, Entity, LinkId, RequestId, RequestKey, SessionId};
use crate::record::Session;
use crate::text::Text;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

/// A hop of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HopView {
    /// The neighbour.
    pub cse: CseId,
    /// The session's address there.
    pub session: Text,
    /// The endpoints behind it.
    pub endpoints: Vec<Text>,
}

/// A link, as the CSE knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinkView<'a> {
    /// Which one.
    pub link: LinkId,
    /// Whose it is, once that is known.
    pub entity: Option<&'a Entity>,
    /// Whether this CSE opened it.
    pub dialed: bool,
    /// Whether it is secured, on the same machine, or trusted by the operator.
    pub trusted: bool,
    /// Whether another link of the same entity has taken its place.
    pub replaced: bool,
}

/// A request of this CSE that has no answer yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutgoingView<'a> {
    /// To whom.
    pub peer: &'a Entity,
    /// Under which identifier.
    pub request_id: &'a RequestId,
    /// The stored request that it delivers, if it does.
    pub delivers_stored: bool,
    /// Whether it reads what a neighbour can do.
    pub reads_base: bool,
    /// Whether it may have reached the peer.
    pub sent: bool,
}

impl Cse {
    /// Everything that survives a crash: tree, sessions, attempts, stored requests, tombstones, outcomes.
    #[must_use]
    pub fn state(&self) -> &Durable {
        &self.durable
    }

    /// The endpoints of a session, as its resources say, with their paths.
    #[must_use]
    pub fn endpoints_of(&self, session: &Session) -> Vec<(AeId, Vec<Text>)> {
        self.endpoints(session)
            .into_iter()
            .map(|e| (e.ae, e.paths))
            .collect()
    }

    /// The hops of a session, as its resources say.
    #[must_use]
    pub fn hops_of(&self, session: &Session) -> Vec<HopView> {
        self.hops(session)
            .into_iter()
            .map(|hop| HopView {
                cse: hop.cse,
                session: hop.session,
                endpoints: hop.endpoints,
            })
            .collect()
    }

    /// When a session ends.
    #[must_use]
    pub fn expiry_of(&self, id: &SessionId) -> Option<Timestamp> {
        self.session_expiry(id)
    }

    /// The current link of an entity.
    #[must_use]
    pub fn link_to(&self, entity: &Entity) -> Option<LinkId> {
        self.current_link(entity)
    }

    /// To whom a link belongs, once that is known.
    #[must_use]
    pub fn entity_of(&self, link: LinkId) -> Option<&Entity> {
        self.links.get(&link)?.entity.as_ref()
    }

    /// All links, in the order of their opening.
    pub fn links(&self) -> impl ExactSizeIterator<Item = LinkView<'_>> + '_ {
        self.links.iter().map(|(link, state)| LinkView {
            link: *link,
            entity: state.entity.as_ref(),
            dialed: state.dialed || state.dialed_registree.is_some(),
            trusted: state.trusted,
            replaced: state.replaced,
        })
    }

    /// Whether anything in this state speaks of a link, so that its number cannot be given to another.
    #[must_use]
    pub fn mentions(&self, link: LinkId) -> bool {
        self.links.contains_key(&link)
            || self.open.values().any(|open| open.link == link)
            || self.outgoing.values().any(|o| o.link == Some(link))
    }

    /// The requests of peers that are not answered yet.
    pub fn open_requests(&self) -> impl Iterator<Item = &RequestKey> + '_ {
        self.open.keys()
    }

    /// How many requests wait for an answer that may be near: who asked has a link, and it is neither a poll nor a
    /// request that is to be carried out later.
    #[must_use]
    pub fn owed_answers(&self) -> usize {
        let polls: BTreeSet<&RequestKey> = self.polls.values().flatten().collect();
        let is_owed = |(key, open): &(&RequestKey, &Open)| {
            let has_link = self.links.contains_key(&open.link)
                || self.current_link(&open.requester.peer).is_some();
            has_link && open.due.is_none() && !polls.contains(key)
        };
        self.open.iter().filter(is_owed).count()
    }

    /// Whether it has been told to stop: it takes no requests and dials nobody.
    #[must_use]
    pub fn has_to_stop(&self) -> bool {
        self.is_stopping()
    }

    /// The requests of this CSE that have no answer yet.
    pub fn outgoing_requests(&self) -> impl Iterator<Item = OutgoingView<'_>> + '_ {
        self.outgoing
            .iter()
            .map(|((peer, request_id), o)| OutgoingView {
                peer,
                request_id,
                delivers_stored: matches!(o.purpose, Purpose::Stored(_)),
                reads_base: o.purpose == Purpose::ReadBase,
                sent: o.sent,
            })
    }

    /// This state as a search without budgets tells it from others: a number that is given for each reading of a
    /// neighbour is given back when the reading is over, and the places in the order towards a peer begin at one.
    /// `None` if it is so already. For a checker; in a program a number is never given twice.
    #[must_use]
    pub fn canonical(&self, over: Option<&RequestId>) -> Option<Self> {
        let last = format!("{}-{}", self.config.cse_id.stem(), self.durable.counter());
        let gives_back = over.is_some_and(|id| {
            *id.as_str() == *last && self.outgoing.keys().all(|(_, of)| of != id)
        });
        let mut places: Vec<(&Entity, u64)> = self
            .outgoing
            .iter()
            .map(|((peer, _), o)| (peer, o.number))
            .collect();
        places.sort_unstable();
        let place = |peer: &Entity, number: u64| {
            let before = |(of, n): &&(&Entity, u64)| *of == peer && *n <= number;
            places.iter().filter(before).count() as u64
        };
        let mut canonical = self.clone();
        for ((peer, _), outgoing) in &mut canonical.outgoing {
            outgoing.number = place(peer, outgoing.number);
        }
        if gives_back {
            canonical.durable.give_back();
        }
        (gives_back || canonical.outgoing != self.outgoing).then_some(canonical)
    }
}
