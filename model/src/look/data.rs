//! What properties look at in data: sealed values, paths, stored requests, context entries.

use super::TakenUp;
use crate::happening::CseStep;
use m2m_machine::address::{lies_within, normalized};
use m2m_machine::attribute::Attribute;
use m2m_machine::id::{AeId, RequestId, SessionId};
use m2m_machine::primitive::Request;
use m2m_machine::resource::{Resource, ResourceType};
use m2m_machine::shared::Shared;
use m2m_machine::text::Text;
use m2m_machine::value::{SealBody, Sealed, Value};
use m2m_machine::{Cse, Timestamp};

/// A day.
const DAY_MS: u64 = 86_400_000;
/// An hour.
const HOUR_MS: u64 = 3_600_000;

/// The endpoint in whose paths an address lies.
pub(crate) fn covering(cse: &Cse, session: &SessionId, to: &str) -> Option<AeId> {
    let session = cse.state().sessions.get(session)?;
    let config = cse.config();
    let norm = |text: &str| normalized(text, &config.cse_id, &config.name);
    let target = norm(to)?;
    let covers = |path: &Text| norm(path).is_some_and(|path| lies_within(&target, &path));
    cse.endpoints_of(session)
        .into_iter()
        .find_map(|(ae, paths)| paths.iter().any(covers).then_some(ae))
}

/// Who made a data request, SP-relative.
pub(crate) fn originator(cse: &Cse, taken: &TakenUp<'_>) -> Text {
    let from = taken.request.from.clone().unwrap_or_default();
    if from.starts_with('/') {
        from
    } else {
        AeId::at(&cse.config().cse_id, &from).0
    }
}

/// The window under which a request goes on that is sent as soon as it arrived.
pub(crate) fn window_of(step: &CseStep<'_>, request: &Request) -> Vec<Text> {
    // What comes from a hop was delayed there, if it had to be.
    let own = step.after.config().cse_id.as_str();
    let from_here = request
        .from
        .as_ref()
        .is_some_and(|from| lies_within(from, own));
    let session = request.session.as_ref();
    let session = session.and_then(|id| step.before.state().sessions.get(id));
    let Some(session) = session.filter(|_| from_here) else {
        return Vec::new();
    };
    let tree = &step.before.state().tree;
    let policies = tree.children_of_type(&session.resource, ResourceType::SessionPolicy);
    let forwards = |r: &&Shared<Resource>| r.integer(&Attribute::PolicyScope) != Some(2);
    let rank = |r: &&Shared<Resource>| r.integer(&Attribute::PolicyOrder).unwrap_or(100);
    let policy = policies.filter(forwards).min_by_key(rank);
    policy
        .and_then(|p| p.get(&Attribute::ScheduleElement))
        .and_then(|se| se.member(&Attribute::ScheduleEntries))
        .and_then(Value::as_texts)
        .unwrap_or_default()
}

/// Whether a resource is a `<request>` that has come to its end.
pub(crate) fn is_settled_request(row: &Shared<Resource>) -> bool {
    row.resource_type == ResourceType::Request
        && row
            .integer(&Attribute::RequestStatus)
            .is_some_and(|rs| rs != 3)
}

/// Whether the clock is between 02:00 and 03:59.
pub(crate) const fn is_night(now: Timestamp) -> bool {
    let hour = now.0 % DAY_MS / HOUR_MS;
    hour == 2 || hour == 3
}

/// The context entries of a CSE.
pub(crate) fn entries(cse: &Cse) -> impl Iterator<Item = &Shared<Resource>> {
    let rows = cse.state().tree.iter();
    rows.filter(|r| r.resource_type == ResourceType::SessionContextEntry)
}

/// Whether a context entry is about the request of that identifier.
pub(crate) fn is_of(entry: &Resource, id: &RequestId) -> bool {
    entry.text(&Attribute::RequestIdentifier) == Some(&id.0)
}

/// The first sealed value in a value.
pub(crate) fn sealed_in(value: &Value) -> Option<&Shared<Sealed>> {
    match value {
        Value::Sealed(sealed) => Some(sealed),
        Value::Object(members) => members.values().find_map(sealed_in),
        Value::List(list) => list.iter().find_map(sealed_in),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Secret(_) => None,
    }
}

/// Whether a sealed value does not show its data.
pub(crate) fn is_closed(sealed: &Sealed) -> bool {
    match sealed.body {
        SealBody::Compact(_) => true,
        SealBody::Clear(_) => false,
    }
}

/// The data that sessions have written below the AEs of a CSE, in the order of creation.
pub(crate) fn data(cse: &Cse) -> Vec<Shared<Sealed>> {
    let tree = &cse.state().tree;
    let mut rows: Vec<_> = tree
        .iter()
        .filter(|r| r.resource_type == ResourceType::ContentInstance)
        .collect();
    rows.sort_by_key(|r| r.sequence);
    rows.into_iter()
        .filter_map(|r| sealed_in(r.get(&Attribute::Content)?).cloned())
        .collect()
}
