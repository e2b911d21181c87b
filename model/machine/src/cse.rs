//! The CSE: one machine for links, registration, resources, routing, storage and sessions.
//!
//! [`Cse::step`] is the only door. What is common to all requests is checked in [`incoming`], in the order that the
//! requirements give; then the request goes to its chapter.
//!
//! State is in two parts. [`Durable`] is what the records say, and survives a crash; links, open requests and what
//! is on its way are volatile and are made again by [`Cse::recover`] and by the peers' repetitions.


















use crate::config::Config;
use crate::durable::Durable;
use crate::env::{Env, Timestamp};
use crate::id::{CseId, Entity, LinkId, RequestId, RequestKey, ResourceId, SessionId};
use crate::invariant::Invariant;
use crate::primitive::{Malformed, Primitive};
use crate::record::{Record, Update};
use crate::shared::Shared;
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
        /// Whether the link is secured, on the loopback, or trusted by the operator.
        trusted: bool,
    },
    /// A link is gone, for whatever reason.
    LinkLost {
        /// Which one.
        link: LinkId,
    },
    /// A link that was asked for by [`Output::Dial`] could not be opened.
    DialFailed,
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
    /// Tell the operator.
    Report(Event),
}

/// Why a CSE closes a link; the host maps it to a close code (RFC 6455 section 7.4.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CloseReason {
    /// A newer link of the same entity replaces it: 1000.
    Replaced,
    /// Too many undecodable messages in a row: 1008.
    Nonsense,
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
    /// The window of a stored request opens.
    Window(ResourceId),
    /// A stored request expires.
    StoredExpiry(ResourceId),
    /// A resource expires.
    ResourceExpiry(ResourceId),
    /// An outcome is forgotten.
    Outcome(RequestKey),
}

/// A CSE (under construction).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Cse {
    pub(crate) config: Shared<Config>,
    pub(crate) durable: Durable,
}

impl Cse {
    #[must_use]
    pub fn new(config: Config, now: Timestamp) -> Self { Self::recover(config, [], now) }
    pub fn recover(config: Config, records: impl IntoIterator<Item = Record>, _now: Timestamp) -> Self {
        let mut cse = Self { config: Shared::new(config), durable: Durable::default() };
        for record in records { cse.durable.load(record); }
        cse
    }
    pub fn durable(&self) -> impl Iterator<Item = Record> + '_ { self.durable.records() }
    #[must_use]
    pub fn config(&self) -> &Config { &self.config }
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Timestamp, Timer)> { None }
    #[must_use]
    pub fn violation(&self) -> Option<Invariant> { None }
    #[must_use]
    pub fn step(&mut self, _env: Env, _input: Input) -> Vec<Output> { Vec::new() }
}
