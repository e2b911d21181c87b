//! Sealing on the way out and opening on the way in, wherever in a primitive the data stands.

use crate::protect::{IV_BYTES, ProtectError, SessionKey};
use m2m_machine::Ae as Machine;
use m2m_machine::ae::sealing::Unreadable;
use m2m_machine::id::{RequestId, SessionId};
use m2m_machine::primitive::{Content, Primitive, Request, Response};
use m2m_machine::shared::Shared;
use m2m_machine::text::Text;
use m2m_machine::value::{SealBody, SealHeader, Sealed, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What was sealed and may have to be sent again: a repetition must be the same bytes.
#[derive(Debug, Default)]
pub(super) struct Sealer {
    sealed: RefCell<BTreeMap<(SessionId, u64), (RequestId, Text)>>,
}

/// Sealed values kept before it is looked which of them are still needed.
const KEPT: usize = 64;

impl Sealer {
    /// The sealed form of a value; `None` if there is no key for it.
    pub(super) fn seal(
        &self,
        machine: &Machine,
        header: &SealHeader,
        value: &Value,
    ) -> Option<Text> {
        let place = (header.session.clone(), header.sequence);
        if let Some((_, text)) = self.sealed.borrow().get(&place) {
            return Some(text.clone());
        }
        let key = key(machine, &header.session).ok()?;
        let mut iv = [0; IV_BYTES];
        getrandom::fill(&mut iv).ok()?;
        let text = key.seal(header, value, iv);
        let mut sealed = self.sealed.borrow_mut();
        if sealed.len() >= KEPT {
            sealed.retain(|_, (id, _)| {
                machine
                    .exchanges()
                    .any(|(_, exchange)| exchange.request.request_id == *id)
            });
        }
        sealed.insert(place, (header.request_id.clone(), text.clone()));
        Some(text)
    }
}

/// The key of a session.
pub(super) fn key(machine: &Machine, session: &SessionId) -> Result<SessionKey, ProtectError> {
    let member = machine.session(session).ok_or(ProtectError::BadKey)?;
    SessionKey::of(session, member)
}

/// The primitive with all sealed values in it opened that open.
pub(super) fn open(machine: &Machine, primitive: Primitive) -> Primitive {
    match primitive {
        Primitive::Request(request) => match opened_content(machine, request.content.as_ref()) {
            None => Primitive::Request(request),
            content => Primitive::Request(Shared::new(Request {
                content,
                ..Request::clone(&request)
            })),
        },
        Primitive::Response(response) => match opened_content(machine, response.content.as_ref()) {
            None => Primitive::Response(response),
            content => Primitive::Response(Shared::new(Response {
                content,
                ..Response::clone(&response)
            })),
        },
    }
}

fn opened_content(machine: &Machine, content: Option<&Content>) -> Option<Content> {
    let content = content?;
    let open = |sealed: &Sealed| match &sealed.body {
        SealBody::Compact(text) => {
            let value = key(machine, &sealed.header.session).ok()?.open(text).ok()?;
            let header = sealed.header.clone();
            Some(Value::Sealed(Shared::new(Sealed {
                header,
                body: SealBody::Clear(value),
            })))
        }
        SealBody::Clear(_) => None,
    };
    let value = replace(&content.value, &open)?;
    Some(Content {
        value,
        size: content.size,
        rest: content.rest,
    })
}

/// The value with opened data in the place of sealed values, and `null` for those that must not be used; `None` if
/// there are none.
pub(super) fn clear(value: &Value, unreadable: &[Unreadable]) -> Option<Value> {
    let clear = |sealed: &Sealed| {
        let is_refused = unreadable
            .iter()
            .any(|refused| refused.header == sealed.header);
        Some(match &sealed.body {
            SealBody::Clear(value) if !is_refused => value.clone(),
            SealBody::Clear(_) | SealBody::Compact(_) => Value::Null,
        })
    };
    replace(value, &clear)
}

/// The value with its sealed values replaced; `None` if nothing changes.
fn replace(value: &Value, with: &dyn Fn(&Sealed) -> Option<Value>) -> Option<Value> {
    match value {
        Value::Sealed(sealed) => with(sealed),
        Value::List(list) => {
            let mut changed = None;
            for (at, element) in list.iter().enumerate() {
                if let Some(element) = replace(element, with) {
                    changed.get_or_insert_with(|| list.clone())[at] = element;
                }
            }
            changed.map(Value::List)
        }
        Value::Object(members) => {
            let mut changed = None;
            for (name, member) in members {
                if let Some(member) = replace(member, with) {
                    changed
                        .get_or_insert_with(|| members.clone())
                        .insert(name.clone(), member);
                }
            }
            changed.map(Value::Object)
        }
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Secret(_) => None,
    }
}
