//! Records as bytes, and their keys; both as JSON, too, for people and from format 1.

use super::binary::{Binary, Out, Written, array_of, kind, kind_of, unknown_kind};
use super::field::{Field, Unreadable, member, object, part, structure, tagged, unknown};
use m2m_machine::id::{ResourceId, SessionId};
use m2m_machine::record::{
    Attempt, Change, ChangeKind, Credentials, HopEnd, Key, Neighbour, Notice, NoticeKind, Outcome,
    Phase, Record, Requester, Session, Stage, Stored, Termination, Tombstone,
};
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Value as Json, json};

/// The version of the form of records. Stores of formats 1 and 2 are brought to it, any other is refused.
pub const FORMAT: u32 = 3;
/// The form without the members that structures have got later; what is in it is read as it is.
pub(super) const EARLIER: u32 = 2;

/// The key of a record as bytes.
#[must_use]
pub fn key(key: &Key) -> Vec<u8> {
    let mut out = Encoder::new(Vec::with_capacity(KEY_BYTES));
    let written = match key {
        Key::Counter => kind(&mut out, 0, 0),
        Key::Neighbour(id) => one(&mut out, 1, id),
        Key::Resource(id) => one(&mut out, 2, id),
        Key::Session(id) => one(&mut out, 3, id),
        Key::Attempt(id) => one(&mut out, 4, id),
        Key::Change(number) => one(&mut out, 5, number),
        Key::Stored(id) => one(&mut out, 6, id),
        Key::Notice(number) => one(&mut out, 7, number),
        Key::Tombstone(id) => one(&mut out, 8, id),
        Key::Outcome(id) => one(&mut out, 9, id),
    };
    written.expect(TAKES_ALL);
    out.into_writer()
}

/// A record as bytes.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    let mut out = Encoder::new(Vec::with_capacity(RECORD_BYTES));
    let written = match record {
        Record::Counter(number) => one(&mut out, 0, number),
        Record::Neighbour(r) => one(&mut out, 1, r),
        Record::Resource(r) => one(&mut out, 2, r),
        Record::Session(r) => one(&mut out, 3, r),
        Record::Attempt(r) => one(&mut out, 4, r),
        Record::Change(r) => one(&mut out, 5, r),
        Record::Stored(r) => one(&mut out, 6, r),
        Record::Notice(r) => one(&mut out, 7, r),
        Record::Tombstone(r) => one(&mut out, 8, r),
        Record::Outcome(r) => one(&mut out, 9, r),
    };
    written.expect(TAKES_ALL);
    out.into_writer()
}

/// The record of these bytes.
pub fn decode(bytes: &[u8]) -> Result<Record, Unreadable> {
    let mut from = Decoder::new(bytes);
    let record = match kind_of(&mut from)? {
        (0, 1) => part(&mut from, "counter").map(Record::Counter),
        (1, 1) => part(&mut from, "neighbour").map(Record::Neighbour),
        (2, 1) => part(&mut from, "resource").map(Record::Resource),
        (3, 1) => part(&mut from, "session").map(Record::Session),
        (4, 1) => part(&mut from, "attempt").map(Record::Attempt),
        (5, 1) => part(&mut from, "change").map(Record::Change),
        (6, 1) => part(&mut from, "stored").map(Record::Stored),
        (7, 1) => part(&mut from, "notice").map(Record::Notice),
        (8, 1) => part(&mut from, "tombstone").map(Record::Tombstone),
        (9, 1) => part(&mut from, "outcome").map(Record::Outcome),
        other => unknown_kind("kind of record", other),
    }?;
    if from.position() == bytes.len() {
        Ok(record)
    } else {
        let at = from.position();
        Err(Unreadable(format!(
            "the record ends at byte {at}, its bytes do not"
        )))
    }
}

fn one(out: &mut Out, number: u8, part: &impl Binary) -> Written {
    kind(out, number, 1)?;
    part.write(out)
}

const TAKES_ALL: &str = "memory takes all that is written";
/// What keys and records rarely exceed.
const KEY_BYTES: usize = 48;
const RECORD_BYTES: usize = 320;

/// The key of a record as text.
#[must_use]
pub fn key_text(key: &Key) -> String {
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

/// What is said of a key that stands in the store, whatever it is.
pub(super) fn key_name(bytes: &[u8]) -> String {
    let read = || {
        let mut from = Decoder::new(bytes);
        let key = match kind_of(&mut from)? {
            (0, 0) => Key::Counter,
            (1, 1) => Key::Neighbour(Binary::read(&mut from)?),
            (2, 1) => Key::Resource(Binary::read(&mut from)?),
            (3, 1) => Key::Session(Binary::read(&mut from)?),
            (4, 1) => Key::Attempt(Binary::read(&mut from)?),
            (5, 1) => Key::Change(Binary::read(&mut from)?),
            (6, 1) => Key::Stored(Binary::read(&mut from)?),
            (7, 1) => Key::Notice(Binary::read(&mut from)?),
            (8, 1) => Key::Tombstone(Binary::read(&mut from)?),
            (9, 1) => Key::Outcome(Binary::read(&mut from)?),
            other => return unknown_kind("kind of record", other),
        };
        Ok::<_, Unreadable>(key)
    };
    read().map_or_else(|_| format!("{bytes:02x?}"), |key| key_text(&key))
}

/// A record as JSON.
#[must_use]
pub fn text(record: &Record) -> String {
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
    json!({ kind: body }).to_string()
}

/// The record of this JSON; so a store of format 1 has it.
pub fn from_text(bytes: &[u8]) -> Result<Record, Unreadable> {
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
            Self::Pending(id) => json!({ "pending": id.save() }),
        }
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let (kind, body) = tagged(json)?;
        match kind.as_str() {
            "termination" => SessionId::load(body).map(Self::Termination),
            "change" => SessionId::load(body).map(Self::Change),
            "result" => ResourceId::load(body).map(Self::Result),
            "event" => ResourceId::load(body).map(Self::Event),
            "pending" => ResourceId::load(body).map(Self::Pending),
            other => unknown("notice", other),
        }
    }
}
