//! Messages as nearly all peers write nearly all of theirs: read in one pass.
//!
//! What is unusual (a name or a text with escapes, a parameter of a wrong type, one that is named twice or not
//! known, anything that is no JSON) is left to the exact path, which knows what to say of it.

use super::param;
use super::request;
use m2m_machine::id::{RequestId, SessionId};
use m2m_machine::primitive::{Malformed, Operation, Primitive, Request, Response};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The parameters, each as it stands in the message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters<'a> {
    #[serde(default, deserialize_with = "present")]
    op: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    rsc: Option<u16>,
    #[serde(default, deserialize_with = "present")]
    to: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    fr: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    rqi: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    rvi: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    ty: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    rcn: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    drt: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    sid: Option<&'a str>,
    #[serde(default, borrow, deserialize_with = "present")]
    rqet: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    pc: Option<&'a RawValue>,
}

/// A member that is there: `null` is no value of a parameter.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The primitive, if the message is a usual one.
pub(super) fn decode(text: &str) -> Option<Primitive> {
    // A structure may be read from an array, too.
    let is_object = text.trim_ascii_start().starts_with('{');
    let parameters: Parameters<'_> = serde_json::from_str(text).ok().filter(|_| is_object)?;
    match (parameters.op, parameters.rsc) {
        (Some(operation), None) => {
            let request = request(&parameters, Operation::from_number(operation)?).ok()?;
            Some(Primitive::Request(Shared::new(request)))
        }
        (None, Some(status)) => {
            let response = response(&parameters, Status(status))?;
            Some(Primitive::Response(Shared::new(response)))
        }
        (Some(_), Some(_)) | (None, None) => None,
    }
}

fn request(parameters: &Parameters<'_>, operation: Operation) -> Result<Request, Malformed> {
    let missing = Malformed::MissingParameter;
    let to = parameters.to.ok_or(missing)?;
    let request_id = RequestId::from(parameters.rqi.ok_or(missing)?);
    let (to, query) = request::take_session(to)?;
    let session = parameters.sid.map(SessionId::from);
    if query.is_some() && session.is_some() {
        return Err(Malformed::SessionMismatch);
    }
    Ok(Request {
        from: parameters.fr.map(Into::into),
        release_version: parameters.rvi.map(Into::into),
        resource_type: parameters.ty,
        content: parameters.pc.map(param::content).transpose()?,
        result_content: parameters.rcn,
        request_expiration: parameters.rqet.map(param::when).transpose()?,
        identifier_type: parameters.drt,
        session: session.or(query),
        ..request::blank(operation, to, request_id)
    })
}

fn response(parameters: &Parameters<'_>, status: Status) -> Option<Response> {
    let Parameters {
        op: None,
        rsc: Some(_),
        to: None,
        fr: None,
        rqi,
        rvi,
        ty: None,
        rcn: None,
        drt: None,
        sid,
        rqet: None,
        pc,
    } = *parameters
    else {
        return None;
    };
    Some(Response {
        status,
        request_id: rqi.map(RequestId::from),
        release_version: rvi.map(Into::into),
        session: sid.map(SessionId::from),
        content: pc.map(param::content).transpose().ok()?,
        result_expiration: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, exact};
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::create(r#"{"op":1,"to":"cse1/a","fr":"C1","rqi":"1","rvi":"3","ty":4,"pc":{"m2m:cin":{"con":"x"}}}"#)]
    #[case::retrieve(r#" {"rqi" : "1", "to":"a","op":2,"drt":2,"rcn":4} "#)]
    #[case::session_in_the_address(r#"{"op":2,"to":"a?sessionID=/cse1/x","rqi":"1"}"#)]
    #[case::session_in_a_parameter(r#"{"op":2,"to":"a","rqi":"1","sid":"/cse1/x"}"#)]
    #[case::expiration(r#"{"op":2,"to":"a","rqi":"1","rqet":"20270301T100500"}"#)]
    #[case::response(r#"{"rsc":2001,"rqi":"1","rvi":"3","sid":"s","pc":{"a":[1,2.50]}}"#)]
    #[case::escaped_name(r#"{"\u006fp":2,"to":"a","rqi":"1"}"#)]
    #[case::bare_response(r#"{"rsc":4004}"#)]
    fn a_usual_message_is_read_as_on_the_exact_path(#[case] text: &str) {
        let plain = decode(text).expect("it is usual");

        assert_eq!(Ok(plain), exact(text));
    }

    #[rstest]
    #[case::null(r#"{"op":2,"to":"a","rqi":"1","fr":null}"#)]
    #[case::twice(r#"{"op":2,"to":"a","rqi":"1","op":2}"#)]
    #[case::escaped(r#"{"op":2,"to":"\u0061","rqi":"1"}"#)]
    #[case::unknown(r#"{"op":2,"to":"a","rqi":"1","xyz":1}"#)]
    #[case::both(r#"{"op":2,"rsc":2000,"to":"a","rqi":"1"}"#)]
    #[case::two_sessions(r#"{"op":2,"to":"a?sessionID=s","rqi":"1","sid":"s"}"#)]
    #[case::cut(r#"{"op":2,"to":"a","rqi":"1""#)]
    #[case::trailing(r#"{"op":2,"to":"a","rqi":"1"} x"#)]
    #[case::array(r#"[1]"#)]
    #[case::tuple(r#"[2,null,"a"]"#)]
    fn what_is_unusual_is_left_to_the_exact_path(#[case] text: &str) {
        assert_eq!(decode(text), None);
        assert_eq!(super::super::decode(text, &Dialect::Published), exact(text));
    }
}
