//! Sealing without cryptography: a sealed value is the name of its key and the data; only who has the key opens it.

use m2m_machine::Ae;
use m2m_machine::ae::endpoint::{Key, Material};
use m2m_machine::id::SessionId;
use m2m_machine::primitive::{Primitive, Request, Response};
use m2m_machine::shared::Shared;
use m2m_machine::text::Text;
use m2m_machine::value::{SealBody, Sealed, Value};

/// Between key and data; stands in neither.
const BETWEEN: char = '~';

/// The primitive as it leaves the host of an AE: what is in clear is sealed.
pub(crate) fn seal(ae: &Ae, primitive: Primitive) -> Primitive {
    changed(primitive, &|sealed| match &sealed.body {
        SealBody::Clear(Value::Text(data)) => {
            let key = name(ae, &sealed.header.session)?;
            Some(SealBody::Compact(
                format!("{key}{BETWEEN}{data}").as_str().into(),
            ))
        }
        SealBody::Clear(_) | SealBody::Compact(_) => None,
    })
}

/// The primitive as it is handed to an AE: what opens with its key is in clear.
pub(crate) fn open(ae: &Ae, primitive: Primitive) -> Primitive {
    changed(primitive, &|sealed| match &sealed.body {
        SealBody::Compact(text) => {
            let key = name(ae, &sealed.header.session)?;
            let (sealed_with, data) = text.split_once(BETWEEN)?;
            (sealed_with == &*key).then(|| SealBody::Clear(Value::text(data)))
        }
        SealBody::Clear(_) => None,
    })
}

/// What tells a key from all others.
fn name(ae: &Ae, session: &SessionId) -> Option<Text> {
    ae.key(session).map(key_name)
}

/// What tells a key from all others; both ends of an agreed one have the same.
pub(crate) fn key_name(key: &Key) -> Text {
    match &key.material {
        Material::Given(secret) => secret.0.clone(),
        Material::Agreed { own, peer } => {
            let (first, second) = (
                own.public.clone().min(peer.clone()),
                own.public.clone().max(peer.clone()),
            );
            format!("{first}*{second}").as_str().into()
        }
    }
}

fn changed(primitive: Primitive, change: &dyn Fn(&Sealed) -> Option<SealBody>) -> Primitive {
    match primitive {
        Primitive::Request(request) => {
            let content = request.content.as_ref();
            match content.and_then(|c| in_value(&c.value, change)) {
                Some(value) => {
                    let mut request = Request::clone(&request);
                    if let Some(content) = &mut request.content {
                        content.value = value;
                    }
                    Primitive::Request(Shared::new(request))
                }
                None => Primitive::Request(request),
            }
        }
        Primitive::Response(response) => {
            let content = response.content.as_ref();
            match content.and_then(|c| in_value(&c.value, change)) {
                Some(value) => {
                    let mut response = Response::clone(&response);
                    if let Some(content) = &mut response.content {
                        content.value = value;
                    }
                    Primitive::Response(Shared::new(response))
                }
                None => Primitive::Response(response),
            }
        }
    }
}

/// The value with its sealed parts changed; `None` if nothing changes.
fn in_value(value: &Value, change: &dyn Fn(&Sealed) -> Option<SealBody>) -> Option<Value> {
    match value {
        Value::Sealed(sealed) => {
            let body = change(sealed)?;
            let header = sealed.header.clone();
            Some(Value::Sealed(Shared::new(Sealed { header, body })))
        }
        Value::Object(members) => {
            let mut changed = None;
            for (name, member) in members {
                if let Some(new) = in_value(member, change) {
                    changed
                        .get_or_insert_with(|| members.clone())
                        .insert(name.clone(), new);
                }
            }
            changed.map(Value::Object)
        }
        Value::List(list) => {
            let mut changed = None;
            for (at, element) in list.iter().enumerate() {
                if let Some(new) = in_value(element, change) {
                    changed.get_or_insert_with(|| list.clone())[at] = new;
                }
            }
            changed.map(Value::List)
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
