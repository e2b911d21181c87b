//! Values of content: JSON text on one side, [`Value`] on the other.
//!
//! Reading has a fast path and an exact one. The fast path is a visitor; it gives up at a number
//! that is no 64-bit integer. The exact path then reads the text again piece by piece, so that such
//! a number keeps its spelling.

use super::names::{Scope, attribute, short};
use super::{Unsealable, sealed, time};
use m2m_machine::attribute::Attribute;
use m2m_machine::env::Timestamp;
use m2m_machine::id::Secret;
use m2m_machine::text::Text;
use m2m_machine::value::{Members, SealBody, SealHeader, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::io::Write;

/// How deep lists and objects may be nested in content.
pub const DEPTH_MAX: u32 = 64;

/// Turns clear data into its sealed text; `None` if it cannot be sealed now.
pub type Seal<'a> = dyn Fn(&SealHeader, &Value) -> Option<Text> + 'a;

/// The members of an object in their order, unread.
pub(super) type Entries<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Reads a value that stands alone, such as the plaintext of a sealed value; its names are all its
/// own.
#[must_use]
pub fn parse(text: &str) -> Option<Value> {
    read(
        text,
        Place {
            scope: Scope::Data,
            name: None,
            depth: 0,
        },
    )
}

/// Writes a value that stands alone.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut bytes = Vec::new();
    emit_unsealed(&mut bytes, value, Scope::Plain);
    String::from_utf8(bytes).expect("JSON is written in UTF-8")
}

/// The length of a value in JSON, in bytes, as it is written here.
#[must_use]
pub fn measure(value: &Value) -> u32 {
    let mut counter = Counter(0);
    emit_unsealed(&mut counter, value, Scope::Plain);
    counter.0
}

/// Reads the content of a primitive.
pub(super) fn content(text: &str) -> Option<Value> {
    read(
        text,
        Place {
            scope: Scope::Plain,
            name: None,
            depth: 0,
        },
    )
}

/// Reads filter criteria.
pub(super) fn criteria(text: &str) -> Option<Value> {
    read(
        text,
        Place {
            scope: Scope::Criteria,
            name: None,
            depth: 0,
        },
    )
}

fn read(text: &str, place: Place<'_>) -> Option<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    place
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .ok()
        .or_else(|| place.exact(text))
}

/// Where a value stands: the scope of its own members' names is that of its place.
#[derive(Clone, Copy)]
struct Place<'a> {
    scope: Scope,
    name: Option<(&'a Attribute, Scope)>,
    depth: u32,
}

impl<'a> Place<'a> {
    /// The place of the member `name` of an object here.
    fn member(self, name: &'a Attribute) -> Self {
        let scope = self.scope.within(name);
        Self {
            scope,
            name: Some((name, self.scope)),
            depth: self.depth + 1,
        }
    }

    fn element(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }

    fn text(self, text: &str) -> Value {
        let Some((name, scope)) = self.name else {
            return Value::text(text);
        };
        let special = if is_time(name, scope) {
            time::parse(text).map(Value::Time)
        } else if may_be_sealed(name, scope) {
            sealed::parse(text).map(Value::Sealed)
        } else if *name == Attribute::KeyValue {
            Some(Value::Secret(Secret(text.into())))
        } else {
            None
        };
        special.unwrap_or_else(|| Value::text(text))
    }

    fn exact(self, text: &str) -> Option<Value> {
        if self.depth > DEPTH_MAX {
            return None;
        }
        match text.trim_ascii_start().as_bytes().first()? {
            b'{' => {
                let mut members = Members::new();
                for (name, raw) in entries(text)? {
                    let name = attribute(&name, self.scope);
                    let value = self.member(&name).exact(raw.get())?;
                    if members.insert(name, value).is_some() {
                        return None;
                    }
                }
                Some(Value::Object(members))
            }
            b'[' => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                let read = |raw: &RawValue| self.element().exact(raw.get());
                elements
                    .into_iter()
                    .map(read)
                    .collect::<Option<_>>()
                    .map(Value::List)
            }
            b'"' => Some(self.text(&serde_json::from_str::<String>(text).ok()?)),
            b't' | b'f' => serde_json::from_str(text).ok().map(Value::Bool),
            b'n' => serde_json::from_str::<()>(text).ok().map(|()| Value::Null),
            _ => number(text),
        }
    }
}

/// The members of the object that the text is; `None` if it is none or names a member twice.
pub(super) fn entries(text: &str) -> Option<Entries<'_>> {
    let mut entries = Vec::new();
    collect(text, &mut entries).then_some(entries)
}

/// Collects the members of the object that the text is, as far as it goes; whether it is one,
/// well-formed.
pub(super) fn collect<'a>(text: &'a str, entries: &mut Entries<'a>) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_map(Collector(entries)).is_ok() && deserializer.end().is_ok()
}

fn number(text: &str) -> Option<Value> {
    let text = serde_json::from_str::<&RawValue>(text).ok()?.get();
    let integer = text.parse::<i64>().ok().filter(|_| text != "-0");
    Some(integer.map_or_else(|| Value::Number(text.into()), Value::Integer))
}

fn is_time(name: &Attribute, scope: Scope) -> bool {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other attributes are no timestamps"
    )]
    match name {
        Attribute::CreationTime | Attribute::LastModifiedTime | Attribute::ExpirationTime => true,
        Attribute::OriginatingTimestamp
        | Attribute::RequestExpiration
        | Attribute::ResultExpiration
        | Attribute::ExecutionTime
        | Attribute::ResultPersistence => scope == Scope::Plain,
        Attribute::CreatedBefore
        | Attribute::CreatedAfter
        | Attribute::ModifiedSince
        | Attribute::UnmodifiedSince => scope == Scope::Criteria,
        Attribute::Custom(name) => match scope {
            Scope::Criteria => matches!(name.as_str(), "exa" | "exb"),
            Scope::Plain
            | Scope::Criterion
            | Scope::Reference
            | Scope::Key
            | Scope::Monitor
            | Scope::Address
            | Scope::Flex
            | Scope::Data => false,
        },
        _ => false,
    }
}

fn may_be_sealed(name: &Attribute, scope: Scope) -> bool {
    match scope {
        Scope::Plain => *name == Attribute::Content,
        Scope::Flex => matches!(name, Attribute::Custom(_)),
        Scope::Criteria
        | Scope::Criterion
        | Scope::Reference
        | Scope::Key
        | Scope::Monitor
        | Scope::Address
        | Scope::Data => false,
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > DEPTH_MAX {
            return Err(D::Error::custom("nested too deeply"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::Integer).map_err(E::custom)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(self.text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = elements.next_element_seed(self.element())? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Members::new();
        while let Some(name) = object.next_key_seed(Name(self.scope))? {
            let value = object.next_value_seed(self.member(&name))?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is named twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

struct Name(Scope);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Attribute;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Attribute, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Attribute;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Attribute, E> {
        Ok(attribute(name, self.0))
    }
}

struct Collector<'c, 'a>(&'c mut Entries<'a>);

impl<'a> Visitor<'a> for Collector<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(entry) = object.next_entry::<Cow<'a, str>, &'a RawValue>()? {
            if self.0.iter().any(|(name, _)| *name == entry.0) {
                return Err(A::Error::custom("a member is named twice"));
            }
            self.0.push(entry);
        }
        Ok(())
    }
}

/// Writes a value that stands in `scope`.
pub(super) fn emit(
    out: &mut impl Write,
    value: &Value,
    scope: Scope,
    seal: &Seal<'_>,
) -> Result<(), Unsealable> {
    match value {
        Value::Null => put(out, "null"),
        Value::Bool(true) => put(out, "true"),
        Value::Bool(false) => put(out, "false"),
        Value::Integer(n) => serde_json::to_writer(out, n).expect(TAKES_ALL),
        // USE-68
        Value::Number(text) => put(out, text),
        Value::Text(text) => emit_text(out, text),
        Value::Time(moment) => emit_time(out, *moment),
        Value::Secret(secret) => emit_text(out, &secret.0),
        Value::Sealed(sealed) => match &sealed.body {
            // USE-57
            SealBody::Compact(text) => emit_text(out, text),
            SealBody::Clear(clear) => {
                emit_text(out, &seal(&sealed.header, clear).ok_or(Unsealable)?);
            }
        },
        Value::List(list) => {
            put(out, "[");
            for (at, element) in list.iter().enumerate() {
                put(out, if at == 0 { "" } else { "," });
                emit(out, element, scope, seal)?;
            }
            put(out, "]");
        }
        Value::Object(members) => {
            put(out, "{");
            for (at, (name, member)) in members.iter().enumerate() {
                put(out, if at == 0 { "" } else { "," });
                emit_name(out, name, scope);
                emit(out, member, scope.within(name), seal)?;
            }
            put(out, "}");
        }
    }
    Ok(())
}

/// Writes a string with its quotes.
pub(super) fn emit_text(out: &mut impl Write, text: &str) {
    if needs_escapes(text) {
        serde_json::to_writer(out, text).expect(TAKES_ALL);
    } else {
        put(out, "\"");
        put(out, text);
        put(out, "\"");
    }
}

/// Whether something in the text cannot stand in a JSON string as it is (RFC 8259 section 7).
fn needs_escapes(text: &str) -> bool {
    // Without an early end, many bytes are looked at in one step.
    text.bytes().fold(false, |found, byte| {
        found | (byte < 0x20) | (byte == b'"') | (byte == b'\\')
    })
}

/// Writes a name and a colon; only names that are not known here may need escapes.
fn emit_name(out: &mut impl Write, name: &Attribute, scope: Scope) {
    let short = short(name, scope);
    if matches!(name, Attribute::Custom(_)) {
        emit_text(out, short);
        put(out, ":");
    } else {
        put(out, "\"");
        put(out, short);
        put(out, "\":");
    }
}

/// Writes a moment with its quotes.
pub(super) fn emit_time(out: &mut impl Write, moment: Timestamp) {
    time::spelled(moment, |text| emit_text(out, text));
}

fn emit_unsealed(out: &mut impl Write, value: &Value, scope: Scope) {
    let clear = |_: &SealHeader, clear: &Value| Some(write(clear).into());
    emit(out, value, scope, &clear).expect("clear data stands for itself");
}

fn put(out: &mut impl Write, text: &str) {
    out.write_all(text.as_bytes()).expect(TAKES_ALL);
}

struct Counter(u32);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(super) const TAKES_ALL: &str = "memory takes all that is written to it";

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read_both_ways(text: &str) -> Option<Value> {
        let place = Place {
            scope: Scope::Plain,
            name: None,
            depth: 0,
        };
        let found = content(text);
        assert_eq!(
            found,
            place.exact(text),
            "the fast and the exact path differ"
        );
        found
    }

    #[rstest]
    #[case("0", Value::Integer(0))]
    #[case("-7", Value::Integer(-7))]
    #[case("9223372036854775807", Value::Integer(i64::MAX))]
    #[case("-9223372036854775808", Value::Integer(i64::MIN))]
    #[case("9223372036854775808", Value::Number("9223372036854775808".into()))]
    #[case("-0", Value::Number("-0".into()))]
    #[case("21.50", Value::Number("21.50".into()))]
    #[case("1e400", Value::Number("1e400".into()))]
    #[case("1E-3", Value::Number("1E-3".into()))]
    fn numbers_are_exact(#[case] text: &str, #[case] expected: Value) {
        // USE-68
        assert_eq!(read_both_ways(text), Some(expected));
    }

    #[rstest]
    #[case("{\"a\":1.50,\"b\":[1,2.0,\"x\"]}")]
    #[case("{\"m2m:cin\":{\"con\":{\"ct\":\"20270301T100500,50\",\"rn\":\"x\"}}}")]
    fn text_that_is_read_is_written_again(#[case] text: &str) {
        // USE-68
        assert_eq!(
            write(&read_both_ways(text).expect("it is well-formed")),
            text
        );
    }

    #[rstest]
    #[case("{\"a\":1,\"a\":2}")]
    #[case("{\"a\":1,\"\\u0061\":2}")]
    #[case("{\"a\":1.5,\"a\":2.5}")]
    #[case("{\"a\":1}x")]
    #[case("[1,]")]
    #[case("01")]
    #[case("1.")]
    #[case("\"\\ud800\"")]
    #[case("")]
    fn what_is_no_strict_json_is_none(#[case] text: &str) {
        assert_eq!(read_both_ways(text), None);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest = usize::try_from(DEPTH_MAX).expect("small") + 1;

        assert!(read_both_ways(&nested(deepest)).is_some());
        assert!(read_both_ways(&nested(deepest + 1)).is_none());
        assert!(read_both_ways(&nested(100_000)).is_none());
    }

    #[rstest]
    #[case("{\"m2m:ae\":{\"et\":\"20270301T100500\"}}", true)]
    #[case("{\"m2m:ae\":{\"et\":\"tomorrow\"}}", false)]
    #[case("{\"m2m:ae\":{\"lbl\":\"20270301T100500\"}}", false)]
    #[case("{\"m2m:cin\":{\"con\":\"20270301T100500\"}}", false)]
    #[case("{\"m2m:sub\":{\"enc\":{\"exa\":\"20270301T100500\"}}}", true)]
    #[case("{\"hd:clock\":{\"us\":\"20270301T100500\"}}", false)]
    #[case("{\"hd:clock\":{\"ct\":\"20270301T100500\"}}", true)]
    #[case("{\"m2m:req\":{\"mi\":{\"rqet\":\"20270301T100500\"}}}", true)]
    fn timestamps_become_moments_where_they_are_ones(#[case] text: &str, #[case] expected: bool) {
        let value = read_both_ways(text).expect("it is well-formed");

        assert_eq!(format!("{value:?}").contains("Time("), expected);
    }

    #[test]
    fn a_key_is_a_secret_only_in_a_key() {
        let key = read_both_ways("{\"smg:ses\":{\"scr\":{\"k\":\"AAEC\"}}}").expect("well-formed");
        let own = read_both_ways("{\"hd:x\":{\"k\":\"AAEC\"}}").expect("well-formed");

        assert!(!format!("{key:?}").contains("AAEC"));
        assert!(format!("{own:?}").contains("AAEC"));
        assert_eq!(write(&key), "{\"smg:ses\":{\"scr\":{\"k\":\"AAEC\"}}}");
    }

    #[test]
    fn a_value_measures_as_long_as_it_is_written() {
        let value = content("{\"m2m:cin\":{\"con\":\"é\\n\",\"cnf\":\"a\"}}").expect("well-formed");

        assert_eq!(measure(&value) as usize, write(&value).len());
    }
}
