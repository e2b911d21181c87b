//! Structural truths of an AE.

use super::endpoint::Phase;
use super::exchange::Stage;
use super::{Ae, sealing};

/// A structural truth that a state of an AE violates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Violation {
    /// More is held than the limits allow.
    LimitExceeded,
    /// A request number is used that was never given.
    NumberFromNowhere,
    /// A request waits although nothing keeps it from being sent.
    Stuck,
    /// An AE that is not registered is in a session.
    SessionWithoutRegistration,
    /// More than 2^32 values were sealed with one key.
    CounterExhausted,
    /// An answer waits although a link is open.
    AnswerKept,
}

/// The structural truth that the state of an AE violates, if any.
#[must_use]
pub fn of_ae(ae: &Ae) -> Option<Violation> {
    let limits = &ae.config.limits;
    let is_open = ae.link.open().is_some();
    let is_registered = ae.identity().is_some();
    let over = |len: usize, limit: u32| len > limit as usize;
    if over(ae.exchanges.len(), limits.requests)
        || over(ae.sessions.len(), limits.sessions)
        || over(ae.outcomes.len(), limits.outcomes)
        || over(ae.held.len(), limits.outcomes)
    {
        return Some(Violation::LimitExceeded);
    }
    if ae.exchanges.keys().any(|number| *number >= ae.next) {
        return Some(Violation::NumberFromNowhere);
    }
    if is_open && !ae.held.is_empty() {
        return Some(Violation::AnswerKept);
    }
    if is_open && is_registered && ae.exchanges.values().any(|x| x.stage == Stage::Waiting) {
        return Some(Violation::Stuck);
    }
    for phase in ae.sessions.values() {
        match phase {
            Phase::Member(member) | Phase::Leaving(member) => {
                if !is_registered {
                    return Some(Violation::SessionWithoutRegistration);
                }
                if member.sealed > sealing::SEQUENCE_MAX {
                    return Some(Violation::CounterExhausted);
                }
                if member
                    .seen
                    .iter()
                    .any(|w| over(w.accepted.len(), limits.sealed_values))
                {
                    return Some(Violation::LimitExceeded);
                }
            }
            Phase::Asked(_) => {
                if !is_registered {
                    return Some(Violation::SessionWithoutRegistration);
                }
            }
            Phase::Refused(_) | Phase::Ended(_) => {}
        }
    }
    None
}
