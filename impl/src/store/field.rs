//! How the parts of records are written in JSON: exactly, whatever they hold. The store keeps them
//! in CBOR ([`super::binary`]); JSON is for people, and for stores of format 1.
//!
//! Unlike on the wire, a value here says what it is, because what is stored must come back as the
//! machine left it.

use super::binary::{Binary, Out, Written, array_of};
use crate::wire::names::{self, Scope};
use crate::wire::sealed;
use m2m_machine::attribute::Attribute;
use m2m_machine::env::Timestamp;
use m2m_machine::id::{
    AeId, CseId, Entity, KeyId, RequestId, RequestKey, ResourceId, Secret, SessionId,
};
use m2m_machine::members::Members;
use m2m_machine::primitive::{
    Content, Operation, Request, Response, ResponseMode, ResponseType, When,
};
use m2m_machine::resource::{Resource, ResourceType};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use m2m_machine::text::Text;
use m2m_machine::value::{SealBody, SealHeader, Sealed, Value};
use minicbor::Decoder;
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// A record that is not what this program writes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub(super) String);

/// A part of a record.
pub(super) trait Field: Sized {
    /// Its JSON form.
    fn save(&self) -> Json;
    /// The part of that JSON form.
    fn load(json: Json) -> Result<Self, Unreadable>;
}

pub(super) fn unreadable<T>(what: &str, json: &Json) -> Result<T, Unreadable> {
    // Contents may be confidential; their kind is enough to see what is wrong.
    let found = match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    Err(Unreadable(format!("expected {what}, found {found}")))
}

pub(super) fn object(json: Json) -> Result<Map<String, Json>, Unreadable> {
    if let Json::Object(members) = json {
        Ok(members)
    } else {
        unreadable("an object", &json)
    }
}

pub(super) fn member<T: Field>(
    members: &mut Map<String, Json>,
    name: &str,
) -> Result<T, Unreadable> {
    let json = members
        .remove(name)
        .ok_or_else(|| Unreadable(format!("the member {name} is missing")))?;
    T::load(json).map_err(|why| Unreadable(format!("{name}: {why}")))
}

/// The single member of an object that says by its name what it holds.
pub(super) fn tagged(json: Json) -> Result<(String, Json), Unreadable> {
    let mut members = object(json)?.into_iter();
    match (members.next(), members.next()) {
        (Some(member), None) => Ok(member),
        (None | Some(_), _) => Err(Unreadable("expected exactly one member".to_owned())),
    }
}

pub(super) fn unknown<T>(what: &str, name: &str) -> Result<T, Unreadable> {
    Err(Unreadable(format!("{name} is no {what} that is known")))
}

/// The member of an object that a structure has got later: absent in older records.
pub(super) fn late_member<T: Field + Default>(
    members: &mut Map<String, Json>,
    name: &str,
) -> Result<T, Unreadable> {
    if members.contains_key(name) {
        member(members, name)
    } else {
        Ok(T::default())
    }
}

/// Structures, as objects of their fields; those that came `later` are not in older records.
macro_rules! structure {
    ($($name:ident { $($field:ident),+ $(,)? $(; later $($late:ident),+)? })+) => {$(
        impl Field for $name {
            fn save(&self) -> Json {
                let Self { $($field,)+ $($($late),+)? } = self;
                Json::Object(Map::from_iter([
                    $((stringify!($field).to_owned(), $field.save()),)+
                    $($((stringify!($late).to_owned(), $late.save())),+)?
                ]))
            }

            fn load(json: Json) -> Result<Self, Unreadable> {
                let mut members = object(json)?;
                Ok(Self {
                    $($field: member(&mut members, stringify!($field))?,)+
                    $($($late: late_member(&mut members, stringify!($late))?),+)?
                })
            }
        }

        impl Binary for $name {
            fn write(&self, out: &mut Out) -> Written {
                let Self { $($field,)+ $($($late),+)? } = self;
                let names = [$(stringify!($field),)+ $($(stringify!($late)),+)?];
                out.array(names.len() as u64)?;
                $($field.write(out)?;)+
                $($($late.write(out)?;)+)?
                Ok(())
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
                let early = [$(stringify!($field)),+].len();
                let names = [$(stringify!($field),)+ $($(stringify!($late)),+)?];
                let _late = array_of(from, early..=names.len())?;
                Ok(Self {
                    $($field: part(from, stringify!($field))?,)+
                    $($($late: late_part(from, &_late, stringify!($late))?),+)?
                })
            }
        }
    )+};
}
pub(super) use structure;

/// The next field of a structure that it has got later, if so many more are there.
pub(super) fn late_part<T: Binary + Default>(
    from: &mut Decoder<'_>,
    left: &Cell<usize>,
    name: &str,
) -> Result<T, Unreadable> {
    match left.get().checked_sub(1) {
        None => Ok(T::default()),
        Some(fewer) => {
            left.set(fewer);
            part(from, name)
        }
    }
}

/// The next field of a structure.
pub(super) fn part<T: Binary>(from: &mut Decoder<'_>, name: &str) -> Result<T, Unreadable> {
    T::read(from).map_err(|why| Unreadable(format!("{name}: {why}")))
}

/// Wrappers of one value, as that value.
macro_rules! wrapper {
    ($($name:ident)+) => {$(
        impl Field for $name {
            fn save(&self) -> Json {
                self.0.save()
            }

            fn load(json: Json) -> Result<Self, Unreadable> {
                Field::load(json).map(Self)
            }
        }

        impl Binary for $name {
            fn write(&self, out: &mut Out) -> Written {
                self.0.write(out)
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
                Binary::read(from).map(Self)
            }
        }
    )+};
}

wrapper! { AeId CseId KeyId RequestId ResourceId Secret SessionId Status Timestamp }

structure! {
    RequestKey { originator, request_id }
    Content { value, size; later rest }
    ResponseType { mode, notify }
    Request {
        operation, to, from, request_id, resource_type, content, release_version, result_content,
        response_type, request_expiration, result_expiration, execution_time,
        originating_timestamp, event_category, filter, identifier_type, session, reason,
        unsupported; later result_persistence, group_request
    }
    Response { status, request_id, release_version, session, content, result_expiration }
    Resource {
        resource_type, id, parent, name, sequence, created, modified, expires, creator,
        specialization, attributes,
    }
    SealHeader {
        key_id, session, sequence, direction, operation, to, attribute, from, request_id,
    }
}

impl Field for bool {
    fn save(&self) -> Json {
        Json::Bool(*self)
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        json.as_bool()
            .map_or_else(|| unreadable("a boolean", &json), Ok)
    }
}

impl Field for u64 {
    fn save(&self) -> Json {
        json!(self)
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        json.as_u64()
            .map_or_else(|| unreadable("a natural number", &json), Ok)
    }
}

macro_rules! narrower {
    ($($name:ident)+) => {$(
        impl Field for $name {
            fn save(&self) -> Json {
                json!(self)
            }

            fn load(json: Json) -> Result<Self, Unreadable> {
                let number = u64::load(json)?;
                Self::try_from(number)
                    .map_err(|_| Unreadable(format!("the number {number} is too large")))
            }
        }
    )+};
}

narrower! { u8 u16 u32 }

impl Field for Text {
    fn save(&self) -> Json {
        Json::String(self.to_string())
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        json.as_str()
            .map_or_else(|| unreadable("text", &json), |text| Ok(text.into()))
    }
}

impl<T: Field> Field for Option<T> {
    fn save(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::save)
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        if json.is_null() {
            Ok(None)
        } else {
            T::load(json).map(Some)
        }
    }
}

impl<T: Field> Field for Vec<T> {
    fn save(&self) -> Json {
        Json::Array(self.iter().map(T::save).collect())
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let Json::Array(list) = json else {
            return unreadable("a list", &json);
        };
        list.into_iter().map(T::load).collect()
    }
}

impl<T: Field + Ord> Field for BTreeSet<T> {
    fn save(&self) -> Json {
        Json::Array(self.iter().map(T::save).collect())
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        Vec::load(json).map(|list| list.into_iter().collect())
    }
}

fn save_pairs<'a, K: Field + 'a, V: Field + 'a>(
    pairs: impl Iterator<Item = (&'a K, &'a V)>,
) -> Json {
    let pairs = pairs.map(|(key, value)| json!([key.save(), value.save()]));
    Json::Array(pairs.collect())
}

impl<K: Field + Ord, V: Field> Field for BTreeMap<K, V> {
    fn save(&self) -> Json {
        save_pairs(self.iter())
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        Vec::load(json).map(|pairs| pairs.into_iter().collect())
    }
}

impl Field for Members {
    fn save(&self) -> Json {
        save_pairs(self.iter())
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        Vec::load(json).map(|pairs| pairs.into_iter().collect())
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn save(&self) -> Json {
        json!([self.0.save(), self.1.save()])
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let Json::Array(pair) = json else {
            return unreadable("a pair", &json);
        };
        match <[Json; 2]>::try_from(pair) {
            Ok([first, second]) => Ok((A::load(first)?, B::load(second)?)),
            Err(_) => Err(Unreadable("expected a pair".to_owned())),
        }
    }
}

impl<T: Field + std::hash::Hash> Field for Shared<T> {
    fn save(&self) -> Json {
        T::save(self)
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        T::load(json).map(Self::new)
    }
}

impl Field for Json {
    fn save(&self) -> Json {
        self.clone()
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        Ok(json)
    }
}

impl Field for Entity {
    fn save(&self) -> Json {
        match self {
            Self::Ae(id) => json!({ "ae": id.save() }),
            Self::Cse(id) => json!({ "cse": id.save() }),
        }
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let (kind, id) = tagged(json)?;
        match kind.as_str() {
            "ae" => AeId::load(id).map(Self::Ae),
            "cse" => CseId::load(id).map(Self::Cse),
            other => unknown("entity", other),
        }
    }
}

impl Field for When {
    fn save(&self) -> Json {
        match self {
            Self::At(moment) => json!({ "at": moment.save() }),
            Self::After(milliseconds) => json!({ "after": milliseconds }),
        }
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let (kind, value) = tagged(json)?;
        match kind.as_str() {
            "at" => Timestamp::load(value).map(Self::At),
            "after" => u64::load(value).map(Self::After),
            other => unknown("moment", other),
        }
    }
}

impl Field for Operation {
    fn save(&self) -> Json {
        self.number().save()
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let number = u8::load(json)?;
        Self::from_number(number.into())
            .map_or_else(|| unknown("operation", &number.to_string()), Ok)
    }
}

impl Field for ResponseMode {
    fn save(&self) -> Json {
        self.number().save()
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let number = u8::load(json)?;
        Self::from_number(number.into())
            .map_or_else(|| unknown("response mode", &number.to_string()), Ok)
    }
}

impl Field for ResourceType {
    fn save(&self) -> Json {
        self.number().save()
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        let number = u32::load(json)?;
        Self::from_number(number).map_or_else(|| unknown("resource type", &number.to_string()), Ok)
    }
}

/// Where names that are not unique are looked up, and how that is written before them.
const SCOPES: [(&str, Scope); 4] = [
    ("", Scope::Plain),
    ("atr.", Scope::Criterion),
    ("rrf.", Scope::Reference),
    ("key.", Scope::Key),
];

/// Before names that are the application's own.
const CUSTOM: char = '~';

impl Field for Attribute {
    fn save(&self) -> Json {
        Json::String(name_of(self).into_owned())
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        attribute_of(&Text::load(json)?)
    }
}

/// The name of an attribute in the store.
pub(super) fn name_of(attribute: &Attribute) -> Cow<'static, str> {
    static NAMES: LazyLock<BTreeMap<&Attribute, String>> = LazyLock::new(|| {
        let rows = names::rows().filter_map(|(_, attribute)| {
            let (prefix, scope) = SCOPES.iter().find(|(_, scope)| {
                names::attribute(names::short(attribute, *scope), *scope) == *attribute
            })?;
            let name = names::short(attribute, *scope);
            Some((attribute, format!("{prefix}{name}")))
        });
        rows.collect()
    });
    if let Attribute::Custom(name) = attribute {
        return Cow::Owned(format!("{CUSTOM}{name}"));
    }
    if let Attribute::Resource(resource_type) = attribute {
        return Cow::Borrowed(names::wrapper(*resource_type));
    }
    let name = NAMES.get(attribute);
    Cow::Borrowed(name.expect("every attribute but custom ones stands in the table of names"))
}

/// The attribute of that name.
pub(super) fn attribute_of(text: &str) -> Result<Attribute, Unreadable> {
    if let Some(name) = text.strip_prefix(CUSTOM) {
        return Ok(Attribute::Custom(name.into()));
    }
    let (prefix, scope) = SCOPES
        .into_iter()
        .rev()
        .find(|(prefix, _)| text.starts_with(prefix))
        .expect("the empty prefix fits");
    let found = names::attribute(&text[prefix.len()..], scope);
    if matches!(found, Attribute::Custom(_)) {
        unknown("attribute", text)
    } else {
        Ok(found)
    }
}

impl Field for Value {
    fn save(&self) -> Json {
        match self {
            Self::Null => json!({ "null": true }),
            Self::Bool(value) => Json::Bool(*value),
            Self::Integer(number) => json!(number),
            Self::Number(text) => json!({ "number": text.save() }),
            Self::Text(text) => text.save(),
            Self::Time(moment) => json!({ "time": moment.save() }),
            Self::List(list) => list.save(),
            Self::Object(members) => json!({ "object": members.save() }),
            Self::Sealed(sealed) => match &sealed.body {
                SealBody::Compact(text) => json!({ "sealed": text.save() }),
                SealBody::Clear(clear) => {
                    json!({ "unsealed": [sealed.header.save(), clear.save()] })
                }
            },
            Self::Secret(secret) => json!({ "secret": secret.save() }),
        }
    }

    fn load(json: Json) -> Result<Self, Unreadable> {
        match json {
            Json::Null => unreadable("a value", &json),
            Json::Bool(value) => Ok(Self::Bool(value)),
            Json::Number(number) => number
                .as_i64()
                .map(Self::Integer)
                .ok_or_else(|| Unreadable("expected an integer".to_owned())),
            Json::String(text) => Ok(Self::Text(text.into())),
            Json::Array(_) => Vec::load(json).map(Self::List),
            Json::Object(_) => load_tagged(json),
        }
    }
}

fn load_tagged(json: Json) -> Result<Value, Unreadable> {
    let (kind, json) = tagged(json)?;
    match kind.as_str() {
        "null" => Ok(Value::Null),
        "number" => Text::load(json).map(Value::Number),
        "time" => Timestamp::load(json).map(Value::Time),
        "object" => Members::load(json).map(Value::Object),
        "secret" => Secret::load(json).map(Value::Secret),
        "sealed" => sealed::parse(&Text::load(json)?)
            .map(Value::Sealed)
            .ok_or_else(|| Unreadable("a sealed value has lost its form".to_owned())),
        "unsealed" => {
            let (header, clear) = Field::load(json)?;
            let body = SealBody::Clear(clear);
            Ok(Value::Sealed(Shared::new(Sealed { header, body })))
        }
        other => unknown("kind of value", other),
    }
}
