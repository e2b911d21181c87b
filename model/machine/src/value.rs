//! Content as the machines see it: typed names, exact numbers, sealed values kept opaque.

use crate::attribute::Attribute;
use crate::env::Timestamp;
use crate::id::{KeyId, RequestId, SessionId};
pub use crate::members::Members;
use crate::shared::Shared;
use crate::text::Text;
use alloc::vec::Vec;

/// One value in a primitive's content or in a resource.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Value {
    /// `null`: on UPDATE, the attribute goes.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits 64 bits.
    Integer(i64),
    /// Any other number, as it was written.
    Number(Text),
    /// Text.
    Text(Text),
    /// A moment; `wire` reads attributes of timestamp type into it.
    Time(Timestamp),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Members),
    /// Data protected with a session key.
    Sealed(Shared<Sealed>),
    /// Key material; leaves only in the three messages that may carry it.
    Secret(crate::id::Secret),
}

/// A protected value (compact JWE): the header every node can read, and the rest.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sealed {
    /// The protected header.
    pub header: SealHeader,
    /// The protected data.
    pub body: SealBody,
}

/// The protected header of a sealed value; all of it is authenticated.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SealHeader {
    /// Which key; must be the session's.
    pub key_id: KeyId,
    /// Which session.
    pub session: SessionId,
    /// Strictly increasing per sender, from 1.
    pub sequence: u64,
    /// 1 from the initiator, 2 from the target.
    pub direction: u8,
    /// Operation of the request that carries it.
    pub operation: u8,
    /// Its target, SP-relative structured.
    pub to: Text,
    /// The attribute it is the value of, short name.
    pub attribute: Text,
    /// SP-relative AE-ID of the sender.
    pub from: Text,
    /// The sender's own request identifier.
    pub request_id: RequestId,
}

/// The data part of a sealed value.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SealBody {
    /// As it stands on the wire: five base64url parts.
    Compact(Text),
    /// In clear; an endpoint's machine makes it and its host seals it before it leaves, or the host makes it by
    /// opening what arrived. It never travels.
    Clear(Value),
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A list of texts.
    pub fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|t| Self::text(t.as_ref())).collect())
    }

    /// An object of the given members.
    pub fn object(members: impl IntoIterator<Item = (Attribute, Self)>) -> Self {
        Self::Object(members.into_iter().collect())
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&Text> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The integer, if it is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(n) = self {
            Some(*n)
        } else {
            None
        }
    }

    /// The number, as near as 64 bits of a fraction come to it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "as near as it comes")]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(n) => Some(*n as f64),
            Self::Number(text) => text.parse().ok(),
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Time(_)
            | Self::List(_)
            | Self::Object(_)
            | Self::Sealed(_)
            | Self::Secret(_) => None,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(b) = self {
            Some(*b)
        } else {
            None
        }
    }

    /// The moment, if it is one.
    #[must_use]
    pub fn as_time(&self) -> Option<Timestamp> {
        if let Self::Time(t) = self {
            Some(*t)
        } else {
            None
        }
    }

    /// The list, if it is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(list) = self {
            Some(list)
        } else {
            None
        }
    }

    /// The members, if it is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Members> {
        if let Self::Object(members) = self {
            Some(members)
        } else {
            None
        }
    }

    /// The member of an object.
    #[must_use]
    pub fn member(&self, name: &Attribute) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// A list of texts, if it is one and nothing else is in it.
    #[must_use]
    pub fn as_texts(&self) -> Option<Vec<Text>> {
        self.as_list()?
            .iter()
            .map(|v| v.as_text().cloned())
            .collect()
    }
}
