//! The CSE: one machine for links, registration, resources, routing, storage and sessions.
//!
//! [`Cse::step`] is the only door. What is common to all requests is checked in [`incoming`], in the order that the
//! requirements give; then the request goes to its chapter.
//!
//! State is in two parts. [`Durable`] is what the records say, and survives a crash; links, open requests and what
//! is on its way are volatile and are made again by [`Cse::recover`] and by the peers' repetitions.

mod blocking;
pub mod context;
mod deadlines;
pub mod dial;
pub mod discovery;
pub mod establishment;
pub mod expiry;
mod far_end;
pub mod group;
pub mod incoming;
pub mod link;
pub mod notify;
pub mod outgoing;
pub mod policy;
pub mod polling;
mod provider;
pub mod reach;
pub mod registration;
pub mod render;
pub mod resources;
pub mod routing;
pub mod session;
mod stopping;
pub mod store;
pub mod termination;
pub mod usage;
pub mod verification;
pub mod view;

pub use far_end::FarEnd;

use crate::config::Config;
use crate::durable::Durable;
use crate::env::{Env, Timestamp};
use crate::id::{CseId, Entity, LinkId, RequestId, RequestKey, ResourceId, SessionId};
use crate::invariant::Invariant;
use crate::primitive::{Malformed, Primitive};
use crate::record::{Record, Update};
use crate::shared::Shared;
use crate::status::Refusal;
use crate::text::Text;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What a CSE can experience.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Input {
    /// A WebSocket handshake is complete.
    LinkOpened {
        /// The new link.
        link: LinkId,
        /// Who opened it.
        opening: Opening,
        /// What the host knows of the other end.
        far_end: FarEnd,
    },
    /// A link is gone, for whatever reason.
    LinkLost {
        /// Which one.
        link: LinkId,
    },
    /// A link that was asked for by [`Output::Dial`] could not be opened.
    DialFailed,
    /// A link that was asked for by [`Output::DialRegistree`] could not be opened at any of its points of access.
    RegistreeNotReached {
        /// The registree.
        cse: CseId,
    },
    /// A primitive arrived.
    Received {
        /// On which link.
        link: LinkId,
        /// What.
        primitive: Primitive,
    },
    /// A message arrived that is no primitive.
    Undecodable {
        /// On which link.
        link: LinkId,
        /// The request identifier, if one could be read.
        request_id: Option<RequestId>,
        /// What is wrong with it.
        why: Malformed,
    },
    /// A deadline listed by [`Cse::deadlines`] is due.
    Elapsed(Timer),
    /// The store refuses writes (`true`) or works again (`false`).
    StoreFailing(bool),
    /// The operator stops this CSE; answered by [`Output::Stopped`].
    Stopping {
        /// Whether what was received is to be answered first; without patience all links are closed in this step.
        is_patient: bool,
    },
}

/// Who opened a link.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Opening {
    /// A registree, or someone who wants to become one.
    Accepted {
        /// `X-M2M-Origin` of the handshake, or the identity in the client's certificate.
        origin: Option<Text>,
    },
    /// This CSE, towards its registrar.
    Dialed,
    /// This CSE, towards a registree that has no link.
    DialedRegistree {
        /// The registree.
        cse: CseId,
    },
}

/// What a CSE asks of its host, to be carried out in order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Output {
    /// Put this batch on stable storage, all of it or nothing; at most one a step, before anything else.
    Persist(Vec<Update>),
    /// Send a primitive.
    Send {
        /// On which link.
        link: LinkId,
        /// What.
        primitive: Primitive,
    },
    /// Close a link.
    CloseLink {
        /// Which one.
        link: LinkId,
        /// Why.
        why: CloseReason,
    },
    /// Open a link to the registrar; answered by `LinkOpened` or `DialFailed`.
    Dial,
    /// Open a link to a registree; answered by `LinkOpened` or `RegistreeNotReached`.
    DialRegistree {
        /// The registree, or another provider's node.
        cse: CseId,
        /// What to say there of who this CSE is (`X-M2M-Origin`).
        origin: Text,
        /// Where to try, in this order: `ws://HOST[:PORT]` or `wss://HOST[:PORT]`.
        points_of_access: Vec<Text>,
    },
    /// Tell the operator.
    Report(Event),
    /// End: all that is to be done before is done, and nothing that comes will be heard.
    Stopped,
}

/// Why a CSE closes a link; the host maps it to a close code (RFC 6455 section 7.4.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CloseReason {
    /// Another link of the same entity takes its place: 1000.
    Replaced,
    /// Too many undecodable messages in a row: 1008.
    Nonsense,
    /// It leads to a CSE and is neither secured nor trusted: 1008.
    Insecure,
    /// This CSE stops: 1001.
    Leaving,
}

/// What an operator may want to know.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Event {
    /// This CSE is registered at its registrar.
    RegisteredAt(CseId),
    /// The registrar refused the registration with this status code.
    RegistrationRefused(u16),
    /// An entity registered here.
    Registered(Entity),
    /// An entity is no longer registered here.
    Deregistered(Entity),
    /// A session came to its next phase here.
    Session(SessionId, SessionStep),
    /// A request was refused with this status code.
    Refused(Text, u16),
    /// A limit was hit.
    LimitReached(&'static str),
}

/// Steps in the life of a session, for the operator.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum SessionStep {
    Pending,
    Active,
    Terminating,
    Ended,
}

/// What a CSE waits for; each is a view of the state, see [`Cse::deadlines`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Timer {
    /// The link to the registrar is wanted.
    Redial,
    /// A request that someone waits for must be answered.
    Answer(RequestKey),
    /// A request to a peer is given up.
    Outgoing(Entity, RequestId),
    /// An establishment that failed is forgotten.
    Attempt(SessionId),
    /// The lease of an unconfirmed session ends.
    Lease(SessionId),
    /// A session expires.
    SessionExpiry(SessionId),
    /// A session whose hop is no longer registered ends.
    HopGrace(SessionId),
    /// Waiting for endpoints or hops at termination ends.
    Termination(SessionId),
    /// The end of a session is sent to its hops again.
    TombstoneRetry(SessionId),
    /// A tombstone is dropped.
    TombstoneEnd(SessionId),
    /// A hop is asked again to take a change back, by the number of the change.
    UndoRetry(u64),
    /// The window of a stored request opens.
    Window(ResourceId),
    /// A stored request expires.
    StoredExpiry(ResourceId),
    /// A resource expires.
    ResourceExpiry(ResourceId),
    /// An outcome is forgotten.
    Outcome(RequestKey),
    /// The link to a registree is wanted.
    DialRegistree(CseId),
    /// The schedule of a registree opens.
    Reachable(Entity),
    /// What is kept for a subscription may leave: its schedule opens, its batch or the window of its rate ends.
    Notifications(ResourceId),
    /// An acknowledged request that a crash has interrupted is brought to an end.
    Interrupted(ResourceId),
}

/// A CSE.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Cse {
    pub(crate) config: Shared<Config>,
    pub(crate) durable: Durable,
    pub(crate) links: BTreeMap<LinkId, link::Link>,
    pub(crate) link_of: BTreeMap<Entity, LinkId>,
    pub(crate) open: BTreeMap<RequestKey, incoming::Open>,
    pub(crate) outgoing: BTreeMap<(Entity, RequestId), outgoing::Outgoing>,
    pub(crate) fan_outs: BTreeMap<u64, group::FanOut>,
    /// Groups whose members elsewhere are being asked for their types.
    pub(crate) inquiries: BTreeMap<u64, group::Inquiry>,
    /// Resources whose UPDATE waits for the consent of a subscription's target.
    pub(crate) blocked: BTreeMap<ResourceId, blocking::Blocked>,
    /// Which groups have met which fan-out, and until when that counts.
    pub(crate) fanned_out: BTreeMap<(ResourceId, Text), Timestamp>,
    /// Until when the hops of changes that are taken back are left in peace.
    pub(crate) undo_pauses: BTreeMap<u64, Timestamp>,
    pub(crate) dialing: link::Dialing,
    pub(crate) dialing_registrees: BTreeMap<CseId, link::Dialing>,
    /// Polls that wait for a request, for each registree.
    pub(crate) polls: BTreeMap<Entity, Vec<RequestKey>>,
    /// Schedules that something waits for, and when they are looked at.
    pub(crate) openings: BTreeMap<Timer, Timestamp>,
    /// The name that the registrar has given to this CSE, until its `<remoteCSE>` holds it.
    pub(crate) registered_as: Option<Text>,
    pub(crate) store_failing: bool,
    pub(crate) life: stopping::Life,
}

/// What a step has at hand and what it has decided so far.
pub(crate) struct Step {
    pub(crate) env: Env,
    pub(crate) outputs: Vec<Output>,
    /// What members elsewhere have said of their types, for the group that is being made.
    pub(crate) far_types: group::FarTypes,
}

impl Step {
    pub(crate) fn now(&self) -> Timestamp {
        self.env.now
    }

    pub(crate) fn report(&mut self, event: Event) {
        self.outputs.push(Output::Report(event));
    }
}

impl Cse {
    /// A CSE with an empty tree: the CSEBase and its collection of transit sessions. Persist [`Cse::durable`] first.
    #[must_use]
    pub fn new(config: Config, now: Timestamp) -> Self {
        Self::recover(config, [], now)
    }

    /// A CSE as its records say it was. Links do not survive; what was on its way is sent again when they return.
    pub fn recover(
        config: Config,
        records: impl IntoIterator<Item = Record>,
        now: Timestamp,
    ) -> Self {
        let mut cse = Self {
            config: Shared::new(config),
            durable: Durable::default(),
            links: BTreeMap::new(),
            link_of: BTreeMap::new(),
            open: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            fan_outs: BTreeMap::new(),
            inquiries: BTreeMap::new(),
            blocked: BTreeMap::new(),
            fanned_out: BTreeMap::new(),
            undo_pauses: BTreeMap::new(),
            dialing: link::Dialing::Idle,
            dialing_registrees: BTreeMap::new(),
            polls: BTreeMap::new(),
            openings: BTreeMap::new(),
            registered_as: None,
            store_failing: false,
            life: stopping::Life::Serving,
        };
        // USE-64, USE-65
        for record in records {
            cse.durable.load(record);
        }
        cse.ensure_base(now);
        cse.resume();
        cse.durable.forget_changes();
        cse
    }

    /// What must be on stable storage for this state to survive; equals the stored records folded.
    pub fn durable(&self) -> impl Iterator<Item = Record> + '_ {
        self.durable.records()
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The invariant that this state violates, if any.
    #[must_use]
    pub fn violation(&self) -> Option<Invariant> {
        crate::invariant::of_cse(self)
    }

    /// The one door: takes what happened, says what the host must do, in order.
    #[must_use]
    pub fn step(&mut self, env: Env, input: Input) -> Vec<Output> {
        let mut step = Step {
            env,
            outputs: Vec::new(),
            far_types: BTreeMap::new(),
        };
        if self.store_failing {
            self.happen_without_store(&mut step, input);
        } else {
            self.happen(&mut step, input);
        }
        self.stop_when_done(&mut step);
        self.finish(step)
    }

    fn happen(&mut self, step: &mut Step, input: Input) {
        match input {
            Input::LinkOpened {
                link,
                opening,
                far_end,
            } => self.link_opened(step, link, opening, far_end),
            Input::LinkLost { link } => self.link_lost(step, link),
            Input::DialFailed => self.dial_failed(step),
            Input::RegistreeNotReached { cse } => self.registree_not_reached(step, &cse),
            Input::Received { link, primitive } => match primitive {
                Primitive::Request(request) => self.request_received(step, link, request),
                Primitive::Response(response) => self.response_received(step, link, &response),
            },
            Input::Undecodable {
                link,
                request_id,
                why,
            } => self.undecodable(step, link, request_id, why),
            Input::Elapsed(timer) => self.elapsed(step, &timer),
            Input::StoreFailing(failing) => self.store_changes_health(step, failing),
            Input::Stopping { is_patient } => self.stopping(step, is_patient),
        }
    }

    /// While the store fails, what would change it does not happen; a request that would is refused (USE-66).
    fn happen_without_store(&mut self, step: &mut Step, input: Input) {
        if let Input::StoreFailing(failing) = input {
            return self.store_changes_health(step, failing);
        }
        let before = self.clone();
        let request = match &input {
            Input::Received {
                link,
                primitive: Primitive::Request(request),
            } => Some((*link, request.clone())),
            Input::Received { .. }
            | Input::LinkOpened { .. }
            | Input::LinkLost { .. }
            | Input::DialFailed
            | Input::RegistreeNotReached { .. }
            | Input::Undecodable { .. }
            | Input::Elapsed(_)
            | Input::StoreFailing(_)
            | Input::Stopping { .. } => None,
        };
        self.happen(step, input);
        if self.durable.take_changes().is_empty() {
            return;
        }
        // USE-66
        *self = before;
        step.outputs.clear();
        if let Some((link, request)) = request {
            self.refuse_unidentified(step, link, &request, Refusal::StoreUnavailable);
        }
    }

    fn store_changes_health(&mut self, step: &mut Step, failing: bool) {
        self.store_failing = failing;
        if failing {
            return;
        }
        for outgoing in self.outgoing.values_mut() {
            outgoing.link = None;
        }
        let reachable: Vec<Entity> = self.link_of.keys().cloned().collect();
        for peer in reachable {
            self.reached(step, &peer);
        }
    }

    fn elapsed(&mut self, step: &mut Step, timer: &Timer) {
        if !self.is_due(timer, step.now()) {
            return;
        }
        match timer {
            Timer::Redial => self.redial(step),
            Timer::Answer(key) => self.answer_overdue(step, key),
            Timer::Outgoing(peer, id) => self.outgoing_overdue(step, peer, id),
            Timer::Attempt(session) => self.forget_attempt(step, session),
            Timer::Lease(session) => self.lease_over(step, session),
            Timer::SessionExpiry(session) => self.session_expired(step, session),
            Timer::HopGrace(session) => self.hop_grace_over(step, session),
            Timer::Termination(session) => self.termination_overdue(step, session),
            Timer::TombstoneRetry(session) => self.retry_tombstone(step, session),
            Timer::TombstoneEnd(session) => self.drop_tombstone(step, session),
            Timer::UndoRetry(number) => self.retry_undo(step, *number),
            Timer::Window(id) => self.window_opens(step, id),
            Timer::StoredExpiry(id) => self.stored_expired(step, id),
            Timer::ResourceExpiry(id) => self.resource_expired(step, id),
            Timer::Outcome(key) => self.durable.outcomes.remove(key),
            Timer::DialRegistree(cse) => self.dial_registree(step, cse),
            Timer::Reachable(peer) => self.registree_opens(step, peer),
            Timer::Notifications(subscription) => self.release(step, subscription),
            Timer::Interrupted(request) => self.interrupted(step, request),
        }
    }

    fn finish(&mut self, step: Step) -> Vec<Output> {
        // USE-63, USE-64
        let changes = self.durable.take_changes();
        let mut outputs = step.outputs;
        if !changes.is_empty() {
            outputs.insert(0, Output::Persist(changes));
        }
        outputs
    }
}
