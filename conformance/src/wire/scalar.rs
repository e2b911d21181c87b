//! Strings with a form of their own.

use schemars::JsonSchema;
use serde::Deserialize;

/// UTC time, `YYYYMMDDThhmmss` with an optional fraction after a comma.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["20270301T100130"]))]
pub struct Timestamp(#[schemars(regex(pattern = r"^[0-9]{8}T[0-9]{6}(,[0-9]{1,6})?$"))] pub String);

/// A timestamp, or a span in milliseconds as number or digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("examples" = ["20270301T100130"]))]
pub enum AbsoluteOrRelative {
    /// Milliseconds.
    Span(i64),
    /// A timestamp, or milliseconds as digits.
    Text(#[schemars(regex(pattern = r"^([0-9]{8}T[0-9]{6}(,[0-9]{1,6})?|-?[0-9]{1,18})$"))] String),
}

/// Session identifier: the CSE-ID of the initiator's registrar and 128 random bits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["/cse1/234ADVxk0Zb7NcR5tUeHpQ"]))]
pub struct SessionId(#[schemars(regex(pattern = r"^/[^/]+/[A-Za-z0-9_-]{22}$"))] pub String);

/// 128 random bits, base64url: the form of a key identifier.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["c2Vzc2lvbjEta2V5aWQtMQ"]))]
pub struct KeyId(#[schemars(regex(pattern = r"^[A-Za-z0-9_-]{22}$"))] pub String);

/// 256 bits, base64url: a symmetric key or an X25519 public key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"]))]
pub struct Bits256(#[schemars(regex(pattern = r"^[A-Za-z0-9_-]{43}$"))] pub String);

/// CSE-ID relative to the service provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["/cse1"]))]
pub struct CseId(#[schemars(regex(pattern = r"^/[^/]+$"))] pub String);

/// Address or identifier relative to the service provider: it starts with a CSE-ID.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["/cse2/Cae2"]))]
pub struct SpRelative(#[schemars(regex(pattern = r"^/[^/]+(/[^/]+)+$"))] pub String);

/// Bare identifier or name of a resource: one path segment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["ses1"]))]
pub struct Segment(#[schemars(regex(pattern = r"^[^/?#]+$"))] pub String);

/// Entry of a schedule: second, minute, hour, day, month, weekday, year.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["* * 2-3 * * * *"]))]
pub struct ScheduleEntry(#[schemars(regex(pattern = r"^[0-9*,/-]+( [0-9*,/-]+){6}$"))] pub String);
