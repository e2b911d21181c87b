//! Structural truths of a state, whatever has happened; checked after every step by the model, the table tests and
//! the programs in debug builds, never asserted inside a step.

use crate::cse::Cse;
use crate::id::Entity;
use crate::record::{NoticeKind, Phase};
use crate::resource::ResourceType;

/// A structural truth that a state violates.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Invariant {
    /// Each resource but the CSEBase has a parent.
    Orphan,
    /// The current link of an entity is open and is its own.
    ForeignLink,
    /// Each session has its resource, and each `<session>` resource its session (END-05).
    SessionWithoutResource,
    /// A session has exactly two endpoints (EST-07).
    Endpoints,
    /// A session has a hop for each endpoint that is not registered here, and no other (EST-08).
    Hops,
    /// A stored request expires, not after its session, and has its `<request>` (USE-07).
    StoredWithoutEnd,
    /// A stored request of a session that is over (END-05).
    StoredWithoutSession,
    /// An identifier is at most one of: session, attempt, tombstone (END-14).
    IdentifierTwice,
    /// The limits are kept (USE-30).
    Limit,
}

/// An invariant, and whether it holds.
type Check = (Invariant, fn(&Cse) -> bool);

pub(crate) fn of_cse(cse: &Cse) -> Option<Invariant> {
    const CHECKS: [Check; 9] = [
        (Invariant::Orphan, no_orphans),
        (Invariant::ForeignLink, links_agree),
        (Invariant::SessionWithoutResource, sessions_have_resources),
        (Invariant::Endpoints, sessions_have_two_endpoints),
        (Invariant::Hops, sessions_have_their_hops),
        (Invariant::StoredWithoutEnd, stored_requests_end),
        (
            Invariant::StoredWithoutSession,
            stored_requests_have_sessions,
        ),
        (Invariant::IdentifierTwice, identifiers_are_single),
        (Invariant::Limit, limits_are_kept),
    ];
    CHECKS
        .into_iter()
        .find(|(_, holds)| !holds(cse))
        .map(|(invariant, _)| invariant)
}

fn no_orphans(cse: &Cse) -> bool {
    let tree = &cse.durable.tree;
    tree.iter().all(|r| {
        r.parent
            .as_ref()
            .map_or(r.resource_type == ResourceType::CseBase, |p| tree.has(p))
    })
}

fn links_agree(cse: &Cse) -> bool {
    cse.link_of.iter().all(|(entity, link)| {
        cse.links
            .get(link)
            .is_some_and(|l| l.entity.as_ref() == Some(entity) && !l.replaced)
    })
}

fn sessions_have_resources(cse: &Cse) -> bool {
    let tree = &cse.durable.tree;
    let sessions = tree
        .iter()
        .filter(|r| r.resource_type == ResourceType::Session)
        .count();
    sessions == cse.durable.sessions.len()
        && cse.durable.sessions.iter().all(|(_, s)| {
            tree.get(&s.resource)
                .is_some_and(|r| r.resource_type == ResourceType::Session)
        })
}

fn sessions_have_two_endpoints(cse: &Cse) -> bool {
    cse.durable.sessions.iter().all(|(_, session)| {
        let endpoints = cse.endpoints(session);
        let named = |ae| endpoints.iter().any(|e| e.ae == ae);
        endpoints.len() == 2 && named(session.initiator.clone()) && named(session.target.clone())
    })
}

fn sessions_have_their_hops(cse: &Cse) -> bool {
    cse.durable.sessions.iter().all(|(_, session)| {
        let here = cse.local_endpoints(session).len();
        cse.hops(session).len() == 2 - here
            && session
                .upstream
                .as_ref()
                .is_none_or(|up| cse.hops(session).iter().any(|h| h.cse == *up))
    })
}

fn stored_requests_end(cse: &Cse) -> bool {
    cse.durable.stored.iter().all(|(id, row)| {
        let ends = row.session.as_ref().and_then(|s| cse.session_expiry(s));
        cse.durable.tree.has(id) && ends.is_none_or(|ends| row.expires <= ends)
    })
}

fn stored_requests_have_sessions(cse: &Cse) -> bool {
    cse.durable.stored.iter().all(|(_, row)| {
        row.session
            .as_ref()
            .is_none_or(|id| match cse.durable.sessions.get(id) {
                Some(session) => !matches!(session.phase, Phase::Terminating(_)),
                None => false,
            })
    })
}

fn identifiers_are_single(cse: &Cse) -> bool {
    let durable = &cse.durable;
    durable
        .sessions
        .iter()
        .all(|(id, _)| !durable.attempts.has(id) && !durable.tombstones.has(id))
}

fn limits_are_kept(cse: &Cse) -> bool {
    let limits = &cse.config.limits;
    let most = limits.outgoing_per_peer as usize;
    cse.durable.stored.len() <= limits.stored_requests as usize
        && cse.link_of.keys().all(|peer: &Entity| {
            // Hop requests, confirmations and ends are not notices; they are bounded by the sessions.
            cse.durable
                .notices
                .iter()
                .filter(|(_, n)| n.to == *peer && !matches!(n.kind, NoticeKind::Pending(_)))
                .count()
                <= most
        })
}
