//! How the parts of records are written in the store: CBOR, structures as arrays of their fields.
//!
//! It is what [`super::field`] writes in JSON, without names and in a tenth of the time. Everything
//! that is one of several kinds is an array that begins with the number of its kind.

use super::field::{Unreadable, attribute_of, name_of, unknown};
use crate::wire::sealed;
use m2m_machine::attribute::Attribute;
use m2m_machine::env::Timestamp;
use m2m_machine::id::{Entity, Secret};
use m2m_machine::members::Members;
use m2m_machine::primitive::{Operation, ResponseMode, When};
use m2m_machine::record::{ChangeKind, NoticeKind, Phase, Stage};
use m2m_machine::resource::ResourceType;
use m2m_machine::shared::Shared;
use m2m_machine::text::Text;
use m2m_machine::value::{SealBody, Sealed, Value};
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::RangeInclusive;

pub(super) type Out = Encoder<Vec<u8>>;
pub(super) type Written = Result<(), minicbor::encode::Error<Infallible>>;

/// How deep values in a record may be nested; those of the wire are less deep.
const DEPTH_MAX: u32 = 200;

/// A part of a record.
pub(super) trait Binary: Sized {
    /// Appends its CBOR form.
    fn write(&self, out: &mut Out) -> Written;
    /// The part that stands next.
    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable>;
}

impl From<minicbor::decode::Error> for Unreadable {
    fn from(why: minicbor::decode::Error) -> Self {
        // What was found may be confidential; where it stands is not.
        let place = why.position().map(|at| format!(" at byte {at}"));
        Self(format!("no CBOR of a record{}", place.unwrap_or_default()))
    }
}

/// Reads the head of an array of so many elements.
pub(super) fn array(from: &mut Decoder<'_>, expected: usize) -> Result<(), Unreadable> {
    let found = length(from)?;
    if found == expected {
        Ok(())
    } else {
        Err(Unreadable(format!(
            "expected {expected} elements, found {found}"
        )))
    }
}

/// Reads the head of an array of some length; how many elements it has beyond the fewest.
pub(super) fn array_of(
    from: &mut Decoder<'_>,
    expected: RangeInclusive<usize>,
) -> Result<Cell<usize>, Unreadable> {
    let found = length(from)?;
    if expected.contains(&found) {
        Ok(Cell::new(found - expected.start()))
    } else {
        let most = expected.end();
        Err(Unreadable(format!(
            "expected {most} elements, found {found}"
        )))
    }
}

/// Reads the head of an array, and how many elements it says it has.
fn length(from: &mut Decoder<'_>) -> Result<usize, Unreadable> {
    let said = from.array()?;
    let said = said.and_then(|length| usize::try_from(length).ok());
    said.ok_or_else(|| Unreadable("an array does not say its length".to_owned()))
}

/// Writes the head of one of several kinds with so many parts.
pub(super) fn kind(out: &mut Out, number: u8, parts: usize) -> Written {
    out.array(1 + parts as u64)?.u8(number)?;
    Ok(())
}

/// Reads that head: the kind, and how many parts it has.
pub(super) fn kind_of(from: &mut Decoder<'_>) -> Result<(u8, usize), Unreadable> {
    match length(from)?.checked_sub(1) {
        Some(parts) => Ok((from.u8()?, parts)),
        None => Err(Unreadable("an empty array".to_owned())),
    }
}

pub(super) fn unknown_kind<T>(what: &str, (number, parts): (u8, usize)) -> Result<T, Unreadable> {
    unknown(what, &format!("{number} with {parts} parts"))
}

impl Binary for bool {
    fn write(&self, out: &mut Out) -> Written {
        out.bool(*self)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        Ok(from.bool()?)
    }
}

macro_rules! number {
    ($($name:ident)+) => {$(
        impl Binary for $name {
            fn write(&self, out: &mut Out) -> Written {
                out.$name(*self)?;
                Ok(())
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
                Ok(from.$name()?)
            }
        }
    )+};
}

number! { u8 u16 u32 u64 }

impl Binary for Text {
    fn write(&self, out: &mut Out) -> Written {
        out.str(self)?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        Ok(from.str()?.into())
    }
}

/// No part of a record is null but one that is absent.
impl<T: Binary> Binary for Option<T> {
    fn write(&self, out: &mut Out) -> Written {
        match self {
            Some(value) => value.write(out),
            None => {
                out.null()?;
                Ok(())
            }
        }
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        if from.datatype()? == Type::Null {
            from.null()?;
            Ok(None)
        } else {
            T::read(from).map(Some)
        }
    }
}

impl<T: Binary> Binary for Vec<T> {
    fn write(&self, out: &mut Out) -> Written {
        out.array(self.len() as u64)?;
        self.iter().try_for_each(|element| element.write(out))
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        let length = length(from)?;
        // No more than there is: a damaged length is not believed.
        (0..length).map(|_| T::read(from)).collect()
    }
}

impl<T: Binary + Ord> Binary for BTreeSet<T> {
    fn write(&self, out: &mut Out) -> Written {
        out.array(self.len() as u64)?;
        self.iter().try_for_each(|element| element.write(out))
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        Vec::read(from).map(|list| list.into_iter().collect())
    }
}

fn write_pairs<'a, K: Binary + 'a, V: Binary + 'a>(
    count: usize,
    mut pairs: impl Iterator<Item = (&'a K, &'a V)>,
    out: &mut Out,
) -> Written {
    out.array(count as u64)?;
    pairs.try_for_each(|(key, value)| {
        out.array(2)?;
        key.write(out)?;
        value.write(out)
    })
}

impl<K: Binary + Ord, V: Binary> Binary for BTreeMap<K, V> {
    fn write(&self, out: &mut Out) -> Written {
        write_pairs(self.len(), self.iter(), out)
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        Vec::read(from).map(|pairs| pairs.into_iter().collect())
    }
}

impl Binary for Members {
    fn write(&self, out: &mut Out) -> Written {
        write_pairs(self.len(), self.iter(), out)
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        Vec::read(from).map(|pairs| pairs.into_iter().collect())
    }
}

impl<A: Binary, B: Binary> Binary for (A, B) {
    fn write(&self, out: &mut Out) -> Written {
        out.array(2)?;
        self.0.write(out)?;
        self.1.write(out)
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        array(from, 2)?;
        Ok((A::read(from)?, B::read(from)?))
    }
}

impl<T: Binary> Binary for Shared<T> {
    fn write(&self, out: &mut Out) -> Written {
        T::write(self, out)
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        T::read(from).map(Self::new)
    }
}

/// Enumerations whose kinds hold one part or none.
macro_rules! one_of {
    ($($name:ident $what:literal {
        $($number:literal => $variant:ident $(($part:ident))? $({ $field:ident })?),+ $(,)?
    })+) => {$(
        impl Binary for $name {
            fn write(&self, out: &mut Out) -> Written {
                match self {$(
                    Self::$variant $(($part))? $({ $field })? => {
                        kind(out, $number, 0 $(+ one(stringify!($part)))? $(+ one(stringify!($field)))?)?;
                        $($part.write(out)?;)?
                        $($field.write(out)?;)?
                    }
                )+}
                Ok(())
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
                let head = kind_of(from)?;
                $(
                    if head == ($number, 0 $(+ one(stringify!($part)))? $(+ one(stringify!($field)))?) {
                        return Ok(Self::$variant
                            $(({ let $part = Binary::read(from)?; $part }))?
                            $({ $field: Binary::read(from)? })?);
                    }
                )+
                unknown_kind($what, head)
            }
        }
    )+};
}

/// Each name of a part stands for one.
const fn one(_: &str) -> usize {
    1
}

one_of! {
    Entity "entity" { 0 => Ae(id), 1 => Cse(id) }
    When "moment" { 0 => At(moment), 1 => After(milliseconds) }
    Phase "phase" { 0 => Pending { lease }, 1 => Active, 2 => Terminating(termination) }
    Stage "stage" { 0 => AwaitingCapability, 1 => Asked, 2 => Abandoned { until } }
    NoticeKind "notice" { 0 => Termination(id), 1 => Change(id), 2 => Result(id), 3 => Event(id), 4 => Pending(id) }
}

impl Binary for ChangeKind {
    fn write(&self, out: &mut Out) -> Written {
        match self {
            Self::CreatePolicy(members) => {
                kind(out, 0, 1)?;
                members.write(out)
            }
            Self::UpdatePolicy(id, members) => {
                kind(out, 1, 2)?;
                id.write(out)?;
                members.write(out)
            }
            Self::DeletePolicy(id) => {
                kind(out, 2, 1)?;
                id.write(out)
            }
            Self::UpdateSession(members) => {
                kind(out, 3, 1)?;
                members.write(out)
            }
        }
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        match kind_of(from)? {
            (0, 1) => Binary::read(from).map(Self::CreatePolicy),
            (1, 2) => Ok(Self::UpdatePolicy(Binary::read(from)?, Binary::read(from)?)),
            (2, 1) => Binary::read(from).map(Self::DeletePolicy),
            (3, 1) => Binary::read(from).map(Self::UpdateSession),
            other => unknown_kind("change", other),
        }
    }
}

macro_rules! numbered {
    ($($name:ident as $number:ident: $what:literal)+) => {$(
        impl Binary for $name {
            fn write(&self, out: &mut Out) -> Written {
                self.number().write(out)
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
                let number = $number::read(from)?;
                Self::from_number(number.into()).map_or_else(|| unknown($what, &number.to_string()), Ok)
            }
        }
    )+};
}

numbered! {
    Operation as u8: "operation"
    ResponseMode as u8: "response mode"
    ResourceType as u32: "resource type"
}

impl Binary for Attribute {
    fn write(&self, out: &mut Out) -> Written {
        out.str(&name_of(self))?;
        Ok(())
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        attribute_of(from.str()?)
    }
}

impl Binary for Value {
    fn write(&self, out: &mut Out) -> Written {
        match self {
            Self::Null => kind(out, 0, 0),
            Self::Bool(value) => {
                out.bool(*value)?;
                Ok(())
            }
            Self::Integer(number) => {
                out.i64(*number)?;
                Ok(())
            }
            Self::Number(text) => {
                kind(out, 1, 1)?;
                text.write(out)
            }
            Self::Text(text) => text.write(out),
            Self::Time(moment) => {
                kind(out, 2, 1)?;
                moment.write(out)
            }
            Self::List(list) => {
                kind(out, 3, 1)?;
                list.write(out)
            }
            Self::Object(members) => {
                kind(out, 4, 1)?;
                members.write(out)
            }
            Self::Secret(secret) => {
                kind(out, 5, 1)?;
                secret.write(out)
            }
            Self::Sealed(sealed) => match &sealed.body {
                SealBody::Compact(text) => {
                    kind(out, 6, 1)?;
                    text.write(out)
                }
                SealBody::Clear(clear) => {
                    kind(out, 7, 2)?;
                    sealed.header.write(out)?;
                    clear.write(out)
                }
            },
        }
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Unreadable> {
        value(from, 0)
    }
}

fn value(from: &mut Decoder<'_>, depth: u32) -> Result<Value, Unreadable> {
    if depth > DEPTH_MAX {
        return Err(Unreadable("a value is nested too deep".to_owned()));
    }
    let next = from.datatype()?;
    if next == Type::Bool {
        return Ok(Value::Bool(from.bool()?));
    }
    if next == Type::String {
        return Text::read(from).map(Value::Text);
    }
    if next != Type::Array {
        return Ok(Value::Integer(from.i64()?));
    }
    match kind_of(from)? {
        (0, 0) => Ok(Value::Null),
        (1, 1) => Text::read(from).map(Value::Number),
        (2, 1) => Timestamp::read(from).map(Value::Time),
        (3, 1) => {
            let elements = 0..length(from)?;
            let list: Result<_, _> = elements.map(|_| value(from, depth + 1)).collect();
            list.map(Value::List)
        }
        (4, 1) => {
            let length = length(from)?;
            let member = |_| {
                array(from, 2)?;
                Ok((Attribute::read(from)?, value(from, depth + 1)?))
            };
            let members: Result<_, Unreadable> = (0..length).map(member).collect();
            members.map(Value::Object)
        }
        (5, 1) => Secret::read(from).map(Value::Secret),
        (6, 1) => sealed::parse(from.str()?)
            .map(Value::Sealed)
            .ok_or_else(|| Unreadable("a sealed value has lost its form".to_owned())),
        (7, 2) => {
            let header = Binary::read(from)?;
            let body = SealBody::Clear(value(from, depth + 1)?);
            Ok(Value::Sealed(Shared::new(Sealed { header, body })))
        }
        other => unknown_kind("value", other),
    }
}
