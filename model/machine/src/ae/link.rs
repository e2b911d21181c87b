//! The link of an AE: it is the WebSocket client, so it alone opens and reopens.
//!
//! ```text
//!          wanted               opened             finished, nonsense
//!   Idle ----------> Dialing ------------> Open ---------------------> Closing
//!    | ^                | ^                 |                             |
//!    | | not wanted     | | pause over      | lost                        | lost
//!    v |         failed v |                 v                             v
//!   Waiting <-----------  Waiting         Idle                          Idle
//! ```
//!
//! A link is wanted while the application wants to be reachable, or something waits to be sent or answered. Each
//! attempt makes the pause before the next one longer; whatever arrives over a link ends the series (TS-0020
//! clauses 5.2 and 6.5, TS-0004 annex H.2.5).

use crate::env::Timestamp;
use crate::id::{LinkId, RequestId};
use crate::primitive::{Malformed, Primitive, Response};
use crate::shared::Shared;
use crate::status::Status;
use alloc::vec::Vec;

use super::command::Event;
use super::endpoint::Phase;
use super::exchange::Stage;
use super::{Ae, CloseReason, Output};

/// The link and what is wanted of it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Link {
    pub(crate) state: LinkState,
    pub(crate) reach: Reach,
    /// How long the next attempt waits, in milliseconds.
    pub(crate) pause_ms: u64,
    /// Undecodable messages in a row.
    pub(crate) malformed: u32,
}

/// Where the link stands.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum LinkState {
    /// There is none, and none is asked for.
    #[default]
    Idle,
    /// The next attempt waits.
    Waiting {
        /// Until then.
        until: Timestamp,
    },
    /// The host is opening one.
    Dialing,
    /// There is one.
    Open(LinkId),
    /// The host is closing it.
    Closing(LinkId),
}

/// How much the application wants to be reachable.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Reach {
    /// A link is opened when something has to be sent, and stays.
    #[default]
    WhenNeeded,
    /// A link is always wanted.
    Always,
    /// The link is closed as soon as nothing is open on it.
    Finished,
}

impl Link {
    /// The link that is open.
    #[must_use]
    pub const fn open(&self) -> Option<LinkId> {
        match self.state {
            LinkState::Open(link) => Some(link),
            LinkState::Idle
            | LinkState::Waiting { .. }
            | LinkState::Dialing
            | LinkState::Closing(_) => None,
        }
    }

    /// Where the link stands.
    #[must_use]
    pub const fn state(&self) -> LinkState {
        self.state
    }

    /// When the next attempt is due.
    #[must_use]
    pub(crate) const fn redial(&self) -> Option<Timestamp> {
        match self.state {
            LinkState::Waiting { until } => Some(until),
            LinkState::Idle | LinkState::Dialing | LinkState::Open(_) | LinkState::Closing(_) => {
                None
            }
        }
    }
}

impl Ae {
    pub(super) fn link_opened(&mut self, now: Timestamp, link: LinkId, out: &mut Vec<Output>) {
        match self.link.state {
            // LNK-02
            LinkState::Open(old) if old != link => {
                out.push(Output::CloseLink {
                    link: old,
                    why: CloseReason::Replaced,
                });
                self.unsend();
            }
            LinkState::Open(_) => return,
            LinkState::Idle
            | LinkState::Waiting { .. }
            | LinkState::Dialing
            | LinkState::Closing(_) => {}
        }
        self.link.state = LinkState::Open(link);
        self.link.malformed = 0;
        out.push(Output::Report(Event::Connected));
        // LNK-11, LNK-46
        for held in core::mem::take(&mut self.held) {
            // LNK-10
            if now < held.until {
                out.push(Output::Send {
                    link,
                    primitive: Primitive::Response(held.response),
                });
            }
        }
        self.settle_ended(out);
    }

    pub(super) fn link_lost(&mut self, now: Timestamp, link: LinkId, out: &mut Vec<Output>) {
        match self.link.state {
            LinkState::Open(open) | LinkState::Closing(open) => {
                if open == link {
                    // LNK-05, LNK-22
                    self.link.state = LinkState::Idle;
                    self.unsend();
                    out.push(Output::Report(Event::Disconnected));
                    self.settle_link(now, out);
                }
            }
            // The loss of a link that was replaced, or was never there.
            LinkState::Idle | LinkState::Waiting { .. } | LinkState::Dialing => {}
        }
    }

    pub(super) fn dial_failed(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        match self.link.state {
            LinkState::Dialing => {
                self.link.state = LinkState::Idle;
                self.settle_link(now, out);
            }
            // Nothing was asked for.
            LinkState::Idle
            | LinkState::Waiting { .. }
            | LinkState::Open(_)
            | LinkState::Closing(_) => {}
        }
    }

    pub(super) fn redial(&mut self, out: &mut Vec<Output>) {
        match self.link.state {
            LinkState::Waiting { .. } => {
                if self.wants_link() {
                    self.dial(out);
                }
            }
            LinkState::Idle | LinkState::Dialing | LinkState::Open(_) | LinkState::Closing(_) => {}
        }
    }

    pub(super) fn received(
        &mut self,
        now: Timestamp,
        link: LinkId,
        primitive: Primitive,
        out: &mut Vec<Output>,
    ) {
        match self.link.state {
            LinkState::Open(open) => {
                if open == link {
                    self.link.pause_ms = 0;
                    self.link.malformed = 0;
                    match primitive {
                        Primitive::Request(request) => self.requested(now, &request, out),
                        Primitive::Response(response) => self.answered(now, &response, out),
                    }
                }
            }
            LinkState::Closing(open) => {
                if open == link {
                    match primitive {
                        // LNK-16
                        Primitive::Request(_) => {}
                        Primitive::Response(response) => self.answered(now, &response, out),
                    }
                }
            }
            // LNK-18
            LinkState::Idle | LinkState::Waiting { .. } | LinkState::Dialing => {}
        }
    }

    pub(super) fn undecodable(
        &mut self,
        link: LinkId,
        request_id: Option<RequestId>,
        _why: Malformed,
        out: &mut Vec<Output>,
    ) {
        match self.link.state {
            LinkState::Open(open) => {
                if open == link {
                    self.link.malformed += 1;
                    // LNK-41
                    let mut response = Response::new(Status::BAD_REQUEST, RequestId::from(""));
                    response.request_id = request_id;
                    let primitive = Primitive::Response(Shared::new(response));
                    out.push(Output::Send { link, primitive });
                    // LNK-42
                    if self.link.malformed > self.config.limits.malformed_in_a_row {
                        out.push(Output::CloseLink {
                            link,
                            why: CloseReason::Nonsense,
                        });
                        self.link.state = LinkState::Closing(link);
                    }
                }
            }
            LinkState::Closing(_)
            | LinkState::Idle
            | LinkState::Waiting { .. }
            | LinkState::Dialing => {}
        }
    }

    /// Opens a link if one is wanted, stops trying if none is, and closes one that is finished.
    pub(super) fn settle_link(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        match self.link.state {
            // LNK-01, LNK-07
            LinkState::Idle => {
                if self.wants_link() {
                    if self.link.pause_ms == 0 {
                        self.dial(out);
                    } else {
                        // LNK-25
                        let until = now.plus(self.link.pause_ms);
                        self.link.state = LinkState::Waiting { until };
                    }
                }
            }
            LinkState::Waiting { .. } => {
                if !self.wants_link() {
                    self.link.state = LinkState::Idle;
                }
            }
            LinkState::Dialing | LinkState::Closing(_) => {}
            LinkState::Open(link) => {
                // LNK-12, LNK-13
                if self.link.reach == Reach::Finished && !self.is_pending() && !self.is_asked() {
                    out.push(Output::CloseLink {
                        link,
                        why: CloseReason::Finished,
                    });
                    self.link.state = LinkState::Closing(link);
                    self.link.reach = Reach::WhenNeeded;
                }
            }
        }
    }

    fn dial(&mut self, out: &mut Vec<Output>) {
        let timers = &self.config.timers;
        let longer = self.link.pause_ms.saturating_mul(2);
        self.link.pause_ms =
            longer.clamp(timers.redial_ms, timers.redial_max_ms.max(timers.redial_ms));
        self.link.state = LinkState::Dialing;
        out.push(Output::Dial);
    }

    fn wants_link(&self) -> bool {
        match self.link.reach {
            Reach::Always => true,
            Reach::WhenNeeded | Reach::Finished => self.is_pending(),
        }
    }

    /// Whether something of this AE waits to be sent or answered.
    fn is_pending(&self) -> bool {
        !self.held.is_empty()
            || self
                .exchanges
                .values()
                .any(|exchange| match exchange.stage {
                    Stage::Waiting | Stage::Sent | Stage::Accepted => true,
                    Stage::Abandoned => false,
                })
    }

    /// Whether a question of the registrar is open.
    fn is_asked(&self) -> bool {
        self.sessions.values().any(|phase| match phase {
            Phase::Asked(_) => true,
            Phase::Member(_) | Phase::Leaving(_) | Phase::Refused(_) | Phase::Ended(_) => false,
        })
    }

    /// What was sent and not answered has to be sent again.
    fn unsend(&mut self) {
        for exchange in self.exchanges.values_mut() {
            match exchange.stage {
                // LNK-21
                Stage::Sent => exchange.stage = Stage::Waiting,
                Stage::Waiting | Stage::Accepted | Stage::Abandoned => {}
            }
        }
    }
}
