//! What must survive a crash, as records under keys.

use crate::env::Timestamp;
use crate::id::{AeId, CseId, Entity, KeyId, RequestId, RequestKey, ResourceId, Secret, SessionId};
use crate::primitive::{Request, Response};
use crate::resource::Resource;
use crate::shared::Shared;
use crate::text::Text;
use crate::value::Members;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// The key of a record.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Key {
    /// The number that the next identifier is made of.
    Counter,
    /// A neighbour CSE.
    Neighbour(CseId),
    /// A resource.
    Resource(ResourceId),
    /// A session.
    Session(SessionId),
    /// An establishment that is under way.
    Attempt(SessionId),
    /// A change of a session or a policy that is under way.
    Change(u64),
    /// A stored request, by its `<request>` resource.
    Stored(ResourceId),
    /// A notification that is not answered yet.
    Notice(u64),
    /// What is left of a session.
    Tombstone(SessionId),
    /// The outcome of a request.
    Outcome(RequestKey),
}

/// A durable record.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Record {
    /// The number that the next identifier is made of.
    Counter(u64),
    /// A neighbour CSE.
    Neighbour(Shared<Neighbour>),
    /// A resource.
    Resource(Shared<Resource>),
    /// A session.
    Session(Shared<Session>),
    /// An establishment that is under way.
    Attempt(Shared<Attempt>),
    /// A change of a session or a policy that is under way.
    Change(Shared<Change>),
    /// A stored request.
    Stored(Shared<Stored>),
    /// A notification that is not answered yet.
    Notice(Shared<Notice>),
    /// What is left of a session.
    Tombstone(Shared<Tombstone>),
    /// The outcome of a request.
    Outcome(Shared<Outcome>),
}

impl Record {
    /// The key under which the record is stored.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Counter(_) => Key::Counter,
            Self::Neighbour(r) => Key::Neighbour(r.cse.clone()),
            Self::Resource(r) => Key::Resource(r.id.clone()),
            Self::Session(r) => Key::Session(r.id.clone()),
            Self::Attempt(r) => Key::Attempt(r.id.clone()),
            Self::Change(r) => Key::Change(r.number),
            Self::Stored(r) => Key::Stored(r.id.clone()),
            Self::Notice(r) => Key::Notice(r.number),
            Self::Tombstone(r) => Key::Tombstone(r.id.clone()),
            Self::Outcome(r) => Key::Outcome(r.key.clone()),
        }
    }
}

/// One element of an atomic batch.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Update {
    /// Store the record under its key.
    Put(Record),
    /// Remove what is stored under the key.
    Delete(Key),
}

/// What is known of a CSE that registered here, or at which this CSE registered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Neighbour {
    /// Its CSE-ID.
    pub cse: CseId,
    /// The address of its CSEBase, SP-relative.
    pub base: Text,
    /// Whether it hosts sessions (type 50002 in its `srt`); `None` until it said so (flow 1 step 1).
    pub speaks_sessions: Option<bool>,
    /// Whether this CSE is the registree, and so the one that opens the link.
    pub is_registrar: bool,
}

/// Key identifier and, in hop-trusted mode, the key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Credentials {
    /// Which key.
    pub key_id: KeyId,
    /// The key itself; `None` where the endpoints agree on one end to end.
    pub key: Option<Secret>,
}

/// A session at one CSE, beyond what its resources say.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Session {
    /// Session identifier.
    pub id: SessionId,
    /// Its `<session>` resource.
    pub resource: ResourceId,
    /// Where it stands.
    pub phase: Phase,
    /// Its key.
    pub credentials: Credentials,
    /// The endpoint that asked for it.
    pub initiator: AeId,
    /// The endpoint that consented.
    pub target: AeId,
    /// The hop towards the initiator; `None` at the initiator's registrar.
    pub upstream: Option<CseId>,
    /// The confirmation that the hop downstream has not answered yet.
    pub confirming: Option<RequestId>,
    /// When the session ends because a hop is no longer registered.
    pub hop_lost: Option<Timestamp>,
    /// How many context entries were written.
    pub entries: u64,
}

/// The life of a session at one CSE.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "of the size of the session around it"
)]
pub enum Phase {
    /// Made on the way back, not confirmed yet; gone when the lease is over.
    Pending {
        /// End of the lease.
        lease: Timestamp,
    },
    /// In use.
    Active,
    /// Use has ended; endpoints and hops are being told.
    Terminating(Termination),
}

/// How far a termination has come.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Termination {
    /// Why (`rsn`).
    pub reason: u32,
    /// Whom to answer.
    pub requester: Option<Requester>,
    /// Local endpoints that have not answered their notification yet.
    pub endpoints: BTreeSet<AeId>,
    /// When waiting for endpoints ends.
    pub endpoints_until: Timestamp,
    /// Hops that have not confirmed yet.
    pub hops: BTreeMap<CseId, HopEnd>,
    /// When waiting for hops ends.
    pub hops_until: Timestamp,
}

impl Termination {
    /// When the next of both waits ends.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        if self.endpoints.is_empty() {
            self.hops_until
        } else {
            self.endpoints_until.min(self.hops_until)
        }
    }
}

/// The request that ends a session at a hop.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct HopEnd {
    /// The address of the session there.
    pub to: Text,
    /// The identifier of the DELETE.
    pub request_id: RequestId,
    /// Whether the session is named by its identifier, because its address was never learnt.
    pub by_session: bool,
    /// Why (`rsn`).
    pub reason: u32,
}

/// Who waits for an answer, and how it wants to get it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Requester {
    /// The request.
    pub key: RequestKey,
    /// Who sent it.
    pub peer: Entity,
    /// The `<request>` that was handed out for it, if it was acknowledged.
    pub acknowledged: Option<ResourceId>,
    /// When its time is over.
    pub expires: Timestamp,
    /// The request, for its digest and what its answer echoes.
    pub request: Shared<Request>,
}

/// An establishment under way at one CSE: nothing is created yet, identifiers are reserved.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Attempt {
    /// Session identifier.
    pub id: SessionId,
    /// Whom to answer.
    pub requester: Requester,
    /// How far it has come.
    pub stage: Stage,
    /// The hop towards the initiator; `None` at the initiator's registrar.
    pub upstream: Option<CseId>,
    /// The session's address at that hop.
    pub upstream_session: Option<Text>,
    /// The hop towards the target; `None` at the target's registrar.
    pub downstream: Option<CseId>,
    /// The identifier of the request towards the target or the hop.
    pub question: RequestId,
    /// The collection the session will stand in.
    pub parent: ResourceId,
    /// The reserved identifier of the session's resource.
    pub resource: ResourceId,
    /// Its name.
    pub name: Text,
    /// The key.
    pub credentials: Credentials,
    /// The endpoint that asks.
    pub initiator: AeId,
    /// The endpoint that is asked.
    pub target: AeId,
    /// When the session will end.
    pub session_expires: Timestamp,
    /// Whether the endpoints agree on their key end to end.
    pub end_to_end: bool,
    /// Whether all endpoints are required.
    pub all_required: bool,
    /// Descriptors.
    pub descriptors: Vec<Text>,
    /// The initiator's endpoint attributes.
    pub endpoint: Members,
    /// Policies in force from the start.
    pub policies: Vec<Members>,
    /// CSEs visited before this one.
    pub visited: Vec<Text>,
}

/// How far an establishment has come.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Stage {
    /// The next hop has not said yet whether it hosts sessions.
    AwaitingCapability,
    /// The target or the next hop was asked.
    Asked,
    /// It has failed here; a late yes of the target is still answered.
    Abandoned {
        /// How long.
        until: Timestamp,
    },
}

/// A change of a session or a policy that is distributed far to near.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Change {
    /// Its number.
    pub number: u64,
    /// Whom to answer.
    pub requester: Requester,
    /// Which session.
    pub session: SessionId,
    /// The hop that is asked.
    pub hop: CseId,
    /// The address of the changed resource, or of the parent of the new one, at that hop.
    pub to: Text,
    /// The identifier of the request to the hop.
    pub request_id: RequestId,
    /// What changes here once the hop has agreed.
    pub what: ChangeKind,
    /// Whether the hop is being asked to take it back.
    pub undoing: bool,
}

/// What changes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ChangeKind {
    /// A new policy with these members, its name among them.
    CreatePolicy(Members),
    /// New values of a policy.
    UpdatePolicy(ResourceId, Members),
    /// The end of a policy.
    DeletePolicy(ResourceId),
    /// New values of the session itself (`et`).
    UpdateSession(Members),
}

/// A request that was acknowledged and is delivered later.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Stored {
    /// The `<request>` resource that reports on it.
    pub id: ResourceId,
    /// Its place in the order of acceptance.
    pub sequence: u64,
    /// Whom the result goes to.
    pub requester: Requester,
    /// The originator, SP-relative.
    pub originator: Text,
    /// The session it belongs to, if any.
    pub session: Option<SessionId>,
    /// Who gets it next.
    pub hop: Entity,
    /// The identifier under which it is forwarded.
    pub request_id: RequestId,
    /// The policy that was applied, by name.
    pub policy: Option<Text>,
    /// The window of that policy, as schedule entries; empty: always open.
    pub window: Vec<Text>,
    /// When it may be sent first, as long as it was not.
    pub opens: Timestamp,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// When its time is over.
    pub expires: Timestamp,
}

/// A notification that is kept until it is answered or its time is over.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Notice {
    /// Its place in the order.
    pub number: u64,
    /// Whose link it goes over.
    pub to: Entity,
    /// The request.
    pub request: Shared<Request>,
    /// When its time is over.
    pub expires: Timestamp,
    /// What it tells.
    pub kind: NoticeKind,
}

/// What a notification tells.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum NoticeKind {
    /// The end of a session (50003).
    Termination(SessionId),
    /// A change within a session (50002).
    Change(SessionId),
    /// The result of a request that was acknowledged.
    Result(ResourceId),
    /// An event of a subscription.
    Event(ResourceId),
    /// An event of a subscription that has to wait: for its schedule, for others of its batch, or for the next window of
    /// its rate.
    Pending(ResourceId),
}

/// What is left of a session that ended or never came to be: its identifier is not accepted again.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Tombstone {
    /// Session identifier.
    pub id: SessionId,
    /// How long it is kept.
    pub until: Timestamp,
    /// Hops that have not confirmed the end.
    pub hops: BTreeMap<CseId, HopEnd>,
    /// When they are asked again.
    pub retry: Timestamp,
    /// The pause after that, in milliseconds.
    pub pause_ms: u64,
    /// Whom to report to when all hops have confirmed.
    pub requester: Option<Requester>,
}

/// The outcome of a request, for its repetitions.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Outcome {
    /// The request.
    pub key: RequestKey,
    /// The digest of the request.
    pub digest: u64,
    /// What was answered.
    pub response: Shared<Response>,
    /// How long it is remembered.
    pub until: Timestamp,
}
