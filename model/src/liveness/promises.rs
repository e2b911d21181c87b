//! What must come about in the end: when it is owed.

use super::graph::Owed;
use crate::look;
use crate::properties::{self, Check};
use crate::wish::Wish;
use crate::world::{State, World};
use m2m_machine::ae::exchange::Stage;

/// Something that comes about in the end, in every fair run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// Identifier and sentence; of a property of rest only the identifier.
    name: &'static str,
    /// Whether it has not come about yet; nothing: as the property of that identifier says of a world at rest.
    owed: Option<fn(&World, &State) -> bool>,
}

impl Promise {
    /// What a property says of a world at rest comes about in the end, whether or not the world comes to rest.
    pub(crate) const fn at_rest(id: &'static str) -> Self {
        Self {
            name: id,
            owed: None,
        }
    }

    const fn own(name: &'static str, owed: fn(&World, &State) -> bool) -> Self {
        Self {
            name,
            owed: Some(owed),
        }
    }

    /// Identifier and sentence.
    pub(crate) fn name(&self) -> &'static str {
        let property = properties::all().find(|p| p.id() == self.name);
        property.map_or(self.name, |property| property.name)
    }

    /// The identifier of its requirement.
    pub(crate) fn id(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }

    /// How to see that it is owed; `None` where its name is none of a property of rest.
    pub(super) fn owed(&self) -> Option<Owed> {
        if let Some(owed) = self.owed {
            return Some(Box::new(owed));
        }
        let property = properties::all().find(|p| p.id() == self.name)?;
        match property.check {
            Check::AtRest(holds) => Some(Box::new(move |world, state| !holds(world, state))),
            Check::Always(_) | Check::CseStep(_) | Check::AeStep(_) => None,
        }
    }
}

/// A hop that was asked for an end confirms it.
pub(crate) const CONFIRMED_END: Promise = Promise::own(
    "END-34 each hop that is asked for an end confirms it in the end",
    |_, state| {
        state.cses.iter().any(|cse| {
            let mut tombstones = cse.state().tombstones.iter();
            tombstones.any(|(_, row)| !row.hops.is_empty())
        })
    },
);

/// A stored request comes to an outcome, and its originator is told.
pub(crate) const STORED_OUTCOME: Promise = Promise::own(
    "USE-11 each request that was stored has an outcome in the end, and its originator is told",
    |world, state| {
        let writes = look::wished(world, state, |wish| matches!(wish, Wish::Write(_)));
        let untold = |key: &(u8, u64)| {
            let told = state.ledger.told.get(key);
            told.is_none_or(|told| told.finals == 0)
        };
        let waits = state.cses.iter().any(|cse| !cse.state().stored.is_empty());
        waits || writes.iter().any(untold)
    },
);

/// An endpoint is told of a change.
pub(crate) const TOLD_OF_UPDATE: Promise = Promise::own(
    "USE-21 the endpoint that owns a target is told of its update in the end, or of the end of the session",
    |_, state| notices_wait(state),
);

/// What is held is sent.
pub(crate) const HELD_ARE_SENT: Promise = Promise::own(
    "LNK-11 what is held for an AE is sent and acknowledged in the end",
    |_, state| notices_wait(state),
);

/// A client with something to send opens its link.
pub(crate) const REOPENED: Promise = Promise::own(
    "LNK-07 a client with a request to send has a link in the end",
    |_, state| {
        state.aes.iter().any(|ae| {
            let waits = ae.exchanges().any(|(_, x)| x.stage == Stage::Waiting);
            waits && ae.link().open().is_none()
        })
    },
);

fn notices_wait(state: &State) -> bool {
    state.cses.iter().any(|cse| !cse.state().notices.is_empty())
}
