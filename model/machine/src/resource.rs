//! Resource types and resources.

use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::ResourceId;
use crate::text::Text;
use crate::value::{Members, Value};

/// The resource types a CSE hosts (TS-0004 clause 6.3.4.2.1, and the private block for sessions).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    missing_docs,
    reason = "the names are those of TS-0001 clause 9.6 and the glossary"
)]
pub enum ResourceType {
    AccessControlPolicy,
    Ae,
    Container,
    ContentInstance,
    CseBase,
    Group,
    Node,
    PollingChannel,
    RemoteCse,
    Request,
    Schedule,
    Subscription,
    FlexContainer,
    Sessions,
    Session,
    SessionEndpoint,
    NextHop,
    SessionPolicy,
    SessionContext,
    SessionContextEntry,
}

impl ResourceType {
    /// Every type, in the order of its number.
    pub const ALL: [Self; 20] = [
        Self::AccessControlPolicy,
        Self::Ae,
        Self::Container,
        Self::ContentInstance,
        Self::CseBase,
        Self::Group,
        Self::Node,
        Self::PollingChannel,
        Self::RemoteCse,
        Self::Request,
        Self::Schedule,
        Self::Subscription,
        Self::FlexContainer,
        Self::Sessions,
        Self::Session,
        Self::SessionEndpoint,
        Self::NextHop,
        Self::SessionPolicy,
        Self::SessionContext,
        Self::SessionContextEntry,
    ];

    /// The number on the wire (`ty`).
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::AccessControlPolicy => 1,
            Self::Ae => 2,
            Self::Container => 3,
            Self::ContentInstance => 4,
            Self::CseBase => 5,
            Self::Group => 9,
            Self::Node => 14,
            Self::PollingChannel => 15,
            Self::RemoteCse => 16,
            Self::Request => 17,
            Self::Schedule => 18,
            Self::Subscription => 23,
            Self::FlexContainer => 28,
            Self::Sessions => 50001,
            Self::Session => 50002,
            Self::SessionEndpoint => 50003,
            Self::NextHop => 50004,
            Self::SessionPolicy => 50005,
            Self::SessionContext => 50006,
            Self::SessionContextEntry => 50007,
        }
    }

    /// The type of a number on the wire.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.number() == number)
    }

    /// The prefix of resource identifiers and of names that the hosting CSE chooses.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::AccessControlPolicy => "acp",
            Self::Ae => "C",
            Self::Container => "cnt",
            Self::ContentInstance => "cin",
            Self::CseBase => "cb",
            Self::Group => "grp",
            Self::Node => "nod",
            Self::PollingChannel => "pch",
            Self::Schedule => "sch",
            Self::RemoteCse => "csr",
            Self::Request => "req",
            Self::Subscription => "sub",
            Self::FlexContainer => "fcn",
            Self::Sessions => "sess",
            Self::Session => "ses",
            Self::SessionEndpoint => "sep",
            Self::NextHop => "nhp",
            Self::SessionPolicy => "spy",
            Self::SessionContext => "scx",
            Self::SessionContextEntry => "sce",
        }
    }

    /// Whether the type belongs to a session: it is governed by the rules of the session, not by access control
    /// policies.
    #[must_use]
    pub const fn is_of_sessions(self) -> bool {
        self.number() >= 50001
    }
}

/// One resource of the tree.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Resource {
    /// Its type.
    pub resource_type: ResourceType,
    /// Its unstructured identifier (`ri`).
    pub id: ResourceId,
    /// The identifier of its parent (`pi`); `None` for the CSEBase.
    pub parent: Option<ResourceId>,
    /// Its name under the parent (`rn`).
    pub name: Text,
    /// Its place in the order of creation at this CSE.
    pub sequence: u64,
    /// When it was made (`ct`).
    pub created: Timestamp,
    /// When it was last changed (`lt`).
    pub modified: Timestamp,
    /// When it ends (`et`); `None`: never (CSEBase).
    pub expires: Option<Timestamp>,
    /// Who made it, SP-relative; its owner where no access control policy says otherwise.
    pub creator: Text,
    /// A flexContainer's name on the wire, for example `smg:sld`.
    pub specialization: Option<Text>,
    /// Everything else.
    pub attributes: Members,
}

impl Resource {
    /// The attribute of that name.
    #[must_use]
    pub fn get(&self, name: &Attribute) -> Option<&Value> {
        self.attributes.get(name)
    }

    /// An integer attribute.
    #[must_use]
    pub fn integer(&self, name: &Attribute) -> Option<i64> {
        self.get(name)?.as_integer()
    }

    /// A text attribute.
    #[must_use]
    pub fn text(&self, name: &Attribute) -> Option<&Text> {
        self.get(name)?.as_text()
    }

    /// An attribute that is a list of texts; empty if absent.
    #[must_use]
    pub fn texts(&self, name: &Attribute) -> alloc::vec::Vec<Text> {
        self.get(name).and_then(Value::as_texts).unwrap_or_default()
    }

    /// The name of the resource as a member of a primitive's content.
    #[must_use]
    pub fn wrapper(&self) -> Attribute {
        self.specialization
            .clone()
            .map_or(Attribute::Resource(self.resource_type), Attribute::Custom)
    }
}
