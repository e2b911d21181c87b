//! What a host or a checker may look at beyond what [`Ae`] itself shows: read-only views.

use super::Ae;
use super::endpoint::{Asked, Phase};
use crate::id::{Secret, SessionId};

impl Ae {
    /// Every session that is remembered, and where it stands.
    pub fn sessions(&self) -> impl Iterator<Item = (&SessionId, &Phase)> + '_ {
        self.sessions.iter()
    }

    /// How many answers wait for a link.
    #[must_use]
    pub fn held_answers(&self) -> usize {
        self.held.len()
    }
}

impl Asked {
    /// The key that came with the question, if one did.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }
}
