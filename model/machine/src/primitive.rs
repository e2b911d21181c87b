//! Requests and responses, typed; nothing here knows JSON.

use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{RequestId, SessionId};
use crate::resource::ResourceType;
use crate::shared::Shared;
use crate::status::Status;
use crate::text::Text;
use crate::value::{Members, Value};
use alloc::vec::Vec;

/// What travels over a link: one message, one primitive (TS-0020 clause 6.1).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Primitive {
    /// A request primitive.
    Request(Shared<Request>),
    /// A response primitive.
    Response(Shared<Response>),
}

/// The operation of a request (TS-0004 clause 6.3.4.2.5).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Operation {
    /// 1
    Create,
    /// 2
    Retrieve,
    /// 3
    Update,
    /// 4
    Delete,
    /// 5
    Notify,
}

impl Operation {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::Retrieve => 2,
            Self::Update => 3,
            Self::Delete => 4,
            Self::Notify => 5,
        }
    }

    /// The operation of a number on the wire.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Create),
            2 => Some(Self::Retrieve),
            3 => Some(Self::Update),
            4 => Some(Self::Delete),
            5 => Some(Self::Notify),
            _ => None,
        }
    }
}

/// A moment given absolutely or relative to the reception (TS-0004 clause 6.3.3, absRelTimestamp).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum When {
    /// At that moment.
    At(Timestamp),
    /// That many milliseconds from now.
    After(u64),
}

impl When {
    /// The absolute moment, seen from `now`.
    #[must_use]
    pub const fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::After(milliseconds) => now.plus(milliseconds),
        }
    }
}

/// How the originator wants its answer (TS-0004 clause 6.3.5.30).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ResponseType {
    /// The mode.
    pub mode: ResponseMode,
    /// Where an asynchronous result goes; `None`: to the originator; empty: nowhere.
    pub notify: Option<Vec<Text>>,
}

/// Response modes (TS-0004 clause 6.3.4.2.6).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ResponseMode {
    /// 1: acknowledge at once, the result is fetched.
    NonBlockingSynch,
    /// 2: acknowledge at once, the result is notified.
    NonBlockingAsynch,
    /// 3: answer with the result.
    Blocking,
    /// 4: the receiver chooses.
    FlexBlocking,
    /// 5: no answer at all.
    NoResponse,
}

impl ResponseMode {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::NonBlockingSynch => 1,
            Self::NonBlockingAsynch => 2,
            Self::Blocking => 3,
            Self::FlexBlocking => 4,
            Self::NoResponse => 5,
        }
    }

    /// The mode of a number on the wire.
    #[must_use]
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::NonBlockingSynch),
            2 => Some(Self::NonBlockingAsynch),
            3 => Some(Self::Blocking),
            4 => Some(Self::FlexBlocking),
            5 => Some(Self::NoResponse),
            _ => None,
        }
    }
}

/// The content of a primitive (`pc`), and how large it is in JSON.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Content {
    /// An object of exactly one member, for example `m2m:cin`.
    pub value: Value,
    /// Bytes in JSON as received; of content made here, 0 until the host has measured it.
    pub size: u32,
    /// The number of the first result that was left out of it, in a response (`cnot`, with `cnst` 1); `None` if it is
    /// whole.
    pub rest: Option<u32>,
}

impl Content {
    /// Content made by a machine.
    #[must_use]
    pub fn new(name: Attribute, value: Value) -> Self {
        Self {
            value: Value::object([(name, value)]),
            size: 0,
            rest: None,
        }
    }

    /// A resource under the name of its type.
    #[must_use]
    pub fn resource(resource_type: ResourceType, members: Members) -> Self {
        Self::new(Attribute::Resource(resource_type), Value::Object(members))
    }

    /// The single member: its name and its value.
    #[must_use]
    pub fn single(&self) -> Option<(&Attribute, &Value)> {
        let members = self.value.as_object()?;
        if members.len() == 1 {
            members.iter().next()
        } else {
            None
        }
    }

    /// The members of the resource of this type, if that is what the content is.
    #[must_use]
    pub fn members_of(&self, resource_type: ResourceType) -> Option<&Members> {
        match self.single()? {
            (Attribute::Resource(found), Value::Object(members)) if *found == resource_type => {
                Some(members)
            }
            _ => None,
        }
    }
}

/// A request primitive (TS-0004 clause 6.4.1).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Request {
    /// Operation (`op`).
    pub operation: Operation,
    /// Target address (`to`), as sent, without a session query.
    pub to: Text,
    /// Originator (`fr`); may be absent on CREATE of an AE only.
    pub from: Option<Text>,
    /// Request identifier (`rqi`).
    pub request_id: RequestId,
    /// Resource type (`ty`) as a number, on CREATE.
    pub resource_type: Option<u32>,
    /// Content (`pc`).
    pub content: Option<Content>,
    /// Release version indicator (`rvi`).
    pub release_version: Option<Text>,
    /// Result content (`rcn`).
    pub result_content: Option<u32>,
    /// Response type (`rt`).
    pub response_type: Option<ResponseType>,
    /// Request expiration timestamp (`rqet`).
    pub request_expiration: Option<When>,
    /// Result expiration timestamp (`rset`).
    pub result_expiration: Option<When>,
    /// Operation execution time (`oet`).
    pub execution_time: Option<When>,
    /// Originating timestamp (`ot`).
    pub originating_timestamp: Option<Timestamp>,
    /// Result persistence (`rp`).
    pub result_persistence: Option<When>,
    /// Event category (`ec`).
    pub event_category: Option<u32>,
    /// Group request identifier (`gid`).
    pub group_request: Option<Text>,
    /// Filter criteria (`fc`), an object.
    pub filter: Option<Value>,
    /// Desired identifier result type (`drt`).
    pub identifier_type: Option<u32>,
    /// Session identifier (`sid`), from the parameter or from the query form on `to`.
    pub session: Option<SessionId>,
    /// Why a session ends (`rsn`), on a hop's DELETE.
    pub reason: Option<u32>,
    /// The first parameter this release does not know, by its name on the wire.
    pub unsupported: Option<Text>,
}

impl Request {
    /// A request with nothing but the mandatory parameters.
    #[must_use]
    pub fn new(operation: Operation, to: &str, from: &str, request_id: RequestId) -> Self {
        Self {
            operation,
            to: to.into(),
            from: Some(from.into()),
            request_id,
            resource_type: None,
            content: None,
            release_version: Some("3".into()),
            result_content: None,
            response_type: None,
            request_expiration: None,
            result_expiration: None,
            execution_time: None,
            originating_timestamp: None,
            result_persistence: None,
            event_category: None,
            group_request: None,
            filter: None,
            identifier_type: None,
            session: None,
            reason: None,
            unsupported: None,
        }
    }

    /// The mode in which the originator wants its answer; blocking unless it says otherwise.
    #[must_use]
    pub fn response_mode(&self) -> ResponseMode {
        self.response_type
            .as_ref()
            .map_or(ResponseMode::Blocking, |t| t.mode)
    }
}

/// A response primitive (TS-0004 clause 6.4.2).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Response {
    /// Response status code (`rsc`).
    pub status: Status,
    /// Request identifier (`rqi`) of the request it answers; absent only where none could be read.
    pub request_id: Option<RequestId>,
    /// Release version indicator (`rvi`).
    pub release_version: Option<Text>,
    /// Session identifier (`sid`), present exactly if the request had one.
    pub session: Option<SessionId>,
    /// Content (`pc`).
    pub content: Option<Content>,
    /// Result expiration timestamp (`rset`), echoed.
    pub result_expiration: Option<When>,
}

impl Response {
    /// An answer without content.
    #[must_use]
    pub fn new(status: Status, request_id: RequestId) -> Self {
        Self {
            status,
            request_id: Some(request_id),
            release_version: Some("3".into()),
            session: None,
            content: None,
            result_expiration: None,
        }
    }
}

/// Why bytes are no primitive; what to answer is the machine's decision.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Malformed {
    /// No well-formed JSON or CBOR, or nested too deeply.
    Syntax,
    /// Well-formed, but neither a request nor a response: `op` and `rsc` missing or both present.
    NoPrimitive,
    /// A mandatory parameter is missing.
    MissingParameter,
    /// A parameter has the wrong type or an impossible value.
    BadParameter,
    /// The session parameter and the session query differ.
    SessionMismatch,
}
