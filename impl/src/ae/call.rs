//! Requests and answers as the application sees them: JSON with the short names of oneM2M.

use super::AeError;
use super::protection::clear;
use crate::wire::{self, Dialect, Undecodable};
use m2m_machine::ae::command::Ask;
use m2m_machine::ae::sealing::{Fault, Unreadable};
use m2m_machine::primitive::{Content, Malformed, Primitive, Request, Response};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::value::Members;
use serde_json::{Map, Value, json};

/// A request that an application wants to send. Originator and request identifier are not its business.
#[derive(Clone, Debug)]
pub struct Call {
    parameters: Map<String, Value>,
    protect: bool,
}

impl Call {
    /// CREATE of a resource of type `resource_type` below `to`.
    #[must_use]
    pub fn create(to: &str, resource_type: u32, content: Value) -> Self {
        Self::of(1, to)
            .with("ty", json!(resource_type))
            .with("pc", content)
    }

    /// RETRIEVE.
    #[must_use]
    pub fn retrieve(to: &str) -> Self {
        Self::of(2, to)
    }

    /// UPDATE.
    #[must_use]
    pub fn update(to: &str, content: Value) -> Self {
        Self::of(3, to).with("pc", content)
    }

    /// DELETE.
    #[must_use]
    pub fn delete(to: &str) -> Self {
        Self::of(4, to)
    }

    /// NOTIFY.
    #[must_use]
    pub fn notify(to: &str, content: Value) -> Self {
        Self::of(5, to).with("pc", content)
    }

    /// A request of these parameters, by their short names.
    #[must_use]
    pub const fn from_parameters(parameters: Map<String, Value>) -> Self {
        Self {
            parameters,
            protect: true,
        }
    }

    fn of(operation: u8, to: &str) -> Self {
        Self::from_parameters(Map::new())
            .with("op", json!(operation))
            .with("to", json!(to))
    }

    /// Sets a parameter by its short name, for example `rcn`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.parameters.insert(name.to_owned(), value);
        self
    }

    /// Makes it a request of this session; data in it is sealed.
    #[must_use]
    pub fn in_session(self, session: &str) -> Self {
        self.with("sid", json!(session))
    }

    /// Wants an acknowledgement at once and the result later, as [`super::Event::Result`].
    #[must_use]
    pub fn non_blocking(self) -> Self {
        self.with("rt", json!({"rtv": 2}))
    }

    /// Sends data of a session in clear, where a policy allows that.
    #[must_use]
    pub const fn unprotected(mut self) -> Self {
        self.protect = false;
        self
    }

    pub(super) fn into_machine(self) -> Result<Ask, AeError> {
        let protect = self.protect;
        let request = request(self.parameters)?;
        Ok(Ask::Request { request, protect })
    }
}

/// Reads the members of a policy.
pub(super) fn policy(members: &Value) -> Result<Members, AeError> {
    let Value::Object(parameters) =
        json!({"op": 1, "to": "x", "ty": 50005, "pc": {"smg:spy": members}})
    else {
        return Err(AeError::Malformed("a policy is a JSON object".to_owned()));
    };
    let request = request(parameters)?;
    let members = request
        .content
        .as_ref()
        .and_then(|content| content.members_of(ResourceType::SessionPolicy))
        .ok_or_else(|| {
            AeError::Malformed(
                "a policy is a JSON object, for example {\"pyt\":1,\"pys\":1}".to_owned(),
            )
        })?;
    Ok(members.clone())
}

fn request(mut parameters: Map<String, Value>) -> Result<Shared<Request>, AeError> {
    for own in ["fr", "rqi", "rvi"] {
        if parameters.contains_key(own) {
            return Err(AeError::Malformed(format!(
                "{own} is set by the AE itself; leave it out"
            )));
        }
    }
    parameters.insert("fr".to_owned(), json!("C"));
    parameters.insert("rqi".to_owned(), json!("0"));
    parameters.insert("rvi".to_owned(), json!("3"));
    match wire::decode(&Value::Object(parameters).to_string(), &Dialect::Published) {
        Ok(Primitive::Request(request)) => match &request.unsupported {
            None => Ok(request),
            Some(name) => Err(AeError::Malformed(format!(
                "{name:?} is no request parameter"
            ))),
        },
        Ok(Primitive::Response(_)) => Err(AeError::Malformed(
            "that is a response; op and to make a request".to_owned(),
        )),
        Err(Undecodable { why, .. }) => Err(AeError::Malformed(explain(why).to_owned())),
    }
}

const fn explain(why: Malformed) -> &'static str {
    match why {
        Malformed::Syntax => "the request is nested too deeply, or names a member twice",
        Malformed::NoPrimitive => "the request has no op; give 1 to 5",
        Malformed::MissingParameter => "the request lacks op, to, or on CREATE ty",
        Malformed::BadParameter => "a parameter has the wrong type or an impossible value",
        Malformed::SessionMismatch => "sid and the sessionID in to differ; give one of them",
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Response status code.
    pub status: u16,
    /// Number of the request, as it returns in [`super::Event::Result`].
    pub request: u64,
    /// Content, with opened data.
    pub content: Option<Value>,
    /// Sealed values in it that were refused, and why; in the content `null` stands for them.
    pub unreadable: Vec<String>,
}

impl Answer {
    /// Whether the request was carried out (2xxx).
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status / 1000 == 2
    }

    /// What the answer gives as reason (`m2m:dbg`).
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.content.as_ref()?.get("m2m:dbg")?.as_str()
    }

    pub(super) fn new(request: u64, response: &Response, unreadable: &[Unreadable]) -> Self {
        Self {
            status: response.status.0,
            request,
            content: response
                .content
                .as_ref()
                .map(|content| json_of(content, unreadable)),
            unreadable: faults(unreadable),
        }
    }
}

/// Content as JSON, with opened data.
pub(super) fn json_of(content: &Content, unreadable: &[Unreadable]) -> Value {
    let value = clear(&content.value, unreadable);
    let text = wire::value::write(value.as_ref().unwrap_or(&content.value));
    // A number too large for a JSON reader stands as text.
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// What was wrong with sealed values.
pub(super) fn faults(unreadable: &[Unreadable]) -> Vec<String> {
    let one = |u: &Unreadable| {
        format!(
            "value {} of direction {}: {}",
            u.header.sequence,
            u.header.direction,
            fault(u.fault)
        )
    };
    unreadable.iter().map(one).collect()
}

const fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::UnknownSession => "sealed in a session that this AE is not in",
        Fault::OtherSession => "sealed in another session than that of the request",
        Fault::OtherKey => "sealed with a key that is not the session's",
        Fault::OtherSender => "not sealed by the endpoint of its direction",
        Fault::OtherPlace => "sealed for another place",
        Fault::OtherUse => "sealed for another attribute or operation",
        Fault::BadSequence => "its number is none, or older than what is remembered",
        Fault::Replayed => "accepted before from another resource",
        Fault::NotAuthentic => "altered, or sealed with another key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use m2m_machine::attribute::Attribute;

    #[test]
    fn a_call_becomes_a_request() {
        let call = Call::create(
            "/cse2/cse2/ae2/container1",
            4,
            json!({"m2m:cin": {"con": 1}}),
        )
        .in_session("/cse1/s")
        .non_blocking();

        let Ok(Ask::Request { request, protect }) = call.into_machine() else {
            panic!("no request");
        };
        assert!(protect);
        assert_eq!(request.resource_type, Some(4));
        assert_eq!(request.session, Some("/cse1/s".into()));
    }

    #[test]
    fn what_is_no_request_is_refused_with_advice() {
        let refused = |call: Call| call.into_machine().expect_err("it is none").to_string();

        assert!(refused(Call::retrieve("x").with("fr", json!("y"))).contains("leave it out"));
        assert!(refused(Call::retrieve("x").with("zz", json!(1))).contains("\"zz\""));
        assert!(refused(Call::from_parameters(Map::new())).contains("no op"));
        assert!(refused(Call::retrieve("x").with("rt", json!(7))).contains("wrong type"));
    }

    #[test]
    fn a_policy_is_read_by_its_short_names() {
        let read = policy(&json!({"pyt": 1, "pys": 1})).expect("a policy");

        assert!(read.contains_key(&Attribute::PolicyType));
        assert!(policy(&json!(7)).is_err());
    }
}
