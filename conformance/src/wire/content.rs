//! Content of a primitive: exactly one named member.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::wire::notify::SingleNotification;
use crate::wire::resource::{
    AccessControlPolicy, Ae, Container, ContentInstance, CseBase, PendingRequest, RemoteCse,
    SealedContainer, Subscription,
};
use crate::wire::session::{
    NextHop, Session, SessionContext, SessionContextEntry, SessionEndpoint, SessionPolicy, Sessions,
};

/// Names of `smg:` are closed, others open: a CSE may hold types this suite does not know.
const MEMBER_NAMES: &str =
    "^(?!smg:(?!(sess|ses|sep|nhp|spy|scx|sce|sld)$))[a-zA-Z][a-zA-Z0-9]*:[A-Za-z0-9]+$";

/// Content of a primitive.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend(
    "minProperties" = 1, "maxProperties" = 1, "propertyNames" = {"pattern": MEMBER_NAMES}
))]
pub struct Content {
    /// AE.
    #[serde(rename = "m2m:ae")]
    pub ae: Option<Ae>,
    /// CSEBase.
    #[serde(rename = "m2m:cb")]
    pub cse_base: Option<CseBase>,
    /// Registered CSE.
    #[serde(rename = "m2m:csr")]
    pub remote_cse: Option<RemoteCse>,
    /// Access control policy.
    #[serde(rename = "m2m:acp")]
    pub access_control_policy: Option<AccessControlPolicy>,
    /// Container.
    #[serde(rename = "m2m:cnt")]
    pub container: Option<Container>,
    /// Content instance.
    #[serde(rename = "m2m:cin")]
    pub content_instance: Option<ContentInstance>,
    /// Subscription.
    #[serde(rename = "m2m:sub")]
    pub subscription: Option<Subscription>,
    /// Stored request.
    #[serde(rename = "m2m:req")]
    pub request: Option<PendingRequest>,
    /// Specialised flexContainer.
    #[serde(rename = "smg:sld")]
    pub sealed_container: Option<SealedContainer>,
    /// Sessions.
    #[serde(rename = "smg:sess")]
    pub sessions: Option<Sessions>,
    /// Session.
    #[serde(rename = "smg:ses")]
    pub session: Option<Session>,
    /// Endpoint; also the body of a consent.
    #[serde(rename = "smg:sep")]
    pub endpoint: Option<SessionEndpoint>,
    /// Next hop.
    #[serde(rename = "smg:nhp")]
    pub next_hop: Option<NextHop>,
    /// Policy.
    #[serde(rename = "smg:spy")]
    pub policy: Option<SessionPolicy>,
    /// Context.
    #[serde(rename = "smg:scx")]
    pub context: Option<SessionContext>,
    /// Context entry.
    #[serde(rename = "smg:sce")]
    pub entry: Option<SessionContextEntry>,
    /// Notification.
    #[serde(rename = "m2m:sgn")]
    pub notification: Option<SingleNotification>,
    /// Result of a non-blocking request.
    #[serde(rename = "m2m:rsp")]
    pub result: Option<Box<super::Response>>,
    /// Request that a poll has brought.
    #[serde(rename = "m2m:rqp")]
    pub polled: Option<Box<super::Request>>,
    /// Address.
    #[serde(rename = "m2m:uri")]
    #[schemars(length(min = 1))]
    pub uri: Option<String>,
    /// Addresses found.
    #[serde(rename = "m2m:uril")]
    pub uri_list: Option<Vec<String>>,
    /// Error text.
    #[serde(rename = "m2m:dbg")]
    pub debug: Option<String>,
}
