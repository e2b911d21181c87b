//! Records as bytes, and their keys.

use super::field::{Field, Unreadable, member, object, structure, tagged, unknown};
use m2m_machine::id::{ResourceId, SessionId};
use m2m_machine::record::{
    Attempt, Change, ChangeKind, Credentials, HopEnd, Key, Neighbour, Notice, NoticeKind, Outcome,
    Phase, Record, Requester, Session, Stage, Stored, Termination, Tombstone,
};
use serde_json::{Map, Value as Json, json};

/// The version of the form of records; a store of another one is refused.
pub const FORMAT: u32 = 1;

/// The key of a record as text.
#[must_use]
pub fn key(key: &Key) -> String {
    let (kind, id) = match key {
        Key::Counter => ("counter", Json::Null),
        Key::Neighbour(id) => ("neighbour", id.save()),
        Key::Resource(id) => ("resource", id.save()),
        Key::Session(id) => ("session", id.save()),
        Key::Attempt(id) => ("attempt", id.save()),
        Key::Change(number) => ("change", number.save()),
        Key::Stored(id) => ("stored", id.save()),
        Key::Notice(number) => ("notice", number.save()),
        Key::Tombstone(id) => ("tombstone", id.save()),
        Key::Outcome(id) => (
            "outcome",
            json!([id.originator.save(), id.request_id.save()]),
        ),
    };
    json!([kind, id]).to_string()
}

/// A record as bytes.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    let (kind, body) = match record {
        Record::Counter(number) => ("counter", number.save()),
        Record::Neighbour(r) => ("neighbour", r.save()),
        Record::Resource(r) => ("resource", r.save()),
        Record::Session(r) => ("session", r.save()),
        Record::Attempt(r) => ("attempt", r.save()),
        Record::Change(r) => ("change", r.save()),
        Record::Stored(r) => ("stored", r.save()),
        Record::Notice(r) => ("notice", r.save()),
        Record::Tombstone(r) => ("tombstone", r.save()),
        Record::Outcome(r) => ("outcome", r.save()),
    };
    json!({ kind: body }).to_string().into_bytes()
}

/// The record of these bytes.
pub fn decode(bytes: &[u8]) -> Result<Record, Unreadable> {
    let json: Json = serde_json::from_slice(bytes)
        .map_err(|why| Unreadable(format!("no JSON at byte {}", why.column())))?;
    let (kind, body) = tagged(json)?;
    let record = match kind.as_str() {
        "counter" => u64::load(body).map(Record::Counter),
        "neighbour" => Field::load(body).map(Record::Neighbour),
        "resource" => Field::load(body).map(Record::Resource),
        "session" => Field::load(body).map(Record::Session),
        "attempt" => Field::load(body).map(Record::Attempt),
        "change" => Field::load(body).map(Record::Change),
        "stored" => Field::load(body).map(Record::Stored),
        "notice" => Field::load(body).map(Record::Notice),
        "tombstone" => Field::load(body).map(Record::Tombstone),
        "outcome" => Field::load(body).map(Record::Outcome),
        other => unknown("kind of record", other),
    };
    record.map_err(|why| Unreadable(format!("{kind}: {why}")))
}

structure! {
    Neighbour { cse, base, speaks_sessions, is_registrar }
    Credentials { key_id, key }
    Session {
        id, resource, phase, credentials, initiator, target, upstream, confirming, hop_lost,
        entries,
    }
    Termination { reason, requester, endpoints, endpoints_until, hops, hops_until }
    HopEnd { to, request_id, by_session, reason }
    Requester { key, peer, acknowledged, expires, request }
    Attempt {
        id, requester, stage, upstream, upstream_session, downstream, question, parent, resource,
        name, credentials, initiator, target, session_expires, end_to_end, all_required,
        descriptors, endpoint, policies, visited,
    }
    Change { number, requester, session, hop, to, request_id, what, undoing }
    Stored {
        id, sequence, requester, originator, session, hop, request_id, policy, window, opens,
        accepted, expires,
    }
    Notice { number, to, request, expires, kind }
    Tombstone { id, until, hops, retry, pause_ms, requester }
    Outcome { key, digest, response, until }
}

impl Field for Phase {
    fn save(&self) -> Json {
        match self {
            Self::Pending { lease } => json!({ "pending": lease.save() }),
            Self::Active => json!({ "active": null }),
            Self::Terminating(termination) => json!({ "terminating": termination.save() }),
        }
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let (kind, body) = tagged(json)?;
        match kind.as_str() {
            "pending" => Field::load(body).map(|lease| Self::Pending { lease }),
            "active" => Ok(Self::Active),
            "terminating" => Termination::load(body).map(Self::Terminating),
            other => unknown("phase", other),
        }
    }
}

impl Field for Stage {
    fn save(&self) -> Json {
        match self {
            Self::AwaitingCapability => json!({ "awaiting": null }),
            Self::Asked => json!({ "asked": null }),
            Self::Abandoned { until } => json!({ "abandoned": until.save() }),
        }
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let (kind, body) = tagged(json)?;
        match kind.as_str() {
            "awaiting" => Ok(Self::AwaitingCapability),
            "asked" => Ok(Self::Asked),
            "abandoned" => Field::load(body).map(|until| Self::Abandoned { until }),
            other => unknown("stage", other),
        }
    }
}

impl Field for ChangeKind {
    fn save(&self) -> Json {
        match self {
            Self::CreatePolicy(members) => json!({ "create": members.save() }),
            Self::UpdatePolicy(id, members) => json!({ "update": [id.save(), members.save()] }),
            Self::DeletePolicy(id) => json!({ "delete": id.save() }),
            Self::UpdateSession(members) => json!({ "session": members.save() }),
        }
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let (kind, body) = tagged(json)?;
        match kind.as_str() {
            "create" => Field::load(body).map(Self::CreatePolicy),
            "update" => Field::load(body).map(|(id, members)| Self::UpdatePolicy(id, members)),
            "delete" => ResourceId::load(body).map(Self::DeletePolicy),
            "session" => Field::load(body).map(Self::UpdateSession),
            other => unknown("change", other),
        }
    }
}

impl Field for NoticeKind {
    fn save(&self) -> Json {
        match self {
            Self::Termination(id) => json!({ "termination": id.save() }),
            Self::Change(id) => json!({ "change": id.save() }),
            Self::Result(id) => json!({ "result": id.save() }),
            Self::Event(id) => json!({ "event": id.save() }),
        }
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let (kind, body) = tagged(json)?;
        match kind.as_str() {
            "termination" => SessionId::load(body).map(Self::Termination),
            "change" => SessionId::load(body).map(Self::Change),
            "result" => ResourceId::load(body).map(Self::Result),
            "event" => ResourceId::load(body).map(Self::Event),
            other => unknown("notice", other),
        }
    }
}
