//! Single parameters of primitives.

use super::{time, value};
use m2m_machine::env::Timestamp;
use m2m_machine::primitive::{Content, Malformed, When};
use m2m_machine::text::Text;
use serde_json::value::RawValue;
use std::io::Write;

/// How strictly the types of parameters are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Strictness {
    /// Numbers are numbers (TS-0004 clause 8.4.2).
    Published,
    /// Numbers may be written as text, as in the draft binding.
    Draft,
}

pub(super) fn text(raw: &RawValue) -> Result<Text, Malformed> {
    serde_json::from_str::<String>(raw.get())
        .map(Text::from)
        .map_err(|_| Malformed::BadParameter)
}

pub(super) fn number(raw: &RawValue, strictness: Strictness) -> Result<i64, Malformed> {
    let strict = serde_json::from_str(raw.get()).ok();
    let lenient = || match strictness {
        Strictness::Published => None,
        Strictness::Draft => text(raw).ok()?.parse().ok(),
    };
    strict.or_else(lenient).ok_or(Malformed::BadParameter)
}

pub(super) fn unsigned(raw: &RawValue, strictness: Strictness) -> Result<u32, Malformed> {
    u32::try_from(number(raw, strictness)?).map_err(|_| Malformed::BadParameter)
}

pub(super) fn timestamp(raw: &RawValue) -> Result<Timestamp, Malformed> {
    time::parse(&text(raw)?).ok_or(Malformed::BadParameter)
}

/// An absolute moment, or milliseconds from now as a number or as digits.
pub(super) fn when(raw: &RawValue) -> Result<When, Malformed> {
    if let Ok(milliseconds) = serde_json::from_str(raw.get()) {
        return Ok(When::After(milliseconds));
    }
    let text = text(raw)?;
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return text
            .parse()
            .map(When::After)
            .map_err(|_| Malformed::BadParameter);
    }
    time::parse(&text)
        .map(When::At)
        .ok_or(Malformed::BadParameter)
}

pub(super) fn content(raw: &RawValue) -> Result<Content, Malformed> {
    let text = raw.get();
    if !text.starts_with('{') {
        return Err(Malformed::BadParameter);
    }
    let value = value::content(text).ok_or(Malformed::Syntax)?;
    Ok(Content {
        value,
        size: u32::try_from(text.len()).unwrap_or(u32::MAX),
        rest: None,
    })
}

/// Writes the members of a primitive one after the other.
pub(super) struct Members<'a, W: Write> {
    pub(super) out: &'a mut W,
    empty: bool,
}

impl<'a, W: Write> Members<'a, W> {
    pub(super) fn open(out: &'a mut W) -> Self {
        out.write_all(b"{").expect(value::TAKES_ALL);
        Self { out, empty: true }
    }

    pub(super) fn close(self) {
        self.out.write_all(b"}").expect(value::TAKES_ALL);
    }

    pub(super) fn name(&mut self, name: &str) -> &mut W {
        let before = if self.empty { "\"" } else { ",\"" };
        self.empty = false;
        for part in [before, name, "\":"] {
            self.out.write_all(part.as_bytes()).expect(value::TAKES_ALL);
        }
        self.out
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        value::emit_text(self.name(name), text);
    }

    pub(super) fn number(&mut self, name: &str, number: impl Into<u64>) {
        serde_json::to_writer(self.name(name), &number.into()).expect(value::TAKES_ALL);
    }

    pub(super) fn when(&mut self, name: &str, when: When) {
        match when {
            When::At(moment) => value::emit_time(self.name(name), moment),
            When::After(milliseconds) => self.number(name, milliseconds),
        }
    }
}
