//! The tables of defects, by what they are about.

use serde_json::Value;

use crate::mutants::engine::{Fate, Scene};

pub(super) mod abroad;
pub(super) mod agents;
pub(super) mod answers;
pub(super) mod conditions;
pub(super) mod framing;
pub(super) mod groups;
pub(super) mod handshake;
pub(super) mod harmless;
pub(super) mod hops;
pub(super) mod notifications;
pub(super) mod policies;
pub(super) mod requests;
pub(super) mod service;
pub(super) mod sessions;
pub(super) mod status;

/// Makes the record of a defect.
macro_rules! defect {
    ($kind:ident, $name:literal, $sentence:literal, $($rule:ident $(($($act:tt)*))?),+) => {
        $crate::mutants::Defect {
            name: $name,
            sentence: $sentence,
            kind: $crate::mutants::Kind::$kind(
                &[$($crate::mutants::engine::Rule::$rule $(($($act)*))?),+]
            ),
            source: stringify!($($rule $(($($act)*))?),+),
        }
    };
}
use defect;

/// A wrong CSE.
macro_rules! wrong {
    ($($record:tt)*) => { $crate::mutants::defects::defect!(Wrong, $($record)*) };
}
use wrong;

/// One status for another.
fn restate(answer: &mut Value, from: u64, to: u64) -> Fate {
    if answer["rsc"] == from {
        answer["rsc"] = to.into();
    }
    Fate::Pass
}

/// Whether the answered request is a CREATE of this type.
fn creates(scene: &Scene<'_>, ty: u64) -> bool {
    scene.asked["op"] == 1 && scene.asked["ty"] == ty
}

/// Whether the answered request is this operation.
fn does(scene: &Scene<'_>, op: u64) -> bool {
    scene.asked["op"] == op
}

/// Whether the answer is a success.
fn good(answer: &Value) -> bool {
    answer["rsc"]
        .as_u64()
        .is_some_and(|rsc| (2000..3000).contains(&rsc))
}

/// Type of the event that a request tells, 0 for none.
fn event(told: &Value) -> u64 {
    told["pc"]["m2m:sgn"]["nev"]["net"].as_u64().unwrap_or(0)
}

/// The only representation in content, whatever its kind.
fn body(content: &mut Value) -> Option<&mut Value> {
    let members = content.get_mut("pc")?.as_object_mut()?;
    members.values_mut().find(|value| value.is_object())
}

/// Removes a member of the representation in content.
fn forget(content: &mut Value, name: &str) -> Fate {
    if let Some(members) = body(content).and_then(Value::as_object_mut) {
        members.remove(name);
    }
    Fate::Pass
}

/// Sets a member of the representation in content, if it is there.
fn replace(content: &mut Value, name: &str, value: Value) -> Fate {
    if let Some(body) = body(content)
        && body.get(name).is_some()
    {
        body[name] = value;
    }
    Fate::Pass
}

/// Without a member of the filter.
fn without(request: &mut Value, name: &str) -> Fate {
    if let Some(filter) = request.get_mut("fc").and_then(Value::as_object_mut) {
        filter.remove(name);
    }
    Fate::Pass
}

/// The last part of the address a request names.
fn last(request: &Value) -> &str {
    let to = request["to"].as_str().unwrap_or_default();
    to.rsplit('/').next().unwrap_or_default()
}

/// Counts under a name over all links of a case; the new count.
fn count(scene: &mut Scene<'_>, name: &str) -> u64 {
    let number = scene.memory.get(name).and_then(Value::as_u64).unwrap_or(0) + 1;
    scene.memory.insert(name.to_owned(), number.into());
    number
}
