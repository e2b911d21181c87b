//! Responses (TS-0004 clause 6.4.2).

use super::names::Scope;
use super::param::{self, Members, Strictness};
use super::value::{Entries, Seal, emit};
use super::{Spelling, Unsealable};
use m2m_machine::id::{RequestId, SessionId};
use m2m_machine::primitive::{Malformed, Response};
use m2m_machine::status::Status;
use std::io::Write;

/// Content status (TS-0004 clause 6.3.4.2.44): some of the result was left out.
const PARTIAL_CONTENT: u16 = 1;

/// The response that these parameters make; those it does not know are none of its business.
pub(super) fn decode(
    parameters: &Entries<'_>,
    strictness: Strictness,
) -> Result<Response, Malformed> {
    let mut status = None;
    let mut rest = None;
    let mut response = Response::new(Status::OK, RequestId::from(""));
    response.request_id = None;
    response.release_version = None;
    for (name, raw) in parameters {
        match &**name {
            "rsc" => {
                let number = param::number(raw, strictness)?;
                status = Some(u16::try_from(number).map_err(|_| Malformed::BadParameter)?);
            }
            "rqi" => response.request_id = Some(RequestId(param::text(raw)?)),
            "rvi" => response.release_version = Some(param::text(raw)?),
            "sid" => response.session = Some(SessionId(param::text(raw)?)),
            "pc" => response.content = Some(param::content(raw)?),
            "rset" => response.result_expiration = Some(param::when(raw)?),
            "cnot" => rest = Some(param::unsigned(raw, strictness)?),
            _ => {}
        }
    }
    if let Some(content) = &mut response.content {
        content.rest = rest;
    }
    response.status = Status(status.ok_or(Malformed::MissingParameter)?);
    Ok(response)
}

/// Writes a response; parameters in the order of the published examples.
pub(super) fn encode(
    out: &mut impl Write,
    response: &Response,
    spelling: Spelling,
    seal: &Seal<'_>,
) -> Result<(), Unsealable> {
    let mut members = Members::open(out);
    match spelling {
        Spelling::Published => members.number("rsc", response.status.0),
        Spelling::Draft => members.text("rsc", &response.status.0.to_string()),
    }
    if let Some(request_id) = &response.request_id {
        members.text(spelling.request_id(), request_id.as_str());
    }
    if let Some(version) = &response.release_version {
        members.text("rvi", version);
    }
    if let Some(session) = &response.session {
        members.text("sid", session.as_str());
    }
    if let Some(when) = response.result_expiration {
        members.when("rset", when);
    }
    if let Some(content) = &response.content {
        emit(members.name("pc"), &content.value, Scope::Plain, seal)?;
        if let Some(rest) = content.rest {
            // DIS-13
            members.number("cnst", PARTIAL_CONTENT);
            members.number("cnot", rest);
        }
    }
    members.close();
    Ok(())
}
