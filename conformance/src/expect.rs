//! Verifiers: each says what a requirement demands, and stops the case if it is not so.
//!
//! Which requirements were looked at is kept, so that a case cannot list one that it never checks.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::case::Stop;
use crate::peer::{Message, Peer};
use crate::time::Stamp;

tokio::task_local! {
    static CHECKED: RefCell<BTreeSet<String>>;
}

/// Plays a case, and says which requirements its verifiers looked at.
pub async fn watched<T>(play: impl Future<Output = T>) -> (T, BTreeSet<String>) {
    let watch = async {
        let played = play.await;
        let checked = CHECKED.with(|checked| checked.take());
        (played, checked)
    };
    CHECKED.scope(RefCell::default(), watch).await
}

/// A verifier that is none of these looks at this requirement.
pub fn looked_at(requirement: &str) {
    // Outside a case nobody asks.
    let _ = CHECKED.try_with(|checked| checked.borrow_mut().insert(requirement.to_owned()));
}

/// What was awaited has come: what stayed away while the link lived violates the requirement.
///
/// # Errors
/// As the outcome, which names the requirement if it named none.
pub fn arrived<T>(requirement: &str, outcome: Result<T, Stop>) -> Result<T, Stop> {
    looked_at(requirement);
    outcome.map_err(|mut stop| {
        if let Stop::Fail(failure) = &mut stop
            && failure.requirement.is_empty()
        {
            requirement.clone_into(&mut failure.requirement);
        }
        stop
    })
}

/// The response has one of these status codes.
///
/// # Errors
/// If it has another one.
pub fn status(
    requirement: &str,
    what: &str,
    message: &Message,
    allowed: &[u64],
) -> Result<(), Stop> {
    looked_at(requirement);
    let actual = message.value["rsc"].as_u64();
    if actual.is_some_and(|code| allowed.contains(&code)) {
        return Ok(());
    }
    let allowed: Vec<String> = allowed.iter().map(u64::to_string).collect();
    let expected = format!("{what} answered {}", allowed.join(" or "));
    Err(Stop::fail(requirement, expected, shorten(&message.text)))
}

/// Both values are equal.
///
/// # Errors
/// If they are not.
pub fn equal(
    requirement: &str,
    what: &str,
    expected: impl Into<Value>,
    actual: &Value,
) -> Result<(), Stop> {
    looked_at(requirement);
    let expected = expected.into();
    if expected == *actual {
        return Ok(());
    }
    Err(Stop::fail(
        requirement,
        format!("{what}: {expected}"),
        shorten(&actual.to_string()),
    ))
}

/// The condition holds; `actual` says what was seen.
///
/// # Errors
/// If it does not.
pub fn holds(
    requirement: &str,
    what: &str,
    condition: bool,
    actual: impl Display,
) -> Result<(), Stop> {
    looked_at(requirement);
    if condition {
        return Ok(());
    }
    Err(Stop::fail(requirement, what, shorten(&actual.to_string())))
}

/// The object has these members with these values; it may have more.
///
/// # Errors
/// If one is missing or differs.
pub fn members(
    requirement: &str,
    what: &str,
    expected: &Value,
    actual: &Value,
) -> Result<(), Stop> {
    looked_at(requirement);
    let Some(expected) = expected.as_object() else {
        return equal(requirement, what, expected.clone(), actual);
    };
    for (name, value) in expected {
        equal(
            requirement,
            &format!("{what}, member {name}"),
            value.clone(),
            &actual[name],
        )?;
    }
    Ok(())
}

/// The object has none of these members.
///
/// # Errors
/// If it has one.
pub fn without(requirement: &str, what: &str, names: &[&str], actual: &Value) -> Result<(), Stop> {
    looked_at(requirement);
    match names.iter().find(|name| actual.get(**name).is_some()) {
        None => Ok(()),
        Some(name) => {
            let expected = format!("{what} without {name}");
            Err(Stop::fail(
                requirement,
                expected,
                shorten(&actual.to_string()),
            ))
        }
    }
}

/// The text member of this object.
///
/// # Errors
/// If it is missing or no text.
pub fn text(requirement: &str, what: &str, object: &Value, name: &str) -> Result<String, Stop> {
    looked_at(requirement);
    let found = object[name].as_str().map(str::to_owned);
    found.ok_or_else(|| {
        let expected = format!("{what} with a text {name}");
        Stop::fail(requirement, expected, shorten(&object.to_string()))
    })
}

/// The time in this member.
///
/// # Errors
/// If it is missing or no timestamp.
pub fn time(requirement: &str, what: &str, object: &Value, name: &str) -> Result<Stamp, Stop> {
    looked_at(requirement);
    let found = object[name].as_str().and_then(Stamp::parse);
    found.ok_or_else(|| {
        let expected = format!("{what} with a timestamp {name}");
        Stop::fail(requirement, expected, shorten(&object.to_string()))
    })
}

/// The members of an array that is mandatory here.
///
/// # Errors
/// If it is missing or no array.
pub fn list<'a>(
    requirement: &str,
    what: &str,
    object: &'a Value,
    name: &str,
) -> Result<&'a [Value], Stop> {
    looked_at(requirement);
    let found = object[name].as_array().map(Vec::as_slice);
    found.ok_or_else(|| {
        let expected = format!("{what} with a list {name}");
        Stop::fail(requirement, expected, shorten(&object.to_string()))
    })
}

/// A session identifier has its form: the CSE-ID, a slash, 22 base64url characters.
///
/// # Errors
/// If it has not.
pub fn session_id(requirement: &str, cse_id: &str, sid: &str) -> Result<(), Stop> {
    looked_at(requirement);
    let random = sid
        .strip_prefix(cse_id)
        .and_then(|rest| rest.strip_prefix('/'));
    let good = random.is_some_and(|random| random.len() == 22 && base64url(random));
    let expected = format!("a session identifier of the form {cse_id}/ and 22 base64url letters");
    holds(requirement, &expected, good, sid)
}

/// Nothing is left on any link that the case did not ask for.
///
/// # Errors
/// If something is, or a probe is not answered.
pub async fn quiet(peer: &mut Peer, requirement: &str) -> Result<(), Stop> {
    looked_at(requirement);
    for link in peer.links() {
        peer.probe(link).await?;
        if let Some(unasked) = peer.waiting(link).first() {
            let expected = format!("nothing more on {}", peer.name(link));
            return Err(Stop::fail(requirement, expected, shorten(unasked)));
        }
    }
    Ok(())
}

/// Bytes of the content of a primitive as it stood in the frame.
#[must_use]
pub fn content_bytes(text: &str) -> usize {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        pc: Option<&'a RawValue>,
    }
    let envelope = serde_json::from_str::<Envelope<'_>>(text).ok();
    envelope
        .and_then(|envelope| envelope.pc)
        .map_or(0, |pc| pc.get().len())
}

fn shorten(text: &str) -> String {
    const MOST: usize = 600;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn base64url(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_counted_as_it_stood_in_the_frame() {
        assert_eq!(content_bytes(r#"{"rsc":2000,"pc":{"m2m:uri": "a"}}"#), 16);
        assert_eq!(content_bytes(r#"{"rsc":2000}"#), 0);
    }

    #[test]
    fn a_session_identifier_has_22_letters_after_its_cse() {
        assert!(session_id("X", "/cse1", "/cse1/234ADVxk0Zb7NcR5tUeHpQ").is_ok());
        for wrong in [
            "/cse2/234ADVxk0Zb7NcR5tUeHpQ",
            "/cse1/short",
            "/cse1/234ADVxk0Zb7NcR5tUeHp+",
        ] {
            assert!(session_id("X", "/cse1", wrong).is_err(), "{wrong}");
        }
    }
}
