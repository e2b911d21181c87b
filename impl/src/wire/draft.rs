//! The dialect of the draft binding: its own spelling of primitives, as its example prints it.
//!
//! Against the published form: a wrapper (`m2m:rqp`, `m2m:rsp`), `ri` for the request identifier,
//! codes and booleans as text, `poa` as one string, typographic quotes, no release versions,
//! application identifiers of any form, and a CSE named by its CSE-ID without the slash. Read, it
//! becomes what the machine knows; written, it is turned back.

use super::param::Strictness;
use super::value::{Entries, Seal, collect};
use super::{Decoded, Spelling, Unsealable, classify};
use m2m_machine::attribute::Attribute;
use m2m_machine::primitive::{Content, Operation, Primitive, Request, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::value::{Members, Value};
use std::borrow::Cow;

/// What an application identifier of no registered form is made from, so that it can be turned
/// back.
const UNREGISTERED: &str = "Ndraft.";
/// The release that the draft's primitives are taken for.
const RELEASE: &str = "3";

/// Reads a message; `cse` is the CSE-ID without its slash.
pub(super) fn decode(text: &str, cse: &str) -> Decoded {
    // LNK-57
    let text = straighten(text);
    let mut parameters = Entries::new();
    let mut well_formed = collect(&text, &mut parameters);
    // LNK-56
    if let [(name, raw)] = parameters.as_slice()
        && (name == "m2m:rqp" || name == "m2m:rsp")
    {
        let raw = raw.get();
        parameters = Entries::new();
        well_formed &= collect(raw, &mut parameters);
    }
    for (name, _) in &mut parameters {
        if name == Spelling::Draft.request_id() {
            *name = Cow::Borrowed(Spelling::Published.request_id());
        }
    }
    Ok(
        match classify(&text, &parameters, well_formed, Strictness::Draft)? {
            Primitive::Request(request) => {
                let mut request = Request::clone(&request);
                published(&mut request, cse);
                Primitive::Request(Shared::new(request))
            }
            Primitive::Response(response) => Primitive::Response(response),
        },
    )
}

/// Writes a message.
pub(super) fn encode(primitive: &Primitive, seal: &Seal<'_>) -> Result<String, Unsealable> {
    let (wrapper, primitive) = match primitive {
        Primitive::Request(request) => {
            let mut request = Request::clone(request);
            request.release_version = None;
            request.content.as_mut().map(drafted);
            ("m2m:rqp", Primitive::Request(Shared::new(request)))
        }
        Primitive::Response(response) => {
            let mut response = Response::clone(response);
            response.release_version = None;
            response.content.as_mut().map(drafted);
            ("m2m:rsp", Primitive::Response(Shared::new(response)))
        }
    };
    let text = super::write(&primitive, Spelling::Draft, seal)?;
    Ok(format!("{{\"{wrapper}\":{text}}}"))
}

fn published(request: &mut Request, cse: &str) {
    request
        .release_version
        .get_or_insert_with(|| RELEASE.into());
    if &*request.to == cse {
        request.to = format!("/{cse}").into();
    } else if let Some(path) = request
        .to
        .strip_prefix(cse)
        .and_then(|p| p.strip_prefix('/'))
    {
        request.to = format!("/{cse}/-/{path}").into();
    }
    let Some(members) = request.content.as_mut().and_then(members_of_resource) else {
        return;
    };
    if let Some(Value::Text(text)) = members.get(&Attribute::RequestReachability)
        && let Ok(reachable) = text.parse()
    {
        members.insert(Attribute::RequestReachability, Value::Bool(reachable));
    }
    if let Some(Value::Text(text)) = members.get(&Attribute::PointOfAccess) {
        let list = Value::texts([text.as_str()]);
        members.insert(Attribute::PointOfAccess, list);
    }
    if let Some(Value::Text(text)) = members.get(&Attribute::AppId)
        && !text.starts_with(['r', 'R', 'N'])
    {
        let registered = Value::Text(format!("{UNREGISTERED}{text}").into());
        members.insert(Attribute::AppId, registered);
    }
    if request.operation == Operation::Create && request.resource_type == Some(AE) {
        members.insert_missing(Attribute::SupportedReleaseVersions, || {
            Value::texts([RELEASE])
        });
    }
}

fn drafted(content: &mut Content) {
    let Some(members) = members_of_resource(content) else {
        return;
    };
    members.remove(&Attribute::SupportedReleaseVersions);
    if let Some(Value::Bool(reachable)) = members.get(&Attribute::RequestReachability) {
        let text = Value::Text(reachable.to_string().into());
        members.insert(Attribute::RequestReachability, text);
    }
    if let Some(Value::List(list)) = members.get(&Attribute::PointOfAccess)
        && let [single] = list.as_slice()
    {
        let single = single.clone();
        members.insert(Attribute::PointOfAccess, single);
    }
    if let Some(Value::Text(text)) = members.get(&Attribute::AppId)
        && let Some(original) = text.strip_prefix(UNREGISTERED)
    {
        let original = Value::text(original);
        members.insert(Attribute::AppId, original);
    }
}

fn members_of_resource(content: &mut Content) -> Option<&mut Members> {
    let Value::Object(outer) = &mut content.value else {
        return None;
    };
    let mut resources = outer
        .iter_mut()
        .filter(|m| matches!(m.0, Attribute::Resource(_)));
    match resources.next()?.1 {
        Value::Object(members) => Some(members),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::List(_)
        | Value::Sealed(_)
        | Value::Secret(_) => None,
    }
}

/// Replaces typographic quotes that stand for quotation marks; within text between straight ones
/// they are text.
fn straighten(text: &str) -> Cow<'_, str> {
    if !text.contains(is_typographic) {
        return Cow::Borrowed(text);
    }
    let mut straight = String::with_capacity(text.len());
    let mut characters = text.chars();
    let mut within: Option<bool> = None;
    while let Some(character) = characters.next() {
        match (within, character) {
            (None, '"') => within = Some(false),
            (None, c) if is_typographic(c) => within = Some(true),
            (Some(false), '"') => within = None,
            (Some(true), c) if is_typographic(c) => within = None,
            (Some(_), '\\') => {
                straight.push(character);
                straight.extend(characters.next());
                continue;
            }
            (Some(true), '"') => {
                straight.push_str("\\\"");
                continue;
            }
            (Some(_) | None, other) => {
                straight.push(other);
                continue;
            }
        }
        straight.push('"');
    }
    Cow::Owned(straight)
}

fn is_typographic(character: char) -> bool {
    matches!(character, '\u{201c}' | '\u{201d}' | '\u{201e}')
}

/// The type of an `<AE>` on the wire.
const AE: u32 = ResourceType::Ae.number();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Undecodable;
    use m2m_machine::primitive::Malformed;
    use rstest::rstest;

    #[rstest]
    #[case("{\u{201c}a\u{201d}:1}", "{\"a\":1}")]
    #[case("{\"a\":\"\u{201c}x\u{201d}\"}", "{\"a\":\"\u{201c}x\u{201d}\"}")]
    #[case("{\u{201d}a\u{201d}:\u{201d}\"\\\"\u{201d}}", "{\"a\":\"\\\"\\\"\"}")]
    #[case("{\"a\":\"\\\"\u{201c}\"}", "{\"a\":\"\\\"\u{201c}\"}")]
    fn quotes_are_straightened_where_they_are_quotation_marks(
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(straighten(text), expected);
    }

    #[rstest]
    #[case("mncse1234", "/mncse1234")]
    #[case("mncse1234/app", "/mncse1234/-/app")]
    #[case("mncse12345", "mncse12345")]
    #[case("app", "app")]
    fn the_cse_is_addressed_by_its_bare_identifier(#[case] to: &str, #[case] expected: &str) {
        let text = format!("{{\"m2m:rqp\":{{\"op\":\"2\",\"to\":\"{to}\",\"ri\":\"1\"}}}}");

        let Ok(Primitive::Request(request)) = decode(&text, "mncse1234") else {
            panic!("it is a request");
        };

        assert_eq!(request.to, expected);
        assert_eq!(request.operation, Operation::Retrieve);
        assert_eq!(request.request_id.as_str(), "1");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_the_identifier() {
        let missing = decode("{\"m2m:rqp\":{\"op\":\"1\",\"ri\":\"A1\"}}", "c");

        assert_eq!(
            missing,
            Err(Undecodable {
                request_id: Some("A1".into()),
                why: Malformed::MissingParameter
            })
        );
    }
}
