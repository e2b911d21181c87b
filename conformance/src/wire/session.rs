//! The session resources, `smg:`. Closed: no member but these.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::wire::scalar::{
    Bits256, CseId, KeyId, ScheduleEntry, Segment, SessionId, SpRelative, Timestamp,
};

/// What every representation has, and no create or update but where listed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Common {
    /// Name.
    pub rn: Option<Segment>,
    /// Identifier.
    pub ri: Option<Segment>,
    /// Identifier of the parent.
    pub pi: Option<Segment>,
    /// Created.
    pub ct: Option<Timestamp>,
    /// Last changed.
    pub lt: Option<Timestamp>,
    /// Expires.
    pub et: Option<Timestamp>,
    /// Labels.
    pub lbl: Option<Vec<String>>,
}

/// Collection of the sessions of one AE.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = whole(&[])))]
pub struct Sessions {
    /// Common attributes.
    #[serde(flatten)]
    pub common: Common,
    /// Type.
    #[schemars(extend("const" = 50001))]
    pub ty: Option<u32>,
    /// Most sessions at a time.
    pub mns: Option<u32>,
    /// Children.
    #[serde(rename = "smg:ses")]
    pub session: Option<Vec<Session>>,
    /// Children.
    #[serde(rename = "m2m:sub")]
    pub subscription: Option<Vec<super::resource::Subscription>>,
}

/// One session as one CSE holds it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = session_members()))]
pub struct Session {
    /// Common attributes.
    #[serde(flatten)]
    pub common: Common,
    /// Type.
    #[schemars(extend("const" = 50002))]
    pub ty: Option<u32>,
    /// Session identifier.
    pub sid: Option<SessionId>,
    /// Initiator.
    pub soi: Option<SpRelative>,
    /// Targets.
    #[schemars(length(min = 1))]
    pub sto: Option<Vec<SpRelative>>,
    /// Lifecycle: 1 pending, 2 active, 3 terminating.
    #[schemars(range(min = 1, max = 3))]
    pub slc: Option<u8>,
    /// 1 offline, 2 online.
    #[schemars(range(min = 1, max = 2))]
    pub sst: Option<u8>,
    /// End-to-end keys.
    pub see: Option<bool>,
    /// All endpoints required.
    pub aer: Option<bool>,
    /// Descriptors.
    pub sdl: Option<Vec<String>>,
    /// Key identifier.
    pub kid: Option<KeyId>,
    /// Credentials; only in the messages that hand them out.
    pub scr: Option<Credentials>,
    /// The sender's own session, between CSEs.
    pub nhr: Option<SpRelative>,
    /// CSEs visited, between CSEs.
    #[schemars(length(min = 1, max = 8))]
    pub vst: Option<Vec<CseId>>,
    /// Endpoints.
    #[serde(rename = "smg:sep")]
    pub endpoint: Option<Vec<SessionEndpoint>>,
    /// Next hops, as children.
    #[serde(rename = "smg:nhp")]
    pub next_hop: Option<Vec<NextHop>>,
    /// Policies.
    #[serde(rename = "smg:spy")]
    pub policy: Option<Vec<SessionPolicy>>,
    /// Context, as child.
    #[serde(rename = "smg:scx")]
    pub context: Option<Vec<SessionContext>>,
}

/// Session credentials: a JWK.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = pair("kty", "k")))]
pub struct Credentials {
    /// Key identifier.
    pub kid: KeyId,
    /// Algorithm.
    #[schemars(extend("const" = "A256GCM"))]
    pub alg: String,
    /// Key type, where the key is given.
    #[schemars(extend("const" = "oct"))]
    pub kty: Option<String>,
    /// Key.
    pub k: Option<Bits256>,
}

/// One endpoint of a session.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = whole(&["epi", "ept", "sst"])))]
pub struct SessionEndpoint {
    /// Common attributes.
    #[serde(flatten)]
    pub common: Common,
    /// Type.
    #[schemars(extend("const" = 50003))]
    pub ty: Option<u32>,
    /// Who.
    pub epi: Option<SpRelative>,
    /// 1 AE, 2 CSE.
    #[schemars(range(min = 1, max = 2))]
    pub ept: Option<u8>,
    /// Paths offered to the session.
    pub epp: Vec<SpRelative>,
    /// Public key in end-to-end mode.
    pub epk: Option<PublicKey>,
    /// Where its notifications go.
    pub nu: Option<Vec<String>>,
    /// Its link: 1 offline, 2 online.
    #[schemars(range(min = 1, max = 2))]
    pub sst: Option<u8>,
}

/// X25519 public key as a JWK.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PublicKey {
    /// Key type.
    #[schemars(extend("const" = "OKP"))]
    pub kty: String,
    /// Curve.
    #[schemars(extend("const" = "X25519"))]
    pub crv: String,
    /// The point.
    pub x: Bits256,
}

/// The neighbour that leads to the other endpoint.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = whole(&["nhi", "nhr", "nhe", "nhs"])))]
pub struct NextHop {
    /// Common attributes.
    #[serde(flatten)]
    pub common: Common,
    /// Type.
    #[schemars(extend("const" = 50004))]
    pub ty: Option<u32>,
    /// Its CSE-ID.
    pub nhi: Option<CseId>,
    /// Its session.
    pub nhr: Option<SpRelative>,
    /// Endpoints behind it.
    pub nhe: Option<Vec<SpRelative>>,
    /// Link state.
    #[schemars(range(min = 1, max = 2))]
    pub nhs: Option<u8>,
}

/// A rule for the requests of a session.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = policy_members()))]
pub struct SessionPolicy {
    /// Common attributes.
    #[serde(flatten)]
    pub common: Common,
    /// Type.
    #[schemars(extend("const" = 50005))]
    pub ty: Option<u32>,
    /// 1 immediate, 2 by schedule.
    #[schemars(range(min = 1, max = 2))]
    pub pyt: Option<u8>,
    /// 1 forward, 2 serve, 3 both.
    #[schemars(range(min = 1, max = 3))]
    pub pys: Option<u8>,
    /// Endpoints it applies to.
    pub pye: Option<Vec<SpRelative>>,
    /// Order; the lowest wins.
    pub pyo: Option<i64>,
    /// Schedule.
    pub se: Option<Schedule>,
    /// Options.
    pub pyd: Option<PolicyOptions>,
    /// Version.
    pub st: Option<u32>,
}

/// Times at which a window is open.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Schedule {
    /// Any entry opens it.
    #[schemars(length(min = 1))]
    pub sce: Vec<ScheduleEntry>,
}

/// Options of a policy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PolicyOptions {
    /// Life of a stored request that brings no expiration, ms.
    pub dqet: Option<u64>,
    /// Largest content, bytes.
    pub mbs: Option<u64>,
    /// Whether data must be sealed.
    pub jwe: Option<bool>,
}

/// The log of a session at one CSE.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = whole(&["mni", "cni"])))]
pub struct SessionContext {
    /// Common attributes.
    #[serde(flatten)]
    pub common: Common,
    /// Type.
    #[schemars(extend("const" = 50006))]
    pub ty: Option<u32>,
    /// Most entries.
    pub mni: Option<u32>,
    /// Oldest age, seconds.
    pub mia: Option<u32>,
    /// Entries.
    pub cni: Option<u32>,
    /// Children.
    #[serde(rename = "smg:sce")]
    pub entry: Option<Vec<SessionContextEntry>>,
}

/// One line of the log; never content.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("dependentRequired" = entry_members()))]
pub struct SessionContextEntry {
    /// Common attributes.
    #[serde(flatten)]
    pub common: Common,
    /// Type.
    #[schemars(extend("const" = 50007))]
    pub ty: Option<u32>,
    /// Operation.
    #[schemars(range(min = 1, max = 5))]
    pub op: Option<u8>,
    /// Target.
    pub to: Option<SpRelative>,
    /// Originator.
    pub fr: Option<SpRelative>,
    /// Request identifier as it came in.
    pub rqi: Option<String>,
    /// Final answer.
    #[schemars(range(min = 1000, max = 6999))]
    pub rsc: Option<u16>,
    /// Accepted.
    pub ot: Option<Timestamp>,
    /// Bytes of the request's content.
    pub rqb: Option<u64>,
    /// Bytes of the response's content.
    pub rsb: Option<u64>,
    /// 1 forwarded, 2 served.
    #[schemars(range(min = 1, max = 2))]
    pub pys: Option<u8>,
    /// Name of the policy applied.
    pub pyn: Option<Segment>,
}

/// A member that only whole representations have (`ri`) brings all that are mandatory there.
fn whole(own: &[&str]) -> serde_json::Value {
    let common = ["rn", "pi", "ty", "ct", "lt", "et"];
    let all: Vec<&str> = common.iter().chain(own).copied().collect();
    serde_json::json!({"ri": all, "ty": ["ri"], "pi": ["ri"], "ct": ["ri"], "lt": ["ri"]})
}

fn with(mut base: serde_json::Value, more: &[(&str, &[&str])]) -> serde_json::Value {
    for (name, needs) in more {
        base[*name] = serde_json::json!(needs);
    }
    base
}

fn pair(one: &str, other: &str) -> serde_json::Value {
    with(serde_json::json!({}), &[(one, &[other]), (other, &[one])])
}

fn session_members() -> serde_json::Value {
    let hop: &[&str] = &[
        "sid", "soi", "sto", "et", "see", "aer", "vst", "scr", "smg:sep",
    ];
    let own = ["sid", "soi", "sto", "slc", "sst", "see", "aer", "kid"];
    with(whole(&own), &[("nhr", hop), ("vst", &["nhr"])])
}

fn policy_members() -> serde_json::Value {
    with(
        whole(&["pyt", "pys", "pyo", "st"]),
        &[("pyt", &["pys"]), ("pys", &["pyt"])],
    )
}

fn entry_members() -> serde_json::Value {
    whole(&["op", "to", "fr", "rqi", "rsc", "ot", "rqb", "rsb", "pys"])
}
