//! The wire as this suite understands it: its own types, shared with nobody.
//!
//! They serve two ends. `schemas/` is generated from them, and every message that arrives is
//! checked against it. The envelope ([`Request`], [`Response`]) is how a case reads what it got.
//! Field names are the short names of oneM2M, so that a reader can compare them with a frame.
//! Contents stay JSON values in the envelope: a case looks at members, the schema at shapes.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub use crate::wire::content::Content;
pub use crate::wire::notify::Notification;

pub mod content;
pub mod notify;
pub mod resource;
pub mod scalar;
pub mod session;

use crate::wire::scalar::{AbsoluteOrRelative, SessionId, Timestamp};

/// A request primitive.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("allOf" = request_rules()))]
pub struct Request {
    /// Operation: 1 create, 2 retrieve, 3 update, 4 delete, 5 notify.
    #[schemars(range(min = 1, max = 5))]
    pub op: u8,
    /// Address of the target.
    #[schemars(length(min = 1))]
    pub to: String,
    /// Originator; may be absent only when an AE registers.
    pub fr: Option<String>,
    /// Request identifier.
    #[schemars(length(min = 1))]
    pub rqi: String,
    /// Release version indicator.
    pub rvi: String,
    /// Resource type, on create only.
    pub ty: Option<u32>,
    /// Content.
    #[schemars(with = "Option<Content>")]
    pub pc: Option<Value>,
    /// Session identifier.
    pub sid: Option<SessionId>,
    /// Why a session ends; only on a delete between CSEs.
    #[schemars(range(min = 1, max = 6))]
    pub rsn: Option<u8>,
    /// Request expiration.
    pub rqet: Option<AbsoluteOrRelative>,
    /// Result expiration.
    pub rset: Option<AbsoluteOrRelative>,
    /// Operation execution time.
    pub oet: Option<AbsoluteOrRelative>,
    /// Originating time.
    pub ot: Option<Timestamp>,
    /// Result persistence.
    pub rp: Option<AbsoluteOrRelative>,
    /// Response type.
    pub rt: Option<ResponseType>,
    /// Result content.
    #[schemars(range(min = 0, max = 12))]
    pub rcn: Option<u8>,
    /// Event category.
    pub ec: Option<u32>,
    /// Delivery aggregation.
    pub da: Option<bool>,
    /// Group request identifier.
    pub gid: Option<String>,
    /// Filter criteria.
    pub fc: Option<FilterCriteria>,
    /// Desired identifier result type.
    #[schemars(range(min = 1, max = 2))]
    pub drt: Option<u8>,
    /// Role identifiers.
    pub rids: Option<Vec<String>>,
    /// Tokens.
    pub tkns: Option<Vec<String>>,
    /// Token identifiers.
    pub tids: Option<Vec<String>>,
    /// Local token identifiers.
    pub ltids: Option<Vec<String>>,
    /// Token request indicator.
    pub tqi: Option<bool>,
    /// Vendor information.
    pub vsi: Option<Value>,
}

/// How the originator wants its answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ResponseType {
    /// 1 and 2 non-blocking, 3 blocking, 4 flexible, 5 none.
    #[schemars(range(min = 1, max = 5))]
    pub rtv: u8,
    /// Where results are notified.
    pub nu: Option<Vec<String>>,
}

/// Filter criteria; later releases add members.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct FilterCriteria {
    /// Filter usage: 1 discovery, 2 conditional retrieval.
    #[schemars(range(min = 1, max = 3))]
    pub fu: Option<u8>,
    /// Resource types.
    pub ty: Option<Vec<u32>>,
    /// Labels.
    pub lbl: Option<Vec<String>>,
    /// Attributes to match.
    pub atr: Option<Vec<AttributeMatch>>,
    /// Most results.
    pub lim: Option<u32>,
}

/// One attribute a resource must have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AttributeMatch {
    /// Attribute name.
    #[schemars(length(min = 1))]
    pub nm: String,
    /// Its value.
    pub val: Value,
}

/// A response primitive.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("allOf" = response_rules()))]
pub struct Response {
    /// Response status code.
    #[schemars(range(min = 1000, max = 6999))]
    pub rsc: u16,
    /// Request identifier; absent only where the request had none that could be read.
    #[schemars(length(min = 1))]
    pub rqi: Option<String>,
    /// Release version indicator.
    pub rvi: String,
    /// Session identifier, exactly if the request had it.
    pub sid: Option<SessionId>,
    /// Content.
    #[schemars(with = "Option<Content>")]
    pub pc: Option<Value>,
    /// Receiver.
    pub to: Option<String>,
    /// Sender.
    pub fr: Option<String>,
    /// Originating time.
    pub ot: Option<Timestamp>,
    /// Result expiration.
    pub rset: Option<AbsoluteOrRelative>,
    /// Event category.
    pub ec: Option<u32>,
    /// Content status: 1 partial, 2 full.
    #[schemars(range(min = 1, max = 2))]
    pub cnst: Option<u8>,
    /// Content offset.
    pub cnot: Option<u32>,
    /// Token request information.
    pub tqf: Option<Value>,
    /// Assigned token identifiers.
    pub ati: Option<Value>,
    /// Authorization signature request.
    pub asri: Option<bool>,
    /// Vendor information.
    pub vsi: Option<Value>,
}

/// What one text message holds.
#[derive(Debug, Clone)]
pub enum Primitive {
    /// It has `op`.
    Request(Box<Request>),
    /// It has `rsc`.
    Response(Box<Response>),
}

/// Why a message could not be read as a primitive.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// Neither `op` nor `rsc`.
    #[error("neither a request (no `op`) nor a response (no `rsc`)")]
    NoPrimitive,
    /// A member has a wrong type or is missing.
    #[error("not a oneM2M primitive: {0}")]
    BadMember(String),
}

impl Primitive {
    /// Reads one text message.
    ///
    /// # Errors
    /// If the text is no JSON object with the members of a primitive.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Unreadable::NotJson(error.to_string()))?;
        let bad = |error: serde_json::Error| Unreadable::BadMember(error.to_string());
        if value.get("op").is_some() {
            let request = Request::deserialize(&value).map_err(bad)?;
            Ok(Self::Request(Box::new(request)))
        } else if value.get("rsc").is_some() {
            let response = Response::deserialize(&value).map_err(bad)?;
            Ok(Self::Response(Box::new(response)))
        } else {
            Err(Unreadable::NoPrimitive)
        }
    }
}

fn request_rules() -> Value {
    serde_json::json!([
        {"if": {"properties": {"op": {"const": 1}}},
         "then": {"required": ["ty", "pc"]},
         "else": {"properties": {"ty": false}}},
        {"if": {"properties": {"op": {"enum": [3, 5]}}}, "then": {"required": ["pc"]}},
        {"if": {"properties": {"op": {"const": 4}}},
         "then": {"properties": {"pc": false}},
         "else": {"properties": {"rsn": false}}},
        {"if": {"properties": {"op": {"const": 1}, "ty": {"const": 2}}, "required": ["ty"]},
         "else": {"required": ["fr"]}}
    ])
}

fn response_rules() -> Value {
    serde_json::json!([
        {"if": {"properties": {"rsc": {"not": {"const": 4000}}}}, "then": {"required": ["rqi"]}}
    ])
}
