//! What the application asks of an AE, and what it is told.

use crate::env::Timestamp;
use crate::id::{AeId, SessionId};
use crate::primitive::{Content, Operation, Request, Response, When};
use crate::shared::Shared;
use crate::text::Text;
use crate::value::Members;
use alloc::vec::Vec;

use super::endpoint::{EndKey, Question};
use super::sealing::Unreadable;

/// Something the application wants; `tag` returns in what is reported about it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Command {
    /// The application's own number for it.
    pub tag: u64,
    /// What it wants.
    pub ask: Ask,
}

/// What the application can want.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Ask {
    /// Keep a link open from now on.
    Connect,
    /// Close the link as soon as nothing is open on it, and open it only when something has to be sent.
    Disconnect,
    /// Register as an `<AE>`.
    Register(Shared<Application>),
    /// Remove the `<AE>` and with it every session.
    Deregister,
    /// Look for session-capable AEs.
    Discover {
        /// Address of the CSEBase to look below, for example `/cse2/cse2`.
        at: Text,
    },
    /// Subscribe to the own `sessions`.
    Subscribe {
        /// Name of the subscription.
        name: Option<Text>,
        /// Whether to be asked for consent too.
        consent: bool,
    },
    /// Establish a session.
    Establish(Shared<Proposal>),
    /// Answer a question for consent.
    Decide {
        /// The session in question.
        session: SessionId,
        /// The verdict.
        verdict: Verdict,
    },
    /// Make a policy of a session.
    SetPolicy {
        /// The session.
        session: SessionId,
        /// The members of the policy.
        policy: Members,
    },
    /// End a session.
    Terminate {
        /// The session.
        session: SessionId,
    },
    /// Any other request. Originator, request identifier and the seal are the machine's business.
    Request {
        /// The request; with `session` it is session-based.
        request: Shared<Request>,
        /// Whether the data of a session-based request is sealed.
        protect: bool,
    },
}

/// How an application registers.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Application {
    /// Wanted name of the `<AE>` (`rn`).
    pub name: Option<Text>,
    /// App-ID (`api`).
    pub app_id: Text,
    /// Wanted AE-ID stem; the registrar chooses where there is none.
    pub stem: Option<Text>,
    /// Whether it can be in sessions (`scap`).
    pub session_capable: bool,
}

/// The session that an application wants.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Proposal {
    /// With whom.
    pub target: AeId,
    /// Wanted name.
    pub name: Option<Text>,
    /// Own paths offered to the session.
    pub paths: Vec<Text>,
    /// Wanted end.
    pub expires: Option<Timestamp>,
    /// What the session is for.
    pub descriptors: Vec<Text>,
    /// Policies in force from the start.
    pub policies: Vec<Members>,
    /// The own key pair, if the key is agreed end to end.
    pub end_to_end: Option<EndKey>,
    /// Until when an answer is wanted.
    pub answer_by: Option<When>,
}

/// The answer to a question for consent.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// Yes.
    Accept {
        /// Own paths offered to the session.
        paths: Vec<Text>,
        /// The own key pair, if the question asked for one.
        end_to_end: Option<EndKey>,
    },
    /// No.
    Refuse,
}

/// What the application learns.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Event {
    /// A link is open.
    Connected,
    /// The link is gone; whether it is opened again depends on what is pending.
    Disconnected,
    /// A command was not carried out.
    Refused {
        /// The command.
        tag: u64,
        /// Why not.
        why: Objection,
    },
    /// The registrar knows this AE now.
    Registered {
        /// The command.
        tag: u64,
        /// Who it is.
        id: AeId,
        /// The name of its `<AE>`.
        name: Text,
    },
    /// Session-capable AEs were looked for.
    Discovered {
        /// The command.
        tag: u64,
        /// Who was found.
        found: Vec<AeId>,
    },
    /// A session that this AE asked for is established.
    Established {
        /// The command.
        tag: u64,
        /// The session.
        session: SessionId,
    },
    /// A verdict was given; if it was a yes, this AE is an endpoint of the session now.
    Decided {
        /// The command.
        tag: u64,
        /// The session.
        session: SessionId,
        /// Whether it was a yes.
        accepted: bool,
    },
    /// A request came to its end; a status of 4008 may have been given here.
    Answered {
        /// The command.
        tag: u64,
        /// The response.
        response: Shared<Response>,
        /// Sealed values in it that must not be used.
        unreadable: Vec<Unreadable>,
    },
    /// A request was accepted; its result follows.
    Accepted {
        /// The command.
        tag: u64,
        /// The acknowledgement.
        response: Shared<Response>,
    },
    /// A wanted or open result was notified without a request that is remembered.
    Result {
        /// What was notified.
        response: Shared<Response>,
    },
    /// Another AE wants a session.
    Consent(Shared<Question>),
    /// A question for consent is no longer open: no answer was given in time.
    Silent {
        /// The session.
        session: SessionId,
    },
    /// The peer changed something of this AE.
    Updated {
        /// The session.
        session: SessionId,
        /// SP-relative structured address of what changed.
        resource: Text,
        /// How.
        operation: Operation,
        /// Who did it.
        originator: Text,
    },
    /// Any other notification.
    Notified {
        /// Who sent it.
        from: Text,
        /// The session it belongs to.
        session: Option<SessionId>,
        /// What it says.
        content: Option<Content>,
        /// Sealed values in it that must not be used.
        unreadable: Vec<Unreadable>,
    },
    /// A session is over, and its key is erased.
    Ended {
        /// The session.
        session: SessionId,
        /// Why.
        reason: EndReason,
    },
    /// A limit was hit.
    LimitReached(&'static str),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EndReason {
    /// This AE asked for it.
    Asked,
    /// Its time is over.
    Expired,
    /// This AE is no longer registered.
    Deregistered,
    /// The registrar says so, with this reason (`rsn`).
    Told(u32),
    /// This AE was reminded of a session that it knows nothing of.
    Lost,
}

/// Why a command is not carried out.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Objection {
    /// The AE is not registered, or about to leave.
    NotRegistered,
    /// The AE is registered already, or about to be.
    AlreadyRegistered,
    /// This AE is no endpoint of that session, or not any more.
    NotInSession,
    /// There is no open question of that session.
    NoQuestion,
    /// The verdict comes too late.
    TooLate,
    /// The question asks for an end-to-end key, and the verdict has none, or the other way round.
    KeyMismatch,
    /// The command names no valid address.
    BadAddress,
    /// Content of that shape cannot be sealed.
    CannotSeal,
    /// The key of that session was used as often as it may be.
    CounterExhausted,
    /// Too many requests are open, or too many sessions remembered.
    TooMany,
    /// A request without any answer is not supported.
    NoResponse,
}
