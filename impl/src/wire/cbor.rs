//! CBOR (TS-0004 clause 8.5): the same object as in JSON, in other bytes.
//!
//! A message is turned into the JSON that says the same, and back, so that there is one reading of
//! primitives. Text is sent as text strings; byte strings are taken in its place. Numbers keep their
//! value: one that no binary fraction of 64 bits stands for goes as a decimal fraction (RFC 8949
//! section 3.4.4), an integer of more than 64 bits as a bignum.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "ciborium may know more kinds of items one day; none of them is JSON"
)]

use super::value::entries;
use ciborium::value::{Integer, Value as Cbor};
use serde_json::value::RawValue;
use std::io::Write;

/// How deep a message may be nested: content and the parameters around it.
const DEPTH_MAX: usize = 80;
/// Exponents of decimal fractions lie below: beyond, nobody means it.
const EXPONENT_MAX: i128 = 100_000;
const BIGNUM: u64 = 2;
const NEGATIVE_BIGNUM: u64 = 3;
const DECIMAL_FRACTION: u64 = 4;
/// A bignum of more bytes than an `i128` holds is refused.
const BIGNUM_BYTES_MAX: usize = 15;

/// The JSON that says the same; `None` if the bytes are not one well-formed item.
pub(super) fn to_json(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    let item: Cbor = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH_MAX).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len() * 2);
    write(&mut out, &item)?;
    String::from_utf8(out).ok()
}

/// The CBOR that says the same as JSON that was written here.
pub(super) fn from_json(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    ciborium::into_writer(&read(text)?, &mut bytes).ok()?;
    Some(bytes)
}

fn write(out: &mut Vec<u8>, item: &Cbor) -> Option<()> {
    match item {
        Cbor::Null => out.extend(b"null"),
        Cbor::Bool(true) => out.extend(b"true"),
        Cbor::Bool(false) => out.extend(b"false"),
        Cbor::Integer(number) => write!(out, "{}", i128::from(*number)).ok()?,
        Cbor::Float(number) if number.is_finite() => write!(out, "{number:?}").ok()?,
        Cbor::Text(text) => serde_json::to_writer(out, text).ok()?,
        Cbor::Bytes(bytes) => serde_json::to_writer(out, std::str::from_utf8(bytes).ok()?).ok()?,
        Cbor::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                separate(out, at);
                write(out, item)?;
            }
            out.push(b']');
        }
        Cbor::Map(members) => {
            out.push(b'{');
            for (at, (name, item)) in members.iter().enumerate() {
                separate(out, at);
                if !matches!(name, Cbor::Text(_) | Cbor::Bytes(_)) {
                    return None;
                }
                write(out, name)?;
                out.push(b':');
                write(out, item)?;
            }
            out.push(b'}');
        }
        Cbor::Tag(tag, item) => write_tagged(out, *tag, item)?,
        _ => return None,
    }
    Some(())
}

fn separate(out: &mut Vec<u8>, at: usize) {
    if at > 0 {
        out.push(b',');
    }
}

/// Tags that make numbers are obeyed, others only say more about what they tag.
fn write_tagged(out: &mut Vec<u8>, tag: u64, item: &Cbor) -> Option<()> {
    match (tag, item) {
        (BIGNUM | NEGATIVE_BIGNUM, item) => write!(out, "{}", bignum(tag, item)?).ok(),
        (DECIMAL_FRACTION, Cbor::Array(parts)) => {
            let [Cbor::Integer(exponent), mantissa] = parts.as_slice() else {
                return None;
            };
            let exponent = i128::from(*exponent);
            let mantissa = match mantissa {
                Cbor::Integer(number) => i128::from(*number),
                Cbor::Tag(tag, item) => bignum(*tag, item)?,
                _ => return None,
            };
            let is_meant = (-EXPONENT_MAX..EXPONENT_MAX).contains(&exponent);
            is_meant.then(|| write!(out, "{mantissa}e{exponent}").ok())?
        }
        (DECIMAL_FRACTION, _) => None,
        _ => write(out, item),
    }
}

fn bignum(tag: u64, item: &Cbor) -> Option<i128> {
    let Cbor::Bytes(bytes) = item else {
        return None;
    };
    if bytes.len() > BIGNUM_BYTES_MAX {
        return None;
    }
    let magnitude = bytes.iter().fold(0, |n: i128, b| n << 8 | i128::from(*b));
    match tag {
        BIGNUM => Some(magnitude),
        NEGATIVE_BIGNUM => Some(-1 - magnitude),
        _ => None,
    }
}

fn read(text: &str) -> Option<Cbor> {
    Some(match text.as_bytes().first()? {
        b'{' => {
            let member = |(name, raw): (std::borrow::Cow<'_, str>, &RawValue)| {
                Some((Cbor::Text(name.into_owned()), read(raw.get())?))
            };
            Cbor::Map(
                entries(text)?
                    .into_iter()
                    .map(member)
                    .collect::<Option<_>>()?,
            )
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let read = |raw: &RawValue| read(raw.get());
            Cbor::Array(items.into_iter().map(read).collect::<Option<_>>()?)
        }
        b'"' => Cbor::Text(serde_json::from_str(text).ok()?),
        b't' => Cbor::Bool(true),
        b'f' => Cbor::Bool(false),
        b'n' => Cbor::Null,
        _ => number(text)?,
    })
}

fn number(text: &str) -> Option<Cbor> {
    if let Ok(integer) = text.parse::<i128>()
        && let Ok(integer) = Integer::try_from(integer)
    {
        return Some(Cbor::Integer(integer));
    }
    let (mantissa, exponent) = decimal(text)?;
    let float: f64 = text.parse().ok()?;
    if float.is_finite() && decimal(&format!("{float:?}")) == Some((mantissa, exponent)) {
        return Some(Cbor::Float(float));
    }
    let mantissa = match Integer::try_from(mantissa) {
        Ok(integer) => Cbor::Integer(integer),
        Err(_) => big(mantissa),
    };
    if exponent == 0 {
        return Some(mantissa);
    }
    let exponent = Cbor::Integer(exponent.into());
    let parts = Cbor::Array(vec![exponent, mantissa]);
    Some(Cbor::Tag(DECIMAL_FRACTION, Box::new(parts)))
}

fn big(number: i128) -> Cbor {
    let (tag, magnitude) = if number < 0 {
        (NEGATIVE_BIGNUM, -1 - number)
    } else {
        (BIGNUM, number)
    };
    let bytes = magnitude.to_be_bytes();
    let bytes = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    Cbor::Tag(tag, Box::new(Cbor::Bytes(bytes)))
}

/// A number in decimal as the shortest mantissa and its exponent; `None` if it has too many digits.
fn decimal(text: &str) -> Option<(i128, i64)> {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let mut mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    if mantissa == 0 {
        return Some((0, 0));
    }
    while mantissa % 10 == 0 {
        mantissa /= 10;
        exponent = exponent.checked_add(1)?;
    }
    // What has no fraction is a whole number while that is not longer than 64 bits by far.
    while exponent > 0 && exponent <= 19 && mantissa.checked_mul(10).is_some() {
        mantissa *= 10;
        exponent -= 1;
    }
    Some((mantissa, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn hex(text: &str) -> Vec<u8> {
        let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("it is hexadecimal");
        (0..text.len()).step_by(2).map(digit).collect()
    }

    #[rstest]
    #[case("a2626f7001 637271696131", "{\"op\":1,\"rqi\":\"1\"}")]
    #[case("a1627063a1416141 62", "{\"pc\":{\"a\":\"b\"}}")]
    #[case("bf6161 9f01f6f5ffff", "{\"a\":[1,null,true]}")]
    #[case("a16161 f94d60", "{\"a\":21.5}")]
    #[case("a16161 c48221 196ab3", "{\"a\":27315e-2}")]
    #[case("a16161 c249010000000000000000", "{\"a\":18446744073709551616}")]
    #[case(
        "a16161 c074323032372d30332d3031543130 3a30353a30305a",
        "{\"a\":\"2027-03-01T10:05:00Z\"}"
    )]
    fn an_item_says_what_its_json_says(#[case] bytes: &str, #[case] json: &str) {
        let bytes = hex(&bytes.replace(' ', ""));

        assert_eq!(to_json(&bytes).as_deref(), Some(json));
    }

    #[rstest]
    #[case("")]
    #[case("a1")]
    #[case("0001")]
    #[case("a10102")]
    #[case("f97e00")]
    #[case("9bffffffffffffffff")]
    #[case("5bffffffffffffffff")]
    #[case("a16161c4821b7fffffffffffffff01")]
    #[case("41ff")]
    fn what_is_no_item_is_none(#[case] bytes: &str) {
        assert_eq!(to_json(&hex(bytes)), None);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![0x81; depth], vec![0]].concat();

        assert!(to_json(&nested(DEPTH_MAX - 1)).is_some());
        assert!(to_json(&nested(DEPTH_MAX + 1)).is_none());
        assert!(to_json(&nested(1_000_000)).is_none());
    }

    #[rstest]
    #[case("21.5", "f94d60")]
    #[case("21.50", "f94d60")]
    #[case("0.1", "fb3fb999999999999a")]
    #[case("-7", "26")]
    #[case("18446744073709551615", "1bffffffffffffffff")]
    #[case("18446744073709551616", "c249010000000000000000")]
    #[case("3.14159265358979323846", "c482331b45a3")]
    fn numbers_keep_their_value(#[case] text: &str, #[case] start: &str) {
        let bytes = from_json(text).expect("it is JSON");
        let back = to_json(&bytes).expect("it is CBOR");

        if !start.starts_with("c4") {
            assert_eq!(bytes, hex(start));
        }
        assert_eq!(decimal(&back), decimal(text), "{back}");
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(json) = to_json(&bytes) {
                let _ = from_json(&json);
            }
        }

        #[test]
        fn text_and_integers_return(text in ".*", number in any::<i64>()) {
            let json = serde_json::json!({"a": [text, number]}).to_string();
            let bytes = from_json(&json).expect("it is JSON");
            prop_assert_eq!(to_json(&bytes), Some(json));
        }
    }
}
