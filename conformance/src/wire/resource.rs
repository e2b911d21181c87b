//! Published resource types. Open: later releases and custom attributes pass.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::wire::scalar::{CseId, Segment, Timestamp};

/// What every resource may have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Universal {
    /// Name.
    pub rn: Option<Segment>,
    /// Identifier.
    pub ri: Option<Segment>,
    /// Identifier of the parent; empty at the root.
    #[schemars(regex(pattern = r"^[^/?#]*$"), extend("examples" = ["cb1"]))]
    pub pi: Option<String>,
    /// Created.
    pub ct: Option<Timestamp>,
    /// Last changed.
    pub lt: Option<Timestamp>,
    /// Expires.
    pub et: Option<Timestamp>,
    /// Labels.
    pub lbl: Option<Vec<String>>,
    /// Access control policies.
    pub acpi: Option<Vec<String>>,
}

/// Application entity.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = whole(&["aei", "api", "rr", "srv"])))]
pub struct Ae {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 2))]
    pub ty: Option<u32>,
    /// AE-ID.
    pub aei: Option<String>,
    /// App-ID.
    pub api: Option<String>,
    /// Name of the application.
    pub apn: Option<String>,
    /// Reachable for requests.
    pub rr: Option<bool>,
    /// Supported releases.
    pub srv: Option<Vec<String>>,
    /// Points of access.
    pub poa: Option<Vec<String>>,
    /// Session capability.
    pub scap: Option<bool>,
}

/// Root of a CSE.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = {"ri": ["rn", "ty", "ct", "lt", "csi", "srt"]}))]
pub struct CseBase {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 5))]
    pub ty: Option<u32>,
    /// CSE-ID.
    pub csi: Option<CseId>,
    /// 1 IN, 2 MN, 3 ASN.
    #[schemars(range(min = 1, max = 3))]
    pub cst: Option<u8>,
    /// Supported resource types.
    pub srt: Option<Vec<u32>>,
    /// Supported releases.
    pub srv: Option<Vec<String>>,
    /// Serializations.
    pub csz: Option<Vec<String>>,
    /// Points of access.
    pub poa: Option<Vec<String>>,
}

/// A registered CSE.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = whole(&["csi", "cb", "rr"])))]
pub struct RemoteCse {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 16))]
    pub ty: Option<u32>,
    /// CSE-ID.
    pub csi: Option<CseId>,
    /// Address of its CSEBase.
    pub cb: Option<String>,
    /// 1 IN, 2 MN, 3 ASN.
    #[schemars(range(min = 1, max = 3))]
    pub cst: Option<u8>,
    /// Reachable for requests.
    pub rr: Option<bool>,
    /// Supported releases.
    pub srv: Option<Vec<String>>,
    /// Points of access.
    pub poa: Option<Vec<String>>,
    /// CSEs behind it.
    pub dcse: Option<Vec<String>>,
}

/// Access control policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = whole(&["pv", "pvs"])))]
pub struct AccessControlPolicy {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 1))]
    pub ty: Option<u32>,
    /// Privileges.
    pub pv: Option<Privileges>,
    /// Privileges on the policy itself.
    pub pvs: Option<Privileges>,
}

/// A set of rules.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Privileges {
    /// Rules.
    pub acr: Option<Vec<AccessControlRule>>,
}

/// One rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct AccessControlRule {
    /// Originators.
    pub acor: Vec<String>,
    /// Operations, a sum of bits.
    #[schemars(range(min = 0, max = 63))]
    pub acop: u8,
}

/// Container.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = whole(&["st", "cni", "cbs"])))]
pub struct Container {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 3))]
    pub ty: Option<u32>,
    /// Version.
    pub st: Option<u32>,
    /// Most instances.
    pub mni: Option<u64>,
    /// Most bytes.
    pub mbs: Option<u64>,
    /// Oldest age, seconds.
    pub mia: Option<u64>,
    /// Instances.
    pub cni: Option<u64>,
    /// Bytes.
    pub cbs: Option<u64>,
}

/// Content instance.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = whole(&["cs", "con"])))]
pub struct ContentInstance {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 4))]
    pub ty: Option<u32>,
    /// Version.
    pub st: Option<u32>,
    /// Media type and encoding.
    #[schemars(
        regex(pattern = r"^[^:/]+/[^:]+:[0-2](:[0-9]+)?$"),
        extend("examples" = ["application/jose:0"])
    )]
    pub cnf: Option<String>,
    /// Size.
    pub cs: Option<u64>,
    /// The content.
    pub con: Option<Value>,
}

/// Subscription.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = whole(&["nu"])))]
pub struct Subscription {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 23))]
    pub ty: Option<u32>,
    /// Which events.
    pub enc: Option<EventCriteria>,
    /// Where to.
    pub nu: Option<Vec<String>>,
    /// Notification content type.
    #[schemars(range(min = 1, max = 5))]
    pub nct: Option<u8>,
}

/// Which events.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct EventCriteria {
    /// Event types.
    pub net: Option<Vec<u32>>,
}

/// A request a CSE holds for its originator.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = whole(&["op", "tg", "org", "rid", "mi", "rs", "ors"])))]
pub struct PendingRequest {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 17))]
    pub ty: Option<u32>,
    /// Operation.
    #[schemars(range(min = 1, max = 5))]
    pub op: Option<u8>,
    /// Target.
    pub tg: Option<String>,
    /// Originator.
    pub org: Option<String>,
    /// Request identifier.
    pub rid: Option<String>,
    /// The optional parameters of the request.
    pub mi: Option<MetaInformation>,
    /// Its content.
    pub pc: Option<Value>,
    /// 1 completed, 2 failed, 3 pending, 4 forwarded, 5 partially completed.
    #[schemars(range(min = 1, max = 5))]
    pub rs: Option<u8>,
    /// The result so far.
    pub ors: Option<OperationResult>,
}

/// The optional parameters of a request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct MetaInformation {
    /// Resource type.
    pub ty: Option<u32>,
    /// Session identifier.
    pub sid: Option<String>,
    /// Release version indicator.
    pub rvi: Option<String>,
}

/// The result so far.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct OperationResult {
    /// Status code.
    #[schemars(range(min = 1000, max = 6999))]
    pub rsc: u16,
    /// Request identifier.
    pub rqi: Option<String>,
    /// Content.
    pub pc: Option<Value>,
}

/// FlexContainer `smg:sld` with custom attributes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(extend("dependentRequired" = whole(&["cnd", "st"])))]
pub struct SealedContainer {
    /// Universal attributes.
    #[serde(flatten)]
    pub universal: Universal,
    /// Type.
    #[schemars(extend("const" = 28))]
    pub ty: Option<u32>,
    /// Version.
    pub st: Option<u32>,
    /// Definition.
    pub cnd: Option<String>,
    /// Size.
    pub cs: Option<u64>,
    /// The sealed value.
    pub dat: Option<String>,
}

fn whole(own: &[&str]) -> Value {
    let common = ["rn", "pi", "ty", "ct", "lt", "et"];
    let all: Vec<&str> = common.iter().chain(own).copied().collect();
    serde_json::json!({ "ri": all })
}
