//! What properties about the past need to know and no state of a node shows.

use m2m_machine::id::SessionId;
use m2m_machine::text::Text;
use std::collections::BTreeMap;

/// The only history of a world.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Ledger {
    /// Slots of properties about steps that a step has broken.
    pub(crate) broken: u64,
    /// What each command of each AE came to.
    pub(crate) told: BTreeMap<(u8, u64), Told>,
    /// What AEs were asked and said, by AE and session.
    pub(crate) consent: BTreeMap<(u8, SessionId), Consent>,
    /// How often an AE was told of a change, by AE and changed resource.
    pub(crate) updated: BTreeMap<(u8, Text), u8>,
    /// How often an AE was told that a session is over.
    pub(crate) ended: BTreeMap<(u8, SessionId), u8>,
}

impl Ledger {
    /// From two on nothing is counted: a search without budgets comes back to where it was.
    pub(crate) fn saturate(&mut self) {
        let told = self.told.values_mut();
        let told = told.flat_map(|told| [&mut told.accepted, &mut told.finals]);
        let consent = self.consent.values_mut();
        let consent = consent.flat_map(|said| [&mut said.asked, &mut said.yes, &mut said.no]);
        let ended = self.ended.values_mut();
        for count in told
            .chain(consent)
            .chain(ended)
            .chain(self.updated.values_mut())
        {
            *count = (*count).min(2);
        }
    }
}

/// What a command came to.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Told {
    /// Acknowledgements.
    pub(crate) accepted: u8,
    /// Final answers.
    pub(crate) finals: u8,
    /// The status of the last final answer; 0 where the AE itself refused.
    pub(crate) status: u16,
    /// The session that came of it.
    pub(crate) session: Option<SessionId>,
}

/// What an AE was asked about a session.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Consent {
    /// How often its application was asked.
    pub(crate) asked: u8,
    /// How often it said yes.
    pub(crate) yes: u8,
    /// How often it said no.
    pub(crate) no: u8,
}
