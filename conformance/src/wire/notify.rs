//! Notification bodies. Closed.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::wire::scalar::{KeyId, Segment, SessionId, SpRelative, Timestamp};
use crate::wire::session::{Credentials, SessionEndpoint, SessionPolicy};

/// Content of a NOTIFY that a subscription caused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Notification {
    /// The one member.
    #[serde(rename = "m2m:sgn")]
    pub sgn: SingleNotification,
}

/// One notification.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("anyOf" = purpose()))]
pub struct SingleNotification {
    /// The subscription.
    #[schemars(length(min = 1))]
    pub sur: Option<String>,
    /// What happened.
    pub nev: Option<Event>,
    /// Verification request.
    pub vrq: Option<bool>,
    /// Subscription deleted.
    pub sud: Option<bool>,
    /// Creator of the subscription.
    pub cr: Option<String>,
    /// Forwarding address.
    pub nfu: Option<String>,
    /// Question to an interworking proxy.
    pub idr: Option<DiscoveryRequest>,
    /// Vendor information.
    pub vsi: Option<Value>,
}

/// What an interworking proxy is asked to discover.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DiscoveryRequest {
    /// Who wants to know.
    #[schemars(length(min = 1))]
    pub or: String,
    /// Filter criteria.
    pub fc: Value,
}

/// What happened.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("allOf" = event_rules()))]
pub struct Event {
    /// Event type.
    #[schemars(range(min = 1, max = 59999))]
    pub net: Option<u32>,
    /// Operation that caused it.
    pub om: Option<OperationMonitor>,
    /// What is told.
    pub rep: Option<Value>,
}

/// Operation and originator.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OperationMonitor {
    /// Operation.
    #[schemars(range(min = 1, max = 5))]
    pub op: Option<u8>,
    /// Originator.
    #[schemars(length(min = 1))]
    pub or: Option<String>,
}

/// Representation told by type 50001.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Establishment {
    /// The one member.
    #[serde(rename = "smg:ses")]
    pub session: Proposal,
}

/// A session to be agreed to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Proposal {
    /// Identifier the session will have at this CSE.
    pub ri: Segment,
    /// Session identifier.
    pub sid: SessionId,
    /// Initiator.
    pub soi: SpRelative,
    /// Targets.
    #[schemars(length(min = 1))]
    pub sto: Vec<SpRelative>,
    /// Expires.
    pub et: Timestamp,
    /// End-to-end keys.
    pub see: bool,
    /// All endpoints required.
    pub aer: bool,
    /// Credentials.
    pub scr: Credentials,
    /// The initiator's endpoint.
    #[serde(rename = "smg:sep")]
    #[schemars(length(min = 1, max = 1))]
    pub endpoint: Vec<SessionEndpoint>,
    /// Descriptors.
    pub sdl: Option<Vec<String>>,
    /// Policies in force from the start.
    #[serde(rename = "smg:spy")]
    pub policy: Option<Vec<SessionPolicy>>,
    /// Key identifier; stands in `scr` as a rule.
    pub kid: Option<KeyId>,
}

/// Representation told by type 50002.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Update {
    /// Structured address of what changed.
    #[serde(rename = "m2m:uri")]
    pub uri: SpRelative,
}

/// Representation told by type 50003.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Termination {
    /// The one member.
    #[serde(rename = "smg:ses")]
    pub session: End,
}

/// A session that ends.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct End {
    /// Identifier at this CSE.
    pub ri: Segment,
    /// Session identifier.
    pub sid: SessionId,
    /// Lifecycle, terminating.
    #[schemars(range(min = 3, max = 3))]
    pub slc: u8,
    /// Why.
    #[schemars(range(min = 1, max = 6))]
    pub rsn: u8,
}

fn purpose() -> Value {
    serde_json::json!([
        {"required": ["sur", "nev"]},
        {"required": ["vrq"]},
        {"required": ["idr"]},
        {"required": ["sur", "sud"]}
    ])
}

fn event_rules() -> Value {
    let rule = |net: u32, definition: &str, needs: &[&str]| {
        let mut properties = serde_json::json!({"rep": {"$ref": definition}});
        if net == 50002 {
            properties["om"] = serde_json::json!({"required": ["op", "or"]});
        }
        serde_json::json!({
            "if": {"properties": {"net": {"const": net}}, "required": ["net"]},
            "then": {"required": needs, "properties": properties}
        })
    };
    serde_json::json!([
        rule(50001, "#/$defs/Establishment", &["rep"]),
        rule(50002, "#/$defs/Update", &["rep", "om"]),
        rule(50003, "#/$defs/Termination", &["rep"])
    ])
}
