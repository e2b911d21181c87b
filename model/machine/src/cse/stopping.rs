//! How a CSE stops: what it has received is answered, and only then its links are closed.
//!
//! ```text
//!            Stopping              nobody waits for an answer that may be near
//!  Serving ──────────▶ Answering ──────────────────────────────────────────────▶ Stopped
//!     │                    │                                                        ▲
//!     └────────────────────┴──────────── Stopping without patience ─────────────────┘
//! ```
//!
//! Who stops takes no request any more, as if it had not been sent: its sender repeats it on its next link. Responses
//! are taken, since an answer may need a peer, and so are links, since an answer goes out on the link that its
//! receiver has by then; but none is dialled.

use super::{CloseReason, Cse, Output, Step};

/// Whether a CSE is about to stop.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Life {
    /// It takes requests.
    Serving,
    /// It answers those that it has.
    Answering,
    /// It has closed its links.
    Stopped,
}

impl Cse {
    pub(crate) fn stopping(&mut self, step: &mut Step, is_patient: bool) {
        match self.life {
            Life::Serving | Life::Answering if !is_patient => self.leave(step),
            Life::Serving => self.life = Life::Answering,
            Life::Answering | Life::Stopped => {}
        }
    }

    /// Whether further requests are left alone, and no link is wanted.
    pub(crate) fn is_stopping(&self) -> bool {
        match self.life {
            Life::Serving => false,
            Life::Answering | Life::Stopped => true,
        }
    }

    /// Stops if nothing is left to do first.
    pub(crate) fn stop_when_done(&mut self, step: &mut Step) {
        // LNK-66
        if self.life == Life::Answering && self.owed_answers() == 0 {
            self.leave(step);
        }
    }

    fn leave(&mut self, step: &mut Step) {
        self.life = Life::Stopped;
        let open = self.links.iter().filter(|(_, state)| !state.replaced);
        // LNK-44
        let closed = open.map(|(link, _)| Output::CloseLink {
            link: *link,
            why: CloseReason::Leaving,
        });
        step.outputs.extend(closed);
        step.outputs.push(Output::Stopped);
    }
}
