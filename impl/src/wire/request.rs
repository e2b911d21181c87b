//! Requests (TS-0004 clause 6.4.1).

use super::names::Scope;
use super::param::{self, Members, Strictness};
use super::value::{self, Entries, Seal, emit, emit_text};
use super::{Spelling, Unsealable};
use m2m_machine::id::{RequestId, SessionId};
use m2m_machine::primitive::{Malformed, Operation, Request, ResponseMode, ResponseType};
use m2m_machine::text::Text;
use m2m_machine::value::Value;
use serde_json::value::RawValue;
use std::io::Write;

/// The request that these parameters make.
pub(super) fn decode(
    parameters: &Entries<'_>,
    strictness: Strictness,
) -> Result<Request, Malformed> {
    let get = |wanted: &str| {
        parameters
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|p| p.1)
    };
    let operation = get("op").ok_or(Malformed::MissingParameter)?;
    let operation = Operation::from_number(param::number(operation, strictness)?)
        .ok_or(Malformed::BadParameter)?;
    let to = param::text(get("to").ok_or(Malformed::MissingParameter)?)?;
    let request_id = param::text(get("rqi").ok_or(Malformed::MissingParameter)?)?;
    let (to, query) = take_session(&to)?;
    let mut request = blank(operation, to, RequestId(request_id));
    for (name, raw) in parameters {
        read(&mut request, name, raw, strictness)?;
    }
    if let Some(query) = query {
        match &request.session {
            // USE-36
            Some(session) if *session != query => return Err(Malformed::SessionMismatch),
            Some(_) | None => request.session = Some(query),
        }
    }
    Ok(request)
}

/// A request with nothing in it but what every request has.
pub(super) const fn blank(operation: Operation, to: Text, request_id: RequestId) -> Request {
    Request {
        operation,
        to,
        from: None,
        request_id,
        resource_type: None,
        content: None,
        release_version: None,
        result_content: None,
        response_type: None,
        request_expiration: None,
        result_expiration: None,
        execution_time: None,
        originating_timestamp: None,
        result_persistence: None,
        event_category: None,
        group_request: None,
        filter: None,
        identifier_type: None,
        session: None,
        reason: None,
        unsupported: None,
    }
}

fn read(
    request: &mut Request,
    name: &str,
    raw: &RawValue,
    strictness: Strictness,
) -> Result<(), Malformed> {
    let unsigned = || param::unsigned(raw, strictness).map(Some);
    match name {
        // Vendor information is for nobody here.
        "op" | "to" | "rqi" | "vsi" => {}
        "fr" => request.from = Some(param::text(raw)?),
        "rvi" => request.release_version = Some(param::text(raw)?),
        "ty" => request.resource_type = unsigned()?,
        "pc" => request.content = Some(param::content(raw)?),
        "rcn" => request.result_content = unsigned()?,
        "rt" => request.response_type = Some(response_type(raw, strictness)?),
        "rqet" => request.request_expiration = Some(param::when(raw)?),
        "rset" => request.result_expiration = Some(param::when(raw)?),
        "oet" => request.execution_time = Some(param::when(raw)?),
        "ot" => request.originating_timestamp = Some(param::timestamp(raw)?),
        "rp" => request.result_persistence = Some(param::when(raw)?),
        "gid" => request.group_request = Some(param::text(raw)?),
        "ec" => request.event_category = unsigned()?,
        "fc" => request.filter = Some(filter(raw)?),
        "drt" => request.identifier_type = unsigned()?,
        "sid" => request.session = Some(SessionId(param::text(raw)?)),
        "rsn" => request.reason = unsigned()?,
        unknown => {
            request.unsupported.get_or_insert_with(|| unknown.into());
        }
    }
    Ok(())
}

fn response_type(raw: &RawValue, strictness: Strictness) -> Result<ResponseType, Malformed> {
    let members = value::entries(raw.get()).ok_or(Malformed::BadParameter)?;
    let mut mode = None;
    let mut notify = None;
    for (name, raw) in members {
        match &*name {
            "rtv" => mode = ResponseMode::from_number(param::number(raw, strictness)?),
            "nu" => {
                let targets: Vec<String> =
                    serde_json::from_str(raw.get()).map_err(|_| Malformed::BadParameter)?;
                notify = Some(targets.into_iter().map(Text::from).collect());
            }
            _ => return Err(Malformed::BadParameter),
        }
    }
    mode.map(|mode| ResponseType { mode, notify })
        .ok_or(Malformed::BadParameter)
}

fn filter(raw: &RawValue) -> Result<Value, Malformed> {
    if !raw.get().starts_with('{') {
        return Err(Malformed::BadParameter);
    }
    value::criteria(raw.get()).ok_or(Malformed::Syntax)
}

/// Splits the session query (`?sessionID=…`, flow 2 step 20) off an address.
pub(super) fn take_session(to: &str) -> Result<(Text, Option<SessionId>), Malformed> {
    let Some((address, query)) = to.split_once('?') else {
        return Ok((to.into(), None));
    };
    let mut session: Option<SessionId> = None;
    let mut rest = String::new();
    for pair in query.split('&') {
        let Some(encoded) = pair.strip_prefix("sessionID=") else {
            rest.push(if rest.is_empty() { '?' } else { '&' });
            rest.push_str(pair);
            continue;
        };
        let found = SessionId(unescape(encoded).ok_or(Malformed::BadParameter)?.into());
        match &session {
            Some(first) if *first != found => return Err(Malformed::SessionMismatch),
            Some(_) | None => session = Some(found),
        }
    }
    Ok((format!("{address}{rest}").into(), session))
}

/// Decodes percent-encoding (RFC 3986 section 2.1).
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = tail.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

/// Writes a request; parameters in the order of the published examples.
pub(super) fn encode(
    out: &mut impl Write,
    request: &Request,
    spelling: Spelling,
    seal: &Seal<'_>,
) -> Result<(), Unsealable> {
    let mut members = Members::open(out);
    let operation = request.operation.number();
    match spelling {
        Spelling::Published => members.number("op", operation),
        Spelling::Draft => members.text("op", &operation.to_string()),
    }
    members.text("to", &request.to);
    if let Some(from) = &request.from {
        members.text("fr", from);
    }
    members.text(spelling.request_id(), request.request_id.as_str());
    if let Some(version) = &request.release_version {
        members.text("rvi", version);
    }
    let numbers = [
        ("ty", request.resource_type),
        ("rcn", request.result_content),
        ("drt", request.identifier_type),
        ("ec", request.event_category),
        ("rsn", request.reason),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            members.number(name, number);
        }
    }
    if let Some(response_type) = &request.response_type {
        write_response_type(members.name("rt"), response_type);
    }
    if let Some(moment) = request.originating_timestamp {
        value::emit_time(members.name("ot"), moment);
    }
    let moments = [
        ("rqet", request.request_expiration),
        ("rset", request.result_expiration),
        ("oet", request.execution_time),
        ("rp", request.result_persistence),
    ];
    for (name, when) in moments {
        if let Some(when) = when {
            members.when(name, when);
        }
    }
    if let Some(group_request) = &request.group_request {
        members.text("gid", group_request);
    }
    if let Some(session) = &request.session {
        members.text("sid", session.as_str());
    }
    if let Some(filter) = &request.filter {
        emit(members.name("fc"), filter, Scope::Criteria, seal)?;
    }
    if let Some(content) = &request.content {
        emit(members.name("pc"), &content.value, Scope::Plain, seal)?;
    }
    members.close();
    Ok(())
}

fn write_response_type(out: &mut impl Write, response_type: &ResponseType) {
    let mut members = Members::open(out);
    members.number("rtv", response_type.mode.number());
    if let Some(targets) = &response_type.notify {
        let out = members.name("nu");
        out.write_all(b"[").expect(value::TAKES_ALL);
        for (at, target) in targets.iter().enumerate() {
            out.write_all(if at == 0 { b"" } else { b"," })
                .expect(value::TAKES_ALL);
            emit_text(out, target);
        }
        out.write_all(b"]").expect(value::TAKES_ALL);
    }
    members.close();
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a/b", "a/b", None)]
    #[case("a/la?sessionID=/cse1/x-_", "a/la", Some("/cse1/x-_"))]
    #[case("a?sessionID=%2Fcse1%2fx", "a", Some("/cse1/x"))]
    #[case("a?x=1&sessionID=s&y=2", "a?x=1&y=2", Some("s"))]
    #[case("a?sessionID=s&sessionID=s", "a", Some("s"))]
    #[case("a?x", "a?x", None)]
    fn the_session_query_leaves_the_address(
        #[case] to: &str,
        #[case] address: &str,
        #[case] session: Option<&str>,
    ) {
        assert_eq!(
            take_session(to),
            Ok((address.into(), session.map(SessionId::from)))
        );
    }

    #[rstest]
    #[case("a?sessionID=%2", Malformed::BadParameter)]
    #[case("a?sessionID=%zz", Malformed::BadParameter)]
    #[case("a?sessionID=%ff", Malformed::BadParameter)]
    #[case("a?sessionID=s&sessionID=t", Malformed::SessionMismatch)]
    fn a_bad_session_query_is_refused(#[case] to: &str, #[case] why: Malformed) {
        assert_eq!(take_session(to), Err(why));
    }
}
