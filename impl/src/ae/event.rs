//! What an application learns without having asked.

use super::call::Answer;
use crate::wire::time;
use futures_util::Stream;
use m2m_machine::ae::command::EndReason;
use m2m_machine::ae::endpoint::{Member, Question, Role};
use m2m_machine::id::SessionId;
use serde_json::Value;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The link is open.
    Connected,
    /// The link is gone; it is opened again when it is wanted.
    Disconnected,
    /// Another AE wants a session: accept or refuse in time.
    Consent(Consent),
    /// A question was not answered in time.
    Silent {
        /// The session.
        session: String,
    },
    /// The peer changed something of this AE.
    Updated {
        /// The session.
        session: String,
        /// SP-relative structured address of what changed.
        resource: String,
        /// 1 create, 3 update, 4 delete.
        operation: u8,
        /// AE-ID of the peer.
        originator: String,
    },
    /// The result of a request that was accepted before.
    Result {
        /// The number of that request; `None` if it is of an earlier life of this AE.
        request: Option<u64>,
        /// The result.
        answer: Answer,
    },
    /// Any other notification.
    Notified {
        /// Who sent it.
        from: String,
        /// The session it belongs to.
        session: Option<String>,
        /// What it says.
        content: Option<Value>,
    },
    /// A session is over.
    Ended {
        /// The session.
        session: String,
        /// Why.
        reason: String,
    },
    /// A limit was hit.
    LimitReached(&'static str),
}

/// A question for consent.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    /// The session.
    pub session: String,
    /// AE-ID of the initiator.
    pub initiator: String,
    /// Paths of the initiator in the session.
    pub paths: Vec<String>,
    /// When the session ends.
    pub expires: String,
    /// Until when the verdict is due.
    pub answer_by: String,
    /// Whether the key is to be agreed end to end.
    pub end_to_end: bool,
    /// What the session is for.
    pub descriptors: Vec<String>,
}

impl Consent {
    pub(super) fn new(question: &Question) -> Self {
        Self {
            session: question.session.to_string(),
            initiator: question.initiator.to_string(),
            paths: question.paths.iter().map(ToString::to_string).collect(),
            expires: time::format(question.expires),
            answer_by: time::format(question.answer_by),
            end_to_end: question.peer_key.is_some(),
            descriptors: question
                .descriptors
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

/// A session that this AE is an endpoint of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Session identifier.
    pub id: String,
    /// CSE-relative address of the `<session>` at the own registrar.
    pub address: String,
    /// Whether this AE asked for it.
    pub is_initiator: bool,
    /// AE-ID of the other end.
    pub peer: String,
    /// Paths of the other end in the session.
    pub peer_paths: Vec<String>,
    /// When it ends.
    pub expires: String,
}

impl Session {
    pub(super) fn new(id: &SessionId, member: &Member) -> Self {
        Self {
            id: id.to_string(),
            address: member.address.to_string(),
            is_initiator: match member.role {
                Role::Initiator => true,
                Role::Target => false,
            },
            peer: member.peer().to_string(),
            peer_paths: member.peer_paths.iter().map(ToString::to_string).collect(),
            expires: time::format(member.expires),
        }
    }
}

/// Why a session ended, in words.
pub(super) fn reason(reason: EndReason) -> String {
    let words = match reason {
        EndReason::Asked | EndReason::Told(1) => "asked for by an endpoint",
        EndReason::Expired | EndReason::Told(2) => "expired",
        EndReason::Deregistered | EndReason::Told(3) => "an endpoint was deregistered",
        EndReason::Told(4) => "policy or administrator",
        EndReason::Told(5) => "a hop was lost",
        EndReason::Told(6) => "the establishment was abandoned",
        EndReason::Told(number) => return format!("reason {number}"),
        EndReason::Lost => "this AE knows nothing of it",
    };
    words.to_owned()
}

/// The stream of events. While it is full, nothing more is read from the link.
#[derive(Debug)]
pub struct Events {
    pub(super) receiver: mpsc::Receiver<Event>,
}

impl Events {
    /// The next event; `None` when the AE has ended.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.receiver.poll_recv(context)
    }
}
