//! What an operator decides about a CSE: identity, timers, limits.

use crate::address::Home;
use crate::deviation::Deviations;
use crate::geometry::{Geometry, SpatialFunction};
use crate::id::CseId;
use crate::text::Text;
use crate::value::Value;
use alloc::vec::Vec;

/// The configuration of a [`crate::Cse`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Config {
    /// CSE-ID, for example `/cse1`.
    pub cse_id: CseId,
    /// The M2M-SP-ID of its service provider, without slashes, for example `sp.example`.
    pub service_provider: Text,
    /// The other service providers whose infrastructure nodes this one, itself one, has links with (Mcc').
    pub providers: Vec<Provider>,
    /// Name of the CSEBase, for example `cse1`.
    pub name: Text,
    /// Infrastructure or middle node.
    pub kind: CseKind,
    /// The CSEBase of the CSE at which this one registers, over a link that it opens: its SP-relative address, or
    /// `-` where only its point of access is known.
    pub registrar: Option<Text>,
    /// Where registrees reach this CSE.
    pub point_of_access: Vec<Text>,
    /// Whether CSEs may register and speak over a link that is neither secured nor trusted.
    pub allow_plain_mcc: bool,
    /// Whether registree CSEs without a link are dialled at their points of access when there is something for them.
    pub dial_registree_poa: bool,
    /// The AE-ID stem of an originator that is known without registration, over trusted links, and has every right.
    pub administrator: Option<Text>,
    /// Serializations of primitives that its links take, as `csz` shows them; none: it says nothing of them.
    pub serializations: Vec<Text>,
    /// Whether a target of notifications that is not the subscriber is asked whether it wants them.
    pub verify_subscriptions: bool,
    /// Timers.
    pub timers: Timers,
    /// Limits.
    pub limits: Limits,
    /// Rules that are switched off, for ablation only.
    pub deviations: Deviations,
    /// What the host works out.
    pub host: Host,
}

impl Config {
    /// Where this CSE reads addresses.
    #[must_use]
    pub fn home(&self) -> Home<'_> {
        Home {
            cse: &self.cse_id,
            provider: &self.service_provider,
        }
    }
}

/// Another service provider, as its infrastructure node is reached (TS-0001 clause 5.2.2, reference point Mcc').
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Provider {
    /// Its M2M-SP-ID, without slashes.
    pub id: Text,
    /// Where its infrastructure node listens, in the order of trying; none: it opens the links.
    pub points_of_access: Vec<Text>,
}

/// What the host works out from values that are nothing but text or numbers to the machine; always the same for the
/// same values. Part of the host, not of the state.
#[derive(Clone, Copy)]
pub struct Host {
    /// Length of a value in JSON, in bytes, as the host writes it.
    pub measure: fn(&Value) -> u32,
    /// Reads JSON, its names as an application's own; `None` if it is none.
    pub read_json: fn(&str) -> Option<Value>,
    /// Decodes base64; `None` if it is none, or of something that is no text.
    pub decode_base64: fn(&str) -> Option<Text>,
    /// Whether the text is a query in SPARQL 1.1.
    pub is_sparql_query: fn(&str) -> bool,
    /// Whether the first geometry stands so to the second.
    pub relates: fn(&Geometry, SpatialFunction, &Geometry) -> bool,
}

impl Host {
    /// A host that measures and knows no other language; for checkers and tests.
    #[must_use]
    pub const fn simple(measure: fn(&Value) -> u32) -> Self {
        Self {
            measure,
            read_json: |_| None,
            decode_base64: |_| None,
            is_sparql_query: |_| false,
            relates: |_, _, _| false,
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Host {}

impl core::hash::Hash for Host {
    fn hash<H: core::hash::Hasher>(&self, _state: &mut H) {}
}

impl core::fmt::Debug for Host {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Host")
    }
}

/// Kinds of CSE (TS-0004 clause 6.3.4.2.2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CseKind {
    /// Infrastructure node.
    In,
    /// Middle node.
    Mn,
}

/// Times, in milliseconds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Timers {
    /// Life of a request that brings no expiration.
    pub request_life_ms: u64,
    /// How much earlier a hop's request expires than the request it serves.
    pub hop_step_ms: u64,
    /// How long an outcome is remembered after the request's expiration.
    pub outcome_memory_ms: u64,
    /// How long an unconfirmed session lives after the expiration of the hop's request.
    pub lease_ms: u64,
    /// How long termination waits for an endpoint's answer.
    pub termination_wait_ms: u64,
    /// Between the end of use and the deletion of a session at its expiration.
    pub expiry_margin_ms: u64,
    /// How long a session outlives the registration of one of its hops.
    pub hop_grace_ms: u64,
    /// Life of a session whose initiator asks for none.
    pub session_life_ms: u64,
    /// Longest life of a session.
    pub session_life_max_ms: u64,
    /// First pause between two attempts to end a session at an unreachable hop; the pause before a hop that has not
    /// taken a change back is asked again.
    pub tombstone_retry_ms: u64,
    /// Longest such pause.
    pub tombstone_retry_max_ms: u64,
    /// First pause before a link is opened again.
    pub redial_ms: u64,
    /// Longest such pause.
    pub redial_max_ms: u64,
    /// Life of a resource whose creator asks for none.
    pub resource_life_ms: u64,
    /// How long the result of a non-blocking request can be fetched.
    pub result_life_ms: u64,
}

impl Default for Timers {
    fn default() -> Self {
        const DAY: u64 = 86_400_000;
        Self {
            request_life_ms: 30_000,
            hop_step_ms: 1_000,
            outcome_memory_ms: 60_000,
            lease_ms: 30_000,
            termination_wait_ms: 5_000,
            expiry_margin_ms: 2_000,
            hop_grace_ms: 30_000,
            session_life_ms: DAY,
            session_life_max_ms: 30 * DAY,
            tombstone_retry_ms: 30_000,
            tombstone_retry_max_ms: 600_000,
            redial_ms: 1_000,
            redial_max_ms: 60_000,
            resource_life_ms: 365 * DAY,
            result_life_ms: DAY,
        }
    }
}

/// Bounds on what peers can make a CSE hold.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limits {
    /// Sessions per AE.
    pub sessions_per_ae: u32,
    /// Requests stored for later delivery.
    pub stored_requests: u32,
    /// Their content, in bytes.
    pub stored_bytes: u64,
    /// Requests and notifications held or unanswered per peer.
    pub outgoing_per_peer: u32,
    /// Outcomes remembered per originator.
    pub outcomes_per_originator: u32,
    /// Entries of a session's context, unless its endpoints ask for fewer.
    pub context_entries: u32,
    /// Resources in the tree.
    pub resources: u32,
    /// Undecodable messages in a row that a link survives.
    pub malformed_in_a_row: u32,
    /// CSEs on the route of a session.
    pub hops: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions_per_ae: 64,
            stored_requests: 10_000,
            stored_bytes: 64 << 20,
            outgoing_per_peer: 1_024,
            outcomes_per_originator: 1_024,
            context_entries: 100,
            resources: 1_000_000,
            malformed_in_a_row: 16,
            hops: 8,
        }
    }
}
