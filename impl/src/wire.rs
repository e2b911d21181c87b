//! The wire format: JSON text or CBOR on one side, the machines' primitives on the other.
//!
//! Only here are short names and the shape of messages known. What cannot be read is told as
//! [`Undecodable`]; what to answer is the machine's decision. Two dialects: the published binding
//! (TS-0020, TS-0004 clause 8.4) and the draft's own spelling ([`Dialect`]).
//!
//! Start at [`names`] for the short names, at [`value`] for what becomes of values.

mod cbor;
mod draft;
pub mod names;
mod param;
mod plain;
mod request;
mod response;
pub mod sealed;
pub mod time;
pub mod value;

pub use value::{Seal, measure, parse};

use m2m_machine::id::RequestId;
use m2m_machine::primitive::{Malformed, Primitive};
use m2m_machine::shared::Shared;
use m2m_machine::text::Text;
use param::Strictness;
use serde::de::IgnoredAny;
use value::Entries;

/// How primitives are spelled on a link.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Dialect {
    /// As published: a flat object, short names, numbers as numbers.
    #[default]
    Published,
    /// As the draft binding prints its example.
    Draft {
        /// The CSE-ID without its slash.
        cse: Text,
    },
}

/// How primitives are put into bytes on a link (TS-0020 clause 6.2.2.9).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Serialization {
    /// Text messages.
    #[default]
    Json,
    /// Binary messages.
    Cbor,
}

/// How a link speaks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Speech {
    /// The spelling.
    pub dialect: Dialect,
    /// The bytes.
    pub serialization: Serialization,
}

/// A message that is no primitive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Undecodable {
    /// The request identifier, if one could be read.
    pub request_id: Option<RequestId>,
    /// What is wrong with the message.
    pub why: Malformed,
}

/// What becomes of a message.
pub type Decoded = Result<Primitive, Undecodable>;

/// A value in clear that had to be sealed and could not be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a value had to be sealed and no key was at hand")]
pub struct Unsealable;

/// Reads a message.
pub fn decode(text: &str, dialect: &Dialect) -> Decoded {
    match dialect {
        Dialect::Published => plain::decode(text).map_or_else(|| exact(text), Ok),
        Dialect::Draft { cse } => draft::decode(text, cse),
    }
}

/// Reads a published message whatever it is, piece by piece.
fn exact(text: &str) -> Decoded {
    let mut parameters = Entries::new();
    let well_formed = value::collect(text, &mut parameters);
    classify(text, &parameters, well_formed, Strictness::Published)
}

/// Reads a message in CBOR.
pub fn decode_cbor(bytes: &[u8], dialect: &Dialect) -> Decoded {
    // LNK-54
    match cbor::to_json(bytes) {
        Some(text) => decode(&text, dialect),
        None => Err(Undecodable {
            request_id: None,
            why: Malformed::Syntax,
        }),
    }
}

/// Writes a message of a CSE in CBOR.
pub fn encode_cbor(primitive: &Primitive, dialect: &Dialect) -> Result<Vec<u8>, Unsealable> {
    let text = encode(primitive, dialect)?;
    Ok(cbor::from_json(&text).expect("what was written here is JSON"))
}

/// Writes a message; clear data that awaits sealing goes through `seal`.
pub fn encode_sealing(
    primitive: &Primitive,
    dialect: &Dialect,
    seal: &Seal<'_>,
) -> Result<String, Unsealable> {
    match dialect {
        Dialect::Published => write(primitive, Spelling::Published, seal),
        Dialect::Draft { .. } => draft::encode(primitive, seal),
    }
}

/// Writes a message of a CSE, which never has data to seal.
pub fn encode(primitive: &Primitive, dialect: &Dialect) -> Result<String, Unsealable> {
    encode_sealing(primitive, dialect, &|_, _| None)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spelling {
    Published,
    Draft,
}

impl Spelling {
    const fn request_id(self) -> &'static str {
        match self {
            Self::Published => "rqi",
            Self::Draft => "ri",
        }
    }
}

fn write(primitive: &Primitive, spelling: Spelling, seal: &Seal<'_>) -> Result<String, Unsealable> {
    let mut bytes = Vec::with_capacity(256);
    match primitive {
        Primitive::Request(request) => request::encode(&mut bytes, request, spelling, seal)?,
        Primitive::Response(response) => response::encode(&mut bytes, response, spelling, seal)?,
    }
    Ok(String::from_utf8(bytes).expect("JSON is written in UTF-8"))
}

/// The primitive that these parameters make, read from `text`.
fn classify(
    text: &str,
    parameters: &Entries<'_>,
    well_formed: bool,
    strictness: Strictness,
) -> Decoded {
    let has = |wanted: &str| parameters.iter().any(|(name, _)| name == wanted);
    let read = || {
        if !well_formed {
            let is_object = text.trim_ascii_start().starts_with('{');
            let is_json = || serde_json::from_str::<IgnoredAny>(text).is_ok();
            let other = !is_object && is_json();
            return Err(if other {
                Malformed::NoPrimitive
            } else {
                Malformed::Syntax
            });
        }
        match (has("op"), has("rsc")) {
            (true, false) => request::decode(parameters, strictness)
                .map(|request| Primitive::Request(Shared::new(request))),
            (false, true) => response::decode(parameters, strictness)
                .map(|response| Primitive::Response(Shared::new(response))),
            // LNK-53
            (true, true) | (false, false) => Err(Malformed::NoPrimitive),
        }
    };
    read().map_err(|why| {
        let named = parameters.iter().find(|(name, _)| name == "rqi");
        let request_id = named
            .and_then(|(_, raw)| param::text(raw).ok())
            .map(RequestId);
        Undecodable { request_id, why }
    })
}
