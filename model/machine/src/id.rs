//! Identifiers, one type each, so that they cannot be mixed up.

use crate::text::Text;
use alloc::format;
use core::fmt;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub Text);

        impl $name {
            /// The identifier as it stands on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier! {
    /// SP-relative AE-ID, for example `/cse1/Cae1` (TS-0001 clause 7.2).
    AeId
}
identifier! {
    /// SP-relative CSE-ID, for example `/cse1` (TS-0001 clause 7.2).
    CseId
}
identifier! {
    /// Unstructured, CSE-relative resource identifier, for example `cnt12`; an AE's is its AE-ID stem.
    ResourceId
}
identifier! {
    /// Request identifier, opaque to its receiver.
    RequestId
}
identifier! {
    /// Session identifier, `<CSE-ID>/<22 base64url characters>` (flow 1 step 8).
    SessionId
}
identifier! {
    /// Identifier of a session key.
    KeyId
}

/// A WebSocket connection as its host numbers them; never reused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkId(pub u64);

impl AeId {
    /// The AE-ID of the stem `stem` registered at `registrar`.
    #[must_use]
    pub fn at(registrar: &CseId, stem: &str) -> Self {
        Self(format!("{registrar}/{stem}").into())
    }

    /// The part after the CSE-ID, for example `Cae1`.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// The CSE-ID part, for example `/cse1`; `None` if this is no SP-relative AE-ID with one.
    #[must_use]
    pub fn registrar(&self) -> Option<CseId> {
        let (registrar, stem) = self.0.rsplit_once('/')?;
        (registrar.len() > 1 && registrar.starts_with('/') && !stem.is_empty())
            .then(|| CseId::from(registrar))
    }
}

impl CseId {
    /// The CSE-ID without its leading slash.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.0.trim_start_matches('/')
    }
}

/// Whoever may be at the other end of a link, or originate a request.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Entity {
    /// An application entity.
    Ae(AeId),
    /// A CSE.
    Cse(CseId),
}

impl Entity {
    /// The SP-relative identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ae(id) => id.as_str(),
            Self::Cse(id) => id.as_str(),
        }
    }
}

impl fmt::Debug for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request as its receiver knows it: who sent it, and under which identifier.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestKey {
    /// SP-relative identifier of the originator.
    pub originator: Text,
    /// The request identifier on the link it came in on.
    pub request_id: RequestId,
}

/// Key material that never shows itself in logs or representations.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Secret(pub Text);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
